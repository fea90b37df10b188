//! Exit reasons.

use std::fmt;
use std::sync::Arc;

/// The reason for which a process ended, as its links and monitors receive it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// The process finished. Linked processes live on.
    Normal,
    /// The node or a supervisor shut it down.
    Shutdown,
    /// It was killed, which can't be trapped.
    Killed,
    /// It had already ended when it was linked or monitored.
    NoProcess,
    /// It failed, or exited with this reason.
    Failed(Arc<str>),
}

impl ExitReason {
    /// Creates the reason of a failure from its text.
    pub fn failed(reason: impl Into<Arc<str>>) -> Self {
        Self::Failed(reason.into())
    }

    /// Returns whether linked processes that do not trap exits live on.
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

/// The reason for which a process that its caller runs must end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Its deadline has passed.
    Deadline,
    /// It was killed, or a linked process ended.
    Killed(ExitReason),
}
