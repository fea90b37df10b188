//! `rusm:runtime/streams@0.1.0`: byte streams between processes.

use rusm_core::{Delivery, Pid, StreamError, StreamId};

use super::shard::{bus_capacity, process_gone, shard};
use crate::bindings::rusm::runtime::streams::{Host, Pid as RawPid};
use crate::state::HostState;

impl Host for HostState {
    async fn stream_open(&mut self, to: RawPid) -> wasmtime::Result<Option<u64>> {
        bus_capacity(Pid::from_raw(to)).await?;
        let stream = shard()?.open_stream(self.pid, Pid::from_raw(to));
        Ok(stream.map(StreamId::as_raw))
    }

    async fn stream_write(&mut self, handle: u64, chunk: Vec<u8>) -> wasmtime::Result<bool> {
        let writing = shard()?.write(self.pid, StreamId::from_raw(handle), chunk.into());
        Ok(writing.await.is_ok())
    }

    fn stream_close(&mut self, handle: u64) -> wasmtime::Result<()> {
        let (shard, stream) = (shard()?, StreamId::from_raw(handle));
        // One that has both ends closes first what it writes.
        if !shard.close(self.pid, stream, Ok(())) {
            shard.stop_reading(self.pid, stream);
        }
        self.actor.stream_failures.remove(&stream);
        Ok(())
    }

    async fn stream_accept(&mut self) -> wasmtime::Result<u64> {
        let is_stream = |delivery: &Delivery| matches!(delivery, Delivery::Stream { .. });
        let accepting = shard()?.receive_where(self.pid, None, is_stream);
        match accepting.await {
            Some(Delivery::Stream { stream, .. }) => Ok(stream.as_raw()),
            _ => Err(process_gone()),
        }
    }

    async fn stream_read(&mut self, handle: u64) -> wasmtime::Result<Option<Vec<u8>>> {
        let stream = StreamId::from_raw(handle);
        let reading = shard()?.read(self.pid, stream);
        Ok(match reading.await {
            Ok(chunk) => chunk.map(Vec::from),
            Err(error) => {
                if let StreamError::Failed(reason) = error {
                    self.remember_failure(stream, reason);
                }
                None
            }
        })
    }

    fn stream_failure(&mut self, handle: u64) -> wasmtime::Result<Option<String>> {
        let failure = self
            .actor
            .stream_failures
            .remove(&StreamId::from_raw(handle));
        Ok(failure.map(|reason| reason.to_string()))
    }
}

impl HostState {
    fn remember_failure(&mut self, stream: StreamId, reason: std::sync::Arc<str>) {
        let failures = &mut self.actor.stream_failures;
        // A guest that never asks must not make the host keep all it could ask for.
        if failures.len() >= MAX_FAILURES {
            failures.clear();
        }
        failures.insert(stream, reason);
    }
}

const MAX_FAILURES: usize = 256;
