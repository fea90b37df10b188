//! The guest's heap over the linear memory, from the end of the static data on. Rust, the C library
//! and the host's lowering of arguments share it: an [arena] in a process that answers one call, a
//! [general allocator](two_mode) in one that continues.
//!
//! For the host target, where the tests run, only the parts that need no linear memory are compiled.

#[cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only its tests use it")
)]
mod arena;
#[cfg(test)]
mod buffer;
mod class;
#[cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only its tests use it")
)]
mod linear_memory;
#[cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only its tests use it")
)]
mod two_mode;

#[cfg(target_arch = "wasm32")]
mod c_library;
#[cfg(target_arch = "wasm32")]
mod canonical_abi;
#[cfg(target_arch = "wasm32")]
mod global;

#[cfg(target_arch = "wasm32")]
use global::GuestHeap;
#[cfg(target_arch = "wasm32")]
pub(crate) use global::switch_to_general;
