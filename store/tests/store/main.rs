//! The store on real files.

mod batching;
mod crash;
mod full_disk;
mod model;
mod opening;
mod operations;
mod support;
