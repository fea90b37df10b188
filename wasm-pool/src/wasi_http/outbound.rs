//! Requests of guests to other servers: `wasi:http/outgoing-handler`.
//!
//! They are sent by threads of their own, never by a shard, over connections that are kept for
//! the next request to the same host.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{HeaderValue, Method, header};
use http_body::Body;
use http_body_util::{BodyExt, Empty};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use pin_project_lite::pin_project;
use rusm_config::Capabilities;
use tokio::time::{Instant, Sleep, timeout};
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use super::fields::remove_nominated;

/// The `wasi:http` of one process, as its capabilities have it.
pub(crate) struct Hooks(pub(crate) Arc<Capabilities>);

type Sent = Result<
    (
        http::Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Sent> + Send> {
        let allowed = self.check(request.uri());
        Box::new(async move {
            allowed?;
            send(request, options.unwrap_or_default()).await
        })
    }
}

impl Hooks {
    /// Whether the process may send requests there.
    pub(crate) fn check(&self, uri: &http::Uri) -> Result<(), Error> {
        let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let default_port = if uri.scheme() == Some(&Scheme::HTTPS) {
            443
        } else {
            80
        };
        let port = uri.port_u16().unwrap_or(default_port);
        if self.0.network.allows(host, port) {
            return Ok(());
        }
        tracing::debug!(
            profile = self.0.profile,
            "a request to {host}:{port} was denied (allow-network)"
        );
        Err(Error::HttpRequestDenied)
    }
}

/// Send a request, from a task of WASI's threads.
pub(crate) async fn send(request: http::Request<WasiBody>, options: RequestOptions) -> Sent {
    let connect = options.connect_timeout.unwrap_or(CONNECT);
    let first_byte = options.first_byte_timeout.unwrap_or(FIRST_BYTE);
    let client = client()?;
    let sending = async {
        client
            .request(framed(request).await?)
            .await
            .map_err(|error| sort(&error))
    };
    // The client does not tell connecting from waiting.
    let limit = connect.saturating_add(first_byte);
    let mut response = match timeout(limit, sending).await {
        Ok(response) => response?,
        Err(_) => return Err(Error::ConnectionReadTimeout),
    };
    // The guest is not shown `Connection`, so it can't leave them out of what it forwards.
    remove_nominated(response.headers_mut());
    let between = options.between_bytes_timeout.unwrap_or(BETWEEN_BYTES);
    let response = response.map(|body| {
        let body = body.map_err(Error::Hyper);
        TimedBody {
            body,
            silence: tokio::time::sleep(between),
            between,
        }
        .boxed_unsync()
    });
    // The connection is the client's to drive.
    Ok((response, Box::new(async { Ok(()) })))
}

/// Make sure that the length of the body is said: the client says nothing of an empty one, though
/// servers want to know it (RFC 9110, section 8.6), and leaves out one of unknown length where a
/// method seldom has any.
async fn framed(request: http::Request<WasiBody>) -> Result<http::Request<WasiBody>, Error> {
    if request.headers().contains_key(header::CONTENT_LENGTH) {
        return Ok(request);
    }
    let (mut parts, mut body) = request.into_parts();
    let mut first = None;
    let mut is_empty = body.is_end_stream() || body.size_hint().exact() == Some(0);
    if body.size_hint().exact().is_none() && !is_empty {
        // Most guests write at once, or finish at once a body that they don't write to.
        match timeout(FIRST_PIECE, body.frame()).await {
            Ok(None) => is_empty = true,
            Ok(Some(frame)) => first = Some(frame?),
            Err(_) => {}
        }
        if !is_empty && SELDOM_CONTENT.contains(&parts.method) {
            let chunked = HeaderValue::from_static("chunked");
            parts.headers.insert(header::TRANSFER_ENCODING, chunked);
        }
    }
    if is_empty {
        if EXPECT_CONTENT.contains(&parts.method) {
            let none = HeaderValue::from_static("0");
            parts.headers.insert(header::CONTENT_LENGTH, none);
        }
        let empty = Empty::new().map_err(|never| match never {});
        return Ok(http::Request::from_parts(parts, empty.boxed_unsync()));
    }
    let body = match first {
        Some(_) => Begun { first, rest: body }.boxed_unsync(),
        None => body,
    };
    Ok(http::Request::from_parts(parts, body))
}

/// Whether a header is the host's to set.
pub(crate) fn frames_a_message(name: &http::HeaderName) -> bool {
    use http::header;
    wasmtime_wasi_http::DEFAULT_FORBIDDEN_HEADERS.contains(name)
        || *name == header::CONTENT_LENGTH
        || *name == header::TE
        || *name == header::TRAILER
}

