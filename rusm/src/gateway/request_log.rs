//! Lines of the log about one request.

use std::fmt::Display;

#[cfg(feature = "wasi-http")]
use rusm_core::Pid;
use rusm_uring_net::ErrorResponse;
use rusm_uring_net::http1::Status;
use rusm_wasm_pool::{FailureKind, ProcessError, RequestId};

use super::response::single_header;

/// A request, as the log names it.
#[derive(Clone)]
pub(super) struct RequestLog {
    pub(super) id: RequestId,
    /// `component#action`, or `component`.
    pub(super) action: String,
    pub(super) method: String,
    pub(super) target: String,
}

impl RequestLog {
    /// The guest gave no response. The client learns the status; the reason is for the operator.
    pub(super) fn log_failure(&self, error: &ProcessError) -> ErrorResponse {
        error.count();
        let status = Status::new(error.status()).unwrap_or(Status::INTERNAL_SERVER_ERROR);
        self.warn(status, error);
        let response = ErrorResponse::new(status);
        match error {
            ProcessError::PoolFull { .. }
            | ProcessError::ConnectionLimitReached
            | ProcessError::ProcessMemoryFull
            | ProcessError::Stopping => response.with_headers(single_header("retry-after", "1")),
            _ => response,
        }
    }

    /// The guest's response can't be sent.
    pub(super) fn log_invalid_response(&self, why: impl Display) -> ErrorResponse {
        FailureKind::Response.count();
        let status = Status::INTERNAL_SERVER_ERROR;
        self.warn(status, format_args!("a response was refused: {why}"));
        ErrorResponse::new(status)
    }

    /// The guest's response has begun, and can't be sent to its end.
    #[cfg(feature = "wasi-http")]
    pub(super) fn log_truncated(&self, pid: Option<Pid>, why: impl Display) {
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
    pub(super) fn log_dropped_event(&self, why: impl Display) {
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
