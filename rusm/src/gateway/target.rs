//! What a route leads to follows from what its component exports.

use rusm_config::{Protocol, Route};
use rusm_wasm_pool::{ActionRef, ComponentRef, ShardPool};

use crate::Failure;
use crate::app::action_name;

/// Who answers the requests of a route, and how.
pub(super) enum Target {
    /// An action, in a fresh process.
    Action(ActionRef),
    /// A process for each WebSocket.
    WebSocket(ComponentRef),
    /// A process for each stream of Server-Sent Events.
    Events(ComponentRef),
    /// A stock component, in a fresh process.
    #[cfg(feature = "wasi-http")]
    Standard(ComponentRef),
    /// A fresh `process`, by a message with this action.
    Mail(ComponentRef, Box<str>),
}

impl Target {
    /// Whether it takes the body of a request as it comes.
    pub(super) fn wants_stream(&self) -> bool {
        match self {
            #[cfg(feature = "wasi-http")]
            Self::Standard(_) => true,
            Self::Action(_) | Self::WebSocket(_) | Self::Events(_) | Self::Mail(..) => false,
        }
    }

    /// The target of a route on a listener of this protocol.
    ///
    /// # Errors
    /// When the component is not there, or can't answer such requests.
    pub(super) fn of(route: &Route, protocol: Protocol, pool: &ShardPool) -> Result<Self, Failure> {
        let name = route.component.as_str();
        let failed = |why: &str| {
            let (method, pattern) = (&route.method, &route.pattern);
            Failure::App(format!("route \"{method} {pattern}\": {why}"))
        };
        let Some(component) = pool.component(name) else {
            return Err(failed(&format!("component `{name}` was not loaded")));
        };
        let runs = pool.runs_by_itself(component);
        if let Some(action) = &route.action {
            return match pool.resolve(name, &action_name(action)) {
                Some(action) => Ok(Self::Action(action)),
                // As the identifier that it is in the guest.
                None if runs => Ok(Self::Mail(
                    component,
                    action.as_str().replace('-', "_").into(),
                )),
                None => Err(failed("its action was not loaded")),
            };
        }
        let is_websocket = pool.is_websocket(component);
        let is_event_source = pool.is_event_source(component);
        let target = match protocol {
            Protocol::Ws if is_websocket || runs => Self::WebSocket(component),
            Protocol::Ws => {
                return Err(failed(&format!(
                    "component `{name}` serves no WebSockets: it exports neither \
                     rusm:runtime/websocket@0.1.0 nor `run`"
                )));
            }
            Protocol::Sse if is_event_source || runs => Self::Events(component),
            Protocol::Sse => {
                return Err(failed(&format!(
                    "component `{name}` serves no events by itself: it exports neither \
                     rusm:runtime/sse@0.1.0 nor `run`; name an action, as in `{name}#index`"
                )));
            }
            _ if is_websocket => Self::WebSocket(component),
            _ if is_event_source => Self::Events(component),
            #[cfg(feature = "wasi-http")]
            _ if pool.is_http_handler(component) => Self::Standard(component),
            _ if let Some(fetch) = pool.resolve(name, DEFAULT_ACTION) => Self::Action(fetch),
            _ => {
                return Err(failed(&format!(
                    "component `{name}` does not answer HTTP as a whole: it exports none of \
                     wasi:http/incoming-handler@0.2, rusm:runtime/websocket@0.1.0, \
                     rusm:runtime/sse@0.1.0 and the action `fetch`; name an action, as in \
                     `{name}#index`"
                )));
            }
        };
        if matches!(target, Self::WebSocket(_) | Self::Events(_)) && route.method != "GET" {
            return Err(failed(&format!(
                "component `{name}` holds a connection, which is asked for with `GET`"
            )));
        }
        Ok(target)
    }
}

/// What answers for a handler as a whole: in TypeScript, the default export.
const DEFAULT_ACTION: &str = "fetch";