/// What an error of the client is in `wasi:http`.
fn sort(error: &hyper_util::client::legacy::Error) -> Error {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(io) = cause.downcast_ref::<std::io::Error>() {
            let io = innermost(io);
            let inner = io.get_ref();
            if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                return match tls {
                    rustls::Error::InvalidCertificate(_) => Error::TlsCertificateError,
                    _ => Error::TlsProtocolError,
                };
            }
            match io.kind() {
                std::io::ErrorKind::ConnectionRefused => return Error::ConnectionRefused,
                std::io::ErrorKind::TimedOut => return Error::ConnectionTimeout,
                std::io::ErrorKind::ConnectionReset
                | std::io::ErrorKind::BrokenPipe
                | std::io::ErrorKind::UnexpectedEof => return Error::ConnectionTerminated,
                _ => {}
            }
        }
        if let Some(hyper) = cause.downcast_ref::<hyper::Error>() {
            if hyper.is_incomplete_message() || hyper.is_closed() || hyper.is_canceled() {
                return Error::ConnectionTerminated;
            }
            // hyper names it only to servers.
            if hyper.is_parse() && hyper.to_string().contains("too large") {
                return Error::HttpResponseHeaderSectionSize(None);
            }
            if hyper.is_parse() {
                return Error::HttpProtocolError;
            }
        }
        // What the resolver says has no type that can be named.
        if cause.to_string().starts_with("dns error") {
            return Error::DnsError {
                rcode: Some(cause.source().unwrap_or(cause).to_string()),
                info_code: None,
            };
        }
        source = cause.source();
    }
    if error.is_connect() {
        return Error::DestinationUnavailable;
    }
    Error::InternalError(Some(error.to_string()))
}

/// The error within errors of I/O that only hand it on: the connector wraps that of TLS once more,
/// and `source` passes over what is wrapped.
fn innermost(error: &std::io::Error) -> &std::io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    inner.map_or(error, innermost)
}

/// The node's client. Nothing of a request stays in a connection, so all guests share them.
///
/// # Errors
/// When there is no TLS to be had.
fn client() -> Result<&'static HttpClient, Error> {
    static CLIENT: OnceLock<Option<HttpClient>> = OnceLock::new();
    let client = CLIENT.get_or_init(|| match new_client() {
        Ok(client) => Some(client),
        Err(error) => {
            tracing::error!(%error, "guests can send no requests: there is no TLS");
            None
        }
    });
    client.as_ref().ok_or(Error::ConfigurationError)
}

type HttpClient = Client<HttpsConnector<HttpConnector>, WasiBody>;

fn new_client() -> Result<HttpClient, rustls::Error> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT));
    http.set_nodelay(true);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    // The system's authorities; where it has none, those that browsers come with.
    let native = HttpsConnectorBuilder::new().with_provider_and_native_roots(provider.clone());
    let builder = match native {
        Ok(builder) => builder,
        Err(_) => HttpsConnectorBuilder::new().with_provider_and_webpki_roots(provider)?,
    };
    let connector = builder.https_or_http().enable_http1().wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(MAX_IDLE)
        .http1_max_headers(MAX_FIELDS)
        .build(connector))
}

pin_project! {
    /// A body whose pieces have to follow one another within a time.
    struct TimedBody<B> {
        #[pin]
        body: B,
        #[pin]
        silence: Sleep,
        between: Duration,
    }
}

impl<B: Body<Data = Bytes, Error = Error>> Body for TimedBody<B> {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Error>>> {
        let mut this = self.project();
        if let Poll::Ready(frame) = this.body.poll_frame(cx) {
            let next = Instant::now() + *this.between;
            this.silence.as_mut().reset(next);
            return Poll::Ready(frame);
        }
        this.silence
            .poll(cx)
            .map(|()| Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.body.size_hint()
    }
}

/// A body whose first piece was taken off, to see whether there is one.
struct Begun {
    first: Option<http_body::Frame<Bytes>>,
    rest: WasiBody,
}

impl Body for Begun {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Error>>> {
        match self.first.take() {
            Some(first) => Poll::Ready(Some(Ok(first))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.rest.is_end_stream()
    }
}

/// Methods of which a server may want to be told that there is no content.
const EXPECT_CONTENT: [Method; 3] = [Method::POST, Method::PUT, Method::PATCH];
/// Methods of which the client takes it that there is none, unless it is said.
const SELDOM_CONTENT: [Method; 2] = [Method::GET, Method::HEAD];
/// How long the first piece of a body is waited for before the request is sent all the same.
const FIRST_PIECE: Duration = Duration::from_millis(100);
/// Fields of a response, and of its trailers, that are taken: as many as a listener can be told to.
const MAX_FIELDS: usize = 1000;
/// Limits of a request whose guest sets none.
const CONNECT: Duration = Duration::from_secs(10);
const FIRST_BYTE: Duration = Duration::from_secs(60);
const BETWEEN_BYTES: Duration = Duration::from_secs(60);
/// How long a connection is kept for the next request.
const IDLE: Duration = Duration::from_secs(60);
const MAX_IDLE: usize = 64;
