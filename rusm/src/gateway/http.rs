//! One HTTP request: a route, a fresh instance, one call of an action.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rusm_config::{Lookup, Match, RouteTable};
use rusm_uring_net::http1::{Head, HeaderLines, Status};
use rusm_uring_net::{Answer, Refusal, Request, Service};
use rusm_wasm_pool::http::{self as wasm_http, HeaderRef};
use rusm_wasm_pool::{ActionRef, Fault, ShardPool};
use smallvec::SmallVec;

use crate::app::action_name;

/// Answers the requests of one listener on one shard.
pub struct HttpGateway {
    pool: Rc<ShardPool>,
    routes: Arc<RouteTable>,
    /// By [`RouteId`](rusm_config::RouteId).
    actions: Vec<ActionRef>,
    request_timeout: Duration,
}

impl HttpGateway {
    /// The gateway of these routes. `None` if the pool lacks an action that one of them names.
    pub fn new(
        pool: Rc<ShardPool>,
        routes: Arc<RouteTable>,
        request_timeout: Duration,
    ) -> Option<Self> {
        let actions = routes.routes().iter().map(|route| {
            let action = action_name(route.action.as_ref()?);
            pool.resolve(route.component.as_str(), &action)
        });
        Some(Self {
            actions: actions.collect::<Option<_>>()?,
            pool,
            routes,
            request_timeout,
        })
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
    ) -> Result<Answer, Refusal> {
        let headers: SmallVec<[HeaderRef<'_>; 16]> = request.head.headers.iter().collect();
        let params: SmallVec<[(&str, &str); 4]> = route.params.iter().collect();
        let request = wasm_http::Request {
            method: request.head.method,
            target: request.head.target,
            headers: &headers,
            params: &params,
            body: request.body,
        };
        let Some(action) = self.actions.get(route.route.index()) else {
            return Err(Refusal::new(Status::NOT_FOUND));
        };
        match self
            .pool
            .call(*action, &request, self.request_timeout)
            .await
        {
            Ok(response) => self.answered(&route, response),
            Err(fault) => Err(self.failed(&route, &request, &fault)),
        }
    }
}

impl HttpGateway {
    fn answered(
        &self,
        route: &Match<'_, '_>,
        response: wasm_http::Response,
    ) -> Result<Answer, Refusal> {
        let status = Status::new(response.status).map_err(|error| {
            tracing::warn!(action = self.name(route), "a response was refused: {error}");
            Refusal::new(Status::INTERNAL_SERVER_ERROR)
        })?;
        Ok(Answer {
            status,
            headers: response.headers,
            body: response.body,
        })
    }

    /// The client learns the status; the reason is the operator's.
    fn failed(
        &self,
        route: &Match<'_, '_>,
        request: &wasm_http::Request<'_>,
        fault: &Fault,
    ) -> Refusal {
        let status = Status::new(fault.status()).unwrap_or(Status::INTERNAL_SERVER_ERROR);
        tracing::warn!(
            status = status.code(),
            action = self.name(route),
            method = request.method,
            target = request.target,
            "{fault}"
        );
        let refusal = Refusal::new(status);
        match fault {
            Fault::PoolFull { .. } => refusal.with_headers(one("retry-after", "1")),
            _ => refusal,
        }
    }

    fn name(&self, route: &Match<'_, '_>) -> String {
        match self.routes.routes().get(route.route.index()) {
            Some(route) => {
                let action = route.action.as_ref().map_or("", |action| action.as_str());
                format!("{}#{action}", route.component.as_str())
            }
            None => String::new(),
        }
    }
}

/// One header, of names and values that are valid by themselves.
fn one(name: &str, value: &str) -> HeaderLines {
    HeaderLines::new([(name, value)]).unwrap_or_default()
}
