//! Why an operation did not end as it should.

use std::fmt;
use std::io;

/// Why an operation did not end as it should. Its text is the key in
/// [`Run::errors`](crate::model::Run::errors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// No connection could be made.
    Connect,
    /// The connection broke, or the server closed it, before the operation was complete.
    Reset,
    /// It took longer than it may.
    Timeout,
    /// The server sent what the protocol does not allow.
    Protocol,
    /// A status that was not expected.
    Status(u16),
    /// A body (or message) that was not expected.
    Body,
    /// Of an open loop: it was due within the run and never sent.
    Unsent,
    /// What a mode alone knows, in a word or two.
    Other(&'static str),
}

impl Failure {
    /// What an error of a socket means.
    #[must_use]
    pub fn of_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::TimedOut => Self::Timeout,
            _ => Self::Reset,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect => f.write_str("connect"),
            Self::Reset => f.write_str("reset"),
            Self::Timeout => f.write_str("timeout"),
            Self::Protocol => f.write_str("protocol"),
            Self::Status(code) => write!(f, "status {code}"),
            Self::Body => f.write_str("body"),
            Self::Unsent => f.write_str("unsent"),
            Self::Other(name) => f.write_str(name),
        }
    }
}
