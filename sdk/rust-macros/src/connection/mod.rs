//! What the attributes for held connections have in common: a module of functions, each for
//! something that happens to the connection.

mod entry;
mod handlers;

pub(crate) use entry::{Entries, core_name};
pub(crate) use handlers::{Handler, Handlers};

use crate::kind::Kind;

/// A kind of connection, as its module sees it.
pub(crate) struct Protocol {
    /// The name of the attribute.
    pub(crate) attribute: &'static str,
    /// The type of `rusm_rs` to whose reference the functions have access.
    pub(crate) connection: &'static str,
    /// What in `rusm_rs::__private` gives it.
    pub(crate) with: &'static str,
    /// What may happen.
    pub(crate) events: &'static [Event],
    /// In the words of messages.
    pub(crate) function: Kind,
    /// For a public function that is none of the events', up to the list of them.
    pub(crate) has: &'static str,
    /// For an `init` that makes no state.
    pub(crate) init: &'static str,
    /// For a function that returns something.
    pub(crate) returns_nothing: &'static str,
}

/// What may happen to a connection.
pub(crate) struct Event {
    /// The name of its function.
    pub(crate) name: &'static str,
    /// How many parameters it has beside the state and the connection.
    pub(crate) parameters: usize,
    /// For a function that takes something else.
    pub(crate) takes: &'static str,
}
