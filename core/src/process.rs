//! Processes, as their shard stores them.

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use smallvec::SmallVec;

use crate::exit::{End, ExitReason};
use crate::id::{CallId, FrameQueueId, MonitorRef, StreamId};
use crate::mailbox::{Mailbox, MailboxLimit};
use crate::pid::{Pid, ShardId};
use crate::registry::ReservedName;

/// A live process. It holds only what a process that answers a request needs; everything else is in
/// `state`, which is allocated on first use.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) deadline: Option<Instant>,
    /// Its index in the table's list of processes with a deadline.
    pub(crate) timed: Option<u32>,
    /// The reason why it must end, if its caller runs it and so has to end it.
    pub(crate) end: Option<End>,
    /// Set if it has its own task, which drops itself when the process has ended.
    pub(crate) spawned: bool,
    /// The waker with which the process was last polled.
    pub(crate) waker: Option<Waker>,
    pub(crate) state: Option<Box<ProcessState>>,
}

impl Process {
    pub(crate) fn state(&mut self) -> &mut ProcessState {
        self.state.get_or_insert_default()
    }

    pub(crate) fn wait(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(kept) => kept.clone_from(waker),
            kept => *kept = Some(waker.clone()),
        }
    }
}

/// The part of a process that concerns other processes: mailbox, links, names, timers, streams.
#[derive(Debug, Default)]
pub(crate) struct ProcessState {
    pub(crate) mailbox: Mailbox,
    /// Messages that were dropped since the mailbox was full.
    pub(crate) dropped: u64,
    pub(crate) links: SmallVec<[Pid; 2]>,
    pub(crate) trap_exit: bool,
    /// The monitors on it, each with its watcher.
    pub(crate) watchers: SmallVec<[(MonitorRef, Pid); 1]>,
    /// The monitors that it has set, each with its target.
    pub(crate) watching: SmallVec<[(MonitorRef, Pid); 1]>,
    pub(crate) names: SmallVec<[Arc<str>; 1]>,
    pub(crate) groups: SmallVec<[Arc<str>; 1]>,
    pub(crate) label: Option<Arc<str>>,
    /// The label that it was spawned with, which does not change.
    pub(crate) origin: Option<Arc<str>>,
    /// Set if the node supervises it.
    pub(crate) resident: bool,
    /// Set once this shard had a timer by or for it.
    pub(crate) has_timers: bool,
    /// Other shards that have, or had, timers for it.
    pub(crate) remote_timers: SmallVec<[ShardId; 1]>,
    /// Unread bytes of the streams that it reads.
    pub(crate) stream_bytes: usize,
    /// Set if another process waits for it, and reports that its deadline has passed.
    pub(crate) awaited: bool,
    /// Calls that it has received and not answered.
    pub(crate) pending_replies: SmallVec<[PendingReply; 1]>,
    /// Calls that it waits for.
    pub(crate) pending_calls: SmallVec<[CallId; 1]>,
    /// Streams that it reads or writes.
    pub(crate) streams: SmallVec<[StreamId; 2]>,
    /// Frame queues of which it has an open end.
    pub(crate) frame_queues: SmallVec<[FrameQueueId; 2]>,
}

impl ProcessState {
    pub(crate) fn new(options: &SpawnOptions) -> Self {
        Self {
            mailbox: Mailbox::new(options.mailbox),
            label: options.label.clone(),
            origin: options.label.clone(),
            awaited: options.awaited,
            resident: options.resident,
            ..Self::default()
        }
    }
}

/// A received call that was not answered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PendingReply {
    pub(crate) call: CallId,
    /// False for a cast, which has no answer, and a streamed answer, which has a stream.
    pub(crate) reply_wanted: bool,
    pub(crate) stream: Option<StreamId>,
}

/// Removes the first element that is `wanted` from an unordered list.
pub(crate) fn take_first<A: smallvec::Array>(
    list: &mut SmallVec<A>,
    wanted: impl FnMut(&A::Item) -> bool,
) -> Option<A::Item> {
    let place = list.iter().position(wanted)?;
    Some(list.swap_remove(place))
}

/// Options of a new process.
#[derive(Clone, Debug, Default)]
pub struct SpawnOptions {
    /// A label for people, as in the log.
    pub label: Option<Arc<str>>,
    /// The bounds of its mailbox.
    pub mailbox: MailboxLimit,
    /// The time by which it has to have ended.
    pub deadline: Option<Instant>,
    /// Set if another process waits for it, and so learns that its deadline has passed: then
    /// [`Shard::expire`](crate::Shard::expire) does not report it. Removing the deadline resets this.
    pub awaited: bool,
    /// A process to link it to before it runs.
    pub link: Option<Pid>,
    /// A name to register it under.
    pub name: Option<Arc<str>>,
    /// A reserved name to register it under.
    pub reserved_name: Option<ReservedName>,
    /// Set if the node supervises it: it has the larger quotas of a resident process, which do not
    /// count against those that all others share.
    pub resident: bool,
}

impl SpawnOptions {
    /// Returns whether the process needs a [`ProcessState`] from the start.
    pub(crate) fn need_state(&self) -> bool {
        self.label.is_some()
            || self.awaited
            || self.resident
            || self.mailbox != MailboxLimit::default()
    }
}

/// A snapshot of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessInfo {
    /// The process.
    pub pid: Pid,
    /// The number of its links.
    pub links: u32,
    /// The number of monitors on it.
    pub monitors: u32,
    /// Its names.
    pub names: Vec<Arc<str>>,
    /// Its label for people.
    pub label: Option<Arc<str>>,
    /// The number of deliveries in its mailbox.
    pub mailbox_depth: u32,
    /// The number of messages dropped since its mailbox was full; refused calls do not count.
    pub dropped: u64,
    /// Set if exits of linked processes are delivered to its mailbox.
    pub trap_exit: bool,
}

/// Returns the exit reason of a process whose deadline has passed.
pub(crate) fn deadline_exceeded() -> ExitReason {
    ExitReason::Failed("it was past its deadline".into())
}
