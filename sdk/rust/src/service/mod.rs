//! What the expansions of `#[service]` and `#[client]` rest on.

mod answer;
mod callback;
mod client;
mod state;
pub(crate) mod wire;

#[cfg(target_arch = "wasm32")]
mod exports;

pub use answer::{End, answer_with_callbacks, arguments, fallible, items, value};
pub use callback::Callback;
pub use client::{Connection, Items, callback};
#[cfg(target_arch = "wasm32")]
pub use exports::{FlatMail, enter, leave, mail, run};
pub use state::Held;

/// Makes the state of a service that has no `init`.
pub fn default_state<T: Default>() -> T {
    T::default()
}
