//! The actor core of RUSM: processes in the manner of Erlang's, free of Wasm and of sockets.
//!
//! A [`Node`] is what the shards of one server share; a [`Shard`] is one thread's side of it, and
//! has the processes. An executor of any kind runs their tasks.
//!
//! What there is, each a pure structure in a file of its own: [`pid`] and `id` name things,
//! `table` has the processes of a shard and `process` what is kept of one, `mail` and `mailbox` are
//! what they send one another, `context` what goes with a call, `exit` why they end, `timer` what
//! happens later, `stream` bytes in order and bounded, `registry` and `group` the names of the node. [`quota`] says what one process
//! may hold of all that. `bus` is the way between shards, and says what happens when it is full;
//! `occupancy` is what a shard knows of the mailboxes of another.
//!
//! What is done with it is in `shard`, a file for each subject: life, messages, calls, links,
//! names, streams, timers. [`supervisor`] is a process like any other, and [`fairness`] the queue
//! in which a busy process waits until the others had their turn.

mod bus;
mod context;
mod exit;
pub mod fairness;
mod group;
mod id;
mod mailbox;
mod message;
mod node;
mod occupancy;
pub mod pid;
mod process;
pub mod quota;
mod registry;
mod request_id;
mod shard;
mod stream;
pub mod supervisor;
mod table;
mod timer;

pub use bus::INBOX;
pub use context::{CallContext, Caller};
pub use exit::{End, ExitReason};
pub use id::{CallId, MonitorRef, StreamId, TimerRef};
pub use mailbox::MailboxLimit;
pub use message::{Call, CallError, Mail, SendError};
pub use node::Node;
pub use pid::{Pid, ShardId};
pub use process::{ProcessInfo, SpawnOptions};
pub use quota::QuotaError;
pub use registry::{RegisterError, ReservedName};
pub use request_id::RequestId;
pub use shard::{
    Losses, LostMessages, ProcessHandle, ProcessRef, Shard, SpawnError, Stats, Waiting,
};
pub use stream::{STREAM_WINDOW, StreamError};
pub use supervisor::{Backoff, Child, Intensity, Restart, Strategy, Supervisor, SupervisorEvent};
