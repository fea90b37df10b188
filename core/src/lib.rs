//! The actor core of RUSM: processes, messages, links and supervisors as Erlang has them. It knows
//! neither Wasm nor sockets.
//!
//! A [`Node`] is one server; a [`Shard`] is one thread of it, and owns its processes. Any executor can
//! run their tasks: the host gives each shard a function that spawns them, and runs the shard's own
//! tasks, [`Shard::serve_bus`], [`Shard::serve_timers`] and [`fairness::serve_queue`].
//!
//! # A shard
//!
//! ```text
//! Node     names, groups, and an inbox for each shard: the only state shared by threads
//!   |
//! Shard    one thread
//!   |-- process table: slot -> process (deadline, waker)
//!   |                            `-- state, on first use: mailbox + stash, links, monitors,
//!   |                                names, groups, pending calls and replies, streams
//!   |-- pending calls: call -> answer         |-- timers, by time
//!   |-- stream ends: stream -> writer, reader |-- caches: names, occupancy of remote mailboxes
//!   |-- frame queues: both ends on this shard `-- outboxes, one for each other shard
//! ```
//!
//! # The bus
//!
//! ```text
//! shard 0                                                shard 1
//! dispatch(signal) --- is for shard 0: handle it
//!    |
//!    |  the inbox has capacity                  inbox of shard 1 (8192 signals)
//!    +-------------------------------------------> [ ][ ][ ] --> serve_bus: handle a batch
//!    |  it is full                                 ^    |
//!    |   message of a process: error, or wait      |    | then wake the blocked senders
//!    `-> signal of the system: outbox -------------'    v
//!                              flush when woken <-- blocked_senders[0]
//! ```
//!
//! Handling a signal never waits, so the bus can't deadlock. See the module `bus`.
//!
//! # Modules
//!
//! - Pure structures: [`pid`] and `id` (identifiers), `table` and `process`, `message` and `mailbox`,
//!   `context` (of calls), `exit` (reasons), `timer`, `stream`, `frames`, `registry` and `group`, `occupancy`
//!   (of mailboxes, for other shards), and [`quota`], which bounds them all.
//! - `bus`: inboxes, outboxes and signals.
//! - `shard`: the operations, a file for each subject: lifecycle, messages, calls, links, names,
//!   streams, frames, timers, losses.
//! - [`supervisor`]: a process like any other. [`fairness`]: the queue in which a preempted process
//!   waits until the others have run.
//!
//! # Example
//!
//! A process that answers one call, on an executor of the `futures` crate:
//!
//! ```
//! use std::time::{Duration, Instant};
//!
//! use futures_executor::LocalPool;
//! use futures_util::task::LocalSpawnExt;
//! use rusm_core::{ExitReason, Delivery, Node, ShardId, SpawnOptions};
//!
//! let mut pool = LocalPool::new();
//! let spawner = pool.spawner();
//! let shard = Node::new(1).shard(ShardId::new(0), move |task| {
//!     spawner.spawn_local(task).expect("the pool lives");
//! });
//! shard.enter();
//!
//! let doubler = shard.spawn(SpawnOptions::default(), |me| async move {
//!     if let Some(Delivery::Call(call)) = me.shard.receive(me.pid, None).await {
//!         let doubled = call.args.repeat(2);
//!         me.shard.reply(me.pid, call.id, Ok(doubled.into()));
//!     }
//!     ExitReason::Normal
//! })?;
//!
//! // A process that the caller runs, as a connection runs those of its requests.
//! let me = shard.start(None).expect("there is a free slot");
//! let deadline = Instant::now() + Duration::from_secs(1);
//! let answer = pool.run_until(shard.call(me.pid(), doubler, "double".into(), "ab".into(), deadline))?;
//! assert_eq!(answer, "abab");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![forbid(unsafe_code)]

mod bus;
mod context;
mod exit;
pub mod fairness;
mod frames;
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
pub use frames::Frame;
pub use id::{CallId, FrameQueueId, MonitorRef, StreamId, TimerRef};
pub use mailbox::MailboxLimit;
pub use message::{Call, CallError, Delivery, SendError};
pub use node::Node;
pub use pid::{Pid, ShardId};
pub use process::{ProcessInfo, SpawnOptions};
pub use quota::QuotaError;
pub use registry::{RegisterError, ReservedName};
pub use request_id::RequestId;
pub use shard::{
    Counts, Losses, LostMessages, ProcessContext, ProcessHandle, Shard, SpawnError, Stats,
    WaitGuard,
};
pub use stream::{STREAM_WINDOW, StreamError};
pub use supervisor::{Backoff, Child, Intensity, Restart, Strategy, Supervisor, SupervisorEvent};
