//! The `rusm` server and command.
//!
//! From the command line in: [`cli`] reads it, [`app`] is an application on disk, whose components `rusm-build`
//! makes, [`check`] looks it over, [`kv`] looks into its durable store. [`serve`] boots the shards with their
//! resident services, and [`gateway`] joins a protocol to a process. [`log`] writes what the node has to say.

#![warn(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "they panic where the stream can't be written to, and wait where it isn't read"
)]

mod access_log;
pub mod app;
pub mod app_error;
pub mod check;
pub mod cli;
pub mod cli_error;
pub mod gateway;
pub mod kv;
pub mod log;
pub mod serve;
mod swap;

pub use app_error::AppError;
pub use cli_error::CliError;
