//! Joins a protocol to a process.

mod http;

pub use http::HttpGateway;
