//! The bus between shards.
//!
//! Each shard has one bounded inbox, into which the others push signals. The first push into an
//! idle inbox wakes its shard, and the pushes after it need no wake-up until the shard looks.
//!
//! **When an inbox is full**, a process that sends a message waits for capacity, or gets an error.
//! Signals of the system itself (an exit, a reply, a link, a stream's credit) must not be lost: they
//! wait in the sending shard's outbox, which is bounded by what causes them. Nothing overtakes the
//! outbox, so messages between two processes stay in order. A shard that has drained its inbox
//! wakes the shards that found it full.
//!
//! **The bus can't deadlock**: handling a signal never waits. A full mailbox refuses, and replies go
//! into an outbox. So each shard always reaches the end of its inbox, and makes room for the others.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use crossbeam_queue::ArrayQueue;

use crate::exit::ExitReason;
use crate::id::{CallId, MonitorRef, StreamId};
use crate::message::{Call, CallError};
use crate::pid::{Pid, ShardId};
use crate::shard::Shard;

/// Signals that one inbox holds.
pub const INBOX: usize = 8192;

/// A signal from one shard to another, or to itself.
pub(crate) enum Signal {
    Message(Pid, Bytes),
    Publish(Box<[Pid]>, Bytes),
    Call(Pid, Call),
    /// A call without an answer, for which the sender has reserved space in the mailbox.
    Cast(Pid, Call),
    Reply(CallId, Result<Bytes, CallError>),
    Link {
        from: Pid,
        to: Pid,
    },
    Unlink {
        from: Pid,
        to: Pid,
    },
    /// An exit signal. With `linked`, the sender has ended, and the link with it.
    Exit {
        from: Pid,
        to: Pid,
        reason: ExitReason,
        linked: bool,
    },
    Monitor {
        monitor: MonitorRef,
        watcher: Pid,
        target: Pid,
    },
    Demonitor {
        monitor: MonitorRef,
        target: Pid,
    },
    Down {
        monitor: MonitorRef,
        watcher: Pid,
        target: Pid,
        reason: ExitReason,
    },
    StreamOpen {
        stream: StreamId,
        writer: Pid,
        reader: Pid,
    },
    Chunk(StreamId, Bytes),
    /// Bytes that the reader has read, which the writer may send again.
    Credit(StreamId, usize),
    StreamEnd(StreamId, Result<(), Arc<str>>),
    ReaderGone(StreamId),
    /// A shard keeps timers for the process, and has to be notified when it ends.
    TimersFor {
        target: Pid,
        shard: ShardId,
    },
    /// The process that timers are kept for has ended.
    TimersVoid(Pid),
    Run(Box<dyn FnOnce(&Shard) + Send>),
}

/// The queue of signals from the other shards to one shard.
pub(crate) struct Inbox {
    queue: ArrayQueue<Signal>,
    /// Set once the shard was woken, until it looks at the queue.
    notified: AtomicBool,
    waker: AtomicWaker,
    /// Indexed by shard: set while that shard waits for capacity.
    blocked_senders: Box<[AtomicBool]>,
}

impl Inbox {
    pub(crate) fn new(shards: usize) -> Self {
        Self {
            queue: ArrayQueue::new(INBOX),
            notified: AtomicBool::new(false),
            waker: AtomicWaker::new(),
            blocked_senders: (0..shards).map(|_| AtomicBool::new(false)).collect(),
        }
    }

    /// Pushes a signal, and wakes the shard. Returns the signal if the inbox is full.
    fn push(&self, signal: Signal) -> Result<(), Signal> {
        self.queue.push(signal)?;
        // Seen by the shard before it looks at the queue again, or after it was woken.
        if !self.notified.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
        Ok(())
    }

    /// Registers `waker` for the next push.
    pub(crate) fn listen(&self, waker: &Waker) {
        self.waker.register(waker);
        self.notified.store(false, Ordering::Release);
    }

    pub(crate) fn pop(&self) -> Option<Signal> {
        self.queue.pop()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// Wakes the shard, whose outbox has capacity again.
    pub(crate) fn wake(&self) {
        if !self.notified.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// Takes the shards that found this inbox full since the last call.
    pub(crate) fn take_blocked_senders(&self) -> impl Iterator<Item = usize> {
        let shards = self.blocked_senders.iter().enumerate();
        shards
            .filter(|(_, blocked)| {
                blocked.load(Ordering::Relaxed) && blocked.swap(false, Ordering::AcqRel)
            })
            .map(|(shard, _)| shard)
    }
}

/// The signals of one shard that wait for capacity in the inbox of another.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: RefCell<VecDeque<Signal>>,
    /// The tasks that wait for capacity.
    wakers: RefCell<Vec<Waker>>,
    full: Cell<bool>,
    /// The signals that were ever sent.
    sent: Cell<u64>,
}

impl Outbox {
    /// Sends a process's message. Returns the signal if there is no capacity.
    pub(crate) fn try_send(
        &self,
        inbox: &Inbox,
        from: ShardId,
        signal: Signal,
    ) -> Result<(), Signal> {
        if !self.waiting.borrow().is_empty() {
            return Err(signal);
        }
        inbox.push(signal).inspect_err(|_| {
            self.full.set(true);
            inbox.block_sender(from);
        })?;
        self.sent.set(self.sent.get() + 1);
        Ok(())
    }

    /// Returns the number of signals that were sent, and that of those that wait.
    pub(crate) fn counts(&self) -> (u64, usize) {
        (self.sent.get(), self.waiting.borrow().len())
    }

    /// Sends a signal of the system, now or as soon as there is capacity.
    pub(crate) fn enqueue(&self, inbox: &Inbox, from: ShardId, signal: Signal) {
        if let Err(signal) = self.try_send(inbox, from, signal) {
            self.waiting.borrow_mut().push_back(signal);
            self.flush(inbox, from);
        }
    }

    /// Sends the waiting signals as far as there is capacity, then wakes the tasks that wait for it.
    pub(crate) fn flush(&self, inbox: &Inbox, from: ShardId) {
        loop {
            let Some(signal) = self.waiting.borrow_mut().pop_front() else {
                break;
            };
            if let Err(signal) = inbox.push(signal) {
                self.waiting.borrow_mut().push_front(signal);
                self.full.set(true);
                // The receiver may have drained its inbox before it could see this shard blocked, and
                // then wakes nothing: so look once more.
                inbox.block_sender(from);
                if inbox.queue.is_full() {
                    return;
                }
            } else {
                self.sent.set(self.sent.get() + 1);
            }
        }
        self.full.set(false);
        let wakers = self.wakers.take();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns whether a message could be sent now; if not, `waker` is woken when it can.
    pub(crate) fn has_capacity(&self, inbox: &Inbox, from: ShardId, waker: &Waker) -> bool {
        let free = || self.waiting.borrow().is_empty() && !inbox.queue.is_full();
        if free() {
            return true;
        }
        self.full.set(true);
        inbox.block_sender(from);
        if free() {
            return true;
        }
        self.wakers.borrow_mut().push(waker.clone());
        false
    }

    /// Returns whether signals or tasks wait for capacity.
    pub(crate) fn is_full(&self) -> bool {
        self.full.get()
    }
}

impl Inbox {
    fn block_sender(&self, shard: ShardId) {
        if let Some(blocked) = self.blocked_senders.get(usize::from(shard.index())) {
            blocked.store(true, Ordering::Release);
        }
    }
}
