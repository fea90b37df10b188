//! The Rust guest SDK of RUSM: request handlers as plain functions.
//!
//! ```
//! use rusm_rs::{Params, Request, Response};
//!
//! #[rusm_rs::handlers]
//! pub mod handlers {
//!     use super::*;
//!
//!     pub fn index(_request: Request, _params: Params) -> Response {
//!         Response::text("Hello from RUSM\n")
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! A route in the app's `rusm.toml` names the action: `"GET /" = "hello#index"`. Each request gets
//! a fresh instance of the component, which is discarded after the response. Requests share no
//! memory: a panic, an infinite loop or runaway allocation in an action fails that one request.
//!
//! - [`handlers`] exports the public functions of a module as the actions of a component.
//! - [`Request`] and [`Params`] are an action's arguments. It returns a [`Response`] or, through
//!   [`IntoResponse`], a [`Result`].
//! - [`BadRequest`] is the error of every function that parses client input. Returned with `?`, it
//!   becomes a response with status 400.
//!
//! # Streamed responses
//! [`Response::stream`] sends a body piece by piece. An action with a third parameter, [`Sse`],
//! responds with Server-Sent Events:
//!
//! ```
//! use rusm_rs::{BadRequest, Event, Params, Request, Sse};
//!
//! #[rusm_rs::handlers]
//! pub mod handlers {
//!     use super::*;
//!
//!     pub fn ticks(_request: Request, params: Params, sse: Sse) -> Result<(), BadRequest> {
//!         let n: u32 = params.parse("n")?;
//!         for tick in 1..=n {
//!             sse.send(Event::new().id(tick).data(format!("tick {tick}")));
//!         }
//!         Ok(())
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! # A process for each connection
//! [`macro@sse`] makes the functions of a module the callbacks of a long-lived event stream. Each
//! connection has its own process. It needs no stack while it waits for the next event, so that
//! many clients can be connected at once. The route names the component without an action:
//! `"GET /news" = "news"`.
//!
//! ```
//! #[rusm_rs::sse]
//! pub mod news {
//!     use rusm_rs::Sse;
//!
//!     pub fn open() {
//!         rusm_rs::register_tag("news");
//!     }
//!
//!     /// Sends each message that is published to the group.
//!     pub fn message(sse: &Sse, message: Vec<u8>) {
//!         sse.data(message);
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! [`macro@websocket`] does the same for a WebSocket: `"GET /echo" = "echo"`.
//!
//! ```
//! #[rusm_rs::websocket]
//! pub mod echo {
//!     use rusm_rs::{Connection, Message};
//!
//!     pub fn message(connection: &Connection, message: Message) {
//!         match message {
//!             Message::Text(text) => connection.send_text(text),
//!             Message::Binary(bytes) => connection.send_binary(bytes),
//!         };
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! Standard error goes to the operator's log, with `eprintln!` and the messages of panics.
//!
//! # Services
//! State that outlives a request belongs to a service, a long-lived process that other components
//! call:
//!
//! ```
//! #[rusm_rs::service]
//! pub mod counter {
//!     #[derive(Default)]
//!     pub struct State {
//!         count: u64,
//!     }
//!
//!     pub fn increment(state: &mut State, by: u64) -> u64 {
//!         state.count += by;
//!         state.count
//!     }
//! }
//!
//! // In another component:
//! #[rusm_rs::client]
//! pub trait Counter {
//!     fn increment(by: u64) -> u64;
//! }
//!
//! fn count() -> Result<u64, rusm_rs::CallError> {
//!     Counter::whereis("counter")?.increment(1)
//! }
//! # fn main() {}
//! ```
//!
//! - [`service`] exports the public functions of a module as those of a service; [`client`] makes a
//!   typed client in another component. With `resident = true` in `rusm.toml` the service starts
//!   with the node and is supervised.
//! - [`main`] makes a function the body of a process.
//! - [`spawn`], [`link`], [`monitor`], [`send`], [`receive_mail`], [`register`], [`send_after`] and
//!   [`Supervisor`] are the Erlang primitives. [`Stream`] is a byte stream between processes.
//! - [`kv`] is the durable store, [`log`] the operator's log.
//! - [`http::fetch`] sends requests to other servers.
//!
//! # Testing
//! On the host an action is an ordinary function, which a unit test can call:
//!
//! ```
//! # use rusm_rs::{Params, Request, Response};
//! fn user(_request: Request, params: Params) -> Response {
//!     Response::text(format!("user {}\n", params.get("id").unwrap_or_default()))
//! }
//!
//! let response = user(Request::new("GET", "/users/7"), Params::from([("id", "7")]));
//! assert_eq!(response.body(), b"user 7\n");
//! ```
//!
//! So is a function of a service. Functions that call the host (calls, the store) panic outside a
//! guest.
//!
//! # Features
//! - `json` (default): [`Request::json`] and [`Response::json`], services and their clients, with
//!   serde. Your types need serde's derives: `cargo add serde --features derive`.
//! - `heap` (default): the guest's global allocator.
//! - `log`: the macros of the crate `log`, in your code and in its dependencies, write to the
//!   operator's log, as [`mod@log`] does: `log::info!("{count} orders")`. Each line is one call of the
//!   host; `trace!` has no level there, so its lines are dropped. A component with this feature
//!   always imports the log, which makes its fresh instances slightly more expensive: use
//!   `eprintln!` in handlers where microseconds count.

