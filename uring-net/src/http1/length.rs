//! A body of known length, and what decoders of bodies have in common.

use super::error::RequestError;
use super::status::Status;

/// A body whose length is known.
#[derive(Debug)]
pub struct LengthDecoder {
    pub(super) left: u64,
}

impl LengthDecoder {
    /// A body of `len` bytes.
    ///
    /// # Errors
    /// 413 if that is more than `max_body`.
    pub fn new(len: u64, max_body: u64) -> Result<Self, RequestError> {
        if len > max_body {
            return Err(TOO_LARGE);
        }
        Ok(Self { left: len })
    }

    /// Returns the number of bytes that are still to come.
    #[must_use]
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Counts `len` bytes of the body that went elsewhere.
    pub fn skip(&mut self, len: usize) -> Progress {
        self.left = self.left.saturating_sub(len as u64);
        Progress {
            consumed: len,
            done: self.left == 0,
        }
    }

    /// Appends the body's bytes of `input` to `out`.
    pub fn decode(&mut self, input: &[u8], out: &mut Vec<u8>) -> Progress {
        let content = take(&mut self.left, input);
        out.extend_from_slice(content);
        Progress {
            consumed: content.len(),
            done: self.left == 0,
        }
    }
}

/// The progress of a decoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the input that were the body's: the next request begins after the last of them.
    pub consumed: usize,
    /// Set if the body is complete.
    pub done: bool,
}

/// The first `left` bytes of `input`, or all; counted.
pub(super) fn take<'b>(left: &mut u64, input: &'b [u8]) -> &'b [u8] {
    let len = usize::try_from(*left).map_or(input.len(), |left| left.min(input.len()));
    *left -= len as u64;
    input.get(..len).unwrap_or_default()
}

pub(super) const TOO_LARGE: RequestError =
    RequestError::new(Status::CONTENT_TOO_LARGE, "the body is too large");
