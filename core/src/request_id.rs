//! The identifier of the request that a process answers, for log lines.

use std::fmt;
use std::sync::Arc;

/// The identifier of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum RequestId {
    /// No request.
    #[default]
    None,
    /// An identifier that the server made: two numbers, formatted only when it is logged.
    Made(u64, u64),
    /// The identifier that came with the request.
    Given(Arc<str>),
}

impl RequestId {
    /// Returns whether there is no request.
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
