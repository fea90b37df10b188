//! Components.

pub(crate) mod id;
