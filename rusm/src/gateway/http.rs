//! One HTTP request: a route, a fresh instance, one call of an action.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rusm_config::{Listener, Lookup, Match, Protocol, Route, RouteTable, WebSocketSettings};
use rusm_uring_net as net;
use rusm_uring_net::http1::{Head, ResponseHeaders, Status};
use rusm_uring_net::websocket::{self, HandshakeRules, Upgrade};
use rusm_uring_net::{
    ErrorResponse, Request, RequestMeter, Service, ServiceResponse, Streamed, StreamedRequest,
    WebSocket,
};
#[cfg(feature = "wasi-http")]
use rusm_wasm_pool::ComponentRef;
use rusm_wasm_pool::connection::ConnectionInfo;
use rusm_wasm_pool::http::{self as wasm_http, HeaderRef};
#[cfg(feature = "wasi-http")]
use rusm_wasm_pool::wasi_http::{IncomingRequest, RequestBody};
use rusm_wasm_pool::{ProcessError, RequestId, ShardPool};
use smallvec::SmallVec;

use super::request_log::RequestLog;
use super::response::{Outcome, respond, single_header};
use super::target::{Buffered, ConnectionProcess, Target};
#[cfg(feature = "wasi-http")]
use super::wasi_http;
use super::{events, streaming};
use crate::CliError;

/// Answers the requests of one listener on one shard.
pub struct HttpGateway {
    pool: Rc<ShardPool>,
    routes: Arc<RouteTable>,
    protocol: Protocol,
    /// By [`RouteId`](rusm_config::RouteId). A request goes by those of the moment when it is routed.
    targets: RefCell<Box<[Target]>>,
    /// The requests come over TLS.
    #[cfg_attr(
        not(feature = "wasi-http"),
        expect(dead_code, reason = "no other guest is told")
    )]
    is_tls: bool,
    request_timeout: Duration,
    websockets: WebSockets,
    /// How long a stream of events may be silent.
    silence: Option<Duration>,
    /// Counts the requests, if there is an admin listener.
    meter: Option<Rc<dyn RequestMeter>>,
}

impl HttpGateway {
    /// The gateway of these routes.
    ///
    /// # Errors
    /// When the pool lacks what one of them names, or it is of another kind.
    pub fn new(pool: Rc<ShardPool>, served: ListenerSpec) -> Result<Self, CliError> {
        let ListenerSpec {
            protocol,
            routes,
            is_tls,
            request_timeout,
            websocket,
        } = served;
        Ok(Self {
            targets: RefCell::new(targets(&routes, protocol, &pool)?),
            pool,
            protocol,
            routes,
            is_tls,
            request_timeout,
            silence: websocket.ping_interval,
            websockets: websocket.into(),
            meter: None,
        })
    }

    /// Counts the requests from now on, by route.
    #[must_use]
    pub fn metered(self, meter: Rc<dyn RequestMeter>) -> Self {
        Self {
            meter: Some(meter),
            ..self
        }
    }

    /// Look anew for what the routes name, in the pool as it is now.
    ///
    /// # Errors
    /// As of [`HttpGateway::new`], and then nothing has changed.
    pub fn reload(&self) -> Result<(), CliError> {
        let targets = targets(&self.routes, self.protocol, &self.pool)?;
        self.targets.replace(targets);
        Ok(())
    }
}

fn targets(
    routes: &RouteTable,
    protocol: Protocol,
    pool: &ShardPool,
) -> Result<Box<[Target]>, CliError> {
    let routes = routes.routes().iter();
    routes
        .map(|route| Target::of(route, protocol, pool))
        .collect()
}

/// What a gateway has to know of its listener.
#[derive(Clone)]
pub struct ListenerSpec {
    /// What it is for.
    pub protocol: Protocol,
    /// What answers.
    pub routes: Arc<RouteTable>,
    /// Its requests come over TLS.
    pub is_tls: bool,
    /// How long an answer may take to begin.
    pub request_timeout: Duration,
    /// What its WebSockets may do.
    pub websocket: WebSocketSettings,
}

impl From<&Listener> for ListenerSpec {
    fn from(listener: &Listener) -> Self {
        Self {
            protocol: listener.protocol,
            routes: Arc::new(listener.routes.clone()),
            is_tls: listener.tls.is_some(),
            request_timeout: listener.limits.request_timeout,
            websocket: listener.websocket.clone(),
        }
    }
}

