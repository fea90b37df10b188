//! `rusm-loadtest`: load over HTTP, WebSocket and Server-Sent Events, and what it says of a server.
//!
//! It knows nothing of the server that it measures but its address.
//!
//! - [`analysis`]: what the runs say: peak, sweep, comparison.
//! - [`cli`]: the command line.
//! - [`generator`]: threads, runtimes, schedules: how load is made.
//! - [`measure`]: what each thread counts.
//! - [`report`]: JSON, tables, histograms and the HTML page.
//! - [`model`]: what a measurement is, as it is written to JSON.
//! - [`targets`]: URLs, requests, and what is expected of a response.
//! - [`net`]: protocols, pure over bytes.

pub mod analysis;
pub mod cli;
pub mod generator;
pub mod measure;
pub mod model;
pub mod net;
pub mod report;
pub mod targets;
