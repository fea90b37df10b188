//! The shard: its state, and the dispatch of the signals that change it.

mod calls;
mod frames;
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

use crate::bus::{Inbox, Outbox, Signal};
use crate::frames::FrameQueue;
use crate::id::{CallId, Counter, FrameQueueId, IdMap, StreamId};
use crate::node::Node;
use crate::occupancy::Occupancy;
use crate::pid::{Pid, ShardId};
use crate::registry::NameCache;
use crate::stream::{Reader, Writer};
use crate::table::Table;
use crate::timer::TimerQueue;

use calls::PendingCall;
pub use calls::WaitGuard;
pub use lifecycle::{ProcessContext, ProcessHandle, SpawnError};
use losses::LossCount;
pub use losses::{Losses, LostMessages};

/// One shard of a node: the processes of one thread. Clones are the same shard.
///
/// The futures that it returns hold identifiers only, and look the shard up with [`Shard::current`]
/// when they are polled. So they are `Send`, as Wasmtime requires, but have to be polled on the shard's
/// own thread; elsewhere they complete as if the shard were gone. A future that waits on behalf of a
/// process is woken through that process, which is one task: poll it in that task.
#[derive(Clone)]
pub struct Shard {
    core: Rc<Core>,
}

pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

struct Core {
    id: ShardId,
    node: Node,
    spawner: Box<dyn Fn(Task)>,
    /// Never borrowed while a waker is woken, or code outside of the core is called or dropped.
    table: RefCell<Table>,
    /// Calls that processes of this shard wait for.
    calls: RefCell<IdMap<CallId, PendingCall>>,
    writers: RefCell<IdMap<StreamId, Writer>>,
    readers: RefCell<IdMap<StreamId, Reader>>,
    frame_queues: RefCell<IdMap<FrameQueueId, FrameQueue>>,
    timers: RefCell<TimerQueue>,
    /// The waker of the task that serves the timers.
    timer_waker: RefCell<Option<Waker>>,
    /// Processes of other shards for which this shard has, or had, timers: their shards notify it when
    /// they end. Guests choose targets, so this set's hash resists collisions.
    remote_timers: RefCell<HashSet<Pid>>,
    /// The occupancy of the mailboxes of other shards that processes of this one cast to.
    occupancies: RefCell<IdMap<Pid, Arc<Occupancy>>>,
    losses: RefCell<LossCount>,
    names: RefCell<NameCache>,
    /// Indexed by shard.
    outboxes: Vec<Outbox>,
    counter: RefCell<Counter>,
    /// Signals of this shard for itself. They are handled one after the other, so that the end of a long
    /// chain of linked processes does not recurse.
    signals: RefCell<VecDeque<Signal>>,
    /// Set while a signal is handled.
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
                frame_queues: RefCell::default(),
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

    /// Returns the identifier of the shard.
    pub fn id(&self) -> ShardId {
        self.core.id
    }

    /// Returns the node that it belongs to.
    pub fn node(&self) -> &Node {
        &self.core.node
    }

    /// Makes it the [`Shard::current`] of this thread.
    pub fn enter(&self) {
        CURRENT.set(Some(self.clone()));
    }

    /// Returns the shard of this thread.
    pub fn current() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Returns the sizes of the shard's tables, which reveal leaks.
    pub fn stats(&self) -> Stats {
        let core = &self.core;
        Stats {
            processes: core.table.borrow().len(),
            calls: core.calls.borrow().len(),
            stream_ends: core.writers.borrow().len() + core.readers.borrow().len(),
            frame_queues: core.frame_queues.borrow().len(),
            timers: core.timers.borrow().len(),
        }
    }

    /// Returns what the shard has counted since it was created.
    pub fn counts(&self) -> Counts {
        let core = &self.core;
        let (lost_messages, lost_timers) = core.losses.borrow().totals();
        let outboxes = core.outboxes.iter().map(Outbox::counts);
        let (sent, waiting) = outboxes.fold((0, 0), |(sent, waiting), next| {
            (sent + next.0, waiting + next.1)
        });
        Counts {
            lost_messages,
            lost_timers,
            bus_sent: sent,
            bus_waiting: waiting + core.node.inbox(core.id).map_or(0, Inbox::len),
        }
    }

    fn next_id(&self) -> u64 {
        self.core.counter.borrow_mut().next()
    }

    /// Sends a signal of the system to a shard, or handles it at once if it is for this one. It is not
    /// lost: if the inbox is full it waits in the outbox.
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

    /// Handles a signal, without waiting.
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

    /// Wakes a process of this shard.
    fn wake(&self, pid: Pid) {
        let table = self.core.table.borrow();
        let waker = table.get(pid).and_then(|process| process.waker.clone());
        drop(table);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// The sizes of a shard's tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Live processes.
    pub processes: usize,
    /// Calls that are waited for.
    pub calls: usize,
    /// Open ends of streams.
    pub stream_ends: usize,
    /// Frame queues with an open end.
    pub frame_queues: usize,
    /// Timers that have not fired.
    pub timers: usize,
}

/// What a shard has counted since it was created.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Messages that were dropped, since their mailbox was full or too small for them.
    pub lost_messages: u64,
    /// Timers that were dropped at a limit.
    pub lost_timers: u64,
    /// Signals that were sent to other shards: messages, calls, answers, exits.
    pub bus_sent: u64,
    /// Signals that wait now: in its inbox, and for capacity in the inboxes of others.
    pub bus_waiting: usize,
}

thread_local! {
    static CURRENT: RefCell<Option<Shard>> = const { RefCell::new(None) };
}
