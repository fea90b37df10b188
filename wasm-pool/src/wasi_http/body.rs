//! Bodies on their way between a connection and a stock component.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_channel::{mpsc, oneshot};
use http_body::{Body, SizeHint};
use thiserror::Error;
use wasmtime::component::ResourceTable;
use wasmtime_wasi_http::Error as HttpError;
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, HyperOutgoingBody, StreamContext};

/// The content of a request.
pub struct RequestBody(Content);

enum Content {
    /// All of it, until it is read.
    Whole(Option<Bytes>),
    /// As it comes.
    Stream {
        receiver: mpsc::Receiver<Result<Frame, BodyFailure>>,
        /// Tells the sender of the first read.
        reading: Option<oneshot::Sender<()>>,
    },
}

/// The end of a request's body that its connection writes to. Dropped, it is the end of the body.
pub struct RequestBodySender {
    sender: mpsc::Sender<Result<Frame, BodyFailure>>,
    /// Where the first read is waited for.
    read: Option<oneshot::Receiver<()>>,
}

/// A piece of a body.
#[derive(Debug)]
pub enum Frame {
    /// Content.
    Data(Bytes),
    /// The last: trailer fields.
    Trailers(Vec<(String, Vec<u8>)>),
}

/// The rest of a request's body will not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BodyFailure {
    /// The client is gone.
    #[error("the client is gone")]
    Gone,
    /// It took too long.
    #[error("the client took too long")]
    Timeout,
    /// There is more of it than the listener takes.
    #[error("the body is larger than the listener takes")]
    TooLarge,
    /// It is malformed.
    #[error("the body is malformed")]
    Malformed,
}

impl RequestBody {
    /// A body that is all there.
    pub fn whole(content: &[u8]) -> Self {
        let content = (!content.is_empty()).then(|| Bytes::copy_from_slice(content));
        Self(Content::Whole(content))
    }

    /// A body that comes, one piece at a time: the sender waits until the guest has taken the one
    /// before.
    pub fn stream() -> (RequestBodySender, Self) {
        let (sender, receiver) = mpsc::channel(0);
        let sender = RequestBodySender { sender, read: None };
        let reading = None;
        (sender, Self(Content::Stream { receiver, reading }))
    }

    /// The same, but nothing can be sent before the guest reads: its client sends nothing until it
    /// is told that somebody wants it.
    pub fn stream_when_read() -> (RequestBodySender, Self) {
        let (mut sender, mut body) = Self::stream();
        let (notify, notified) = oneshot::channel();
        sender.read = Some(notified);
        if let Content::Stream { reading, .. } = &mut body.0 {
            *reading = Some(notify);
        }
        (sender, body)
    }
}

