//! Responses that the server makes by itself, mostly for errors.

use std::borrow::Cow;

use crate::http1::{HeaderLines, RequestError, Status};

/// A response that the server makes by itself: one line of text.
#[derive(Clone, Debug)]
pub struct ErrorResponse {
    /// Its status.
    pub status: Status,
    /// Its additional headers, such as `Allow`.
    pub headers: HeaderLines,
    /// The line.
    pub text: Cow<'static, str>,
}

impl ErrorResponse {
    /// A response that says no more than its status does.
    pub fn new(status: Status) -> Self {
        Self {
            status,
            headers: HeaderLines::default(),
            text: status.reason().into(),
        }
    }

    /// The response where the server failed.
    pub(crate) fn internal_error() -> Self {
        Self::new(Status::INTERNAL_SERVER_ERROR)
    }

    /// The response where there is no room for a client, or no memory for its request.
    pub(crate) fn exhausted() -> Self {
        let headers = HeaderLines::new([("retry-after", "1")]).unwrap_or_default();
        Self::new(Status::SERVICE_UNAVAILABLE).with_headers(headers)
    }

    /// Replaces the line of text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.text = text.into();
        self
    }

    /// Sets the headers.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderLines) -> Self {
        self.headers = headers;
        self
    }
}

impl From<RequestError> for ErrorResponse {
    fn from(error: RequestError) -> Self {
        Self::new(error.status()).with_text(error.reason())
    }
}
