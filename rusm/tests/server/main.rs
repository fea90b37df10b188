//! The server as its clients and its operator meet it: the real binary, real components built
//! from their sources, and raw bytes over real sockets.
//!
//! - [`apps`] builds the guests, [`server`] starts and stops the command, [`client`] speaks HTTP
//!   as well or as badly as a test wants.
//! - Clients: [`hello`], [`interoperation`], [`rejections`], [`limits`], [`vanishing`].
//! - Guests: [`faults`], [`isolation`], [`fairness`], [`waiting`].
//! - Processes: [`services`], [`processes`], [`counter`]; clients that stay: [`chat`].
//! - Operators: [`stopping`], [`starting`], [`caching`].
//!
//! Times are bounded generously: the machine may be busy with something else.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests, helpers included"
)]

mod apps;
mod client;
mod server;

mod caching;
mod chat;
mod counter;
mod fairness;
mod faults;
mod hello;
mod interoperation;
mod isolation;
mod limits;
mod processes;
mod rejections;
mod services;
mod starting;
mod stopping;
mod vanishing;
mod waiting;