/// What the WebSockets of a listener have in common.
struct WebSockets {
    allowed_origins: Option<Vec<String>>,
    subprotocols: Vec<String>,
    /// Every connection has a share of it.
    settings: Rc<websocket::Settings>,
}

impl WebSockets {
    fn handshake_rules(&self) -> HandshakeRules<'_> {
        HandshakeRules {
            protocols: &self.subprotocols,
            allowed_origins: self.allowed_origins.as_deref(),
        }
    }
}

impl From<WebSocketSettings> for WebSockets {
    fn from(settings: WebSocketSettings) -> Self {
        let max_message = usize::try_from(settings.max_message).unwrap_or(usize::MAX);
        Self {
            allowed_origins: settings.allowed_origins,
            subprotocols: settings.subprotocols,
            settings: Rc::new(websocket::Settings {
                max_message,
                // Whether a message comes in one frame or in many is the client's affair.
                max_frame: max_message,
                ping_interval: settings.ping_interval,
                ping_timeout: settings.ping_timeout,
                close_timeout: settings.close_timeout,
            }),
        }
    }
}

/// A route that matches a request, and what answers it.
pub struct Resolved<'r> {
    route: Match<'r, 'r>,
    target: Buffered,
}

/// What a request is routed to.
type Routed<'r> =
    net::Route<<HttpGateway as Service>::Buffered<'r>, <HttpGateway as Service>::Streaming<'r>>;

impl Service for HttpGateway {
    type Buffered<'r> = Resolved<'r>;
    #[cfg(feature = "wasi-http")]
    type Streaming<'r> = (Match<'r, 'r>, ComponentRef);
    #[cfg(not(feature = "wasi-http"))]
    type Streaming<'r> = std::convert::Infallible;

    fn route<'r>(&'r self, head: &Head<'r>) -> Result<Routed<'r>, ErrorResponse> {
        let found = match self.routes.lookup(head.method, head.path) {
            Lookup::Found(found) => found,
            Lookup::NotFound => return Err(ErrorResponse::new(Status::NOT_FOUND)),
            Lookup::BadPath => {
                return Err(ErrorResponse::new(Status::BAD_REQUEST)
                    .with_text("the path has an escape that is malformed or not UTF-8"));
            }
            Lookup::MethodNotAllowed { allow } => {
                let response = ErrorResponse::new(Status::METHOD_NOT_ALLOWED);
                return Err(response.with_headers(single_header("allow", &allow)));
            }
        };
        match self.targets.borrow().get(found.route.index()) {
            Some(Target::Buffered(target)) => Ok(net::Route::Buffered(Resolved {
                route: found,
                target: target.clone(),
            })),
            #[cfg(feature = "wasi-http")]
            Some(Target::Stock(component)) => Ok(net::Route::Streaming((found, *component))),
            None => Err(ErrorResponse::new(Status::NOT_FOUND)),
        }
    }

