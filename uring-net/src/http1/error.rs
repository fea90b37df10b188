//! What a request is rejected with.

use thiserror::Error;

use super::status::Status;

/// A request that can't be served. The connection's framing is not to be trusted any more:
/// answer with the status and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct RequestError {
    status: Status,
    reason: &'static str,
}

impl RequestError {
    /// The status to answer with: 400, 413, 414, 417, 431, 501 or 505.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// What is wrong, fit for the response's body and for a log.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    pub(super) const fn new(status: Status, reason: &'static str) -> Self {
        Self { status, reason }
    }

    pub(super) const fn bad(reason: &'static str) -> Self {
        Self::new(Status::BAD_REQUEST, reason)
    }
}
