//! Chunks of a streamed body that are written together.

use std::task::{Context, Poll};
use std::time::Instant;

use crate::http1::{self, BodyEncoding, Trailers};
use crate::length_check::LengthCheck;
use crate::service::{Aborted, BodyStream};
use crate::shard::Shard;

/// The form in which the chunks of a streamed body are written.
pub(super) enum Framing {
    /// Each with its size.
    Chunked,
    /// As they are; the head says how many bytes they are.
    Plain,
    /// As they are, and the end is the connection's.
    UntilClose,
}

impl Framing {
    /// The framing of a body of this encoding; `None` where no body is sent.
    pub(super) fn of(encoding: BodyEncoding) -> Option<Self> {
        match encoding {
            BodyEncoding::Chunked => Some(Self::Chunked),
            BodyEncoding::UntilClose => Some(Self::UntilClose),
            BodyEncoding::Plain => Some(Self::Plain),
            BodyEncoding::Omitted => None,
        }
    }

    /// Appends a chunk.
    fn put(&self, out: &mut Vec<u8>, chunk: &[u8]) {
        match self {
            Self::Chunked => http1::encode_chunk(out, chunk),
            Self::Plain | Self::UntilClose => out.extend_from_slice(chunk),
        }
    }

    /// Appends the end of a chunk that is written from where it is.
    pub(super) fn end_chunk(&self, out: &mut Vec<u8>) {
        if matches!(self, Self::Chunked) {
            out.extend_from_slice(http1::CHUNK_END);
        }
    }
}

/// Gathers the chunks of a body that are written together.
pub(super) struct Batch<'b> {
    /// Set if there is something to write though the source has nothing more.
    pub(super) any: bool,
    /// The time at which the head is sent without content; `None` once it was sent. A
    /// chunk without a byte sends it, too.
    pub(super) head_due: Option<Instant>,
    pub(super) framing: &'b Framing,
    pub(super) length: &'b mut LengthCheck,
    /// Set if the client takes trailers.
    pub(super) takes_trailers: bool,
}

impl Batch<'_> {
    /// Appends the chunks that are ready to `out`. Pending if none is.
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
            let admitted = match polled {
                Poll::Ready(Some(Ok(chunk))) => self.length.admit(chunk),
                Poll::Ready(Some(Err(Aborted))) => return Poll::Ready(self.aborted()),
                Poll::Ready(None) => return Poll::Ready(self.end(body, out)),
                Poll::Pending if self.any => break,
                // A chunk that is held sends the head.
                Poll::Pending if self.head_due.is_some() && self.length.holds_chunk() => break,
                Poll::Pending => return Poll::Pending,
            };
            match admitted {
                // None of it is sent: a body that is too long must not look right.
                Err(why) => {
                    body.note_wrong_length(why);
                    return Poll::Ready(self.aborted());
                }
                Ok(Some(chunk)) if chunk.len() > SMALL_BODY => {
                    if matches!(self.framing, Framing::Chunked) {
                        http1::encode_chunk_size(out, chunk.len());
                    }
                    return Poll::Ready(Gathered::Large(chunk));
                }
                Ok(Some(chunk)) => {
                    self.any |= self.head_due.is_some() || !chunk.is_empty();
                    self.framing.put(out, &chunk);
                }
                Ok(None) => {}
            }
        }
        Poll::Ready(Gathered::More)
    }

    /// Returns whether the head has waited for long enough.
    pub(super) fn is_head_due(&self, shard: &Shard) -> bool {
        self.head_due.is_some_and(|due| due <= shard.now())
    }

    /// Ends the body with what was written of it, though its source has not ended.
    pub(super) fn end_early(&self, out: &mut Vec<u8>) -> Gathered {
        match self.framing {
            Framing::Chunked => http1::encode_last_chunk(out),
            Framing::UntilClose => {}
            Framing::Plain if self.length.is_complete() => {}
            Framing::Plain => return self.aborted(),
        }
        Gathered::End
    }

    fn end(&mut self, body: &mut dyn BodyStream, out: &mut Vec<u8>) -> Gathered {
        match self.length.end() {
            Ok(Some(last)) => self.framing.put(out, &last),
            Ok(None) => {}
            Err(why) => {
                body.note_wrong_length(why);
                return self.aborted();
            }
        }
        if !matches!(self.framing, Framing::Chunked) {
            return Gathered::End;
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

/// The result of gathering a streamed body.
pub(super) enum Gathered {
    /// One chunk or more.
    More,
    /// A chunk that is better written from where it is, behind what precedes it.
    Large(Vec<u8>),
    /// The rest.
    End,
    /// The source failed, after `any` content or none.
    Aborted { any: bool },
}

/// Bytes of a body, or of a chunk, that are copied behind what precedes them.
pub(super) const SMALL_BODY: usize = 16 * 1024;
/// Chunks that are ready are written together, until they are as many bytes as this.
const FULL: usize = 48 * 1024;
