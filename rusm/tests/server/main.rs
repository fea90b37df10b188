//! The server as its clients and its operator meet it: the real binary, real components built
//! from their sources, and raw bytes over real sockets.
//!
//! - [`apps`] builds the guests, [`server`] starts and stops the command, [`client`] speaks HTTP
//!   as well or as badly as a test wants, [`websocket`] the frames of WebSocket, [`clients`] runs other people's,
//!   [`nginx`] the proxy in front.
//! - Clients: [`hello`], [`http2`], [`matrix`], [`interoperation`], [`proxied`], [`rejections`], [`limits`],
//!   [`vanishing`].
//! - Guests: [`faults`], [`isolation`], [`fairness`], [`waiting`], [`reach`].
//! - Processes: [`services`], [`processes`], [`counter`]; clients that stay: [`browser`], [`chat`], [`guide`],
//!   [`todo_board`].
//! - Components of RUSM 0.7: [`seven`]; of others: [`stock`], and what they are granted: [`capabilities`].
//! - Components in Rust: [`building`]; in TypeScript: [`typescript`], [`typescript_build`]; and what is worked on:
//!   [`dev`].
//! - Requests to other servers: [`fetch`], [`proxy`].
//! - All of it together, for as long as one likes: [`soak`].
//! - Operators: [`access_log`], [`operator_log`], [`signals`], [`stopping`], [`starting`],
//!   [`caching`], [`descriptors`], [`addresses`], [`admin`], [`metrics`], [`tls`],
//!   [`settings`].
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
mod clients;
mod nginx;
mod server;
mod websocket;

mod access_log;
mod addresses;
mod admin;
mod browser;
mod building;
mod caching;
mod capabilities;
mod chat;
mod counter;
mod descriptors;
mod dev;
mod events;
mod fairness;
mod faults;
mod fetch;
mod guide;
mod hello;
mod hibernation;
mod http2;
mod interoperation;
mod isolation;
mod limits;
mod matrix;
mod metrics;
mod operator_log;
mod processes;
mod proxied;
mod proxy;
mod reach;
mod rejections;
mod services;
mod settings;
mod seven;
mod signals;
mod soak;
mod starting;
mod stock;
mod stopping;
mod tls;
mod todo_board;
mod typescript;
mod typescript_build;
mod typescript_node;
mod vanishing;
mod waiting;
