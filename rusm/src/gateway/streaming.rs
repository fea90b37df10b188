//! A response that comes piece by piece, from a process beside the connection.

use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use std::{future::Future, pin::pin};

use rusm_core::{Pid, ProcessHandle, Shard, StreamId};
use rusm_uring_net::{Aborted, BodyStream, sse};
use rusm_wasm_pool::connection::{ConnectionInfo, ResponseStart, SseEvent};
use rusm_wasm_pool::http::Request;
use rusm_wasm_pool::pool::semaphore::Permit;
use rusm_wasm_pool::{ActionRef, ProcessError, RequestId, ShardPool};

use super::response::Outcome;

/// Call an action that may stream. Its answer has to begin within `limit`.
pub(super) async fn call(
    pool: &Rc<ShardPool>,
    action: ActionRef,
    request: &Request<'_>,
    id: &RequestId,
    info: Arc<ConnectionInfo>,
    limit: Duration,
) -> Result<Outcome, ProcessError> {
    let shard = pool.shard();
    let full = || ProcessError::Host {
        reason: "the process table is full".into(),
    };
    let process = shard.start(None).ok_or_else(full)?;
    let began = Instant::now();
    let streaming = pool.call_streaming(action, request, id, info, process.pid(), limit);
    let streaming = streaming.await?;
    let guest = Guest::new(shard.clone(), streaming.pid);
    match streaming.response.await {
        Ok(ResponseStart::Whole(outcome)) => outcome.map(Outcome::Whole),
        Ok(ResponseStart::Stream(start, stream)) => {
            let body = GuestBody {
                _permit: pool.acquire_connection_permit()?,
                process,
                stream,
                guest,
            };
            Ok(Outcome::Stream(start, Box::new(body)))
        }
        Err(_) if began.elapsed() >= limit => Err(ProcessError::Timeout { limit }),
        Err(_) => Err(pool.unanswered()),
    }
}

/// Puts an event of a guest into the form of `text/event-stream`.
pub fn encode_event(out: &mut Vec<u8>, event: &SseEvent<'_>) -> Result<(), String> {
    match *event {
        SseEvent::Event {
            data,
            event,
            id,
            retry,
        } => sse::event(out, data, event, id, retry).map_err(|error| error.to_string()),
        SseEvent::Comment(text) => {
            sse::comment(out, text);
            out.push(b'\n');
            Ok(())
        }
    }
}

/// The body that a guest writes to the owner of the socket.
struct GuestBody {
    /// The reader of the stream.
    process: ProcessHandle,
    stream: StreamId,
    guest: Guest,
    _permit: Permit,
}

impl BodyStream for GuestBody {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, Aborted>>> {
        let reading = self.guest.shard.read(self.process.pid(), self.stream);
        pin!(reading).poll(cx).map(|read| match read {
            Ok(chunk) => chunk.map(|chunk| Ok(chunk.into())),
            Err(_) => Some(Err(Aborted)),
        })
    }
}

/// A process that is of no use without its client.
pub(super) struct Guest {
    shard: Shard,
    pid: Pid,
    is_free: bool,
}

impl Guest {
    pub(super) fn new(shard: Shard, pid: Pid) -> Self {
        Self {
            shard,
            pid,
            is_free: false,
        }
    }

    #[cfg(feature = "wasi-http")]
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// It may go on for so long.
    #[cfg(feature = "wasi-http")]
    pub(super) fn release(mut self, limit: Duration) {
        let deadline = Instant::now().checked_add(limit);
        self.shard.set_deadline(self.pid, deadline);
        self.is_free = true;
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if !self.is_free {
            // It takes effect at once, as the process is this shard's; it may have ended long ago.
            drop(self.shard.kill(self.pid));
        }
    }
}
