//! The content of a response.

use std::fmt;
use std::task::{Context, Poll};

use thiserror::Error;

use crate::http1::Trailers;

/// The content of a response.
pub enum Body {
    /// All of it.
    Bytes(Vec<u8>),
    /// Its source. It is dropped as soon as the client has left, and without being asked for
    /// anything where no body may be sent (a HEAD request, a status that forbids one).
    ///
    /// A client that ends its own side of the connection counts as one that left, though it
    /// could still read. So does one that sends 64 KiB of further requests in the meantime.
    ///
    /// Of type `text/event-stream` it has no end that could be waited for: when the server
    /// stops, it ends with what was written.
    Stream(Box<dyn BodyStream>),
}

/// A body that is still being made.
pub trait BodyStream {
    /// Returns the next chunk. Called only when the last one was written. Chunks that are ready
    /// one after the other may be written together; the head is sent with the first, so a
    /// source that wants it sent early begins with a chunk. That may be an empty one; later, an
    /// empty one sends nothing, and must not be followed by others without end.
    /// `None` is the end, and nothing is asked for after it, nor after an error.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, Aborted>>>;

    /// Returns the bytes of the content, if known beforehand: the response then says so, and is
    /// not chunked. A source that ends before, or goes on behind them, makes the body incomplete,
    /// as [`Aborted`] does. The chunk that completes the length is sent when the source has ended.
    fn length(&self) -> Option<u64> {
        None
    }

    /// Returns whether [`BodyStream::trailers`] has some, as far as is known before the body: then it is
    /// chunked, whether its length is known or not.
    fn has_trailers(&self) -> bool {
        false
    }

    /// Called if the content has not the length that [`BodyStream::length`] gave, and so was cut off.
    fn note_wrong_length(&mut self, why: WrongLength) {
        tracing::warn!("a response was cut off: {why}");
    }

    /// Returns the trailers. Called once, after the end of the body. They are left out if the client
    /// didn't say that it takes trailers, or the response isn't chunked. Trailers that can't be
    /// sent, or have to stand before the content (RFC 9110 section 6.5.1), make the body
    /// incomplete, as [`Aborted`] does.
    fn trailers(&mut self) -> Trailers {
        Trailers::new()
    }
}

/// The rest of a streamed body will not come. The client sees that the body is incomplete,
/// because the connection is cut without the body's end (RFC 9112 section 8); where nothing
/// was sent yet it gets a 500.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the rest of the body will not come")]
pub struct Aborted;

/// A streamed body whose content has not the length that its source gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WrongLength {
    /// The source went on.
    #[error("it is longer than its content-length")]
    TooLong,
    /// The source ended.
    #[error("it is {missing} bytes shorter than its content-length")]
    TooShort {
        /// The bytes that did not come.
        missing: u64,
    },
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Box<dyn BodyStream>> for Body {
    fn from(stream: Box<dyn BodyStream>) -> Self {
        Self::Stream(stream)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Stream(_) => f.write_str("a stream"),
        }
    }
}
