//! The life of one connection: a request is read, answered and written, and then the next.
//!
//! - `http`: the requests, one after the other, and which `Transition` each
//!   ends with
//! - `buffered_body`: the body of a request, whole
//! - `streaming`: a request that is answered while its body still comes; `body_reader`: that body
//! - `response_writer`: responses, whole and streamed, to either kind of request; `batch`: the
//!   chunks of a stream
//! - `exchange`: the state of a request and its response, and so what the connection waits for
//!
//! One that is upgraded leaves this module for [`websocket`], and one of HTTP/2 for `http2`.

mod batch;
mod body_reader;
mod buffered_body;
mod context;
mod exchange;
mod http;
mod response_writer;
mod streaming;
mod tls_handshake;
mod transition;

use std::net::SocketAddr;
use std::rc::Rc;

use monoio::net::TcpStream;

use self::context::ResponseContext;
use self::http::{Protocol, Upgraded};
use crate::deadline_guard::Linger;
use crate::error_response::ErrorResponse;
use crate::http1::Connection;
use crate::http2;
use crate::service::Service;
pub use crate::settings::Settings;
use crate::shard::Shard;
use crate::socket::Client;
use crate::websocket;

/// Serves one connection until it ends.
pub(crate) async fn serve<S: Service>(
    socket: TcpStream,
    peer: SocketAddr,
    shard: Shard,
    settings: Rc<Settings>,
    service: Rc<S>,
) {
    let mut client = Client::new(socket, peer, shard, settings);
    client.guard.recorder.count_with(service.meter());
    if let Some(acceptor) = client.settings.tls.clone() {
        client = match Box::pin(tls_handshake::accept(client, peer, acceptor)).await {
            Some(client) => client,
            None => return,
        };
    }
    if client.is_http2() {
        return Box::pin(http2::serve(client, Vec::new(), peer, service)).await;
    }
    // In a separate box: a connection that is upgraded gives back the memory of HTTP.
    let upgraded = Box::pin(http::serve(client, peer, service.clone())).await;
    let Some(Upgraded { client, input, to }) = upgraded else {
        return;
    };
    match to {
        Protocol::WebSocket(websocket) => {
            Box::pin(websocket::serve(client, input, websocket)).await;
        }
        Protocol::Http2 => Box::pin(http2::serve(client, input, peer, service)).await,
    }
}

/// Rejects a client beyond the limit of connections: answers 503, or an alert of TLS, and closes.
pub(crate) async fn reject_over_limit(
    socket: TcpStream,
    peer: SocketAddr,
    shard: Shard,
    settings: Rc<Settings>,
) {
    let mut client = Client::unrecorded(socket, peer, shard, settings);
    if client.settings.tls.is_some() {
        if client
            .write(tls_handshake::OVER_LIMIT.to_vec())
            .await
            .is_ok()
        {
            client.close(Linger::REJECTED).await;
        }
        return;
    }
    if client
        .write_error(&too_many(), ResponseContext::UNKNOWN)
        .await
        .is_ok()
    {
        client.close(Linger::REJECTED).await;
    }
}

/// Returns the response of [`reject_over_limit`].
pub(crate) fn over_limit_response(shard: &Shard, settings: &Settings) -> Vec<u8> {
    if settings.tls.is_some() {
        return tls_handshake::OVER_LIMIT.to_vec();
    }
    let mut out = Vec::new();
    let (context, connection) = (ResponseContext::UNKNOWN, Connection::Close);
    response_writer::encode_error_response(
        &mut out,
        shard,
        settings,
        context,
        connection,
        &too_many(),
    );
    out
}

fn too_many() -> ErrorResponse {
    ErrorResponse::exhausted().with_text("too many connections")
}
