//! The ways in which a guest lives.
//!
//! - [`service`]: services, workers, and what guests spawn
//! - [`streaming_action`]: actions that may answer by a stream
//! - [`connection_process`]: WebSockets and streams of events
//! - [`legacy_http`]: components that answer requests by messages

mod connection_process;
mod legacy_http;
pub(crate) mod service;
mod streaming_action;
