//! What was asked for, and what is said of it in the log when it fails.

use std::fmt::Display;

#[cfg(feature = "wasi-http")]
use rusm_core::Pid;
use rusm_uring_net::Refusal;
use rusm_uring_net::http1::Status;
use rusm_wasm_pool::{ProcessError, RequestId};

use super::http::one;

/// A request, for the log.
pub(super) struct Asked {
    pub(super) id: RequestId,
    /// `component#action`, or `component`.
    pub(super) action: String,
    pub(super) method: String,
    pub(super) target: String,
}

impl Asked {
    /// The guest gave no answer. The client learns the status; the reason is the operator's.
    pub(super) fn failed(&self, error: &ProcessError) -> Refusal {
        let status = Status::new(error.status()).unwrap_or(Status::INTERNAL_SERVER_ERROR);
        self.warn(status, error);
        let refusal = Refusal::new(status);
        match error {
            ProcessError::PoolFull { .. }
            | ProcessError::ConnectionLimitReached
            | ProcessError::Stopping => refusal.with_headers(one("retry-after", "1")),
            _ => refusal,
        }
    }

    /// The guest's answer can't be sent.
    pub(super) fn refused(&self, why: impl Display) -> Refusal {
        let status = Status::INTERNAL_SERVER_ERROR;
        self.warn(status, format_args!("a response was refused: {why}"));
        Refusal::new(status)
    }

    /// The guest's answer was begun, and can't be sent to its end.
    #[cfg(feature = "wasi-http")]
    pub(super) fn cut_off(&self, pid: Option<Pid>, why: impl Display) {
        let (path, query) = self.target();
        tracing::warn!(
            request_id = %self.id,
            action = self.action,
            method = self.method,
            path,
            query,
            pid = pid.map(tracing::field::display),
            "amid the body of a response: {why}"
        );
    }

    /// An event of the guest's can't be sent.
    pub(super) fn left_out(&self, why: impl Display) {
        let (path, query) = self.target();
        tracing::warn!(
            request_id = %self.id,
            action = self.action,
            method = self.method,
            path,
            query,
            "an event was not sent: {why}"
        );
    }

    fn warn(&self, status: Status, why: impl Display) {
        let (path, query) = self.target();
        tracing::warn!(
            request_id = %self.id,
            status = status.code(),
            action = self.action,
            method = self.method,
            path,
            query,
            "{why}"
        );
    }

    /// The path of the request, and its query.
    fn target(&self) -> (&str, Option<&str>) {
        match self.target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&self.target, None),
        }
    }
}
