//! The body of a request, however it is framed.

use super::chunked::ChunkedDecoder;
use super::error::RequestError;
use super::length::{LengthDecoder, Progress, take};
use super::limits::HeadLimits;
use super::semantics::BodyFraming;
use super::trailers::Trailers;

/// Turns the bytes after a head into a body.
#[derive(Debug)]
pub enum BodyDecoder {
    /// As many bytes as `Content-Length` says, or none.
    Length(LengthDecoder),
    /// Chunks.
    Chunked(ChunkedDecoder),
}

impl BodyDecoder {
    /// A decoder for the body that follows a head of this framing; `max_body` in bytes.
    ///
    /// # Errors
    /// 413 if `Content-Length` is larger than `max_body`.
    pub fn new(framing: BodyFraming, max_body: u64) -> Result<Self, RequestError> {
        Ok(match framing {
            BodyFraming::None => Self::Length(LengthDecoder { left: 0 }),
            BodyFraming::Length(len) => Self::Length(LengthDecoder::new(len, max_body)?),
            BodyFraming::Chunked => Self::Chunked(ChunkedDecoder::new(max_body)),
        })
    }

    /// Creates a decoder that keeps trailers for [`BodyDecoder::take_trailers`]; they have the limits of
    /// headers.
    ///
    /// # Errors
    /// See [`BodyDecoder::new`].
    pub fn with_trailers(
        framing: BodyFraming,
        max_body: u64,
        limits: &HeadLimits,
    ) -> Result<Self, RequestError> {
        match framing {
            BodyFraming::Chunked => Ok(Self::Chunked(ChunkedDecoder::with_trailers(
                max_body, limits,
            ))),
            _ => Self::new(framing, max_body),
        }
    }

    /// Bytes that are still to come, if that is known.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match self {
            Self::Length(length) => Some(length.left()),
            Self::Chunked(_) => None,
        }
    }

    /// The trailers of a body that is complete.
    ///
    /// # Errors
    /// See [`ChunkedDecoder::take_trailers`].
    pub fn take_trailers(&mut self) -> Result<Trailers, RequestError> {
        match self {
            Self::Length(_) => Ok(Trailers::new()),
            Self::Chunked(chunked) => chunked.take_trailers(),
        }
    }

    /// Move to `content` what of `input` is the body's, and leave in `input` what isn't; whether
    /// the body is complete. `content` is empty at first, and has what precedes an error. A body
    /// of known length isn't copied.
    ///
    /// # Errors
    /// See [`ChunkedDecoder::decode`].
    pub fn take(
        &mut self,
        input: &mut Vec<u8>,
        content: &mut Vec<u8>,
    ) -> Result<bool, RequestError> {
        match self {
            Self::Length(LengthDecoder { left }) => {
                let len = take(left, input).len();
                let behind = input.split_off(len);
                *content = std::mem::replace(input, behind);
                Ok(*left == 0)
            }
            Self::Chunked(chunked) => {
                let progress = chunked.decode(input, content)?;
                input.drain(..progress.consumed.min(input.len()));
                Ok(progress.done)
            }
        }
    }

    /// Appends to `out` what of `input` is the body's content. What is consumed must not be
    /// passed again. After an error the decoder is of no more use.
    ///
    /// # Errors
    /// See [`ChunkedDecoder::decode`].
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<Progress, RequestError> {
        match self {
            Self::Length(length) => Ok(length.decode(input, out)),
            Self::Chunked(chunked) => chunked.decode(input, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::Status;

    #[test]
    fn a_length_is_counted_down_and_what_follows_is_left() {
        let mut decoder = BodyDecoder::new(BodyFraming::Length(5), 5).unwrap();
        let mut out = Vec::new();
        for (input, consumed, done) in [("", 0, false), ("ab", 2, false), ("cdeGET", 3, true)] {
            let progress = decoder.decode(input.as_bytes(), &mut out);
            assert_eq!(progress, Ok(Progress { consumed, done }));
        }
        assert_eq!(out, b"abcde");
    }

    #[test]
    fn no_body_is_done_at_once() {
        for framing in [BodyFraming::None, BodyFraming::Length(0)] {
            let mut out = Vec::new();
            let progress = BodyDecoder::new(framing, 0)
                .unwrap()
                .decode(b"GET", &mut out);
            assert_eq!(
                progress,
                Ok(Progress {
                    consumed: 0,
                    done: true
                })
            );
            assert!(out.is_empty());
        }
    }

    #[test]
    fn too_long_a_body_is_refused_before_it_comes() {
        let refused = BodyDecoder::new(BodyFraming::Length(6), 5).unwrap_err();
        assert_eq!(refused.status(), Status::CONTENT_TOO_LARGE);
        assert!(BodyDecoder::new(BodyFraming::Length(u64::MAX), u64::MAX).is_ok());
    }
}
