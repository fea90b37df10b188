//! The requests of one connection, one after the other.

use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;

use super::buffered_body::whole_in;
use super::context::ResponseContext;
use super::exchange::{ExchangeState, Reading};
use super::response_writer::{ResponseWriter, Written};
use super::streaming::StreamingExchange;
use super::transition::Transition;
use crate::deadline_guard::Linger;
use crate::error_response::ErrorResponse;
use crate::http1::{BodyDecoder, Connection, Head, HeadParser, RequestError, Status};
use crate::http2;
use crate::memory::Reserved;
use crate::request_id::RequestId;
use crate::service::{
    Body, BodyError, Informational, Request, Route, Service, ServiceResponse, StreamedRequest,
};
use crate::settings::Settings;
use crate::shard::{FIRST_REQUEST, Interrupt, Phase};
use crate::socket::{Client, Disconnected, IDLE_INPUT};
use crate::websocket::WebSocket;

/// A connection that has changed its protocol.
pub(super) struct Upgraded {
    pub(super) client: Client,
    /// The bytes that were read behind the request.
    pub(super) input: Vec<u8>,
    pub(super) to: Protocol,
}

/// The protocol that a connection goes on with.
pub(super) enum Protocol {
    WebSocket(WebSocket),
    Http2,
}

/// Serves the requests of a connection until it ends or changes its protocol.
pub(super) async fn serve<S: Service>(
    mut client: Client,
    peer: SocketAddr,
    service: Rc<S>,
) -> Option<Upgraded> {
    let mut parser = HeadParser::default();
    let mut input = Vec::with_capacity(IDLE_INPUT);
    let first = match client.shard.is_draining() {
        true => FIRST_REQUEST.min(client.settings.idle_timeout),
        false => client.settings.idle_timeout,
    };
    client.guard.set_phase(Phase::Idle, Some(first));
    loop {
        let transition = if input.is_empty() {
            Transition::NeedInput
        } else {
            one_request(&mut client, peer, &*service, &mut parser, &mut input).await
        };
        if matches!(
            transition,
            Transition::Next | Transition::Close | Transition::Finished | Transition::Disconnected
        ) {
            client.guard.recorder.end();
        }
        match transition {
            // The input may have come behind the last request: that starts the clock, too.
            Transition::NeedInput if !input.is_empty() && client.guard.phase() == Phase::Idle => {
                client
                    .guard
                    .set_phase(Phase::Head, Some(client.settings.header_timeout));
            }
            Transition::NeedInput => {}
            Transition::Next => {
                tracing::trace!(%peer, "response sent, the connection lives on");
                client.take_pipelined(&mut input);
                client
                    .guard
                    .set_phase(Phase::Idle, Some(client.settings.idle_timeout));
                continue;
            }
            Transition::Upgrade(websocket) => {
                tracing::trace!(%peer, "connection upgraded to a WebSocket");
                client.take_pipelined(&mut input);
                client.guard.recorder.upgrade();
                return Some(Upgraded {
                    client,
                    input,
                    to: Protocol::WebSocket(websocket),
                });
            }
            Transition::Http2 => {
                return Some(Upgraded {
                    client,
                    input,
                    to: Protocol::Http2,
                });
            }
            Transition::Close => {
                tracing::trace!(%peer, "connection closed: the response was its last");
                // What is left may take half a minute.
                drop((parser, input));
                client.close(Linger::SERVED).await;
                return None;
            }
            Transition::Finished => {
                tracing::trace!(%peer, "connection closed: the request was its last");
                client.end().await;
                return None;
            }
            Transition::Disconnected => {
                tracing::trace!(%peer, "connection closed: the client left, or its response was cut off");
                return None;
            }
        }
        if client.shard.is_draining() && !parser.is_amid_head() && !client.guard.is_fresh() {
            tracing::trace!(%peer, "connection closed: the server stops");
            client.end().await;
            return None;
        }
        match client.read_more(&mut input).await {
            Ok(0) if client.guard.interrupted() == Some(Interrupt::Expired) => {
                tracing::trace!(%peer, "connection closed: its time was over");
                if parser.is_amid_head() {
                    client.guard.recorder.begin_unparsed(&input);
                    let timed_out = ErrorResponse::new(Status::REQUEST_TIMEOUT);
                    let _ = client
                        .write_error(&timed_out, ResponseContext::of_unparsed(&input))
                        .await;
                    drop((parser, input));
                    client.close(Linger::SERVED).await;
                } else {
                    client.end().await;
                }
                return None;
            }
            Ok(0) => {
                tracing::trace!(%peer, "connection closed: the client left, or the server stops");
                client.end().await;
                return None;
            }
            Err(error) => {
                tracing::trace!(%peer, %error, "connection closed");
                // Where TLS was broken, there is an alert for it.
                client.end().await;
                return None;
            }
            Ok(_) => {}
        }
    }
}

async fn one_request<S: Service>(
    client: &mut Client,
    peer: SocketAddr,
    service: &S,
    parser: &mut HeadParser,
    input: &mut Vec<u8>,
) -> Transition {
    let handled = match handle(client, peer, service, parser, input).await {
        Ok(Routed::Buffered(handled)) => handled,
        Ok(Routed::Streaming(exchange)) => {
            return Box::pin(exchange.serve(client, input)).await;
        }
        Err(transition) => return transition,
    };
    // A streamed response may take hours: what the request took is given back before.
    match handled.consumed {
        Some(consumed) => drop(input.drain(..consumed.min(input.len()))),
        None => input.clear(),
    }
    input.extend_from_slice(&handled.leftover);
    if input.is_empty() {
        input.shrink_to(IDLE_INPUT);
    }
    let is_streamed = match &handled.response {
        Ok(ServiceResponse::Http(response)) => matches!(response.body, Body::Stream(_)),
        Ok(ServiceResponse::WebSocket(_)) | Err(_) => false,
    };
    if is_streamed && input.is_empty() {
        *input = Vec::new();
    }
    respond(client, handled, is_streamed).await
}

