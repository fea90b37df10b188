//! One shard's side of the actor core: what it keeps, and the signals that change it.

mod calls;
mod lifecycle;
mod links;
mod losses;
mod messages;
mod names;
mod serve;
mod streams;
mod timers;

use std::cell::{Cell, RefCell};
use std::collections::{HashSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use crate::bus::{Outbox, Signal};
use crate::id::{CallId, Counter, IdMap, StreamId};
use crate::node::Node;
use crate::occupancy::Occupancy;
use crate::pid::{Pid, ShardId};
use crate::registry::NameCache;
use crate::stream::{Reader, Writer};
use crate::table::Table;
use crate::timer::TimerQueue;

use calls::PendingCall;
pub use calls::Waiting;
pub use lifecycle::{ProcessHandle, ProcessRef, SpawnError};
use losses::LossCount;
pub use losses::{Losses, LostMessages};

/// One shard's side of the actor core. It belongs to one thread; clones are the same shard.
///
/// The futures it gives hold ids alone, and look the shard up with [`Shard::current`] when they
/// are polled: they are `Send`, as Wasmtime wants them, and have to be polled on the shard's own
/// thread; elsewhere they end as if the shard were gone. One that waits for something to happen to
/// a process is woken through that process, which is one task: poll it in that task.
#[derive(Clone)]
pub struct Shard {
    core: Rc<Core>,
}

pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

struct Core {
    id: ShardId,
    node: Node,
    spawner: Box<dyn Fn(Task)>,
    /// Never borrowed while anything is woken, dropped or called that isn't the core's own.
    table: RefCell<Table>,
    /// Calls that processes of this shard wait for.
    calls: RefCell<IdMap<CallId, PendingCall>>,
    writers: RefCell<IdMap<StreamId, Writer>>,
    readers: RefCell<IdMap<StreamId, Reader>>,
    timers: RefCell<TimerQueue>,
    /// Of the task that serves the timers.
    timer_waker: RefCell<Option<Waker>>,
    /// Processes of other shards for which there are timers here, or were: their shards tell when
    /// they end. A guest chooses whom its timers are for, so it is hashed with care.
    remote_timers: RefCell<HashSet<Pid>>,
    /// The mailboxes of other shards that processes of this one cast to.
    occupancies: RefCell<IdMap<Pid, Arc<Occupancy>>>,
    losses: RefCell<LossCount>,
    names: RefCell<NameCache>,
    /// By shard.
    outboxes: Vec<Outbox>,
    counter: RefCell<Counter>,
    /// Signals of this shard for itself. One is handled after the other, so that a chain of
    /// linked processes is no chain of calls.
    signals: RefCell<VecDeque<Signal>>,
    handling: Cell<bool>,
}

impl Shard {
    pub(crate) fn new(node: Node, id: ShardId, spawner: Box<dyn Fn(Task)>) -> Self {
        let outboxes = (0..node.shards()).map(|_| Outbox::default()).collect();
        Self {
            core: Rc::new(Core {
                id,
                node,
                spawner,
                table: RefCell::new(Table::new(id)),
                calls: RefCell::default(),
                writers: RefCell::default(),
                readers: RefCell::default(),
                timers: RefCell::new(TimerQueue::new(id)),
                timer_waker: RefCell::default(),
                remote_timers: RefCell::default(),
                occupancies: RefCell::default(),
                losses: RefCell::default(),
                names: RefCell::default(),
                outboxes,
                counter: RefCell::new(Counter::new(id)),
                signals: RefCell::default(),
                handling: Cell::new(false),
            }),
        }
    }

    /// Which shard it is.
    pub fn id(&self) -> ShardId {
        self.core.id
    }

    /// The node that it belongs to.
    pub fn node(&self) -> &Node {
        &self.core.node
    }

    /// Make it what [`Shard::current`] gives on this thread.
    pub fn enter(&self) {
        CURRENT.set(Some(self.clone()));
    }

    /// The shard of this thread.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// What there is of everything, to see that nothing leaks.
    pub fn stats(&self) -> Stats {
        let core = &self.core;
        Stats {
            processes: core.table.borrow().len(),
            calls: core.calls.borrow().len(),
            stream_ends: core.writers.borrow().len() + core.readers.borrow().len(),
            timers: core.timers.borrow().len(),
        }
    }

    fn next_id(&self) -> u64 {
        self.core.counter.borrow_mut().next()
    }

    /// Tell a shard what the system has to say: it gets there, if only after a while.
    fn dispatch(&self, shard: ShardId, signal: Signal) {
        if shard != self.core.id {
            let outbox = self.core.outboxes.get(usize::from(shard.index()));
            if let (Some(inbox), Some(outbox)) = (self.core.node.inbox(shard), outbox) {
                outbox.enqueue(inbox, self.core.id, signal);
            }
            return;
        }
        if self.core.handling.replace(true) {
            self.core.signals.borrow_mut().push_back(signal);
            return;
        }
        let mut next = Some(signal);
        while let Some(signal) = next {
            self.handle_signal(signal);
            next = self.core.signals.borrow_mut().pop_front();
        }
        self.core.handling.set(false);
    }

    /// Do what a signal says. It never waits.
    fn handle_signal(&self, signal: Signal) {
        match signal {
            Signal::Message(to, bytes) => self.deliver_message(to, bytes),
            Signal::Publish(to, bytes) => {
                for pid in to {
                    self.deliver_message(pid, bytes.clone());
                }
            }
            Signal::Call(to, call) => self.deliver_call(to, call),
            Signal::Cast(to, call) => self.deliver_cast(to, call),
            Signal::Reply(call, result) => self.deliver_reply(call, result),
            Signal::Link { from, to } => self.handle_link(from, to),
            Signal::Unlink { from, to } => self.handle_unlink(from, to),
            Signal::Exit {
                from,
                to,
                reason,
                linked,
            } => self.handle_exit(from, to, reason, linked),
            Signal::Monitor {
                monitor,
                watcher,
                target,
            } => self.handle_monitor(monitor, watcher, target),
            Signal::Demonitor { monitor, target } => self.handle_demonitor(monitor, target),
            Signal::Down {
                monitor,
                watcher,
                target,
                reason,
            } => self.handle_down(monitor, watcher, target, reason),
            Signal::StreamOpen {
                stream,
                writer,
                reader,
            } => self.handle_stream_open(stream, writer, reader),
            Signal::Chunk(stream, chunk) => self.handle_chunk(stream, chunk),
            Signal::Credit(stream, bytes) => self.handle_credit(stream, bytes),
            Signal::StreamEnd(stream, end) => self.handle_stream_end(stream, end),
            Signal::ReaderGone(stream) => self.handle_reader_gone(stream),
            Signal::TimersFor { target, shard } => self.handle_timers_for(target, shard),
            Signal::TimersVoid(target) => self.handle_timers_void(target),
            Signal::Run(run) => run(self),
        }
    }

    /// Let a process look at what has happened to it.
    fn wake(&self, pid: Pid) {
        let table = self.core.table.borrow();
        let waker = table.get(pid).and_then(|process| process.waker.clone());
        drop(table);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// What a shard has of everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Live processes.
    pub processes: usize,
    /// Calls that are waited for.
    pub calls: usize,
    /// Ends of streams.
    pub stream_ends: usize,
    /// Timers that have not fired.
    pub timers: usize,
}

thread_local! {
    static CURRENT: RefCell<Option<Shard>> = const { RefCell::new(None) };
}
