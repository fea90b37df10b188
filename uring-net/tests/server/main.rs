//! Connections as their clients meet them: a real listener on a shard of its own, and raw bytes
//! or other people's clients at the other end.
//!
//! - [`harness`] starts a shard and speaks raw HTTP, [`peers`] answer it: sources of streamed
//!   bodies and WebSocket handlers that a test controls.
//! - [`sinks`] take bodies that are streamed to them, and answer.
//! - [`streaming`], [`http2`], [`uploads`], [`refusals`], [`memory`], [`handshake`], [`conversations`],
//!   [`interoperation`], [`stopping`], [`tls`] are the tests.
//!
//! Times are bounded generously: the machine may be busy with something else.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests, helpers included"
)]

mod harness;
mod peers;
mod sinks;

mod conversations;
mod handshake;
mod http2;
mod interoperation;
mod memory;
mod refusals;
mod stopping;
mod streaming;
mod tls;
mod uploads;