#[cfg(target_arch = "wasm32")]
mod abi;
mod bad_request;
mod call;
mod connection_info;
mod group;
mod header;
#[cfg(feature = "heap")]
mod heap;
pub mod http;
#[cfg(target_arch = "wasm32")]
mod initialize;
mod into_response;
pub mod kv;
pub mod log;
#[cfg(feature = "log")]
mod logger;
mod mail;
mod params;
mod pid;
mod process;
mod request;
mod response;
mod sse;
mod state;
mod stream;
mod streaming;
mod supervisor;
#[cfg(target_arch = "wasm32")]
mod virtual_wasi;
mod websocket;

/// Runtime support for the expansions of `service`, `client` and `main`.
#[cfg(feature = "json")]
#[doc(hidden)]
pub mod service;

pub use bad_request::BadRequest;
pub use call::{CallError, call_bytes, fetch};
#[cfg(feature = "json")]
pub use call::{call, cast, run};
pub use connection_info::ConnectionInfo;
pub use group::{kill_tag, publish, register_tag, unregister_tag, whereis_tag};
pub use into_response::IntoResponse;
pub use mail::{
    Mail, cancel_timer, receive_bytes, receive_bytes_timeout, receive_mail, send_after, send_bytes,
    stash, unstash,
};
#[cfg(feature = "json")]
pub use mail::{down_pid, receive, receive_timeout, send};
pub use params::Params;
pub use pid::Pid;
pub use process::{
    Info, caller, demonitor, exit, info, is_alive, kill, link, list, me, monitor, register,
    set_label, spawn, trap_exit, unlink, unregister, whereis,
};
pub use request::Request;
pub use response::Response;
pub use rusm_rs_macros::{client, handlers, main, service, sse, websocket};
#[cfg(feature = "json")]
pub use service::Callback;
pub use sse::{Event, Sse};
pub use stream::Stream;
pub use streaming::Body;
pub use supervisor::{Strategy, Supervisor};
pub use websocket::{Connection, Message};

#[cfg(target_arch = "wasm32")]
use bindings::rusm::runtime::diagnostics;

/// Runtime support for the expansions of the macros; not part of the public interface.
#[doc(hidden)]
pub mod __private;

/// The types of the WIT package `rusm:runtime`, generated once for every component.
#[allow(missing_docs, reason = "generated; what is public is decided above")]
mod bindings {
    wit_bindgen::generate!({
        inline: "
            package rusm:sdk;
            world sdk {
                import rusm:runtime/http@0.1.0;
                import rusm:runtime/diagnostics@0.1.0;
                import rusm:runtime/actor@0.1.0;
                import rusm:runtime/client@0.1.0;
                import rusm:runtime/pg@0.1.0;
                import rusm:runtime/streams@0.1.0;
                import rusm:runtime/log@0.1.0;
                import rusm:runtime/kv@0.1.0;
                import rusm:runtime/serve@0.1.0;
            }
        ",
        path: "wit",
        generate_all,
        generate_unused_types: true,
    });
}
