//! A guest that marks all of its memory, and one that looks for the marks.

include!("probe.rs");
