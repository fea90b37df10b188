//! Sockets and protocols on one core, free of Wasm.
//!
//! From the socket up: [`mod@bind`] makes the listening sockets, one for each shard; [`driver`] runs
//! a shard's event loop; [`listener`] accepts connections into it; [`connection`] is the life
//! of one of them; [`http1`] is the protocol, as pure functions over bytes, [`sse`] the format of
//! one kind of streamed body, [`mod@websocket`] what a connection may be upgraded to; [`mod@tls`] is
//! between the socket and them, if the listener has it. A [`Service`] handles the requests. [`Shard`] is what the connections of a core share: the clock,
//! the date, and who ends those that wait for too long. [`access`] is what is recorded of each request
//! once it has ended, [`meter`] what is counted of them all, and [`request_id`] what it is called in the logs.
//!
//! # Example
//!
//! A server of one core that greets:
//!
//! ```no_run
//! use std::convert::Infallible;
//! use std::rc::Rc;
//! use std::time::Duration;
//!
//! use rusm_uring_net::connection::Settings;
//! use rusm_uring_net::http1::{Head, HeadLimits, HeaderLines, ResponseHeaders, Status};
//! use rusm_uring_net::{
//!     ConnectionLimit, Driver, ErrorResponse, Request, Response, Route, Service, ServiceResponse,
//!     Shard, Streamed, StreamedRequest, accept, bind, shard,
//! };
//!
//! struct Greeter;
//!
//! impl Service for Greeter {
//!     type Buffered<'r> = ();
//!     type Streaming<'r> = Infallible;
//!
//!     fn route<'r>(&'r self, head: &Head<'r>) -> Result<Route<(), Infallible>, ErrorResponse> {
//!         match head.path {
//!             "/" => Ok(Route::Buffered(())),
//!             _ => Err(ErrorResponse::new(Status::NOT_FOUND)),
//!         }
//!     }
//!
//!     async fn call(
//!         &self,
//!         _target: Self::Buffered<'_>,
//!         request: Request<'_>,
//!     ) -> Result<ServiceResponse, ErrorResponse> {
//!         let content_type = vec![("content-type".into(), b"text/plain".to_vec())];
//!         Ok(ServiceResponse::Http(Response {
//!             status: Status::OK,
//!             headers: ResponseHeaders::new(content_type).expect("it is valid"),
//!             body: format!("hello, {}\n", request.peer).into_bytes().into(),
//!         }))
//!     }
//!
//!     fn call_streaming(
//!         &self,
//!         target: Self::Streaming<'_>,
//!         _request: StreamedRequest<'_>,
//!     ) -> Result<Streamed, ErrorResponse> {
//!         match target {}
//!     }
//! }
//!
//! let socket = bind(([127, 0, 0, 1], 8080).into(), false, 1)?.remove(0);
//! let settings = Settings {
//!     head: HeadLimits::default(),
//!     max_body: 1 << 20,
//!     header_timeout: Duration::from_secs(10),
//!     body_timeout: Duration::from_secs(30),
//!     idle_timeout: Duration::from_secs(60),
//!     write_timeout: Duration::from_secs(30),
//!     headers: HeaderLines::default(),
//!     access_log: None,
//!     http2: true,
//!     tls: None,
//! };
//! Driver::Uring.block_on(|| async {
//!     let net = Shard::new();
//!     let limit = ConnectionLimit::new(1000);
//!     let service = Rc::new(Greeter);
//!     monoio::spawn(accept(socket, limit, net.clone(), Rc::new(settings), service));
//!     // Deadlines have no timers: the shard looks at them.
//!     loop {
//!         monoio::time::sleep(shard::TICK).await;
//!         net.tick();
//!     }
//! })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod access;
pub mod bind;
pub mod connection;
mod content;
mod deadline_guard;
pub mod driver;
mod error_response;
pub mod http1;
mod http2;
mod length_check;
pub mod listener;
mod memory;
pub mod meter;
pub mod request_id;
pub mod service;
mod settings;
pub mod shard;
mod socket;
pub mod sse;
pub mod tls;
pub mod websocket;

/// Private items, for the targets in `fuzz/`.
#[cfg(fuzzing)]
pub mod fuzzing {
    pub use crate::websocket::fuzzing::{Received, WebSocketDecoder};
}

pub use access::AccessLog;
pub use bind::{BindError, bind};
pub use driver::Driver;
pub use listener::{ConnectionLimit, accept};
pub use meter::{MeteredRequest, Method, RequestMeter};
pub use request_id::RequestId;
pub use service::{
    Aborted, Body, BodyError, BodySink, BodyStream, Closed, ErrorResponse, Informational,
    InvalidInformational, PendingResponse, Request, Response, Route, Service, ServiceResponse,
    Streamed, StreamedRequest, WrongLength,
};
pub use shard::{NetStats, Shard};
pub use websocket::WebSocket;
