//! Requests that are answered while their bodies still come.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use thiserror::Error;

use super::informational::Informational;
use super::response::ServiceResponse;
use crate::error_response::ErrorResponse;
use crate::http1::{Head, RequestError, Status, Trailers};
use crate::request_id::RequestId;

/// A request without its body, which goes to a [`BodySink`].
#[derive(Clone, Debug)]
pub struct StreamedRequest<'r> {
    /// Its head. Nothing of it is left when the response is made: what is needed must be copied.
    pub head: Head<'r>,
    /// The client's address.
    pub peer: SocketAddr,
    /// The identifier of the request in the logs.
    pub id: RequestId<'r>,
    /// The way to responses before the final one.
    pub informational: Informational,
}

/// The sink of a request's body, and its pending response: both are driven by the connection's
/// task, side by side.
///
/// The response may come, and its streamed body go out, while the request's body still comes. When
/// the response is complete and the request's body is not, the sink is dropped: the rest is read
/// only if it is small, and discarded. Both are dropped as soon as the client has left.
pub struct Streamed {
    /// The receiver of the body.
    pub sink: Box<dyn BodySink>,
    /// The response.
    pub response: PendingResponse,
}

/// A response that is still being made.
pub type PendingResponse = Pin<Box<dyn Future<Output = Result<ServiceResponse, ErrorResponse>>>>;

impl fmt::Debug for Streamed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Streamed").finish_non_exhaustive()
    }
}

/// Takes the body of a request at its pace. It lives in the connection's task: everything
/// that it is asked must be answered without blocking.
///
/// Its last call is [`BodySink::end`] or [`BodySink::fail`]; a sink that is dropped without
/// either will not get the rest because the response is complete.
pub trait BodySink {
    /// Ready if there is room for a chunk. While there is none, one chunk at most is read of the
    /// client and held (64 KiB), and the client then has to wait (TCP's back-pressure). Asked
    /// again whenever the connection wakes up; what makes room must wake `cx`.
    ///
    /// # Errors
    /// The consumer wants no more: nothing is asked of the sink any more.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>>;

    /// The next bytes of the body, at least one; seldom more than 64 KiB. Called only after
    /// [`BodySink::poll_ready`] was ready, once for each time.
    fn chunk(&mut self, chunk: Vec<u8>);

    /// The body is complete. Names of `trailers` are in lower case. It may be called when there
    /// is no room for a chunk, and is called at once for a request without a body.
    fn end(self: Box<Self>, trailers: Trailers);

    /// The rest of the body will not come.
    fn fail(self: Box<Self>, why: BodyError);
}

/// The consumer of a body wants no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the body is not wanted")]
pub struct Closed;

/// The reason why the rest of a request's body will not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BodyError {
    /// The client has left.
    #[error("the client has left")]
    Disconnected,
    /// It is no body, or its trailers are no trailers, or they are too large.
    #[error("{0}")]
    Malformed(RequestError),
    /// It is larger than the listener allows.
    #[error("the body is too large")]
    TooLarge,
    /// The client sent nothing for longer than the listener allows.
    #[error("the client sends too slowly")]
    TooSlow,
}

impl BodyError {
    /// Returns the response to a client whose body did not come, if it is still there.
    pub(crate) fn response(self) -> Option<ErrorResponse> {
        match self {
            Self::Disconnected => None,
            Self::Malformed(error) => Some(error.into()),
            Self::TooLarge => Some(
                ErrorResponse::new(Status::CONTENT_TOO_LARGE).with_text("the body is too large"),
            ),
            Self::TooSlow => Some(ErrorResponse::new(Status::REQUEST_TIMEOUT)),
        }
    }
}
