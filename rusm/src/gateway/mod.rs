//! Joins a protocol to a process.

mod http;
mod streaming;
mod websocket;

pub use http::HttpGateway;
pub use streaming::encode_event;
