//! Types that an action can return.

use crate::Response;

/// A type that can be converted to a response: [`Response`], or a [`Result`] of two such types.
///
/// Implement it for your error type to use `?` in an action:
///
/// ```
/// use rusm_rs::{IntoResponse, Params, Request, Response};
///
/// struct NotFound;
///
/// impl IntoResponse for NotFound {
///     fn into_response(self) -> Response {
///         Response::text("no such user\n").status(404)
///     }
/// }
///
/// fn find(id: &str) -> Option<&'static str> {
///     (id == "7").then_some("Ada\n")
/// }
///
/// fn user(_request: Request, params: Params) -> Result<Response, NotFound> {
///     let name = find(params.get("id").unwrap_or_default()).ok_or(NotFound)?;
///     Ok(Response::text(name))
/// }
///
/// let response = user(Request::new("GET", "/users/8"), Params::from([("id", "8")]));
/// assert_eq!(response.into_response().status_code(), 404);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no response",
    label = "does not implement `rusm_rs::IntoResponse`",
    note = "an action returns a `Response`, or a `Result<Response, E>` where `E: IntoResponse`"
)]
pub trait IntoResponse {
    /// Converts this to the response that the client gets.
    fn into_response(self) -> Response;
}

impl IntoResponse for Response {
    #[inline]
    fn into_response(self) -> Response {
        self
    }
}

impl<T: IntoResponse, E: IntoResponse> IntoResponse for Result<T, E> {
    #[inline]
    fn into_response(self) -> Response {
        match self {
            Ok(value) => value.into_response(),
            Err(error) => error.into_response(),
        }
    }
}
