//! The `rusm` server and command.
//!
//! From the command line in: [`cli`] reads it, [`app`] is an application on disk, [`build`]
//! makes its components and [`scaffold`] a new one, [`check`] looks it over, [`kv`] looks into
//! its durable store. [`serve`] boots the shards with their resident services, and [`gateway`] joins a protocol to a process.

mod access_log;
pub mod app;
pub mod build;
pub mod check;
pub mod cli;
pub mod failure;
pub mod gateway;
pub mod kv;
pub mod log;
pub mod scaffold;
pub mod serve;

pub use failure::Failure;
