//! The `rusm` server and command.
//!
//! - [`cli`]: the command line
//! - [`app`]: an application on disk, whose components `rusm-build` builds
//! - [`check`]: checks an application without serving it
//! - [`kv`]: reads and changes the durable store
//! - [`serve`]: boots the shards with their resident services
//! - [`gateway`]: joins a protocol to a process
//! - [`log`]: the operator's log
//! - `admin`: health and metrics, on a listener for operators

#![warn(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "they panic where the stream can't be written to, and wait where it isn't read"
)]

mod access_log;
mod admin;
pub mod app;
pub mod app_error;
pub mod check;
pub mod cli;
pub mod cli_error;
pub mod gateway;
pub mod kv;
pub mod log;
pub mod manual;
pub mod serve;
mod swap;
mod tls;

pub use admin::AdminError;
pub use app_error::AppError;
pub use cli_error::CliError;
