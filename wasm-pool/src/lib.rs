//! Wasmtime on one core: an engine, a pool of instances, and the sandbox each of them runs in.
//!
//! At start, once: [`pool::cache`] compiles the components ([`pool::artifact`]), or finds their machine
//! code on disk. [`pool::limits`] derives every size of the pool from one setting and from the
//! components. [`pool::preempt`] ticks beside the shards, so that no guest keeps its core for itself.
//!
//! Then on each shard, from the ground up; files do not import one another in circles
//! (`scripts/check-circles.py`):
//!
//! - `bindings`: the host's side of the WIT, generated. [`http`], [`connection`]: requests, responses,
//!   and what passes between a process and its client. [`error`]: how a process can fail.
//! - `state`: what the host keeps for a process: its sandbox, its client, its text for the log.
//! - `host`: the functions that guests import. They see the pool through the trait `runtime::Runtime`.
//! - `component`: what a component is, and its functions, found and typed.
//! - [`pool`]: the engine, and permits for instances. [`ShardPool`] makes the store of each.
//! - `process`: each way in which a guest lives: a request, a stream, a connection, a service.
//!
//! [`wasi_http`] is what stock components need beside that. [`RequestId`] is how the lines of a request
//! are found in the log, [`mod@stdio`] where a guest writes that may write to the node's own streams.

mod bindings;
mod component;
pub mod connection;
pub mod error;
mod failures;
mod host;
pub mod http;
pub mod pool;
mod process;
mod runtime;
mod stack;
mod state;
pub mod stdio;
#[cfg(feature = "wasi-http")]
pub mod wasi_http;

pub use component::id::{ActionRef, ComponentRef, Symbolicate};
pub use component::kind::{ComponentKind, ComponentType};
pub use component::source::{ComponentSource, LoadError};
pub use error::{ProcessError, SpawnFailure};
pub use failures::{FailureKind, failures};
pub use pool::artifact::Artifact;
pub use pool::cache::ArtifactCache;
pub use pool::stats::PoolStats;
pub use pool::{PoolSetup, ShardPool};
pub use process::service::Progress;
pub use rusm_core::RequestId;
pub use state::wasi::{MAX_RESOURCES, WasiLimits, start_wasi_runtime};
pub use stdio::Stdio;
