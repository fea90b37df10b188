//! A request to a stock `wasi:http` component, and its response.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rusm_uring_net::http1::Trailers;
use rusm_uring_net::{Aborted, BodyError, BodySink, BodyStream, Closed};
use rusm_wasm_pool::admission::Place;
use rusm_wasm_pool::connection::ResponseStart;
use rusm_wasm_pool::http::Response;
use rusm_wasm_pool::wasi_http::{
    BodyFailure, Frame, IncomingRequest, RequestBodySender, ResponseBody,
};
use rusm_wasm_pool::{ComponentRef, Fault, ShardPool};

use super::streaming::{Guest, Outcome};

/// Let a component handle a request. Its answer has to begin within `limit`.
pub(super) async fn handle(
    pool: &Rc<ShardPool>,
    component: ComponentRef,
    request: IncomingRequest,
    limit: Duration,
) -> Result<Outcome, Fault> {
    let began = Instant::now();
    let handling = pool.handle_http(component, request, limit).await?;
    let guest = Guest::new(pool.shard().clone(), handling.pid);
    let response = match handling.answered.await {
        Ok(answered) => answered?,
        Err(_) if began.elapsed() >= limit => return Err(Fault::Timeout { limit }),
        Err(_) => {
            return Err(Fault::Answer {
                reason: "it ended without one".into(),
            });
        }
    };
    let start = ResponseStart {
        status: response.status,
        headers: response.headers,
    };
    let mut body = GuestBody {
        body: response.body,
        guest: Some(guest),
        trailers: Trailers::new(),
    };
    // What is there already is a small response's whole body, mostly.
    let mut ready = Vec::new();
    let gathered = poll_fn(|cx| Poll::Ready(body.gather(cx, &mut ready))).await;
    Ok(match gathered {
        Gathered::All if body.trailers.is_empty() => {
            body.let_go();
            Outcome::Whole(Response {
                status: start.status,
                headers: start.headers,
                body: ready,
            })
        }
        Gathered::All | Gathered::Some => Outcome::Stream(
            start,
            Box::new(Begun {
                _place: pool.hold_connection()?,
                ready: Some(ready),
                rest: body,
            }),
        ),
        Gathered::Failed => {
            return Err(Fault::Answer {
                reason: "it ended before the body of its response was finished".into(),
            });
        }
    })
}

/// Takes the body of a request to the guest that reads it.
pub(super) struct Sink(pub(super) RequestBodySender);

impl BodySink for Sink {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        self.0.poll_ready(cx).map(|is_wanted| match is_wanted {
            true => Ok(()),
            false => Err(Closed),
        })
    }

    fn chunk(&mut self, chunk: Vec<u8>) {
        self.0.send(Frame::Data(chunk.into()));
    }

    fn end(self: Box<Self>, trailers: Trailers) {
        self.0.end(trailers);
    }

    fn fail(self: Box<Self>, why: BodyError) {
        self.0.fail(match why {
            BodyError::Left => BodyFailure::Gone,
            BodyError::Malformed(_) => BodyFailure::Malformed,
            BodyError::TooLarge => BodyFailure::TooLarge,
            BodyError::TooSlow => BodyFailure::Timeout,
        });
    }
}

/// The body that a guest writes, and the guest.
struct GuestBody {
    body: ResponseBody,
    /// Gone when it may go on without its client.
    guest: Option<Guest>,
    trailers: Trailers,
}

enum Gathered {
    All,
    Some,
    Failed,
}

impl GuestBody {
    /// Take what is there, up to a limit.
    fn gather(&mut self, cx: &mut Context<'_>, ready: &mut Vec<u8>) -> Gathered {
        while ready.len() < SMALL {
            match self.body.poll_frame(cx) {
                Poll::Ready(None) => return Gathered::All,
                Poll::Ready(Some(Ok(Frame::Data(data)))) => ready.extend_from_slice(&data),
                Poll::Ready(Some(Ok(Frame::Trailers(trailers)))) => self.trailers = trailers,
                // Nothing was sent yet, so the client can be told.
                Poll::Ready(Some(Err(_))) => return Gathered::Failed,
                Poll::Pending => return Gathered::Some,
            }
        }
        Gathered::Some
    }

    /// The response is complete: the guest may finish what it is at.
    fn let_go(&mut self) {
        if let Some(guest) = self.guest.take() {
            guest.release(AFTERWARDS);
        }
    }
}

/// A response that has begun.
struct Begun {
    ready: Option<Vec<u8>>,
    rest: GuestBody,
    _place: Place,
}

impl BodyStream for Begun {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Vec<u8>, Aborted>>> {
        // It sends the head, even if there is nothing behind it yet.
        if let Some(ready) = self.ready.take() {
            return Poll::Ready(Some(Ok(ready)));
        }
        loop {
            return Poll::Ready(match std::task::ready!(self.rest.body.poll_frame(cx)) {
                Some(Ok(Frame::Data(data))) if data.is_empty() => continue,
                Some(Ok(Frame::Data(data))) => Some(Ok(data.into())),
                Some(Ok(Frame::Trailers(trailers))) => {
                    self.rest.trailers = trailers;
                    continue;
                }
                Some(Err(failure)) => {
                    let guest = self.rest.guest.as_ref();
                    let pid = guest.map(|guest| tracing::field::display(guest.pid()));
                    tracing::warn!(pid, "amid the body of a response: {failure}");
                    Some(Err(Aborted))
                }
                None => {
                    self.rest.let_go();
                    None
                }
            });
        }
    }

    fn trailers(&mut self) -> Trailers {
        std::mem::take(&mut self.rest.trailers)
    }
}

/// Bytes of a body that are gathered before a response begins.
const SMALL: usize = 64 * 1024;
/// How long a guest may take after its response is complete.
const AFTERWARDS: Duration = Duration::from_secs(30);
