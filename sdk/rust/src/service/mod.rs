//! Runtime support for the expansions of `#[service]`, `#[client]` and `#[main]`.

mod answer;
mod callback;
mod client;
pub(crate) mod wire;

#[cfg(target_arch = "wasm32")]
mod exports;

pub use answer::{End, answer_with_callbacks, arguments, fallible, items, value};
pub use callback::Callback;
pub use client::{Connection, Items, callback};
#[cfg(target_arch = "wasm32")]
pub use exports::{enter, leave, run};
