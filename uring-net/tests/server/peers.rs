//! What answers in these tests: sources of bodies, and WebSocket handlers.

use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::task::{Context, Poll};

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_core::Stream;
use rusm_uring_net::http1::{ResponseHeaders, Status};
use rusm_uring_net::websocket::{
    HandshakeRules, Message, Outgoing, Settings, WebSocketHandler, upgrade,
};
use rusm_uring_net::{
    Aborted, Body, BodyStream, ErrorResponse, Request, Response, ServiceResponse, WebSocket,
};

/// A response of 200 with this body.
pub(crate) fn ok(body: impl Into<Body>) -> ServiceResponse {
    let headers = vec![("content-type".to_owned(), b"text/plain".to_vec())];
    ServiceResponse::Http(Response {
        status: Status::OK,
        headers: ResponseHeaders::new(headers).unwrap(),
        body: body.into(),
    })
}

/// The client's end of a body that a test makes chunk by chunk.
pub(crate) struct Source {
    pub(crate) chunks: UnboundedSender<Result<Vec<u8>, Aborted>>,
    /// The stream was dropped.
    pub(crate) dropped: mpsc::Receiver<()>,
}

/// A body, and the test's end of it.
pub(crate) fn source() -> (Source, Controlled) {
    let (chunks, receiver) = unbounded();
    let (drops, dropped) = mpsc::channel();
    let body = Controlled {
        receiver,
        drops,
        length: None,
    };
    (Source { chunks, dropped }, body)
}

impl Source {
    pub(crate) fn send(&self, chunk: impl AsRef<[u8]>) {
        let chunk = chunk.as_ref().to_vec();
        self.chunks.unbounded_send(Ok(chunk)).unwrap();
    }
}

/// A body that is what a test sends.
pub(crate) struct Controlled {
    receiver: UnboundedReceiver<Result<Vec<u8>, Aborted>>,
    drops: mpsc::Sender<()>,
    /// What it says that it is as long as.
    pub(crate) length: Option<u64>,
}

impl BodyStream for Controlled {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, Aborted>>> {
        Pin::new(&mut self.receiver).poll_next(cx)
    }

    fn length(&self) -> Option<u64> {
        self.length
    }
}

impl Drop for Controlled {
    fn drop(&mut self) {
        let _ = self.drops.send(());
    }
}

/// A body without end, of chunks of so many bytes.
pub(crate) struct Endless {
    pub(crate) chunk: usize,
    pub(crate) pulled: Arc<AtomicUsize>,
    pub(crate) drops: mpsc::Sender<()>,
}

impl BodyStream for Endless {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, Aborted>>> {
        self.pulled.fetch_add(1, Ordering::Relaxed);
        Poll::Ready(Some(Ok(vec![b'x'; self.chunk])))
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = self.drops.send(());
    }
}

/// Complete a handshake with this handler.
pub(crate) fn accept(
    request: &Request<'_>,
    settings: &Rc<Settings>,
    handler: impl WebSocketHandler + 'static,
) -> Result<ServiceResponse, ErrorResponse> {
    accept_by(request, HandshakeRules::default(), settings, handler)
}

/// The same by these rules.
pub(crate) fn accept_by(
    request: &Request<'_>,
    rules: HandshakeRules<'_>,
    settings: &Rc<Settings>,
    handler: impl WebSocketHandler + 'static,
) -> Result<ServiceResponse, ErrorResponse> {
    Ok(ServiceResponse::WebSocket(WebSocket {
        upgrade: upgrade(&request.head, rules)?,
        headers: ResponseHeaders::default(),
        settings: settings.clone(),
        handler: Box::new(handler),
    }))
}

/// Sends everything back.
#[derive(Default)]
pub(crate) struct Echo {
    queue: VecDeque<Outgoing>,
}

impl WebSocketHandler for Echo {
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        match self.queue.len() < 16 {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn message(&mut self, message: Message<'_>) {
        self.queue.push_back(match message {
            Message::Text(text) => Outgoing::Text(text.into_owned()),
            Message::Binary(bytes) => Outgoing::Binary(bytes.into_owned()),
        });
    }

    fn poll_outgoing(&mut self, _: &mut Context<'_>) -> Poll<Option<Outgoing>> {
        match self.queue.pop_front() {
            Some(outgoing) => Poll::Ready(Some(outgoing)),
            None => Poll::Pending,
        }
    }

    fn closed(&mut self, _: u16, _: &str) {}
}

/// What a [`Puppet`] tells the test.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Text(String),
    Binary(usize),
    Closed(u16, String),
}

/// The test's end of a [`Puppet`].
pub(crate) struct Strings {
    /// Each lets the puppet take one message.
    pub(crate) permits: UnboundedSender<()>,
    /// What it sends; when this is dropped, it has nothing more to say.
    pub(crate) outgoing: UnboundedSender<Outgoing>,
    pub(crate) events: mpsc::Receiver<Event>,
    /// Messages that were asked of it.
    pub(crate) pulled: Arc<AtomicUsize>,
}

/// A handler that a test controls.
pub(crate) struct Puppet {
    permits: UnboundedReceiver<()>,
    permitted: bool,
    outgoing: UnboundedReceiver<Outgoing>,
    events: mpsc::Sender<Event>,
    pulled: Arc<AtomicUsize>,
}

pub(crate) fn puppet() -> (Strings, Puppet) {
    let (permits, permits_receiver) = unbounded();
    let (outgoing, outgoing_receiver) = unbounded();
    let (event_sender, events) = mpsc::channel();
    let pulled = Arc::new(AtomicUsize::new(0));
    let strings = Strings {
        permits,
        outgoing,
        events,
        pulled: pulled.clone(),
    };
    let puppet = Puppet {
        permits: permits_receiver,
        permitted: false,
        outgoing: outgoing_receiver,
        events: event_sender,
        pulled,
    };
    (strings, puppet)
}

impl Strings {
    pub(crate) fn permit(&self, messages: usize) {
        for _ in 0..messages {
            self.permits.unbounded_send(()).unwrap();
        }
    }

    pub(crate) fn send(&self, outgoing: Outgoing) {
        self.outgoing.unbounded_send(outgoing).unwrap();
    }
}

impl WebSocketHandler for Puppet {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.permitted {
            self.permitted = Pin::new(&mut self.permits).poll_next(cx) == Poll::Ready(Some(()));
        }
        match self.permitted {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    }

    fn message(&mut self, message: Message<'_>) {
        assert!(std::mem::take(&mut self.permitted), "asked for");
        let event = match message {
            Message::Text(text) => Event::Text(text.into_owned()),
            Message::Binary(bytes) => Event::Binary(bytes.len()),
        };
        let _ = self.events.send(event);
    }

    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outgoing>> {
        let polled = Pin::new(&mut self.outgoing).poll_next(cx);
        if polled.is_ready() {
            self.pulled.fetch_add(1, Ordering::Relaxed);
        }
        polled
    }

    fn closed(&mut self, code: u16, reason: &str) {
        let _ = self.events.send(Event::Closed(code, reason.into()));
    }
}
