//! Joins a protocol to a process.

mod asked;
mod events;
mod http;
#[cfg(feature = "wasi-http")]
mod incoming;
mod streaming;
mod target;
mod websocket;

pub use http::{HttpGateway, Served};
pub use streaming::encode_event;
