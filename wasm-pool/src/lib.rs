//! Wasmtime on one core: an engine, a pool of instances, and the sandbox each of them runs in.
//!
//! At start, once: [`cache`] turns the components' Wasm into machine code ([`artifact`]), or finds
//! it on disk. [`sizing`] derives every size of the pool from one setting and from the components.
//!
//! Then on each shard: [`kind`] tells what a component is from what it exports, `registry` has
//! the components with their functions, and [`ShardPool`] owns the engine. It gives every call of
//! an action a fresh instance; `process` is the life of the others: services, workers, what
//! guests spawn; `acting` is for actions that may stream, `held` for WebSockets and streams of
//! events, `fetching` for components that answer requests by mail, [`wasi_http`] for
//! stock ones, and [`connection`] what passes between a process and the owner of its client's socket.
//! [`admission`] bounds how many there are at once and how long one waits, `sandbox` is what an
//! instance may do, `host` what it can ask for, and [`ProcessError`] how it can end.
//! [`RequestId`] is what its lines in the log are found by, [`mod@stdio`] where it writes if it
//! may write to the node's own streams.
//!
//! Beside the shards: [`preempt`] ticks, so that no guest keeps its core for itself.

mod bindings;
mod component;
pub mod connection;
pub mod error;
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
pub use component::kind::ComponentKind;
pub use component::source::{ComponentSource, LoadError};
pub use error::{ProcessError, SpawnFailure};
pub use pool::artifact::Artifact;
pub use pool::cache::ArtifactCache;
pub use pool::{PoolSetup, ShardPool};
pub use process::service::Progress;
pub use rusm_core::RequestId;
pub use state::wasi::{MAX_RESOURCES, WasiLimits, start_wasi_runtime};
pub use stdio::Stdio;
