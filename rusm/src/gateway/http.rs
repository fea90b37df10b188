//! One HTTP request: a route, a fresh instance, one call of an action.

use std::cell::RefCell;
use std::fmt::Display;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rusm_config::{Listener, Lookup, Match, Protocol, Route, RouteTable, WebSocketSettings};
use rusm_uring_net::http1::{Head, HeaderLines, Status, validate_header};
use rusm_uring_net::websocket::{self, HandshakeRules};
use rusm_uring_net::{
    Answer, Body, Refusal, Request, Response, Service, Streamed, StreamedRequest, WebSocket,
};
use rusm_wasm_pool::connection::ConnectionInfo;
use rusm_wasm_pool::http::{self as wasm_http, HeaderRef};
#[cfg(feature = "wasi-http")]
use rusm_wasm_pool::wasi_http::{IncomingRequest, RequestBody};
use rusm_wasm_pool::{ComponentRef, ProcessError, RequestId, ShardPool};
use smallvec::SmallVec;

use super::asked::Asked;
#[cfg(feature = "wasi-http")]
use super::incoming;
use super::streaming::Outcome;
use super::target::Target;
use super::{events, streaming};
use crate::Failure;

/// Answers the requests of one listener on one shard.
pub struct HttpGateway {
    pool: Rc<ShardPool>,
    routes: Arc<RouteTable>,
    protocol: Protocol,
    /// By [`RouteId`](rusm_config::RouteId). Each request goes by those that there were when it
    /// was routed.
    targets: RefCell<Rc<[Target]>>,
    request_timeout: Duration,
    websockets: WebSockets,
    /// How long a stream of events may be silent.
    silence: Option<Duration>,
}

impl HttpGateway {
    /// The gateway of these routes.
    ///
    /// # Errors
    /// When the pool lacks what one of them names, or it is of another kind.
    pub fn new(pool: Rc<ShardPool>, served: Served) -> Result<Self, Failure> {
        let Served {
            protocol,
            routes,
            request_timeout,
            websocket,
        } = served;
        Ok(Self {
            targets: RefCell::new(targets(&routes, protocol, &pool)?),
            pool,
            protocol,
            routes,
            request_timeout,
            silence: websocket.ping_interval,
            websockets: websocket.into(),
        })
    }

    /// Look anew for what the routes name, in the pool as it is now.
    ///
    /// # Errors
    /// As of [`HttpGateway::new`], and then nothing has changed.
    pub fn reload(&self) -> Result<(), Failure> {
        let targets = targets(&self.routes, self.protocol, &self.pool)?;
        self.targets.replace(targets);
        Ok(())
    }

    fn targets(&self) -> Rc<[Target]> {
        self.targets.borrow().clone()
    }
}

fn targets(
    routes: &RouteTable,
    protocol: Protocol,
    pool: &ShardPool,
) -> Result<Rc<[Target]>, Failure> {
    let routes = routes.routes().iter();
    routes
        .map(|route| Target::of(route, protocol, pool))
        .collect()
}

/// What a gateway has to know of its listener.
#[derive(Clone)]
pub struct Served {
    /// What it is for.
    pub protocol: Protocol,
    /// What answers.
    pub routes: Arc<RouteTable>,
    /// How long an answer may take to begin.
    pub request_timeout: Duration,
    /// What its WebSockets may do.
    pub websocket: WebSocketSettings,
}

