//! Joins a protocol to a process.
//!
//! - `http`: a request of a listener goes to its route's target
//! - `target`: what a route's component answers with, found when it is loaded
//! - `streaming`, `events`, `websocket`, `wasi_http`: the owner of the socket beside a process of each kind
//! - `response`: what the guest gave, as a response; `request_log`: what is logged of one that failed

mod events;
mod http;
mod request_log;
mod response;
mod streaming;
mod target;
#[cfg(feature = "wasi-http")]
mod wasi_http;
mod websocket;

pub use http::{HttpGateway, ListenerSpec, Resolved};
pub use streaming::encode_event;