    fn route_number<'r>(&self, route: &Routed<'r>) -> Option<u32> {
        let route = match route {
            net::Route::Buffered(resolved) => &resolved.route,
            #[cfg(feature = "wasi-http")]
            net::Route::Streaming((route, _)) => route,
            #[cfg(not(feature = "wasi-http"))]
            net::Route::Streaming(target) => match *target {},
        };
        u32::try_from(route.route.index()).ok()
    }

    fn meter(&self) -> Option<Rc<dyn RequestMeter>> {
        self.meter.clone()
    }

    async fn call(
        &self,
        resolved: Self::Buffered<'_>,
        request: Request<'_>,
    ) -> Result<ServiceResponse, ErrorResponse> {
        let Resolved { route, target } = resolved;
        let (head, peer, id) = (request.head, request.peer, owned(request.id));
        let headers: SmallVec<[HeaderRef<'_>; 16]> = request.head.headers.iter().collect();
        let params: SmallVec<[(&str, &str); 4]> = route.params.iter().collect();
        let origin_form = head.origin_form();
        let request = wasm_http::Request {
            method: request.head.method,
            target: &origin_form,
            headers: &headers,
            params: &params,
            body: request.body,
        };
        let info = || connection_info(&route, &request, peer);
        let log = || self.request_log(&route, &request, &id);
        let limit = self.request_timeout;
        let outcome = match target {
            Buffered::Action(action) => {
                let call = self.pool.call(action, &request, &id, limit);
                call.await.map(Outcome::Whole)
            }
            Buffered::StreamingAction(action) => {
                let info = Arc::new(info());
                streaming::call(&self.pool, action, &request, &id, info, limit).await
            }
            Buffered::WebSocket(process) => {
                let upgrade = websocket::upgrade(&head, self.websockets.handshake_rules())?;
                let opened = self.open_websocket(process, upgrade, &id, info()).await;
                return opened.map_err(|error| log().log_failure(&error));
            }
            Buffered::Events(process) => {
                let limits = events::Limits {
                    begin: limit,
                    silence: self.silence,
                };
                events::open(&self.pool, process, Arc::new(info()), limits, log()).await
            }
            Buffered::Legacy(component, action) => {
                // Rare, and large: in a box it takes no room in every connection.
                let call = (self.pool).call_legacy_http(component, &action, &request, &id, limit);
                Box::pin(call).await.map(Outcome::Whole)
            }
        };
        respond(outcome, log)
    }

    #[cfg(not(feature = "wasi-http"))]
    fn call_streaming(
        &self,
        target: std::convert::Infallible,
        _request: StreamedRequest<'_>,
    ) -> Result<Streamed, ErrorResponse> {
        match target {}
    }

    #[cfg(feature = "wasi-http")]
    fn call_streaming(
        &self,
        (route, component): Self::Streaming<'_>,
        request: StreamedRequest<'_>,
    ) -> Result<Streamed, ErrorResponse> {
        let head = &request.head;
        let headers: SmallVec<[HeaderRef<'_>; 16]> = head.headers.iter().collect();
        // A client that waits to be told is told to continue when the guest reads.
        let (sender, body) = match head.expect_continue {
            true => RequestBody::stream_when_read(),
            false => RequestBody::stream(),
        };
        let log = Rc::new(RequestLog {
            id: owned(request.id),
            action: self.name(&route),
            method: head.method.to_owned(),
            target: head.target.to_owned(),
        });
        let wasi_request = IncomingRequest::new(head.method, &head.origin_form(), &headers, body);
        let wasi_request = wasi_request.map_err(|invalid| {
            let status = Status::new(invalid.status()).unwrap_or(Status::BAD_REQUEST);
            ErrorResponse::new(status).with_text(invalid.to_string())
        })?;
        let wasi_request = wasi_request.over_tls(self.is_tls);
        let (pool, limit) = (self.pool.clone(), self.request_timeout);
        let response = async move {
            let outcome = wasi_http::handle(&pool, component, wasi_request, limit, &log).await;
            respond(outcome, || RequestLog::clone(&log))
        };
        Ok(Streamed {
            sink: Box::new(wasi_http::Sink(sender)),
            response: Box::pin(response),
        })
    }
}

impl HttpGateway {
    /// Starts the process of a WebSocket.
    async fn open_websocket(
        &self,
        process: ConnectionProcess,
        upgrade: Upgrade,
        id: &RequestId,
        mut info: ConnectionInfo,
    ) -> Result<ServiceResponse, ProcessError> {
        info.subprotocol.clone_from(&upgrade.protocol);
        let handler = super::websocket::open(&self.pool, process, id, Arc::new(info)).await?;
        let socket = WebSocket {
            upgrade,
            headers: ResponseHeaders::default(),
            settings: self.websockets.settings.clone(),
            handler,
        };
        Ok(socket.into())
    }

    fn request_log(
        &self,
        route: &Match<'_, '_>,
        request: &wasm_http::Request<'_>,
        id: &RequestId,
    ) -> RequestLog {
        RequestLog {
            id: id.clone(),
            action: self.name(route),
            method: request.method.to_owned(),
            target: request.target.to_owned(),
        }
    }

    fn name(&self, route: &Match<'_, '_>) -> String {
        let route = self.routes.routes().get(route.route.index());
        route.map(Route::target).unwrap_or_default()
    }
}

/// The identifier apart from the buffer that its request was read into.
fn owned(id: rusm_uring_net::RequestId<'_>) -> RequestId {
    match id {
        rusm_uring_net::RequestId::Given(id) => RequestId::Given(id.into()),
        rusm_uring_net::RequestId::Made(id) => RequestId::Made(id.source, id.number),
    }
}

/// What a process may ask about the connection that it serves.
fn connection_info(
    route: &Match<'_, '_>,
    request: &wasm_http::Request<'_>,
    peer: SocketAddr,
) -> ConnectionInfo {
    let (path, query) = request
        .target
        .split_once('?')
        .unwrap_or((request.target, ""));
    let headers = request.headers.iter();
    let params = route.params.iter();
    ConnectionInfo {
        method: request.method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        params: params
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), wasm_http::header_text(value)))
            .collect(),
        remote_addr: peer.to_string(),
        subprotocol: None,
    }
}
