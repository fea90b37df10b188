//! Private functions, for the model of [`trim`](super::trim) and [`fit`](super::fit) and for the
//! fuzz target that runs it.
#![allow(unreachable_pub, reason = "only the fuzz target is outside")]

pub use super::layout::MemoryLayout;
pub use crate::Grants;

use super::{fit as fitting, trim as trimming};
use crate::with_sources;

/// Trims a core module; `actions` are those of a handler.
///
/// # Errors
/// The message for the author.
pub fn trim(core: &[u8], grants: Grants, actions: Option<Vec<String>>) -> Result<Vec<u8>, String> {
    let options = trimming::Options { grants, actions };
    let trimmed = trimming::trim(core, &options).map_err(|error| with_sources(&error))?;
    Ok(trimmed.core)
}

/// Fits a core module. Returns `None` if it must be linked again.
///
/// # Errors
/// The message for the author.
pub fn fit(core: &[u8], layout: MemoryLayout) -> Result<Option<Vec<u8>>, String> {
    match fitting::fit(core, layout).map_err(|error| with_sources(&error))? {
        fitting::Fitted::Module(core) => Ok(Some(core)),
        fitting::Fitted::LinkAgain(_) => Ok(None),
    }
}
