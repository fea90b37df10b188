//! What the runs say: pure functions from results to conclusions.
//!
//! - [`objective`]: whether a run met an objective, and if not, whose fault that was.
//! - [`peak`]: the search for the highest rate that meets an objective.
//! - [`sweep`]: the points of a sweep and what follows from them.
//! - [`knee`], [`capacity`]: where latency leaves its floor; where it reaches the objective.
//! - [`usl`]: the Universal Scalability Law.
//! - [`compare`]: what changed between two files, and whether it is more than noise.
//! - [`distribution`]: the histogram that a file carries.

pub mod capacity;
pub mod compare;
pub mod distribution;
mod isotonic;
pub mod knee;
pub mod objective;
pub mod peak;
mod stats;
pub mod sweep;
pub mod usl;
pub(crate) mod warnings;
