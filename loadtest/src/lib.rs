//! `rusm-loadtest`: load over HTTP, WebSocket and Server-Sent Events, and what it says of a server.
//!
//! It knows nothing of the server that it measures but its address.
//!
//! - [`analysis`]: what the runs say: peak, sweep, comparison.
//! - [`report`]: JSON, tables, histograms and the HTML page.
//! - [`model`]: what a measurement is, as it is written to JSON.
//! - [`net`]: protocols, pure over bytes.

pub mod analysis;
pub mod model;
pub mod net;
pub mod report;
