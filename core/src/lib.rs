//! The actor core of RUSM: what a process is to the runtime, free of Wasm and of sockets.
//!
//! - [`pid`]: names for shards and processes that can never reach the wrong one.
//! - [`table`]: the processes alive on one shard, with their deadlines.
//! - [`fairness`]: the queue in which a busy process waits until the others had their turn.
//!
//! Everything here belongs to one shard, which is one thread, and is neither `Send` nor shared.

pub mod fairness;
pub mod pid;
pub mod table;

pub use pid::{Pid, ShardId};
pub use table::{ProcessHandle, ProcessTable};
