//! Conclusions from results, as pure functions.
//!
//! - [`objective`]: whether a run met an objective, and if not, why.
//! - [`gates`]: what a run is expected to reach.
//! - [`peak`]: the search for the highest rate that meets an objective.
//! - [`sweep`]: the points of a sweep, and conclusions from them.
//! - [`knee`], [`capacity`]: the rates at which latency leaves its floor, and reaches the
//!   objective.
//! - [`usl`]: the Universal Scalability Law.
//! - [`compare`]: changes between two files, and whether they exceed the noise.
//! - [`distribution`]: the histogram in a file.

pub mod capacity;
pub mod compare;
pub mod distribution;
pub mod gates;
mod isotonic;
pub mod knee;
pub mod objective;
pub mod peak;
mod stats;
pub mod sweep;
pub mod usl;
pub(crate) mod warnings;
