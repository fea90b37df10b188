//! The identifier of the request that a process answers, for its lines in the log.

use std::fmt;
use std::sync::Arc;

/// The identifier of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RequestId {
    /// There is none: the process answers no request.
    #[default]
    None,
    /// Two numbers, which are its form in the log: most are never written there.
    Made(u64, u64),
    /// Text that came with the request.
    Given(Arc<str>),
}

impl RequestId {
    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("-"),
            Self::Made(source, number) => write!(f, "{source:016x}{number:016x}"),
            Self::Given(id) => f.write_str(id),
        }
    }
}
