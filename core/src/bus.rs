//! The way from one shard to another.
//!
//! Each shard has one bounded inbox, into which the others push. Whoever pushes into an inbox that
//! was not told yet wakes its shard: one wake-up for all that is pushed until the shard looks.
//!
//! **When an inbox is full**, a process that sends a message waits for room, or is told so. What
//! the system itself has to say (an exit, an answer, a link, a stream's credit) must not be lost:
//! it waits in the sender's outbox, which is bounded by what causes it. Nothing overtakes the
//! outbox, so the order between two processes holds. A shard that makes room wakes those that
//! found it full.
//!
//! **There is no deadlock**: handling a signal never waits. A full mailbox refuses, and what has to
//! be answered goes into an outbox. So each shard always gets to the end of its inbox, and makes
//! room for the others.

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

/// What one shard tells another, or itself.
pub(crate) enum Signal {
    Message(Pid, Bytes),
    Publish(Box<[Pid]>, Bytes),
    Call(Pid, Call),
    /// A call without an answer, whose sender has taken room in the mailbox.
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
    /// `linked`: the sender has ended, and the link with it.
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
    /// The reader has read so many bytes.
    Credit(StreamId, usize),
    StreamEnd(StreamId, Result<(), Arc<str>>),
    ReaderGone(StreamId),
    /// The shard keeps timers for a process, and wants to know when it ends.
    TimersFor {
        target: Pid,
        shard: ShardId,
    },
    /// The process is gone that timers are kept for.
    TimersVoid(Pid),
    Run(Box<dyn FnOnce(&Shard) + Send>),
}

/// Where the others leave what they have to say to a shard.
pub(crate) struct Inbox {
    queue: ArrayQueue<Signal>,
    /// The shard knows, or is about to be woken.
    notified: AtomicBool,
    waker: AtomicWaker,
    /// By shard: found the inbox full, and wants to be woken when there is room.
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

    /// Push a signal; it is given back if there is no room.
    fn push(&self, signal: Signal) -> Result<(), Signal> {
        self.queue.push(signal)?;
        // Seen by the shard before it looks at the queue again, or after it was woken.
        if !self.notified.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
        Ok(())
    }

    /// From here on whoever pushes wakes `waker`.
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

    /// Wake the shard, which has room in another's inbox again.
    pub(crate) fn wake(&self) {
        if !self.notified.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    /// The shards that found this inbox full since this was asked last.
    pub(crate) fn take_blocked_senders(&self) -> impl Iterator<Item = usize> {
        let shards = self.blocked_senders.iter().enumerate();
        shards
            .filter(|(_, blocked)| {
                blocked.load(Ordering::Relaxed) && blocked.swap(false, Ordering::AcqRel)
            })
            .map(|(shard, _)| shard)
    }
}

/// What a shard has for one of the others and could not hand over yet.
#[derive(Default)]
pub(crate) struct Outbox {
    waiting: RefCell<VecDeque<Signal>>,
    /// Who waits for room.
    wakers: RefCell<Vec<Waker>>,
    full: Cell<bool>,
}

impl Outbox {
    /// Hand over a message of a process. It is given back if there is no room.
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
        })
    }

    /// Hand over what the system has to say, now or as soon as there is room.
    pub(crate) fn enqueue(&self, inbox: &Inbox, from: ShardId, signal: Signal) {
        if let Err(signal) = self.try_send(inbox, from, signal) {
            self.waiting.borrow_mut().push_back(signal);
            self.flush(inbox, from);
        }
    }

    /// Hand over what waits, as far as there is room; whoever waits for room may try again.
    pub(crate) fn flush(&self, inbox: &Inbox, from: ShardId) {
        loop {
            let Some(signal) = self.waiting.borrow_mut().pop_front() else {
                break;
            };
            if let Err(signal) = inbox.push(signal) {
                self.waiting.borrow_mut().push_front(signal);
                self.full.set(true);
                // Room that is made between the push and this is not told to anybody: so it is
                // looked for once more.
                inbox.block_sender(from);
                if inbox.queue.is_full() {
                    return;
                }
            }
        }
        self.full.set(false);
        let wakers = self.wakers.take();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Whether a message could be handed over; if not, `waker` is woken when it may.
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

    /// Whether there is anything to flush, or anybody to wake.
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
