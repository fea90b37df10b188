//! Measuring: the counts of each thread, and how they become a [`Run`](crate::model::Run).
//!
//! - [`Recorder`]: one for each thread; every operation ends in [`Recorder::ok`] or
//!   [`Recorder::error`].
//! - [`Window`]: the recorded part of a run, and its intervals.
//! - [`Ending`]: the end of a run before its time.
//! - [`Failure`]: the reason why an operation failed.
//! - [`Collector`]: merges the recordings of threads.

mod collector;
mod ending;
mod failure;
mod recorder;
mod window;

pub use collector::Collector;
pub use ending::{Ending, Stop};
pub use failure::Failure;
pub use recorder::{Message, Recorder, Slice, Totals};
pub use window::{Membership, Window};