impl RequestBodySender {
    /// Whether a piece can be sent; false if the guest wants no more.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        if let Some(read) = &mut self.read {
            // A body that is dropped unread is closed, which is seen next.
            let _ = std::task::ready!(Pin::new(read).poll(cx));
            self.read = None;
        }
        self.sender.poll_ready(cx).map(|ready| ready.is_ok())
    }

    /// Send a piece. It is lost if the guest wants no more.
    pub fn send(&mut self, frame: Frame) {
        let _ = self.sender.try_send(Ok(frame));
    }

    /// Send the trailer fields, room or no room, and end the body.
    pub fn end(self, trailers: Vec<(String, Vec<u8>)>) {
        if !trailers.is_empty() {
            // A clone has a place of its own.
            let _ = self.sender.clone().try_send(Ok(Frame::Trailers(trailers)));
        }
    }

    /// Say that there will be no more, though there should.
    pub fn fail(self, failure: BodyFailure) {
        let _ = self.sender.clone().try_send(Err(failure));
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = HttpError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, HttpError>>> {
        match &mut self.0 {
            Content::Whole(content) => Poll::Ready(
                content
                    .take()
                    .map(|content| Ok(http_body::Frame::data(content))),
            ),
            Content::Stream { receiver, reading } => {
                if let Some(reading) = reading.take() {
                    let _ = reading.send(());
                }
                let next = futures_core::Stream::poll_next(Pin::new(receiver), cx);
                next.map(|next| {
                    next.map(|next| match next {
                        Ok(Frame::Data(data)) => Ok(http_body::Frame::data(data)),
                        Ok(Frame::Trailers(trailers)) => {
                            Ok(http_body::Frame::trailers(header_map(trailers)))
                        }
                        Err(failure) => Err(failure.into()),
                    })
                })
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.0, Content::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Content::Whole(content) => {
                SizeHint::with_exact(content.as_ref().map_or(0, Bytes::len) as u64)
            }
            Content::Stream { .. } => SizeHint::default(),
        }
    }
}

impl From<BodyFailure> for HttpError {
    fn from(failure: BodyFailure) -> Self {
        match failure {
            BodyFailure::Gone => Self::ConnectionTerminated,
            BodyFailure::Timeout => Self::ConnectionReadTimeout,
            BodyFailure::TooLarge => Self::HttpRequestBodySize(None),
            BodyFailure::Malformed => Self::HttpProtocolError,
        }
    }
}

/// The content of a response, as the guest writes it.
pub struct ResponseBody(HyperOutgoingBody);

impl ResponseBody {
    pub(crate) fn new(body: HyperOutgoingBody) -> Self {
        Self(body)
    }

    /// The next piece. The guest is done when there is none; an error if it ended before that.
    pub fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame, OutgoingFailure>>> {
        Pin::new(&mut self.0).poll_frame(cx).map(|frame| {
            frame.map(|frame| {
                // The one error that there is: `outgoing-body.finish` was not called.
                let frame = frame.map_err(|_| OutgoingFailure)?;
                Ok(match frame.into_data() {
                    Ok(data) => Frame::Data(data),
                    Err(frame) => {
                        let trailers = frame.into_trailers().unwrap_or_default();
                        Frame::Trailers(fields(&trailers))
                    }
                })
            })
        })
    }
}

/// The rest of a response will not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the guest ended, or dropped the body, before it was finished")]
pub struct OutgoingFailure;

/// Tell those who read what the guest of this table writes that it will not be finished. The guest
/// has ended: what it holds would be dropped next, and that alone looks like the end of a body.
pub(crate) fn abort_unfinished(table: &mut ResourceTable) {
    for entry in table.iter_mut() {
        if let Some(body) = entry.downcast_mut::<HostOutgoingBody>() {
            let (nobodys, _) = HostOutgoingBody::new(StreamContext::Response, None, 1, 1);
            std::mem::replace(body, nobodys).abort();
        }
    }
}

fn header_map(fields: Vec<(String, Vec<u8>)>) -> http::HeaderMap {
    let fields = fields.into_iter().filter_map(|(name, value)| {
        let name = http::HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, http::HeaderValue::from_bytes(&value).ok()?))
    });
    let mut map = http::HeaderMap::new();
    for (name, value) in fields {
        map.append(name, value);
    }
    map
}

fn fields(map: &http::HeaderMap) -> Vec<(String, Vec<u8>)> {
    map.iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn a_body_that_waits_for_its_reader_takes_nothing_before() {
        let mut cx = Context::from_waker(Waker::noop());
        let (mut sender, mut body) = RequestBody::stream_when_read();
        assert_eq!(sender.poll_ready(&mut cx), Poll::Pending);
        assert!(Pin::new(&mut body).poll_frame(&mut cx).is_pending());
        assert_eq!(sender.poll_ready(&mut cx), Poll::Ready(true));
        sender.send(Frame::Data(Bytes::from_static(b"x")));
        let read = Pin::new(&mut body).poll_frame(&mut cx);
        assert!(matches!(read, Poll::Ready(Some(Ok(frame))) if frame.is_data()));

        let (mut sender, body) = RequestBody::stream_when_read();
        assert_eq!(sender.poll_ready(&mut cx), Poll::Pending);
        drop(body);
        assert_eq!(sender.poll_ready(&mut cx), Poll::Ready(false));

        let (mut sender, _body) = RequestBody::stream();
        assert_eq!(sender.poll_ready(&mut cx), Poll::Ready(true));
    }
}
