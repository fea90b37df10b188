//! The store on real files.
#![allow(clippy::unwrap_used, clippy::panic)]

mod batching;
mod crash;
mod full_disk;
mod model;
mod opening;
mod operations;
mod support;
