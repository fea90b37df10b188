//! What processes send one another.

use std::sync::Arc;

use bytes::Bytes;
use thiserror::Error;

use crate::context::CallContext;
use crate::exit::ExitReason;
use crate::id::{CallId, MonitorRef, StreamId};
use crate::pid::Pid;

/// What lies in a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mail {
    /// Bytes, which the core does not look at.
    Message(Bytes),
    /// A monitored process has ended, or was gone already.
    Down {
        /// What [`Shard::monitor`](crate::Shard::monitor) gave.
        monitor: MonitorRef,
        /// The process.
        pid: Pid,
        /// Why it ended.
        reason: ExitReason,
    },
    /// A linked process has ended, or sent an exit signal, and this one traps exits.
    Exit {
        /// The process.
        from: Pid,
        /// Why it ended.
        reason: ExitReason,
    },
    /// A call of a function.
    Call(Call),
    /// A stream was opened to this process, which has its reading end.
    Stream {
        /// The stream.
        stream: StreamId,
        /// Who opened it.
        from: Pid,
    },
}

/// A call of a function of the process that receives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What [`Shard::reply`](crate::Shard::reply) wants.
    pub id: CallId,
    /// Who waits for the answer; nobody if it is a cast.
    pub from: Option<Pid>,
    /// The function's name.
    pub function: Arc<str>,
    /// Its arguments, which the core does not look at.
    pub args: Bytes,
    /// Where a streamed answer goes: the callee has the writing end.
    pub stream: Option<StreamId>,
    /// What it is made for: the context of the callee while it is at work on it. Boxed, since all
    /// mail is as large as a call.
    pub context: Box<CallContext>,
}

impl Call {
    /// What it counts for in a mailbox.
    pub(crate) fn size(&self) -> usize {
        self.args.len() + self.function.len()
    }
}

/// Why a call has no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CallError {
    /// The callee is gone.
    #[error("no such process")]
    NoProcess,
    /// The callee has as much mail waiting as it may.
    #[error("the process has too much mail waiting")]
    MailboxFull,
    /// The call alone is larger than all mail of the callee may be, in bytes.
    #[error("message too large: the mailbox of the process holds {0} bytes (mailbox-kb)")]
    TooLarge(usize),
    /// The process called itself, and would wait for its own answer.
    #[error("a process can't call itself: it would wait for itself")]
    OwnProcess,
    /// The callee waits, through these processes, for the answer to a call of this call's caller:
    /// it is the first, the caller the last.
    #[error("a cycle of calls, in which each would wait for the next: {}", joined_by_arrows(.0))]
    Cycle(Arc<[Pid]>),
    /// The callee ended with the call in its mailbox: nothing of it was done.
    #[error("the process ended before it began the call: {0}")]
    NotBegun(ExitReason),
    /// The callee ended while it was at work on the call.
    #[error("the process ended before it answered: {0}")]
    Died(ExitReason),
    /// The answer did not come in time.
    #[error("no answer came in time")]
    Timeout,
    /// The callee's own error.
    #[error("{0}")]
    Failed(Arc<str>),
    /// The callee has no such function; it has these.
    #[error("no such function; there is {0}")]
    NoFunction(Arc<str>),
}

fn joined_by_arrows(pids: &[Pid]) -> String {
    let all = pids.iter().chain(pids.first()).map(Pid::to_string);
    all.collect::<Vec<_>>().join(" -> ")
}

/// Why a message was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The receiver is gone. Only known at once for one of the own shard.
    #[error("no such process")]
    NoProcess,
    /// The receiver has as much mail waiting as it may. Only known at once for one of the own
    /// shard, and of a cast.
    #[error("the process has too much mail waiting")]
    MailboxFull,
    /// The message alone is larger than all mail of the receiver may be, in bytes. Known as
    /// `MailboxFull` is.
    #[error("message too large: the mailbox of the process holds {0} bytes (mailbox-kb)")]
    TooLarge(usize),
    /// The way to the receiver's shard is full.
    #[error("the other core has too much to do")]
    BusFull,
}
