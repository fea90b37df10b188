//! Rewrites a component so that its instances can be put back to their first state.
//!
//! A fresh sandbox for each request does not need a new instance: one whose state is, bit for bit, what it was right
//! after instantiation is a fresh one to its guest. [`rewrite`] gives a component one more export, [`RESET`]: a
//! function that restores whatever the guest's code, and the host on its behalf, can have changed.
//!
//! - **Memory**: each store marks the granule that it writes to, and the function restores the granules that are
//!   marked from a copy of the module's data. What the host writes is marked likewise: into the blocks that
//!   the guest's `cabi_realloc` gives it, and to the places that the guest names for results.
//! - **Globals and tables** are set to what the module declares.
//!
//! Where that can't be undone from within, because a memory or a table has grown, the function returns false, and the
//! instance has to be thrown away. The guest has no part in this: the code is the host's and a guest can't change
//! code, and the marks are in a memory that no instruction of the guest's names.
//!
//! Components of other shapes are left as they are; [`Unsuited`] says why.
//!
//! The marks also say what an instance differs in from its first state. [`SAVE`] reads that out, and [`RESTORE`] puts
//! it into an instance in its first state, which is then, bit for bit, the one that it was read from: a process that
//! waits needs no instance.
//!
//! Actions get a second way in, [`CALL`]: a request comes as one list of bytes, which the added code hands to the
//! action as the canonical ABI says, and the response leaves likewise, with the instance put back. So a request
//! enters the sandbox twice, instead of once for each string of it and thrice more.

mod component;
pub mod difference;
pub mod frame;
pub mod module;
mod result_size;
mod sections;

use thiserror::Error;

pub use component::rewrite;

/// The export that puts an instance back, `func() -> bool`: false if the instance has to be thrown away. It is only
/// to be called after a call that has returned.
pub const RESET: &str = "rusm-reset";
/// The export that says what an instance differs in from its first state, `func() -> list<u8>`: a [`difference`], or
/// nothing if it is too much. It is only to be called after a call that has returned, and changes nothing.
pub const SAVE: &str = "rusm-save";
/// The export that makes an instance in its first state the one of a [`difference`], `func(list<u8>) -> bool`: false if
/// its memory can't be as large. It has to be thrown away then.
pub const RESTORE: &str = "rusm-restore";

/// What the export that calls an action begins with; the rest is the name of the action. It is
/// `func(request: list<u8>) -> list<u8>`, see [`frame`]: a response, or nothing if it has to be asked for by
/// [`RESPONSE`]. A response says whether the instance was put back. It is only to be called in the first state.
pub const CALL: &str = "rusm-call-";
/// The export that gives the response of the last call of [`CALL`] which gave nothing, `func() -> tuple<u16,
/// list<tuple<string, list<u8>>>, list<u8>>`.
pub const RESPONSE: &str = "rusm-response";

/// Whether an export has the name of one that is added.
#[must_use]
pub fn is_added(export: &str) -> bool {
    [RESET, SAVE, RESTORE, RESPONSE].contains(&export) || export.starts_with(CALL)
}

/// What a component is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// [`RESET`].
    Reset,
    /// That, and [`SAVE`] and [`RESTORE`].
    ResetAndSave,
}

/// A number that changes whenever the same input gives another output, for caches of what is compiled from it.
pub const VERSION: u32 = 4;

/// Why the instances of a component can't be put back.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Unsuited {
    /// It is invalid, or uses a proposal that is not known here.
    #[error("it is no component, or uses more of WebAssembly than can be put back: {0}")]
    Unknown(#[from] wasmparser::BinaryReaderError),
    /// It has state, or a shape, that can't be put back.
    #[error("it has {0}")]
    Has(&'static str),
}
