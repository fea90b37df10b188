//! Who answers requests.

mod interim;
mod streamed;

use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::task::{Context, Poll};

use thiserror::Error;

pub use self::interim::{Interim, InvalidInterim};
pub use self::streamed::{BodyError, BodySink, Closed, PendingAnswer, Streamed, StreamedRequest};
use crate::http1::{Head, HeaderLines, Status, Trailers};
use crate::request_id::RequestId;
use crate::websocket::WebSocket;

/// Answers the requests of one listener on one shard.
pub trait Service: 'static {
    /// What [`Service::route`] found, for [`Service::answer`] to use.
    type Route<'r>;

    /// Decide, from the head alone, whether the request is worth its body.
    ///
    /// # Errors
    /// The response, where there is nothing to run.
    fn route<'r>(&'r self, head: &Head<'r>) -> Result<Self::Route<'r>, Refusal>;

    /// Answer a request.
    fn answer(
        &self,
        route: Self::Route<'_>,
        request: Request<'_>,
    ) -> impl Future<Output = Result<Response, Refusal>>;

    /// Whether a request of this route is answered while its body still comes:
    /// [`Service::answer_streamed`] is called for it, and not [`Service::answer`].
    fn wants_stream(&self, _route: &Self::Route<'_>) -> bool {
        false
    }

    /// Answer a request whose body goes to a sink as it comes.
    ///
    /// # Errors
    /// The response, where there is nothing to run.
    fn answer_streamed(
        &self,
        _route: Self::Route<'_>,
        _request: StreamedRequest<'_>,
    ) -> Result<Streamed, Refusal> {
        Err(Refusal::new(Status::NOT_IMPLEMENTED))
    }
}

/// A request, read whole.
#[derive(Clone, Copy, Debug)]
pub struct Request<'r> {
    /// Its head.
    pub head: Head<'r>,
    /// Its content.
    pub body: &'r [u8],
    /// Who sent it.
    pub peer: SocketAddr,
    /// What it is called in the logs.
    pub id: RequestId<'r>,
}

/// What a service answers with.
#[derive(Debug)]
pub enum Response {
    /// A response of HTTP.
    Answer(Answer),
    /// The connection goes on as a WebSocket.
    WebSocket(WebSocket),
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

impl From<WebSocket> for Response {
    fn from(websocket: WebSocket) -> Self {
        Self::WebSocket(websocket)
    }
}

/// A response, before the host has framed it.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: Status,
    /// Names and values. Those that frame the message are the host's, and are left out.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its content.
    pub body: Body,
}

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
    /// The next chunk, asked for only when the last one was written. Chunks that are ready
    /// one after the other may be written together; the head is sent with the first, so a
    /// source that wants it sent early begins with a chunk. That may be an empty one; later, an
    /// empty one sends nothing, and must not be followed by others without end.
    /// `None` is the end, and nothing is asked for after it, nor after an error.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, Aborted>>>;

    /// Bytes of the content, where they are known beforehand: the response then says so, and is
    /// not chunked. A source that ends before, or goes on behind them, makes the body incomplete,
    /// as [`Aborted`] does.
    fn length(&self) -> Option<u64> {
        None
    }

    /// What is sent behind the body: asked for once, after its end. It is left out if the client
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

/// A response that the host gives of itself: one line of text.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Its status.
    pub status: Status,
    /// Headers of its own, such as `Allow`.
    pub headers: HeaderLines,
    /// The line.
    pub text: Cow<'static, str>,
}

impl Refusal {
    /// A refusal that says no more than its status does.
    pub fn new(status: Status) -> Self {
        Self {
            status,
            headers: HeaderLines::default(),
            text: status.reason().into(),
        }
    }

    /// The same with this line of text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.text = text.into();
        self
    }

    /// The same with these headers.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderLines) -> Self {
        self.headers = headers;
        self
    }
}
