//! Wasmtime on one core: an engine, a pool of instances, and the sandbox each of them runs in.
//!
//! At start, once: [`artifact`] turns the components' Wasm into machine code, or finds it on
//! disk. [`sizing`] derives every size of the pool from one setting and from the components.
//!
//! Then on each shard: [`shape`] tells what a component is from what it exports,
//! [`ShardPool`] owns the engine and gives every call of an action a fresh
//! instance, [`admission`] bounds how many there are at once and how long one waits,
//! `sandbox` is what an instance may do, and [`Fault`] how it can end.
//!
//! Beside the shards: [`preempt`] ticks, so that no guest keeps its core for itself.

pub mod admission;
pub mod artifact;
mod diagnostics;
pub mod engine;
pub mod fault;
pub mod http;
pub mod pool;
pub mod preempt;
mod sandbox;
pub mod shape;
pub mod sizing;

pub use artifact::{Artifact, ArtifactCache};
pub use fault::Fault;
pub use pool::{ActionRef, ComponentSource, LoadError, ShardPool};
pub use sandbox::start_wasi_runtime;
