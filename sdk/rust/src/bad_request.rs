//! Error for invalid client input.

use std::borrow::Cow;
use std::fmt;

use crate::{IntoResponse, Response};

/// Invalid client input. As a response it is status 400 with the message as text.
///
/// ```
/// use rusm_rs::{BadRequest, Params, Request, Response};
///
/// fn user(_request: Request, params: Params) -> Result<Response, BadRequest> {
///     let id: u32 = params.parse("id")?;
///     if id == 0 {
///         return Err(BadRequest::new("users are numbered from 1"));
///     }
///     Ok(Response::text(format!("user {id}\n")))
/// }
/// # assert!(user(Request::new("GET", "/"), Params::from([("id", "x")])).is_err());
/// # assert!(user(Request::new("GET", "/"), Params::from([("id", "1")])).is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRequest {
    message: Cow<'static, str>,
}

impl BadRequest {
    /// Creates the error with a message for the client.
    pub fn new(message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            message: message.into(),
        }
    }

    /// Returns the message for the client.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl IntoResponse for BadRequest {
    fn into_response(self) -> Response {
        Response::text(self.message.into_owned() + "\n").status(400)
    }
}

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for BadRequest {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_400_with_its_message() {
        let response = BadRequest::new("no").into_response();
        assert_eq!(response.status_code(), 400);
        assert_eq!(response.body(), b"no\n");
    }
}
