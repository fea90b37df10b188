//! Quotas: the resources that one process may hold. They are released when it ends.
//!
//! Two rules make the quotas safe against a guest that takes as much as it can:
//!
//! - **A resource is charged to the process that asked for it**: a monitor to the watcher, a timer to
//!   its setter. So a guest spends its own quota, and not that of others.
//! - **Shared quotas have a guaranteed part**: each process may set [`GUARANTEED_TIMERS`] for itself,
//!   and a process that the node supervises
//!   ([`SpawnOptions::resident`](crate::SpawnOptions::resident)) does not use the shared quotas.
//!
//! The bounds of a mailbox are set when the process is spawned: [`MailboxLimit`](crate::MailboxLimit).

use thiserror::Error;

/// Bytes of a name, of a group's name, and of a label.
pub const MAX_NAME: usize = 256;

/// Names that one process may have.
pub const MAX_NAMES: usize = 64;

/// Groups that one process may be in.
pub const MAX_GROUPS: usize = 1024;

/// Links of one process, together with the exits and ends in its mailbox that it has not received.
pub const MAX_LINKS: usize = 65_536;

/// Monitors that one process has set, together with the exits and ends in its mailbox that it has not
/// received.
pub const MAX_MONITORS: usize = 65_536;

/// Ends of streams that one process may have.
pub const MAX_STREAMS: usize = 4096;

/// Streams that others have opened to a process and it has not accepted. Far fewer than
/// [`MAX_STREAMS`], so that a process that never accepts any has the rest for itself.
pub const MAX_WAITING_STREAMS: usize = 256;

/// Unread bytes of all streams that one process reads. A stream that brings more fails.
pub const MAX_STREAM_BYTES: usize = 64 << 20;

/// Timers that one process may have set, for itself and others.
pub const PROCESS_TIMERS: usize = 1024;

/// Bytes of the messages of these timers.
pub const PROCESS_TIMER_BYTES: usize = 4 << 20;

/// Timers that a resident process may have set. They do not count in [`MAX_TIMERS`].
pub const RESIDENT_TIMERS: usize = 65_536;

/// Bytes of the messages of these timers.
pub const RESIDENT_TIMER_BYTES: usize = 16 << 20;

/// Timers for itself that a process may set even if [`MAX_TIMERS`] is reached, each with a message of
/// up to [`GUARANTEED_TIMER_BYTES`].
pub const GUARANTEED_TIMERS: usize = 16;

/// Bytes of the message of each of the [`GUARANTEED_TIMERS`].
pub const GUARANTEED_TIMER_BYTES: usize = 1024;

/// Timers of one shard that processes have set which are not resident. Timers that only wake a
/// waiting process do not count, and are never refused.
pub const MAX_TIMERS: usize = 1 << 18;

/// Bytes of the messages of these timers.
pub const MAX_TIMER_BYTES: usize = 64 << 20;

/// Timers for one process whose setters have ended.
pub const LEFT_TIMERS: usize = 1024;

/// Timers of one shard whose setters have ended. They do not count in [`MAX_TIMERS`], so that they
/// can't use up the timers of live processes.
pub const MAX_LEFT_TIMERS: usize = 1 << 16;

/// Bytes of the messages of these timers.
pub const MAX_LEFT_TIMER_BYTES: usize = 16 << 20;

/// The resources that one process holds, for comparison with its quotas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuotaUsage {
    /// See [`MAX_NAMES`].
    pub names: usize,
    /// See [`MAX_GROUPS`].
    pub groups: usize,
    /// See [`MAX_LINKS`].
    pub links: usize,
    /// See [`MAX_MONITORS`].
    pub monitors: usize,
    /// Exits, and ends of monitored processes, in its mailbox.
    pub unread_signals: usize,
    /// Messages, calls and streams in its mailbox, or reserved for casts on their way to it.
    pub messages: usize,
    /// Bytes of these.
    pub message_bytes: usize,
    /// See [`MAX_STREAMS`].
    pub streams: usize,
    /// See [`MAX_WAITING_STREAMS`].
    pub waiting_streams: usize,
    /// See [`MAX_STREAM_BYTES`].
    pub stream_bytes: usize,
    /// See [`PROCESS_TIMERS`].
    pub timers: usize,
    /// See [`PROCESS_TIMER_BYTES`].
    pub timer_bytes: usize,
    /// See [`LEFT_TIMERS`].
    pub left_timers: usize,
}

/// The quota that an operation would exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// See [`PROCESS_TIMERS`] and [`RESIDENT_TIMERS`].
    #[error("the process has {0} timers, as many as it may set")]
    Timers(usize),
    /// See [`PROCESS_TIMER_BYTES`] and [`RESIDENT_TIMER_BYTES`].
    #[error("the messages of the process's timers are limited to {0} bytes in all")]
    TimerBytes(usize),
    /// See [`MAX_TIMERS`] and [`MAX_TIMER_BYTES`].
    #[error("the processes of this core have set as many timers as they may in all")]
    SharedTimers,
    /// See [`MAX_LINKS`].
    #[error(
        "the process has {MAX_LINKS} links, and ends of linked processes that it has not received"
    )]
    Links,
    /// See [`MAX_MONITORS`].
    #[error("the process has {MAX_MONITORS} monitors, and news of ends that it has not received")]
    Monitors,
}
