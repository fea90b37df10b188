//! Why processes end.

use std::fmt;
use std::sync::Arc;

/// Why a process ended, as its links and monitors learn it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// It was done. Linked processes live on.
    Normal,
    /// The node stops, or a supervisor does.
    Shutdown,
    /// Somebody killed it, which it could not refuse.
    Killed,
    /// It was gone before anybody linked or watched it.
    NoProcess,
    /// It failed, or ended itself, for this reason.
    Failed(Arc<str>),
}

impl ExitReason {
    /// It failed for this reason.
    pub fn failed(reason: impl Into<Arc<str>>) -> Self {
        Self::Failed(reason.into())
    }

    /// Whether a linked process that does not trap exits lives on.
    pub fn is_normal(&self) -> bool {
        matches!(self, Self::Normal)
    }
}

impl fmt::Display for ExitReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Normal => "normal",
            Self::Shutdown => "shutdown",
            Self::Killed => "killed",
            Self::NoProcess => "noproc",
            Self::Failed(reason) => reason,
        })
    }
}

/// Why a process that is run by its caller must end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It is past its deadline.
    Deadline,
    /// It was killed, or a linked process took it along.
    Killed(ExitReason),
}
