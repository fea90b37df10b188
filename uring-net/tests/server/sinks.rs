//! What takes the bodies of requests as they come: an echo, and a puppet that a test controls.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::mpsc;
use std::task::{Context, Poll, Waker};

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_core::Stream;
use rusm_uring_net::connection::Settings;
use rusm_uring_net::http1::{Head, Trailers};
use rusm_uring_net::{
    Aborted, Body, BodyError, BodySink, BodyStream, Closed, Driver, ErrorResponse, Request, Route,
    Service, ServiceResponse, Streamed, StreamedRequest,
};

use crate::harness::{Bounds, Server};
use crate::peers::ok;

/// A server that streams the bodies of all requests whose path does not begin with `/plain`, which
/// are answered with their own bodies.
pub(crate) fn streaming<F>(
    driver: Driver,
    settings: Settings,
    make: impl FnOnce() -> F + Send + 'static,
) -> Server
where
    F: Fn(StreamedRequest<'_>) -> Result<Streamed, ErrorResponse> + 'static,
{
    streaming_within(driver, settings, Bounds::default(), make)
}

/// The same within these bounds.
pub(crate) fn streaming_within<F>(
    driver: Driver,
    settings: Settings,
    bounds: Bounds,
    make: impl FnOnce() -> F + Send + 'static,
) -> Server
where
    F: Fn(StreamedRequest<'_>) -> Result<Streamed, ErrorResponse> + 'static,
{
    Server::within(driver, settings, bounds, || Streaming(make()))
}

struct Streaming<F>(F);

impl<F> Service for Streaming<F>
where
    F: Fn(StreamedRequest<'_>) -> Result<Streamed, ErrorResponse> + 'static,
{
    type Buffered<'r> = ();
    type Streaming<'r> = ();

    fn route<'r>(&'r self, head: &Head<'r>) -> Result<Route<(), ()>, ErrorResponse> {
        Ok(match head.path.starts_with("/plain") {
            true => Route::Buffered(()),
            false => Route::Streaming(()),
        })
    }

    async fn call(
        &self,
        _: Self::Buffered<'_>,
        request: Request<'_>,
    ) -> Result<ServiceResponse, ErrorResponse> {
        Ok(ok(request.body.to_vec()))
    }

    fn call_streaming(
        &self,
        (): (),
        request: StreamedRequest<'_>,
    ) -> Result<Streamed, ErrorResponse> {
        (self.0)(request)
    }
}

/// Sends back what comes while it comes, one chunk at a time, trailers included. `taken` is told of
/// every chunk.
pub(crate) fn echo(taken: mpsc::Sender<usize>) -> Streamed {
    let pipe = Rc::new(RefCell::new(Pipe::default()));
    let sink = PipeSink(pipe.clone(), taken);
    let answer = ok(Body::Stream(Box::new(PipeStream(pipe))));
    Streamed {
        sink: Box::new(sink),
        response: Box::pin(async { Ok(answer) }),
    }
}

#[derive(Default)]
struct Pipe {
    chunk: Option<Vec<u8>>,
    end: Option<Result<Trailers, BodyError>>,
    closed: bool,
    wakers: VecDeque<Waker>,
}

impl Pipe {
    fn wake(&mut self) {
        self.wakers.drain(..).for_each(Waker::wake);
    }
}

struct PipeSink(Rc<RefCell<Pipe>>, mpsc::Sender<usize>);

impl BodySink for PipeSink {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        let mut pipe = self.0.borrow_mut();
        if pipe.closed {
            return Poll::Ready(Err(Closed));
        }
        if pipe.chunk.is_none() {
            return Poll::Ready(Ok(()));
        }
        pipe.wakers.push_back(cx.waker().clone());
        Poll::Pending
    }

    fn chunk(&mut self, chunk: Vec<u8>) {
        assert!(!chunk.is_empty());
        let _ = self.1.send(chunk.len());
        let mut pipe = self.0.borrow_mut();
        assert!(pipe.chunk.replace(chunk).is_none(), "there was no room");
        pipe.wake();
    }

    fn end(self: Box<Self>, trailers: Trailers) {
        let mut pipe = self.0.borrow_mut();
        pipe.end = Some(Ok(trailers));
        pipe.wake();
    }

    fn fail(self: Box<Self>, why: BodyError) {
        let mut pipe = self.0.borrow_mut();
        pipe.end = Some(Err(why));
        pipe.wake();
    }
}

struct PipeStream(Rc<RefCell<Pipe>>);

impl BodyStream for PipeStream {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, Aborted>>> {
        let mut pipe = self.0.borrow_mut();
        if let Some(chunk) = pipe.chunk.take() {
            pipe.wake();
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &pipe.end {
            Some(Ok(_)) => Poll::Ready(None),
            Some(Err(_)) => Poll::Ready(Some(Err(Aborted))),
            None => {
                pipe.wakers.push_back(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn trailers(&mut self) -> Trailers {
        match self.0.borrow_mut().end.take() {
            Some(Ok(trailers)) => trailers,
            _ => Trailers::new(),
        }
    }
}

impl Drop for PipeStream {
    fn drop(&mut self) {
        let mut pipe = self.0.borrow_mut();
        pipe.closed = true;
        pipe.wake();
    }
}

/// What a puppet's sink tells the test.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A request has come.
    Began,
    Chunk(Vec<u8>),
    End(Trailers),
    Fail(BodyError),
    /// Without an end, or a failure.
    Dropped,
}

/// The test's end of a puppet.
pub(crate) struct Strings {
    /// Each lets the sink take one chunk; an error closes it.
    pub(crate) permits: UnboundedSender<Result<(), Closed>>,
    /// Makes the answer.
    pub(crate) answer: UnboundedSender<MakeResponse>,
    pub(crate) events: mpsc::Receiver<Event>,
    /// The answer was dropped before it was made.
    pub(crate) dropped: mpsc::Receiver<()>,
}

pub(crate) type MakeResponse = Box<dyn FnOnce() -> Result<ServiceResponse, ErrorResponse> + Send>;

impl Strings {
    pub(crate) fn permit(&self, chunks: usize) {
        for _ in 0..chunks {
            // One that has all it wants is gone already.
            let _ = self.permits.unbounded_send(Ok(()));
        }
    }

    pub(crate) fn close(&self) {
        self.permits.unbounded_send(Err(Closed)).unwrap();
    }

    pub(crate) fn answer(
        &self,
        make: impl FnOnce() -> Result<ServiceResponse, ErrorResponse> + Send + 'static,
    ) {
        let _ = self.answer.unbounded_send(Box::new(make));
    }
}

/// A server whose first streamed request is a puppet's; the others are echoed.
pub(crate) fn puppet(driver: Driver, settings: Settings) -> (Server, Strings) {
    let (permits, permitted) = unbounded();
    let (answer, answers) = unbounded();
    let (event_sender, events) = mpsc::channel();
    let (drops, dropped) = mpsc::channel();
    let parts = (permitted, answers, event_sender, drops);
    let server = streaming(driver, settings, move || {
        let parts = RefCell::new(Some(parts));
        move |_| {
            let Some((permitted, answers, events, drops)) = parts.borrow_mut().take() else {
                return Ok(echo(mpsc::channel().0));
            };
            let _ = events.send(Event::Began);
            let sink = Puppet {
                permitted,
                ready: None,
                events: Some(events),
            };
            Ok(Streamed {
                sink: Box::new(sink),
                response: Box::pin(Answering {
                    answers,
                    drops: Some(drops),
                }),
            })
        }
    });
    let strings = Strings {
        permits,
        answer,
        events,
        dropped,
    };
    (server, strings)
}

struct Puppet {
    permitted: UnboundedReceiver<Result<(), Closed>>,
    ready: Option<Result<(), Closed>>,
    events: Option<mpsc::Sender<Event>>,
}

impl Puppet {
    fn send_event(&self, event: Event) {
        if let Some(sender) = &self.events {
            let _ = sender.send(event);
        }
    }
}

impl BodySink for Puppet {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        if self.ready.is_none() {
            let Poll::Ready(ready) = Pin::new(&mut self.permitted).poll_next(cx) else {
                return Poll::Pending;
            };
            self.ready = Some(ready.unwrap_or(Err(Closed)));
        }
        Poll::Ready(self.ready.unwrap())
    }

    fn chunk(&mut self, chunk: Vec<u8>) {
        assert_eq!(self.ready.take(), Some(Ok(())), "it was ready");
        self.send_event(Event::Chunk(chunk));
    }

    fn end(mut self: Box<Self>, trailers: Trailers) {
        self.send_event(Event::End(trailers));
        self.events = None;
    }

    fn fail(mut self: Box<Self>, why: BodyError) {
        self.send_event(Event::Fail(why));
        self.events = None;
    }
}

impl Drop for Puppet {
    fn drop(&mut self) {
        self.send_event(Event::Dropped);
    }
}

struct Answering {
    answers: UnboundedReceiver<MakeResponse>,
    drops: Option<mpsc::Sender<()>>,
}

impl Future for Answering {
    type Output = Result<ServiceResponse, ErrorResponse>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match Pin::new(&mut self.answers).poll_next(cx) {
            Poll::Ready(Some(make)) => {
                self.drops = None;
                Poll::Ready(make())
            }
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if let Some(drops) = &self.drops {
            let _ = drops.send(());
        }
    }
}
