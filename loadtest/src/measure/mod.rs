//! Measuring: what each thread counts, and how it becomes a [`Run`](crate::model::Run).
//!
//! - [`Recorder`]: one for each thread; every operation ends in [`Recorder::ok`] or
//!   [`Recorder::error`].
//! - [`Window`]: what of a run is recorded, and how it is cut into intervals.
//! - [`Failure`]: why an operation did not end as it should.
//! - [`Collector`]: puts together what the threads recorded.

mod collector;
mod failure;
mod recorder;
mod window;

pub use collector::Collector;
pub use failure::Failure;
pub use recorder::{Message, Recorder, Slice, Totals};
pub use window::{Membership, Window};
