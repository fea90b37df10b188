//! The ways in which a guest lives.
//!
//! - [`request`]: an action that answers with what it returns, in the task of its connection
//! - [`run_guest`]: what all others have in common, each in a task of its own
//! - [`action`]: a call of an action: [`streaming_action`] for one that may answer by a stream,
//!   [`action_call`] for one that a guest calls
//! - [`connection_process`]: WebSockets and streams of events
//! - [`legacy_http`]: components that answer requests by messages
//! - [`stock_http`]: stock `wasi:http` components
//! - [`service`]: services, workers, and what guests spawn; [`dispatch`] hands them messages and calls
//! - [`for_guests`]: what guests ask of the pool

mod action;
mod action_call;
mod connection_process;
mod dispatch;
mod for_guests;
pub(crate) mod hibernation;
mod legacy_http;
mod request;
mod run_guest;
pub(crate) mod service;
#[cfg(feature = "wasi-http")]
pub(crate) mod stock_http;
mod streaming_action;
