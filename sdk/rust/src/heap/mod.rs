//! The guest's heap: one [arena](arena) over the linear memory, from the end of the static data
//! on, for Rust, for the host's lowering of arguments and for the C library alike.
//!
//! On the host target only the arena is compiled, for its tests.

#[cfg_attr(
    not(target_arch = "wasm32"),
    allow(dead_code, reason = "only its tests use it")
)]
mod arena;
mod class;

#[cfg(target_arch = "wasm32")]
mod c_library;
#[cfg(target_arch = "wasm32")]
mod canonical_abi;
#[cfg(target_arch = "wasm32")]
mod linear_memory;

#[cfg(target_arch = "wasm32")]
pub use linear_memory::GuestHeap;
