//! The content of a request.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use h2::RecvStream;

use super::load::Load;
use super::waits::Wait;
use crate::content::Content;
use crate::http1::{BodyFraming, RequestError, Status, received_trailers};
use crate::memory::Exhausted;
use crate::service::{BodyError, BodySink, Closed};
use crate::settings::Settings;
use crate::shard::Shard;

/// The reason why there is no content.
pub(super) enum NotReceived {
    /// The stream has ended; the client did it if it is `true`.
    Ended(bool),
    TooSlow,
    TooLarge,
    Exhausted,
}

/// Receives all of the content. The client may send more as soon as some of it was taken: the memory for
/// it is counted.
pub(super) async fn receive(
    body: &mut RecvStream,
    framing: BodyFraming,
    content: &mut Content,
    (shard, settings, load): (&Shard, &Settings, &Load),
    wait: &Wait,
) -> Result<(), NotReceived> {
    let deadline = shard.now().checked_add(settings.body_timeout);
    let max = settings.max_body;
    loop {
        let next = poll_fn(|cx| match body.poll_data(cx) {
            Poll::Ready(data) => Poll::Ready(Ok(data)),
            Poll::Pending if deadline.is_some_and(|deadline| deadline <= shard.now()) => {
                Poll::Ready(Err(NotReceived::TooSlow))
            }
            Poll::Pending => {
                wait.set(deadline, cx);
                Poll::Pending
            }
        });
        let data = match next.await? {
            Some(Ok(data)) => data,
            Some(Err(error)) => return Err(NotReceived::Ended(error.is_remote())),
            None => return Ok(()),
        };
        let received = content.bytes.len() as u64 + data.len() as u64;
        if received > max {
            return Err(NotReceived::TooLarge);
        }
        let left = match framing {
            BodyFraming::Length(length) => {
                usize::try_from(length.saturating_sub(content.bytes.len() as u64))
                    .unwrap_or(usize::MAX)
            }
            _ => usize::MAX,
        };
        content.reserve(data.len(), left)?;
        content.bytes.extend_from_slice(&data);
        release(body, data.len(), load);
    }
}

impl From<Exhausted> for NotReceived {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

/// Returns the error of a body that says that it is larger than the listener allows.
pub(super) fn check_length(framing: BodyFraming, settings: &Settings) -> Result<(), RequestError> {
    match framing {
        BodyFraming::Length(length) if length > settings.max_body => Err(too_large()),
        _ => Ok(()),
    }
}

pub(super) fn too_large() -> RequestError {
    RequestError::new(Status::CONTENT_TOO_LARGE, "the body is too large")
}

/// Content on its way to a sink. What the sink has no room for stays in the stream's window.
pub(super) struct Pump {
    body: RecvStream,
    /// `None` when it has all, or wants no more.
    sink: Option<Box<dyn BodySink>>,
    received: u64,
    max: u64,
    timeout: Duration,
    deadline: Option<Instant>,
    expect: Expect,
}

/// The state of a client that waits for 100 (Continue).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Expect {
    Nothing,
    Waiting,
    Due,
}

impl Pump {
    pub(super) fn new(
        body: RecvStream,
        sink: Box<dyn BodySink>,
        settings: &Settings,
        expects_continue: bool,
    ) -> Self {
        Self {
            body,
            sink: Some(sink),
            received: 0,
            max: settings.max_body,
            timeout: settings.body_timeout,
            deadline: None,
            expect: match expects_continue {
                true => Expect::Waiting,
                false => Expect::Nothing,
            },
        }
    }

    /// Passes on what there is. Ready when the sink has all, or wants no more.
    ///
    /// # Errors
    /// The rest will not come; the sink was told.
    pub(super) fn poll(
        &mut self,
        now: Instant,
        load: &Load,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), BodyError>> {
        loop {
            let Some(sink) = &mut self.sink else {
                self.deadline = None;
                return Poll::Ready(Ok(()));
            };
            match sink.poll_ready(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(Closed)) => {
                    self.sink = None;
                    continue;
                }
                // It isn't the client that is waited for. An end needs no room.
                Poll::Pending if !self.body.is_end_stream() => {
                    self.deadline = None;
                    return Poll::Pending;
                }
                Poll::Pending => {}
            }
            match self.body.poll_data(cx) {
                Poll::Ready(Some(Ok(data))) if data.is_empty() => {}
                Poll::Ready(Some(Ok(data))) => self.pass_on(data, load)?,
                Poll::Ready(Some(Err(_))) => return self.fail(BodyError::Disconnected),
                Poll::Ready(None) => match self.body.poll_trailers(cx) {
                    Poll::Ready(Ok(trailers)) => self.complete(trailers)?,
                    Poll::Ready(Err(_)) => return self.fail(BodyError::Disconnected),
                    Poll::Pending => return Poll::Pending,
                },
                Poll::Pending => {
                    if self.expect == Expect::Waiting {
                        self.expect = Expect::Due;
                    }
                    let deadline = self.deadline.or_else(|| now.checked_add(self.timeout));
                    self.deadline = deadline;
                    if deadline.is_some_and(|deadline| deadline <= now) {
                        return self.fail(BodyError::TooSlow);
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Returns when the client will have sent nothing for too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns whether the client waits for 100 (Continue), and should get it now. True once.
    pub(super) fn take_continue(&mut self) -> bool {
        let is_due = self.expect == Expect::Due;
        if is_due {
            self.expect = Expect::Nothing;
        }
        is_due
    }

    fn pass_on(&mut self, data: Bytes, load: &Load) -> Result<(), BodyError> {
        self.deadline = None;
        self.expect = Expect::Nothing;
        let len = data.len();
        self.received += len as u64;
        if self.received > self.max {
            return self.reject(BodyError::TooLarge);
        }
        if let Some(sink) = &mut self.sink {
            sink.chunk(data.into());
        }
        release(&mut self.body, len, load);
        Ok(())
    }

    fn complete(&mut self, trailers: Option<http::HeaderMap>) -> Result<(), BodyError> {
        let trailers = trailers.unwrap_or_default();
        let fields = trailers.iter();
        let fields = fields.map(|(name, value)| (name.as_str(), value.as_bytes()));
        match received_trailers(fields) {
            Ok(trailers) => {
                if let Some(sink) = self.sink.take() {
                    sink.end(trailers);
                }
                Ok(())
            }
            Err(error) => self.reject(BodyError::Malformed(error)),
        }
    }

    fn fail(&mut self, why: BodyError) -> Poll<Result<(), BodyError>> {
        Poll::Ready(self.reject(why))
    }

    fn reject(&mut self, why: BodyError) -> Result<(), BodyError> {
        if let Some(sink) = self.sink.take() {
            sink.fail(why);
        }
        Err(why)
    }
}

/// Lets the client send as many bytes as were taken.
fn release(body: &mut RecvStream, bytes: usize, load: &Load) {
    load.useful(bytes);
    // It fails only for a stream that has ended.
    let _ = body.flow_control().release_capacity(bytes);
}
