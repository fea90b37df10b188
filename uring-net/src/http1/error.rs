//! Rejections of requests.

use thiserror::Error;

use super::status::Status;

/// A request that can't be served. The connection's framing can no longer be trusted:
/// answer with the status and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{reason}")]
pub struct RequestError {
    status: Status,
    reason: &'static str,
}

impl RequestError {
    /// Returns the status to answer with: 400, 413, 414, 417, 431, 501 or 505.
    #[must_use]
    pub fn status(&self) -> Status {
        self.status
    }

    /// Returns the reason, fit for the response's body and for a log.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }

    pub(crate) const fn new(status: Status, reason: &'static str) -> Self {
        Self { status, reason }
    }

    pub(super) const fn bad(reason: &'static str) -> Self {
        Self::new(Status::BAD_REQUEST, reason)
    }
}
