//! What a component, and an action of it, is known by.

use std::sync::Arc;

/// A component of the shard, by its position among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComponentRef(pub(crate) u16);

/// An action of a component, resolved: what a route holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionRef {
    pub(crate) component: ComponentRef,
    pub(crate) action: u16,
}

/// Names the places of an author's sources in a line of the log that names those of what was made
/// of them. It gives other lines back as they are.
pub type Symbolicate = Arc<dyn Fn(String) -> String + Send + Sync>;

/// What the state of a process keeps of its component.
pub(crate) struct ComponentInfo {
    pub(crate) name: Arc<str>,
    /// What its lines in the log go through.
    pub(crate) symbolicate: Option<Symbolicate>,
    /// The size of the stack in its memory, in bytes.
    pub(crate) stack: Option<u64>,
}
