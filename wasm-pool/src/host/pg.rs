//! `rusm:runtime/pg@0.1.0`: groups of processes.

use rusm_core::{Pid, ShardId};

use super::shard::shard;
use crate::bindings::rusm::runtime::pg::{Host, Pid as RawPid};
use crate::state::HostState;

impl Host for HostState {
    fn register_tag(&mut self, tag: String) -> wasmtime::Result<()> {
        if let Err(error) = shard()?.join(self.pid, &tag) {
            self.log_once("register-tag", &error);
        }
        Ok(())
    }

    fn unregister_tag(&mut self, tag: String) -> wasmtime::Result<()> {
        shard()?.leave(self.pid, &tag);
        Ok(())
    }

    fn whereis_tag(&mut self, tag: String) -> wasmtime::Result<Vec<RawPid>> {
        let members = shard()?.members(&tag);
        Ok(members.iter().map(|pid| pid.as_raw()).collect())
    }

    async fn kill_tag(&mut self, tag: String) -> wasmtime::Result<u32> {
        if !self.capabilities.process_control {
            self.log_denied("kill-tag", "allow-process-control");
            return Ok(0);
        }
        let members = shard()?.members(&tag);
        // The guest itself goes last, or it would not end the others.
        let (own, others): (Vec<Pid>, Vec<Pid>) = members.iter().partition(|pid| **pid == self.pid);
        let mut killed = 0;
        for pid in others.into_iter().chain(own) {
            let killing = shard()?.kill(pid);
            killed += u32::from(killing.await);
        }
        Ok(killed)
    }

    async fn publish(&mut self, tag: String, message: Vec<u8>) -> wasmtime::Result<u32> {
        let shards = shard()?.node().shards();
        for index in 0..shards {
            let capacity = shard()?.bus_capacity(ShardId::new(index));
            capacity.await;
        }
        let sent = shard()?.publish(&tag, message.into());
        Ok(u32::try_from(sent).unwrap_or(u32::MAX))
    }
}
