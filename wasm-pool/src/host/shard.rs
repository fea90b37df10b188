//! The shard that a guest runs on.
//!
//! The futures that Wasmtime runs have to be `Send`, which nothing of a shard is: they hold
//! pids, and look the shard up when they are polled.

use rusm_core::{Pid, Shard};

/// The shard that this guest runs on.
pub(super) fn shard() -> wasmtime::Result<Shard> {
    Shard::current().ok_or_else(shard_gone)
}

pub(super) fn shard_gone() -> wasmtime::Error {
    wasmtime::Error::msg("the shard is gone")
}

/// Wait for room on the way to a process: what the system has to say there is never refused, so a
/// guest that says it without end has to wait here.
pub(super) async fn bus_capacity(to: Pid) -> wasmtime::Result<()> {
    let capacity = shard()?.bus_capacity(to.shard());
    capacity.await;
    Ok(())
}

/// Nothing but its end keeps a process from waiting for ever.
pub(super) fn process_gone() -> wasmtime::Error {
    wasmtime::Error::msg("the process is gone")
}
