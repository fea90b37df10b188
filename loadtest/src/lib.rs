//! `rusm-loadtest`: load over HTTP, WebSocket and Server-Sent Events, and conclusions about a
//! server.
//!
//! It knows only the server's address.
//!
//! - [`analysis`]: conclusions from runs: peak, sweep, comparison.
//! - [`cli`]: the command line.
//! - [`generator`]: makes load, with threads, runtimes and schedules.
//! - [`measure`]: the counts of each thread.
//! - [`report`]: JSON, tables, histograms and the HTML page.
//! - [`model`]: a measurement, as it is written to JSON.
//! - [`targets`]: URLs, requests, and expected responses.
//! - [`net`]: protocols, pure over bytes.

pub mod analysis;
pub mod cli;
pub mod generator;
pub mod measure;
pub mod model;
pub mod net;
pub mod report;
pub mod targets;
