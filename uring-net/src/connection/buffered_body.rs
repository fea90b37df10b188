//! A request's body, from wherever its bytes are.

use super::context::ResponseContext;
use super::transition::Transition;
use crate::content::Content;
use crate::error_response::ErrorResponse;
use crate::http1::{self, BodyDecoder, BodyFraming, Head, RequestError, Status};
use crate::memory::{Exhausted, Reserved};
use crate::shard::Phase;
use crate::socket::Client;

/// The body of a request.
#[derive(Default)]
pub(super) struct BufferedBody {
    /// The content, if it had to be put together.
    gathered: Option<Content>,
    /// Bytes of the input behind the head that were the body's.
    pub(super) consumed: usize,
    /// Bytes that were read behind the body.
    pub(super) leftover: Vec<u8>,
}

impl BufferedBody {
    pub(super) fn content<'a>(&'a self, head: &'a Head<'_>) -> &'a [u8] {
        match &self.gathered {
            Some(content) => &content.bytes,
            None => head.rest.get(..self.consumed).unwrap_or_default(),
        }
    }
}

impl Client {
    pub(super) async fn read_body(&mut self, head: &Head<'_>) -> Result<BufferedBody, Transition> {
        let max_body = self.settings.max_body;
        let mut decoder = match BodyDecoder::new(head.framing, max_body) {
            Ok(decoder) => decoder,
            Err(error) => return Err(self.reject(error, ResponseContext::of(head)).await),
        };
        if let Some(consumed) = whole_in(head) {
            return Ok(BufferedBody {
                consumed,
                ..BufferedBody::default()
            });
        }
        self.guard
            .set_phase(Phase::Body, Some(self.settings.body_timeout));
        if head.expect_continue && head.rest.is_empty() {
            let informational = http1::CONTINUE.to_vec();
            if self.write(informational).await.is_err() {
                return Err(Transition::Disconnected);
            }
            self.guard
                .set_phase(Phase::Body, Some(self.settings.body_timeout));
        }
        let mut content = Content::new(self.reserve_nothing());
        let received = match self.gather(head, &mut decoder, &mut content).await {
            Ok((consumed, leftover)) => Ok(BufferedBody {
                gathered: Some(content),
                consumed,
                leftover,
            }),
            Err(why) => {
                drop(content);
                Err(why)
            }
        };
        let context = ResponseContext::of(head);
        match received {
            Ok(received) => Ok(received),
            Err(NotReceived::Disconnected) => Err(Transition::Disconnected),
            Err(NotReceived::DeadlineExceeded) => {
                let timed_out = ErrorResponse::new(Status::REQUEST_TIMEOUT);
                let _ = self.write_error(&timed_out, context).await;
                Err(Transition::Close)
            }
            Err(NotReceived::Wrong(error)) => Err(self.reject(error, context).await),
            Err(NotReceived::Exhausted) => Err(self.reject_exhausted(context).await),
        }
    }

    /// Puts the content together: how many bytes behind the head were the body's, and what was read
    /// behind it.
    async fn gather(
        &mut self,
        head: &Head<'_>,
        decoder: &mut BodyDecoder,
        content: &mut Content,
    ) -> Result<(usize, Vec<u8>), NotReceived> {
        content.reserve(head.rest.len(), usize::MAX)?;
        let mut progress = decoder.decode(head.rest, &mut content.bytes)?;
        let consumed = progress.consumed;
        let mut chunk = Vec::new();
        while !progress.done {
            let known = decoder.left().filter(|_| !self.reader.is_reading_ahead());
            let read = match known {
                // Where the length is known, nothing is read behind the body, and nothing copied.
                Some(left) => {
                    let left = usize::try_from(left).unwrap_or(usize::MAX);
                    let capacity = left.min(BODY_CHUNK);
                    content.reserve(capacity, left)?;
                    let bytes = std::mem::take(&mut content.bytes);
                    let (read, bytes) = self.reader.read_at_most(bytes, capacity).await;
                    content.bytes = bytes;
                    read
                }
                None => {
                    chunk.clear();
                    chunk.reserve_exact(CHUNKED_READ);
                    let (read, bytes) = self.reader.read_in_time(chunk).await;
                    chunk = bytes;
                    read
                }
            };
            let count = match read {
                Ok(0) if self.guard.interrupted().is_some() => {
                    return Err(NotReceived::DeadlineExceeded);
                }
                Ok(0) | Err(_) => return Err(NotReceived::Disconnected),
                Ok(count) => count,
            };
            progress = match decoder {
                BodyDecoder::Length(length) if known.is_some() => length.skip(count),
                _ => {
                    content.reserve(chunk.len(), usize::MAX)?;
                    decoder.decode(&chunk, &mut content.bytes)?
                }
            };
        }
        let leftover = match chunk.is_empty() {
            true => Vec::new(),
            false => chunk.split_off(progress.consumed.min(chunk.len())),
        };
        Ok((consumed, leftover))
    }

    /// Memory for what is held of a body that is streamed to its consumer.
    pub(super) fn reserve_for_streaming(&self, head: &Head<'_>) -> Result<Reserved, Exhausted> {
        let most = match head.framing {
            BodyFraming::None => 0,
            BodyFraming::Length(len) => usize::try_from(len).unwrap_or(usize::MAX),
            BodyFraming::Chunked => usize::MAX,
        };
        let mut reserved = self.reserve_nothing();
        reserved.grow_to(most.min(STREAMED))?;
        Ok(reserved)
    }
}

/// Returns how many bytes behind the head are its body, if all of the body is there already
/// and needs no decoding.
pub(super) fn whole_in(head: &Head<'_>) -> Option<usize> {
    match head.framing {
        BodyFraming::None => Some(0),
        BodyFraming::Length(len) => usize::try_from(len)
            .ok()
            .filter(|len| *len <= head.rest.len()),
        BodyFraming::Chunked => None,
    }
}

/// The reason why there is no body.
enum NotReceived {
    Disconnected,
    DeadlineExceeded,
    Wrong(RequestError),
    Exhausted,
}

impl From<RequestError> for NotReceived {
    fn from(error: RequestError) -> Self {
        Self::Wrong(error)
    }
}

impl From<Exhausted> for NotReceived {
    fn from(_: Exhausted) -> Self {
        Self::Exhausted
    }
}

/// Bytes of a body that are read at once.
const BODY_CHUNK: usize = 64 * 1024;
/// Bytes of a chunked body that are read at once. They are held beside the content, of each client
/// that sends one.
const CHUNKED_READ: usize = 16 * 1024;
/// Bytes of a streamed body that are held: one chunk that was read, and one that its consumer has
/// not taken.
const STREAMED: usize = 128 * 1024;
