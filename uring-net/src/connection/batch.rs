//! Chunks of a streamed body that are written together.

use std::task::{Context, Poll};
use std::time::Instant;

use crate::http1::{self, BodyEncoding, Payload, Trailers};
use crate::service::{Aborted, BodyStream};
use crate::shard::Shard;

/// How the chunks of a streamed body are written.
pub(super) enum Framing {
    /// Each with its size.
    Chunked,
    /// As they are, and so many bytes are still to come.
    Length(u64),
    /// As they are, and the end is the connection's.
    UntilClose,
}

impl Framing {
    /// The framing of a body of this encoding; `None` where no body is sent.
    pub(super) fn of(encoding: BodyEncoding, payload: Payload) -> Option<Self> {
        match (encoding, payload) {
            (BodyEncoding::Chunked, _) => Some(Self::Chunked),
            (BodyEncoding::UntilClose, _) => Some(Self::UntilClose),
            (BodyEncoding::Plain, Payload::Length(length)) => Some(Self::Length(length)),
            (BodyEncoding::Plain, Payload::Stream) | (BodyEncoding::Omitted, _) => None,
        }
    }

    /// Append what stands behind a chunk that is written from where it is.
    pub(super) fn end_chunk(&self, out: &mut Vec<u8>) {
        if matches!(self, Self::Chunked) {
            out.extend_from_slice(http1::CHUNK_END);
        }
    }

    /// Take a chunk of so many bytes into account. False if it is more than may come.
    fn admit(&mut self, len: usize) -> bool {
        let Self::Length(left) = self else {
            return true;
        };
        match left.checked_sub(len as u64) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }
}

/// Gathers the chunks of a body that are written together.
pub(super) struct Batch<'b> {
    /// Whether there is something to be written though the source has nothing more.
    pub(super) any: bool,
    /// When the head is sent though nothing came to be sent with it; `None` once it was sent. A
    /// chunk without a byte sends it, too.
    pub(super) head_due: Option<Instant>,
    pub(super) framing: &'b mut Framing,
    /// Whether the client takes trailers.
    pub(super) takes_trailers: bool,
}

impl Batch<'_> {
    /// Append to `out` the chunks that are ready. Pending if none is.
    pub(super) fn poll(
        &mut self,
        shard: &Shard,
        body: &mut dyn BodyStream,
        out: &mut Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Poll<Gathered> {
        while out.len() < FULL {
            let polled = body.poll_chunk(cx);
            if polled.is_ready() && out.capacity() == 0 {
                *out = shard.take_buffer();
            }
            match polled {
                // None of it is sent: a body that is too long must not look right.
                Poll::Ready(Some(Ok(chunk))) if !self.framing.admit(chunk.len()) => {
                    tracing::warn!("a response was cut off: it is longer than its content-length");
                    return Poll::Ready(self.aborted());
                }
                Poll::Ready(Some(Ok(chunk))) if chunk.len() > SMALL_BODY => {
                    if matches!(self.framing, Framing::Chunked) {
                        http1::encode_chunk_size(out, chunk.len());
                    }
                    return Poll::Ready(Gathered::Large(chunk));
                }
                Poll::Ready(Some(Ok(chunk))) => {
                    self.any |= self.head_due.is_some() || !chunk.is_empty();
                    match self.framing {
                        Framing::Chunked => http1::encode_chunk(out, &chunk),
                        _ => out.extend_from_slice(&chunk),
                    }
                }
                Poll::Ready(Some(Err(Aborted))) => return Poll::Ready(self.aborted()),
                Poll::Ready(None) => return Poll::Ready(self.end(body, out)),
                Poll::Pending if self.any => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Gathered::More)
    }

    /// Whether the head has waited for long enough.
    pub(super) fn is_head_due(&self, shard: &Shard) -> bool {
        self.head_due.is_some_and(|due| due <= shard.now())
    }

    /// End the body with what was written of it, though its source has not ended.
    pub(super) fn end_early(&self, out: &mut Vec<u8>) -> Gathered {
        match self.framing {
            Framing::Chunked => http1::encode_last_chunk(out),
            Framing::UntilClose | Framing::Length(0) => {}
            Framing::Length(_) => return self.aborted(),
        }
        Gathered::End
    }

    fn end(&self, body: &mut dyn BodyStream, out: &mut Vec<u8>) -> Gathered {
        match &*self.framing {
            Framing::Chunked => {}
            Framing::UntilClose | Framing::Length(0) => return Gathered::End,
            Framing::Length(left) => {
                tracing::warn!(
                    left,
                    "a response was cut off: it is shorter than its content-length"
                );
                return self.aborted();
            }
        }
        let trailers = match self.takes_trailers {
            true => body.trailers(),
            false => Trailers::new(),
        };
        match http1::encode_trailers(out, &trailers) {
            Ok(()) => Gathered::End,
            Err(invalid) => {
                tracing::warn!("the end of a response was refused: {invalid}");
                self.aborted()
            }
        }
    }

    fn aborted(&self) -> Gathered {
        Gathered::Aborted { any: self.any }
    }
}

/// What was gathered of a streamed body.
pub(super) enum Gathered {
    /// One chunk or more.
    More,
    /// A chunk that is better written from where it is, behind what precedes it.
    Large(Vec<u8>),
    /// The rest.
    End,
    /// What came before the source failed, if there was any.
    Aborted { any: bool },
}

/// Bytes of a body, or of a chunk, that are copied behind what precedes them.
pub(super) const SMALL_BODY: usize = 16 * 1024;
/// Chunks that are ready are written together, until they are as many bytes as this.
const FULL: usize = 48 * 1024;