/// Writes a response to a request that was read whole.
async fn respond(client: &mut Client, handled: Handled, is_streamed: bool) -> Transition {
    let state = ExchangeState::new(
        &client.guard,
        &client.shard,
        &client.settings,
        Reading::Complete,
    );
    let mut writer = ResponseWriter::new(&mut client.writer, &state, handled.context);
    let mut responding = pin!(writer.write_response(handled.response));
    let written = match is_streamed {
        true => state.run(&mut client.reader, responding.as_mut()).await,
        // Nothing is waited for but the client.
        false => responding
            .await
            .map_err(|Disconnected| BodyError::Disconnected),
    };
    match written {
        Ok(Written::Complete(Connection::KeepAlive)) => Transition::Next,
        // The client knew that this was the last, and has nothing more to say.
        Ok(Written::Complete(_)) if handled.is_last && handled.consumed.is_some() => {
            Transition::Finished
        }
        Ok(Written::Complete(_)) => Transition::Close,
        Ok(Written::Upgraded(websocket)) => Transition::Upgrade(websocket),
        Ok(Written::Aborted) | Err(_) => Transition::Disconnected,
    }
}

/// Returns whether a client begins with HTTP/2, and may: over TLS the handshake decides.
fn may_be_http2(client: &Client, input: &[u8]) -> bool {
    client.settings.http2 && client.settings.tls.is_none() && input.starts_with(http2::PREFACE)
}

/// A request that was read as far as its route wants it.
enum Routed {
    /// It has a response.
    Buffered(Handled),
    /// It gets one while its body still comes.
    Streaming(Box<StreamingExchange>),
}

/// A request that has a response, which borrows nothing of the input.
struct Handled {
    response: Result<ServiceResponse, ErrorResponse>,
    context: ResponseContext,
    /// Set if the client said that the request is its last.
    is_last: bool,
    /// The start of the next request; `None` where that isn't worth finding.
    consumed: Option<usize>,
    /// Bytes that were read behind the body.
    leftover: Vec<u8>,
}

/// Reads the request that `input` begins with, and has it handled.
async fn handle<S: Service>(
    client: &mut Client,
    peer: SocketAddr,
    service: &S,
    parser: &mut HeadParser,
    input: &mut [u8],
) -> Result<Routed, Transition> {
    let head = match parser.parse(input, &client.settings.head) {
        Ok(None) => return Err(Transition::NeedInput),
        Ok(Some(head)) => head,
        Err(error) => {
            // To look for it here costs the other requests nothing.
            if may_be_http2(client, input) {
                return Err(Transition::Http2);
            }
            client.guard.recorder.begin_unparsed(input);
            let context = ResponseContext::of_unparsed(input);
            return Err(client.reject(error, context).await);
        }
    };
    let id = RequestId::of(&head, client.shard.next_request_id());
    client.guard.recorder.begin(&head, id);
    tracing::trace!(%peer, request_id = %id, method = head.method, target = head.target, "head read");
    let context = ResponseContext::of(&head);
    let handled = |response, consumed: Option<usize>, leftover| {
        Routed::Buffered(Handled {
            response,
            context: ResponseContext {
                keep_alive: head.keep_alive && consumed.is_some(),
                ..context
            },
            is_last: !head.keep_alive,
            consumed: consumed.map(|consumed| head.len + consumed),
            leftover,
        })
    };
    let route = match service.route(&head) {
        Ok(route) => route,
        Err(response) => return Ok(handled(Err(response), whole_in(&head), Vec::new())),
    };
    client
        .guard
        .recorder
        .routed(|| service.route_number(&route));
    let target = match route {
        Route::Buffered(target) => target,
        Route::Streaming(target) => {
            let Ok(reserved) = client.reserve_for_streaming(&head) else {
                return Err(client.reject_exhausted(context).await);
            };
            let exchange = exchange(
                &client.settings,
                (peer, id),
                service,
                head,
                target,
                reserved,
            );
            return match exchange {
                Ok(Ok(exchange)) => Ok(Routed::Streaming(exchange)),
                Ok(Err(response)) => Ok(handled(Err(response), whole_in(&head), Vec::new())),
                Err(error) => Err(client.reject(error, context).await),
            };
        }
    };
    let body = client.read_body(&head).await?;
    client.guard.set_phase(Phase::Service, None);
    let request = Request {
        head,
        body: body.content(&head),
        peer,
        id,
    };
    tracing::trace!(request_id = %id, body = request.body.len(), "handler called");
    let response = service.call(target, request).await;
    Ok(handled(response, Some(body.consumed), body.leftover))
}

/// Has a request answered whose body goes to a sink as it comes.
fn exchange<S: Service>(
    settings: &Settings,
    (peer, id): (SocketAddr, RequestId<'_>),
    service: &S,
    head: Head<'_>,
    target: S::Streaming<'_>,
    reserved: Reserved,
) -> Result<Result<Box<StreamingExchange>, ErrorResponse>, RequestError> {
    let decoder = BodyDecoder::with_trailers(head.framing, settings.max_body, &settings.head)?;
    let informational = Informational::default();
    let request = StreamedRequest {
        head,
        peer,
        id,
        informational: informational.clone(),
    };
    tracing::trace!(request_id = %id, "handler called, its body is streamed");
    let streamed = service.call_streaming(target, request);
    Ok(streamed.map(|streamed| {
        Box::new(StreamingExchange::new(
            &head,
            decoder,
            streamed,
            informational,
            reserved,
        ))
    }))
}
