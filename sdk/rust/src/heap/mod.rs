//! The guest's heap over the linear memory, from the end of the static data on, for Rust, for the
//! host's lowering of arguments and for the C library alike: an [arena](arena) in a process that
//! answers one call, a [general allocator](lives) in one that lives on.
//!
//! On the host target only what needs no linear memory is compiled, for its tests.

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
mod lives;

#[cfg(target_arch = "wasm32")]
mod c_library;
#[cfg(target_arch = "wasm32")]
mod canonical_abi;
#[cfg(target_arch = "wasm32")]
mod global;

#[cfg(target_arch = "wasm32")]
use global::GuestHeap;
#[cfg(target_arch = "wasm32")]
pub(crate) use global::live_on;
