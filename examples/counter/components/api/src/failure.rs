//! What can go wrong in an action, and what the client hears of it.

use rusm_rs::{BadRequest, CallError, IntoResponse, Response};

/// Whatever went wrong: `?` makes one of the errors below.
pub enum Failure {
    /// The client's fault.
    Request(BadRequest),
    /// A service's.
    Call(CallError),
    /// The store's, in its own words.
    Store(String),
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Request(error) => error.into_response(),
            Self::Call(error) => error.into_response(),
            Self::Store(why) => {
                rusm_rs::log::error(why);
                Response::text("internal server error\n").status(500)
            }
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

impl From<String> for Failure {
    fn from(why: String) -> Self {
        Self::Store(why)
    }
}
