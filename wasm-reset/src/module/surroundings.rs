//! What is around a core module, in its component.

use std::collections::BTreeSet;

use crate::Added;

/// What acts on a module's state besides its own instructions, and what is added to it.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// The functions that it is given.
    pub added: Added,
    /// Exports that give the host memory to write to, as `cabi_realloc`.
    pub reallocs: BTreeSet<String>,
    /// The most bytes that an imported function writes to where its last parameter points, if that is one of type
    /// `i32`. 0 if none does.
    pub result: u32,
    /// Whether other modules may put functions into a table that it exports. They could be the host's, which write
    /// where nothing is marked.
    pub others_fill_tables: bool,
    /// The actions that can be called in one piece, if it has any.
    pub actions: Option<Actions>,
}

/// Exports that are lifted as `func(request: request) -> response` of `rusm:runtime/http`.
#[derive(Clone, Debug)]
pub struct Actions {
    /// Their names.
    pub names: Vec<String>,
    /// Which of [`Surroundings::reallocs`] gives memory for what they take.
    pub realloc: String,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            added: Added::Reset,
            reallocs: BTreeSet::new(),
            result: 0,
            others_fill_tables: false,
            actions: None,
        }
    }
}
