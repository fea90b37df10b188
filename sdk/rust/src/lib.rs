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
//! A route in the app's `rusm.toml` names the action: `"GET /" = "hello#index"`. Each request is
//! answered by a fresh instance of the component, which is gone once it has answered: nothing is
//! shared between requests, and an action that panics, loops or eats memory harms no other.
//!
//! - [`handlers`] makes the public functions of a module the actions of a component.
//! - [`Request`] and [`Params`] are what an action gets, [`Response`] is what it gives, through
//!   [`IntoResponse`] also as a [`Result`].
//! - [`BadRequest`] is the error of everything that reads what a client sent: with `?` it answers
//!   400.
//!
//! # Answers that take their time
//! [`Response::stream`] sends a body of any type piece by piece. An action with a third parameter,
//! [`Sse`], answers by Server-Sent Events:
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
//! [`macro@sse`] makes the functions of a module those of a stream of events that stays, with a
//! process for each connection. It is entered when something happens, and needs no stack while it
//! waits, so that many clients can wait at once. A route names the component alone:
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
//!     /// What is published to the group, until the client leaves.
//!     pub fn message(sse: &Sse, message: Vec<u8>) {
//!         sse.data(message);
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! [`macro@websocket`] does so for a WebSocket: `"GET /echo" = "echo"`.
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
//! Standard error goes to the operator's log, so `eprintln!` and a panic's message end up there.
//!
//! # What lasts
//! State that outlives a request is in a process of its own, which other components call:
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
//! - [`service`] makes the public functions of a module those of a service, [`client`] makes its
//!   typed client elsewhere. `resident = true` in `rusm.toml` starts one with the node.
//! - [`main`] makes a function the whole life of a process.
//! - [`spawn`], [`monitor`], [`send`], [`receive_mail`], [`register`], [`send_after`],
//!   [`Supervisor`], [`Stream`] and the rest are what processes do with one another.
//! - [`kv`] is the durable store, [`log`] the operator's log.
//! - [`http::fetch`] sends requests to other servers.
//!
//! # Testing
//! On the host an action is an ordinary function, so a unit test calls it:
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
//! A function of a service is one, too. What asks the host for something (a call, the store)
//! panics outside a guest.
//!
//! # Features
//! - `json` (default): [`Request::json`] and [`Response::json`], services and their clients, with
//!   serde. Types of your own need serde's derives: `cargo add serde --features derive`.
//! - `heap` (default): the guest's global allocator.
//! - `log`: the macros of the crate `log`, of your code and of what it depends on, write to the
//!   operator's log, as [`mod@log`] does: `log::info!("{count} orders")`. The host is asked to for each
//!   line; lines of `trace!` have no level there and are dropped. A component with this feature
//!   imports the log, used or not, which makes a fresh process of it a little dearer: `eprintln!` is
//!   for handlers that count microseconds.

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

/// What the expansions of the macros rest on.
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

/// What the expansion of [`handlers`] refers to; no part of the public interface.
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
