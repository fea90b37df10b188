//! A request to a stock `wasi:http` component, and its response.

use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rusm_uring_net::{Aborted, BodyStream};
use rusm_wasm_pool::admission::Place;
use rusm_wasm_pool::connection::ResponseStart;
use rusm_wasm_pool::http::{HeaderRef, Request, Response};
use rusm_wasm_pool::wasi_http::{Frame, IncomingRequest, RequestBody, ResponseBody};
use rusm_wasm_pool::{ComponentRef, Fault, ShardPool};

use super::streaming::{Guest, Outcome};

/// Let a component handle a request. Its answer has to begin within `limit`.
pub(super) async fn handle(
    pool: &Rc<ShardPool>,
    component: ComponentRef,
    request: &Request<'_>,
    headers: &[HeaderRef<'_>],
    body: RequestBody,
    limit: Duration,
) -> Result<Outcome, Fault> {
    let began = Instant::now();
    let request = IncomingRequest {
        method: request.method,
        target: request.target,
        headers,
        body,
    };
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
    };
    // What is there already is a small response's whole body, mostly.
    let mut ready = Vec::new();
    let gathered = poll_fn(|cx| Poll::Ready(body.gather(cx, &mut ready))).await;
    Ok(match gathered {
        Gathered::All => {
            body.let_go();
            Outcome::Whole(Response {
                status: start.status,
                headers: start.headers,
                body: ready,
            })
        }
        Gathered::Some => Outcome::Stream(
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

/// The body that a guest writes, and the guest.
struct GuestBody {
    body: ResponseBody,
    /// Gone when it may go on without its client.
    guest: Option<Guest>,
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
                Poll::Ready(Some(Ok(Frame::Trailers(_)))) => {}
                Poll::Ready(Some(Err(_))) if ready.is_empty() => return Gathered::Failed,
                Poll::Ready(Some(Err(_))) | Poll::Pending => return Gathered::Some,
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
        if let Some(ready) = self.ready.take()
            && !ready.is_empty()
        {
            return Poll::Ready(Some(Ok(ready)));
        }
        loop {
            return Poll::Ready(match std::task::ready!(self.rest.body.poll_frame(cx)) {
                Some(Ok(Frame::Data(data))) if data.is_empty() => continue,
                Some(Ok(Frame::Data(data))) => Some(Ok(data.into())),
                Some(Ok(Frame::Trailers(_))) => continue,
                Some(Err(failure)) => {
                    tracing::warn!("amid the body of a response: {failure}");
                    Some(Err(Aborted))
                }
                None => {
                    self.rest.let_go();
                    None
                }
            });
        }
    }
}

/// Bytes of a body that are gathered before a response begins.
const SMALL: usize = 64 * 1024;
/// How long a guest may take after its response is complete.
const AFTERWARDS: Duration = Duration::from_secs(30);
