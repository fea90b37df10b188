//! What can go wrong in an action, and what the client hears of it.

use rusm_rs::{BadRequest, CallError, IntoResponse, Response};

/// Whatever went wrong: `?` makes one of the errors below.
pub enum Failure {
    /// The client's fault: 400.
    Request(BadRequest),
    /// The board's: 503, 504 or 500.
    Call(CallError),
    /// There is no such todo: 404.
    NotFound,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Request(error) => error.into_response(),
            Self::Call(error) => error.into_response(),
            Self::NotFound => Response::text("no such todo\n").status(404),
        }
    }
}

impl From<BadRequest> for Failure {
    fn from(error: BadRequest) -> Self {
        Self::Request(error)
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}
