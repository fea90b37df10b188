//! What answers the requests of a route: it follows from what the component exports.

use std::rc::Rc;

use rusm_config::{Protocol, Route};
use rusm_wasm_pool::{ActionRef, ComponentRef, ShardPool};

use crate::AppError;
use crate::CliError;
use crate::app::action_name;

/// What answers the requests of a route.
#[derive(Clone, Debug)]
pub(super) enum Target {
    /// The body of a request is read first.
    Buffered(Buffered),
    /// A stock component, in a fresh process, which gets the body of a request as it comes.
    #[cfg(feature = "wasi-http")]
    Stock(ComponentRef),
}

/// What answers a request that was read whole.
#[derive(Clone, Debug)]
pub(super) enum Buffered {
    /// An action, in a fresh process.
    Action(ActionRef),
    /// An action that may answer by a stream.
    StreamingAction(ActionRef),
    /// A process for each WebSocket.
    WebSocket(ConnectionProcess),
    /// A process for each stream of Server-Sent Events.
    Events(ConnectionProcess),
    /// A fresh `process` of RUSM 0.7, by a message that names this action.
    Legacy(ComponentRef, Rc<str>),
}

/// A component whose processes hold a connection each.
#[derive(Clone, Copy, Debug)]
pub(super) struct ConnectionProcess {
    pub(super) component: ComponentRef,
    /// Whether a message to the owner of the socket is for the client.
    pub(super) takes_messages: bool,
}

impl Target {
    /// The target of a route on a listener of this protocol.
    ///
    /// # Errors
    /// When the component is not there, or can't answer such requests.
    pub(super) fn of(
        route: &Route,
        protocol: Protocol,
        pool: &ShardPool,
    ) -> Result<Self, CliError> {
        let name = route.component.as_str();
        let route_error = |why: &str| {
            CliError::from(AppError::Route {
                route: format!("{} {}", route.method, route.pattern),
                reason: why.to_owned(),
            })
        };
        let Some(component) = pool.component(name) else {
            return Err(route_error(&format!("component `{name}` was not loaded")));
        };
        let kind = pool.kind(component);
        let action_target = |action| match kind.may_stream {
            true => Buffered::StreamingAction(action),
            false => Buffered::Action(action),
        };
        if let Some(action) = &route.action {
            return match pool.resolve(name, &action_name(action)) {
                Some(action) => Ok(Self::Buffered(action_target(action))),
                None if kind.is_run => {
                    // As the identifier that it is in the guest.
                    let action = action.as_str().replace('-', "_").into();
                    Ok(Self::Buffered(Buffered::Legacy(component, action)))
                }
                None => Err(route_error("its action was not loaded")),
            };
        }
        let process = ConnectionProcess {
            component,
            takes_messages: kind.is_run,
        };
        let target = match protocol {
            Protocol::Ws if kind.is_websocket || kind.is_run => Buffered::WebSocket(process),
            Protocol::Ws => {
                return Err(route_error(&format!(
                    "component `{name}` serves no WebSockets: it exports neither \
                     rusm:runtime/websocket@0.1.0 nor `run`"
                )));
            }
            Protocol::Sse if kind.is_event_source || kind.is_run => Buffered::Events(process),
            Protocol::Sse => {
                return Err(route_error(&format!(
                    "component `{name}` serves no events by itself: it exports neither \
                     rusm:runtime/sse@0.1.0 nor `run`; name an action, as in `{name}#index`"
                )));
            }
            _ if kind.is_websocket => Buffered::WebSocket(process),
            _ if kind.is_event_source => Buffered::Events(process),
            #[cfg(feature = "wasi-http")]
            _ if kind.is_http_handler => return Ok(Self::Stock(component)),
            _ if let Some(fetch) = pool.resolve(name, DEFAULT_ACTION) => action_target(fetch),
            _ => {
                return Err(route_error(&format!(
                    "component `{name}` does not answer HTTP as a whole: it exports none of \
                     wasi:http/incoming-handler@0.2, rusm:runtime/websocket@0.1.0, \
                     rusm:runtime/sse@0.1.0 and the action `fetch`; name an action, as in \
                     `{name}#index`"
                )));
            }
        };
        if matches!(target, Buffered::WebSocket(_) | Buffered::Events(_)) && route.method != "GET" {
            return Err(route_error(&format!(
                "component `{name}` holds a connection, which is asked for with `GET`"
            )));
        }
        Ok(Self::Buffered(target))
    }
}

/// What answers for a handler as a whole: in TypeScript, the default export.
const DEFAULT_ACTION: &str = "fetch";
