//! What a guest can ask of the host: the imports of `rusm:runtime`.

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
mod pg;
mod serve;
mod streams;
mod typescript;

pub(crate) use actor::into_wit;