impl From<&Listener> for Served {
    fn from(listener: &Listener) -> Self {
        Self {
            protocol: listener.protocol,
            routes: Arc::new(listener.routes.clone()),
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

impl Service for HttpGateway {
    type Route<'r> = Match<'r, 'r>;

    fn route<'r>(&'r self, head: &Head<'r>) -> Result<Match<'r, 'r>, Refusal> {
        match self.routes.lookup(head.method, head.path) {
            Lookup::Found(found) => Ok(found),
            Lookup::NotFound => Err(Refusal::new(Status::NOT_FOUND)),
            Lookup::BadPath => Err(Refusal::new(Status::BAD_REQUEST)
                .with_text("the path has an escape that is malformed or not UTF-8")),
            Lookup::MethodNotAllowed { allow } => {
                Err(Refusal::new(Status::METHOD_NOT_ALLOWED).with_headers(one("allow", &allow)))
            }
        }
    }

    async fn answer(
        &self,
        route: Self::Route<'_>,
        request: Request<'_>,
    ) -> Result<Response, Refusal> {
        let (head, peer, id) = (request.head, request.peer, owned(request.id));
        let headers: SmallVec<[HeaderRef<'_>; 16]> = request.head.headers.iter().collect();
        let params: SmallVec<[(&str, &str); 4]> = route.params.iter().collect();
        let target = head.origin_form();
        let request = wasm_http::Request {
            method: request.head.method,
            target: &target,
            headers: &headers,
            params: &params,
            body: request.body,
        };
        let targets = self.targets();
        let outcome = match targets.get(route.route.index()) {
            None => return Err(Refusal::new(Status::NOT_FOUND)),
            Some(Target::WebSocket(component)) => {
                let info = connection_info(&route, &request, peer);
                let upgraded = self.upgrade(&head, *component, &id, info).await?;
                return upgraded.map_err(|error| self.asked(&route, &request, &id).failed(&error));
            }
            Some(Target::Action(action)) if self.pool.may_stream(*action) => {
                let info = Arc::new(connection_info(&route, &request, peer));
                let limit = self.request_timeout;
                streaming::call(&self.pool, *action, &request, &id, info, limit).await
            }
            Some(Target::Action(action)) => {
                let call = self.pool.call(*action, &request, &id, self.request_timeout);
                call.await.map(Outcome::Whole)
            }
            Some(Target::Events(component)) => {
                let info = Arc::new(connection_info(&route, &request, peer));
                let limits = events::Limits {
                    begin: self.request_timeout,
                    silence: self.silence,
                };
                let asked = self.asked(&route, &request, &id);
                events::open(&self.pool, *component, info, limits, asked).await
            }
            // It is answered while its body comes.
            #[cfg(feature = "wasi-http")]
            Some(Target::Standard(_)) => return Err(Refusal::new(Status::NOT_IMPLEMENTED)),
            Some(Target::Mail(component, action)) => {
                let limit = self.request_timeout;
                // Rare, and large: in a box it takes no room in every connection.
                let call = (self.pool).call_by_mail(*component, action, &request, &id, limit);
                Box::pin(call).await.map(Outcome::Whole)
            }
        };
        let refuse = |why: &dyn Display| self.asked(&route, &request, &id).refused(why);
        match outcome {
            Ok(Outcome::Whole(response)) => {
                let body = Body::Bytes(response.body);
                answered(response.status, response.headers, body, refuse)
            }
            Ok(Outcome::Stream(start, body)) => {
                answered(start.status, start.headers, Body::Stream(body), refuse)
            }
            Err(error) => Err(self.asked(&route, &request, &id).failed(&error)),
        }
    }

    fn wants_stream(&self, route: &Self::Route<'_>) -> bool {
        let targets = self.targets();
        let target = targets.get(route.route.index());
        target.is_some_and(Target::wants_stream)
    }

    #[cfg(not(feature = "wasi-http"))]
    fn answer_streamed(
        &self,
        _route: Self::Route<'_>,
        _request: StreamedRequest<'_>,
    ) -> Result<Streamed, Refusal> {
        Err(Refusal::new(Status::NOT_IMPLEMENTED))
    }

    #[cfg(feature = "wasi-http")]
    fn answer_streamed(
        &self,
        route: Self::Route<'_>,
        request: StreamedRequest<'_>,
    ) -> Result<Streamed, Refusal> {
        let targets = self.targets();
        let Some(Target::Standard(component)) = targets.get(route.route.index()) else {
            return Err(Refusal::new(Status::NOT_FOUND));
        };
        let head = &request.head;
        let headers: SmallVec<[HeaderRef<'_>; 16]> = head.headers.iter().collect();
        // The client waits to be told that somebody wants its body.
        let (sender, body) = match head.expect_continue {
            true => RequestBody::stream_when_read(),
            false => RequestBody::stream(),
        };
        let asked = Rc::new(Asked {
            id: owned(request.id),
            action: self.name(&route),
            method: head.method.to_owned(),
            target: head.target.to_owned(),
        });
        let incoming = IncomingRequest::new(head.method, &head.origin_form(), &headers, body);
        let incoming = incoming.map_err(|invalid| {
            let status = Status::new(invalid.status()).unwrap_or(Status::BAD_REQUEST);
            Refusal::new(status).with_text(invalid.to_string())
        })?;
        let (pool, component) = (self.pool.clone(), *component);
        let limit = self.request_timeout;
        let answer = async move {
            let refuse = |why: &dyn Display| asked.refused(why);
            match incoming::handle(&pool, component, incoming, limit, &asked).await {
                Ok(Outcome::Whole(response)) => {
                    let body = Body::Bytes(response.body);
                    answered(response.status, response.headers, body, refuse)
                }
                Ok(Outcome::Stream(start, body)) => {
                    answered(start.status, start.headers, Body::Stream(body), refuse)
                }
                Err(error) => Err(asked.failed(&error)),
            }
        };
        Ok(Streamed {
            sink: Box::new(incoming::Sink(sender)),
            answer: Box::pin(answer),
        })
    }
}

/// `refuse` has the words of why an answer can't be sent.
fn answered(
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Body,
    refuse: impl Fn(&dyn Display) -> Refusal,
) -> Result<Response, Refusal> {
    let status = Status::new(status).map_err(|error| refuse(&error))?;
    for (name, value) in &headers {
        validate_header(name.as_bytes(), value).map_err(|error| refuse(&error))?;
    }
    let answer = Answer {
        status,
        headers,
        body,
    };
    Ok(answer.into())
}

impl HttpGateway {
    /// Start the process of a WebSocket, if the request may become one.
    async fn upgrade(
        &self,
        head: &Head<'_>,
        component: ComponentRef,
        id: &RequestId,
        mut info: ConnectionInfo,
    ) -> Result<Result<Response, ProcessError>, Refusal> {
        let upgrade = websocket::upgrade(head, self.websockets.handshake_rules())?;
        info.subprotocol.clone_from(&upgrade.protocol);
        let opened = super::websocket::open(&self.pool, component, id, Arc::new(info)).await;
        Ok(opened.map(|handler| {
            let socket = WebSocket {
                upgrade,
                headers: Vec::new(),
                settings: self.websockets.settings.clone(),
                handler,
            };
            socket.into()
        }))
    }

    fn asked(
        &self,
        route: &Match<'_, '_>,
        request: &wasm_http::Request<'_>,
        id: &RequestId,
    ) -> Asked {
        Asked {
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

/// One header, of names and values that are valid by themselves.
pub(super) fn one(name: &str, value: &str) -> HeaderLines {
    HeaderLines::new([(name, value)]).unwrap_or_default()
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
