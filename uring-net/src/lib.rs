//! Sockets and protocols on one core, free of Wasm.
//!
//! From the socket up: [`mod@bind`] makes the listening sockets, one for each shard; [`driver`] runs
//! a shard's event loop; [`listener`] accepts connections into it; [`connection`] is the life
//! of one of them; [`http1`] is the protocol, as pure functions over bytes, [`sse`] the format of
//! one kind of streamed body, [`mod@websocket`] what a connection may be upgraded to. A
//! [`Service`] handles the requests. [`Shard`] is what the connections of a core share: the clock,
//! the date, and who ends those that wait for too long. [`access`] is what is recorded of each request
//! once it has ended, and [`request_id`] what it is called in the logs.

pub mod access;
pub mod bind;
pub mod connection;
mod deadline_guard;
pub mod driver;
mod error_response;
pub mod http1;
pub mod listener;
mod memory;
pub mod request_id;
pub mod service;
mod settings;
pub mod shard;
mod socket;
pub mod sse;
pub mod websocket;

/// What is private, for the targets in `fuzz/`.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::websocket::fuzzing::{Received, WebSocketDecoder};
}

pub use access::AccessLog;
pub use bind::{BindError, bind};
pub use driver::Driver;
pub use listener::{ConnectionLimit, accept};
pub use request_id::RequestId;
pub use service::{
    Aborted, Body, BodyError, BodySink, BodyStream, Closed, ErrorResponse, Informational,
    InvalidInformational, PendingResponse, Request, Response, Route, Service, ServiceResponse,
    Streamed, StreamedRequest, WrongLength,
};
pub use shard::Shard;
pub use websocket::WebSocket;
