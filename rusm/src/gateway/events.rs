//! A stream of Server-Sent Events that a process holds: the owner of the socket, beside it.

use std::future::Future;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rusm_core::{Delivery, ProcessHandle, Shard, StreamId};
use rusm_uring_net::{Aborted, BodyStream};
use rusm_wasm_pool::connection::{ConnectionInfo, ResponseStart, SseEvent};
use rusm_wasm_pool::{ProcessError, ShardPool};

use super::request_log::RequestLog;
use super::response::Outcome;
use super::streaming::encode_event;
use super::target::ConnectionProcess;

/// What a stream of events may take.
pub(super) struct Limits {
    /// Until its answer has begun.
    pub(super) begin: Duration,
    /// Until a comment is sent, for nothing else was.
    pub(super) silence: Option<Duration>,
}

/// Start the process that holds a stream of events.
pub(super) async fn open(
    pool: &Rc<ShardPool>,
    ConnectionProcess {
        component,
        takes_messages,
    }: ConnectionProcess,
    info: Arc<ConnectionInfo>,
    limits: Limits,
    log: RequestLog,
) -> Result<Outcome, ProcessError> {
    let shard = pool.shard();
    let full = || ProcessError::Host {
        reason: "the process table is full".into(),
    };
    let process = shard.start(None).ok_or_else(full)?;
    let limit = limits.begin;
    let began = Instant::now();
    let opening = pool.open_events(component, &log.id, info, process.pid(), limit);
    match opening.await?.response.await {
        Ok(ResponseStart::Whole(outcome)) => outcome.map(Outcome::Whole),
        Ok(ResponseStart::Stream(start, stream)) => {
            let body = EventBody {
                takes_messages,
                shard: shard.clone(),
                process,
                stream,
                silence: limits.silence,
                is_new: true,
                log,
                waiting: None,
            };
            Ok(Outcome::Stream(start, Box::new(body)))
        }
        Err(_) if began.elapsed() >= limit => Err(ProcessError::Timeout { limit }),
        Err(_) => Err(pool.unanswered()),
    }
}

/// The owner of the socket. When it is dropped its process ends, and so does its end of the stream
/// by which the guest learns that the client is gone.
struct EventBody {
    shard: Shard,
    /// The reader of the stream.
    process: ProcessHandle,
    stream: StreamId,
    silence: Option<Duration>,
    /// Whether the client has not been sent anything.
    is_new: bool,
    log: RequestLog,
    /// Whether messages to the owner are for the client.
    takes_messages: bool,
    /// For mail, or for the end of the silence that the client may see.
    waiting: Option<Waiting>,
}

type Waiting = Pin<Box<dyn Future<Output = Option<Delivery>>>>;

impl BodyStream for EventBody {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, Aborted>>> {
        let reading = self.shard.read(self.process.pid(), self.stream);
        if let Poll::Ready(read) = pin!(reading).poll(cx) {
            self.waiting = None;
            self.is_new = false;
            return Poll::Ready(match read {
                Ok(chunk) => chunk.map(|chunk| Ok(chunk.into())),
                Err(_) => Some(Err(Aborted)),
            });
        }
        // The head goes out with the first chunk, and the client is to learn that it is connected.
        if std::mem::take(&mut self.is_new) {
            return Poll::Ready(Some(comment()));
        }
        if self.waiting.is_none() && !self.takes_messages && self.silence.is_none() {
            return Poll::Pending;
        }
        loop {
            let waiting = match &mut self.waiting {
                Some(waiting) => waiting,
                none => none.insert(wait(
                    &self.shard,
                    &self.process,
                    self.takes_messages,
                    self.silence,
                )),
            };
            let Poll::Ready(delivery) = waiting.as_mut().poll(cx) else {
                return Poll::Pending;
            };
            self.waiting = None;
            let data = match &delivery {
                Some(Delivery::Message(data)) => Some(data),
                _ => None,
            };
            let event = match data {
                Some(data) => SseEvent::Event {
                    data,
                    event: None,
                    id: None,
                    retry: None,
                },
                None => SseEvent::Comment(""),
            };
            let mut chunk = Vec::new();
            match encode_event(&mut chunk, &event) {
                Ok(()) => return Poll::Ready(Some(Ok(chunk))),
                Err(why) => self.log.log_dropped_event(why),
            }
        }
    }
}

fn comment() -> Result<Vec<u8>, Aborted> {
    let mut chunk = Vec::new();
    match encode_event(&mut chunk, &SseEvent::Comment("")) {
        Ok(()) => Ok(chunk),
        Err(_) => Err(Aborted),
    }
}

fn wait(
    shard: &Shard,
    process: &ProcessHandle,
    takes_messages: bool,
    silence: Option<Duration>,
) -> Waiting {
    let deadline = silence.and_then(|silence| Instant::now().checked_add(silence));
    let is_message =
        move |delivery: &Delivery| takes_messages && matches!(delivery, Delivery::Message(_));
    Box::pin(shard.receive_where(process.pid(), deadline, is_message))
}
