//! What a guest can ask of the host: the imports of `rusm:runtime`, a file for each interface.
//!
//! - [`linker`]: puts them together
//! - [`mail`]: what a process receives, as guests get it
//! - [`shard`]: finds the shard that a guest runs on
//! - [`supervisor`]: `supervise` of `actor`

mod actor;
#[cfg(feature = "wasi-http")]
mod client;
#[cfg(not(feature = "wasi-http"))]
#[path = "client_absent.rs"]
mod client;
mod diagnostics;
mod kv;
pub(crate) mod linker;
mod log;
pub(crate) mod mail;
mod pg;
mod serve;
mod shard;
mod streams;
mod supervisor;
mod typescript;
