//! The failures of operations.

use std::fmt;
use std::io;

/// The reason why an operation failed. Its text is the key in
/// [`Run::errors`](crate::model::Run::errors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// No connection could be made.
    Connect,
    /// The connection broke, or the server closed it, before the operation was complete.
    Reset,
    /// It exceeded the timeout.
    Timeout,
    /// The server violated the protocol.
    Protocol,
    /// The status was not expected.
    Status(u16),
    /// The body (or message) was not expected.
    Body,
    /// The server closed the WebSocket, with this code (RFC 6455 section 7.4).
    Closed(u16),
    /// It was due within the run of an open loop, and never sent.
    Unsent,
    /// A failure that only one mode has, in a word or two.
    Other(&'static str),
}

impl Failure {
    /// Converts an error of a socket.
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
            Self::Closed(code) => write!(f, "close {code}"),
            Self::Unsent => f.write_str("unsent"),
            Self::Other(name) => f.write_str(name),
        }
    }
}
