//! The deliveries of a mailbox, calls, and why sending fails.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::context::CallContext;
use crate::exit::ExitReason;
use crate::id::{CallId, MonitorRef, StreamId};
use crate::pid::Pid;

/// An entry of a mailbox: a message, a call, a stream, or news of a linked or monitored process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// A message: bytes that the core does not interpret.
    Message(Bytes),
    /// A monitored process has ended, or had ended before.
    Down {
        /// The monitor that [`Shard::monitor`](crate::Shard::monitor) returned.
        monitor: MonitorRef,
        /// The process.
        pid: Pid,
        /// Its exit reason.
        reason: ExitReason,
    },
    /// A linked process has ended, or sent an exit signal, and this one traps exits.
    Exit {
        /// The process.
        from: Pid,
        /// Its exit reason.
        reason: ExitReason,
    },
    /// A call of a function.
    Call(Call),
    /// A stream was opened to this process, which has its reading end.
    Stream {
        /// The stream.
        stream: StreamId,
        /// The process that opened it, and writes.
        from: Pid,
    },
}

/// A call of a function of the process that receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The identifier that [`Shard::reply`](crate::Shard::reply) takes.
    pub id: CallId,
    /// The caller; `None` for a cast, which has no answer.
    pub from: Option<Pid>,
    /// The function's name.
    pub function: Arc<str>,
    /// Its arguments: bytes that the core does not interpret.
    pub args: Bytes,
    /// The stream of a streamed answer, of which the callee has the writing end.
    pub stream: Option<StreamId>,
    /// The context of the callee's work on it. Boxed, since every delivery is as large as a call.
    pub context: Box<CallContext>,
}

impl Call {
    /// The bytes that it counts for in a mailbox.
    pub(crate) fn size(&self) -> usize {
        self.args.len() + self.function.len()
    }
}

/// The reason why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The callee has ended, or never lived.
    #[error("no such process")]
    NoProcess,
    /// The callee's mailbox is full.
    #[error("the process has too much mail waiting")]
    MailboxFull,
    /// The call alone is larger than the callee's mailbox, whose size in bytes this is.
    #[error("message too large: the mailbox of the process holds {0} bytes (mailbox-kb)")]
    TooLarge(usize),
    /// The process called itself.
    #[error("a process can't call itself: it would wait for itself")]
    OwnProcess,
    /// The call would close a cycle in which each process waits for the next: from the callee, which is
    /// the first, to the caller, which is the last.
    #[error("a cycle of calls, in which each would wait for the next: {}", joined_by_arrows(.0))]
    Cycle(Arc<[Pid]>),
    /// The callee ended before it received the call.
    #[error("the process ended before it began the call: {0}")]
    NotBegun(ExitReason),
    /// The callee ended while it worked on the call.
    #[error("the process ended before it answered: {0}")]
    Died(ExitReason),
    /// The deadline passed before the answer arrived.
    #[error("no answer came in time")]
    Timeout,
    /// An error of the callee.
    #[error("{0}")]
    Failed(Arc<str>),
    /// The callee has no such function; the text lists those that it has.
    #[error("no such function; there is {0}")]
    NoFunction(Arc<str>),
}

fn joined_by_arrows(pids: &[Pid]) -> String {
    let all = pids.iter().chain(pids.first()).map(Pid::to_string);
    all.collect::<Vec<_>>().join(" -> ")
}

/// The reason why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SendError {
    /// The receiver has ended. Reported only for processes of the sender's shard.
    #[error("no such process")]
    NoProcess,
    /// The receiver's mailbox is full. Reported only for processes of the sender's shard, and for
    /// casts.
    #[error("the process has too much mail waiting")]
    MailboxFull,
    /// The message alone is larger than the receiver's mailbox, whose size in bytes this is. Reported
    /// as `MailboxFull` is.
    #[error("message too large: the mailbox of the process holds {0} bytes (mailbox-kb)")]
    TooLarge(usize),
    /// The inbox of the receiver's shard is full.
    #[error("the other core has too much to do")]
    BusFull,
}
