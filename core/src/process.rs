//! What a shard keeps of a process.

use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use smallvec::SmallVec;

use crate::exit::{End, ExitReason};
use crate::id::{CallId, MonitorRef, StreamId};
use crate::mailbox::{Mailbox, MailboxLimit};
use crate::pid::{Pid, ShardId};
use crate::registry::ReservedName;

/// A live process. As small as one that answers a request needs it; all else is in `state`, from
/// the moment on in which somebody has to do with it.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) deadline: Option<Instant>,
    /// Where it stands among those that have a deadline.
    pub(crate) timed: Option<u32>,
    /// Why it must end, if it is run by its caller, who is the one to end it.
    pub(crate) end: Option<End>,
    /// Has a task of its own, which is dropped when it finds its process gone.
    pub(crate) spawned: bool,
    /// Runs the process again; the last with which it was polled.
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

/// What a process has to do with others.
#[derive(Debug, Default)]
pub(crate) struct ProcessState {
    pub(crate) mailbox: Mailbox,
    /// Mail that was refused, and is lost.
    pub(crate) dropped: u64,
    pub(crate) links: SmallVec<[Pid; 2]>,
    pub(crate) trap_exit: bool,
    /// Who watches it.
    pub(crate) watchers: SmallVec<[(MonitorRef, Pid); 1]>,
    /// Whom it watches.
    pub(crate) watching: SmallVec<[(MonitorRef, Pid); 1]>,
    pub(crate) names: SmallVec<[Arc<str>; 1]>,
    pub(crate) groups: SmallVec<[Arc<str>; 1]>,
    pub(crate) label: Option<Arc<str>>,
    /// The label that it was spawned with, which it can't change.
    pub(crate) origin: Option<Arc<str>>,
    /// The node supervises it.
    pub(crate) resident: bool,
    /// There are timers of this shard that it has set, or that are for it; or there were.
    pub(crate) has_timers: bool,
    /// Other shards that have timers for it, or had.
    pub(crate) remote_timers: SmallVec<[ShardId; 1]>,
    /// Bytes that lie at the reading ends of its streams.
    pub(crate) stream_bytes: usize,
    /// Whether it is somebody's who will say that it was past its deadline.
    pub(crate) awaited: bool,
    /// Calls that it has taken out of its mailbox and not answered.
    pub(crate) pending_replies: SmallVec<[PendingReply; 1]>,
    /// Calls that it waits for.
    pub(crate) pending_calls: SmallVec<[CallId; 1]>,
    /// Streams of which it has an end.
    pub(crate) streams: SmallVec<[StreamId; 2]>,
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

/// A call that somebody waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PendingReply {
    pub(crate) call: CallId,
    /// Nobody waits for a cast; a streamed answer has a stream.
    pub(crate) reply_wanted: bool,
    pub(crate) stream: Option<StreamId>,
}

/// Take the first that is `wanted` out of a list in which the order says nothing.
pub(crate) fn take_first<A: smallvec::Array>(
    list: &mut SmallVec<A>,
    wanted: impl FnMut(&A::Item) -> bool,
) -> Option<A::Item> {
    let place = list.iter().position(wanted)?;
    Some(list.swap_remove(place))
}

/// How a process is started.
#[derive(Clone, Debug, Default)]
pub struct SpawnOptions {
    /// A name for people.
    pub label: Option<Arc<str>>,
    /// What may wait in its mailbox.
    pub mailbox: MailboxLimit,
    /// When it has to have ended.
    pub deadline: Option<Instant>,
    /// Whether somebody waits for it, and learns by that if it was past its deadline: then
    /// [`Shard::expire`](crate::Shard::expire) doesn't tell. It lasts until the deadline is taken away.
    pub awaited: bool,
    /// A process that it is linked to from the start.
    pub link: Option<Pid>,
    /// A name for other processes.
    pub name: Option<Arc<str>>,
    /// A name that is kept for it and those that come after it.
    pub reserved_name: Option<ReservedName>,
    /// Whether the node supervises it: its quotas are those of a process that stays, and do not
    /// draw on what the others share.
    pub resident: bool,
}

impl SpawnOptions {
    /// Whether there is anything to keep beyond the process itself.
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
    /// How many it is linked to.
    pub links: u32,
    /// How many watch it.
    pub monitors: u32,
    /// Its names.
    pub names: Vec<Arc<str>>,
    /// Its name for people.
    pub label: Option<Arc<str>>,
    /// Mail that waits.
    pub mailbox_depth: u32,
    /// Mail that is lost because too much waited; calls are not, their callers know.
    pub dropped: u64,
    /// Whether the ends of linked processes are mail to it.
    pub trap_exit: bool,
}

/// Why a process ended whose deadline passed.
pub(crate) fn deadline_exceeded() -> ExitReason {
    ExitReason::Failed("it was past its deadline".into())
}
