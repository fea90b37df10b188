//! HTTP requests.

use std::borrow::Cow;

use crate::bindings::rusm::runtime::http;
use crate::{BadRequest, header};

/// An HTTP request with its complete body.
///
/// ```
/// # use rusm_rs::Request;
/// let request = Request::new("GET", "/search?q=wasm+runtime&page=2")
///     .with_header("Accept", "text/html");
/// assert_eq!(request.method(), "GET");
/// assert_eq!(request.path(), "/search");
/// assert_eq!(request.query_param("q").as_deref(), Some("wasm runtime"));
/// assert_eq!(request.header("accept"), Some("text/html"));
/// ```
#[derive(Clone, Debug)]
pub struct Request(http::Request);

impl Request {
    /// Creates a request without headers and body, for [`fetch`](crate::fetch) and for tests.
    pub fn new(method: impl Into<String>, target: impl Into<String>) -> Self {
        Self(http::Request {
            method: method.into(),
            target: target.into(),
            headers: Vec::new(),
            params: Vec::new(),
            body: Vec::new(),
        })
    }

    /// Adds a header.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.0.headers.push(header::header(name, value));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }

    pub(crate) fn from_wit(request: http::Request) -> Self {
        Self(request)
    }

    pub(crate) fn into_wit(self) -> http::Request {
        self.0
    }

    /// Returns the method as sent, for example `GET` (RFC 9110, section 9).
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// Returns the request target as sent: path and query (RFC 9112, section 3.2.1).
    pub fn target(&self) -> &str {
        &self.0.target
    }

    /// Returns the path as sent, not percent-decoded.
    pub fn path(&self) -> &str {
        self.target()
            .split_once('?')
            .map_or(self.target(), |(path, _)| path)
    }

    /// Returns the query as sent, without the `?`.
    pub fn query(&self) -> Option<&str> {
        self.target().split_once('?').map(|(_, query)| query)
    }

    /// Returns the decoded value of the first query parameter of that name.
    pub fn query_param(&self, name: &str) -> Option<Cow<'_, str>> {
        self.query_params()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value)
    }

    /// Returns the query parameters in order, decoded as `application/x-www-form-urlencoded` (URL
    /// standard); bytes that are not UTF-8 become U+FFFD.
    pub fn query_params(&self) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
        form_urlencoded::parse(self.query().unwrap_or_default().as_bytes())
    }

    /// Returns the headers in order of arrival, with names in lower case. A name may repeat.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        header::iter(&self.0.headers)
    }

    /// Returns the first header of that name, case-insensitively, if it is UTF-8.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.header_bytes(name)
            .and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Returns the first header of that name, case-insensitively.
    pub fn header_bytes(&self, name: &str) -> Option<&[u8]> {
        header::get(&self.0.headers, name)
    }

    /// Returns the body, after transfer decoding.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// Returns the body by value, without a copy.
    pub fn into_body(self) -> Vec<u8> {
        self.0.body
    }

    /// Returns the body as text.
    ///
    /// # Errors
    /// [`BadRequest`] if it is not UTF-8.
    pub fn text(&self) -> Result<&str, BadRequest> {
        std::str::from_utf8(self.body()).map_err(|_| BadRequest::new("the body is not UTF-8"))
    }

    /// Parses the body as the JSON of a `T`, regardless of its content type.
    ///
    /// ```
    /// # use rusm_rs::{BadRequest, Params, Request, Response};
    /// #[derive(serde::Deserialize)]
    /// struct Order {
    ///     amount: u32,
    /// }
    ///
    /// fn order(request: Request, _params: Params) -> Result<Response, BadRequest> {
    ///     let order: Order = request.json()?;
    ///     Ok(Response::text(order.amount.to_string()))
    /// }
    /// # let sent = |body| order(Request::new("POST", "/").with_body(body), Params::default());
    /// # assert_eq!(sent(r#"{"amount": 3}"#).unwrap().body(), b"3");
    /// # assert!(sent("3").is_err());
    /// ```
    ///
    /// # Errors
    /// [`BadRequest`], which says where, if it is not JSON or not that of a `T`.
    #[cfg(feature = "json")]
    pub fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, BadRequest> {
        serde_json::from_slice(self.body()).map_err(|error| {
            BadRequest::new(format!("the body is not the JSON asked for: {error}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_parts_at_the_first_question_mark() {
        let parts = |target| {
            let request = Request::new("GET", target);
            (
                request.path().to_owned(),
                request.query().map(str::to_owned),
            )
        };
        assert_eq!(parts("/a/b"), ("/a/b".into(), None));
        assert_eq!(parts("/a?"), ("/a".into(), Some("".into())));
        assert_eq!(parts("/a?b=c?d"), ("/a".into(), Some("b=c?d".into())));
    }

    #[test]
    fn query_parameters_are_decoded_and_may_repeat() {
        let request = Request::new("GET", "/?tag=a%26b&tag=%C3%A9+x&empty");
        assert_eq!(request.query_param("tag").as_deref(), Some("a&b"));
        assert_eq!(request.query_param("empty").as_deref(), Some(""));
        assert_eq!(request.query_param("none"), None);
        let tags: Vec<_> = request
            .query_params()
            .filter(|(n, _)| n == "tag")
            .map(|(_, v)| v)
            .collect();
        assert_eq!(tags, ["a&b", "é x"]);
    }

    #[test]
    fn headers_are_found_in_any_case() {
        let request = Request::new("GET", "/")
            .with_header("X-Key", "one")
            .with_header("x-key", [0xFF]);
        assert_eq!(request.header("X-KEY"), Some("one"));
        assert_eq!(request.headers().count(), 2);
        assert_eq!(request.header("host"), None);
        let request = Request::new("GET", "/").with_header("x-raw", [0xFF]);
        assert_eq!(request.header("x-raw"), None);
        assert_eq!(request.header_bytes("x-raw"), Some(&[0xFF][..]));
    }

    #[test]
    fn a_body_that_is_not_utf_8_is_a_bad_request() {
        let request = Request::new("POST", "/").with_body([0xC3, 0x28]);
        assert!(request.text().is_err());
        assert_eq!(request.into_body(), [0xC3, 0x28]);
    }

    #[cfg(feature = "json")]
    #[test]
    fn wrong_json_says_where() {
        let request = Request::new("POST", "/").with_body("[1,\n2,");
        let error = request.json::<Vec<u8>>().unwrap_err();
        assert!(error.message().contains("line 2"), "{error}");
    }
}
