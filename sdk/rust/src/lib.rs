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
//! Standard error goes to the operator's log, so `eprintln!` and a panic's message end up there.
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
//! # Features
//! - `json` (default): [`Request::json`] and [`Response::json`], with serde. Types of your own
//!   need serde's derives: `cargo add serde --features derive`.

mod bad_request;
mod header;
mod heap;
mod into_response;
mod params;
mod request;
mod response;
#[cfg(target_arch = "wasm32")]
mod virtual_wasi;

pub use bad_request::BadRequest;
pub use into_response::IntoResponse;
pub use params::Params;
pub use request::Request;
pub use response::Response;
pub use rusm_rs_macros::handlers;

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
            }
        ",
        path: "wit",
        generate_all,
        generate_unused_types: true,
    });
}
