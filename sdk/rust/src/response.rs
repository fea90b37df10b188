//! What an action gives.

use crate::bindings::rusm::runtime::http;
use crate::header;

/// One HTTP response.
///
/// ```
/// # use rusm_rs::Response;
/// let page = Response::html("<h1>Hello</h1>").header("Cache-Control", "max-age=60");
/// let missing = Response::text("no such page\n").status(404);
/// # assert_eq!(page.status_code(), 200);
/// # assert_eq!(missing.status_code(), 404);
/// ```
///
/// The host frames it and answers for the connection: it sets `content-length`, `date` and
/// `connection` itself. A response that HTTP cannot carry (a status outside 200 to 599, a header
/// with a line break in it) never reaches the client, who gets status 500.
#[derive(Clone, Debug)]
pub struct Response(http::Response);

impl Response {
    /// An empty response.
    pub fn new(status: u16) -> Self {
        Self(http::Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        })
    }

    /// Status 200 with plain text (UTF-8).
    pub fn text(text: impl Into<String>) -> Self {
        Self::ok("text/plain; charset=utf-8", text.into().into_bytes())
    }

    /// Status 200 with HTML (UTF-8).
    pub fn html(html: impl Into<String>) -> Self {
        Self::ok("text/html; charset=utf-8", html.into().into_bytes())
    }

    /// Status 200 with bytes of no stated type: `application/octet-stream`.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::ok("application/octet-stream", bytes.into())
    }

    /// Status 200 with the JSON of `value`; or 500, and why in the operator's log, if `value` has
    /// none (a map whose keys are no strings, say).
    ///
    /// ```
    /// # use rusm_rs::Response;
    /// #[derive(serde::Serialize)]
    /// struct User<'a> {
    ///     name: &'a str,
    /// }
    ///
    /// let response = Response::json(&User { name: "Ada" });
    /// assert_eq!(response.body(), br#"{"name":"Ada"}"#);
    /// ```
    #[cfg(feature = "json")]
    pub fn json<T: serde::Serialize + ?Sized>(value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => Self::ok("application/json", json),
            Err(error) => {
                eprintln!("Response::json: the value has no JSON: {error}");
                Self::text("internal server error\n").status(500)
            }
        }
    }

    /// Sends the client on to `location` by a GET: status 303 (RFC 9110, section 15.4.4). Give it
    /// another [`status`](Self::status) where that fits better, as 308 for a page that has moved.
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::new(303).header("location", location.into())
    }

    /// The response with this status, 200 to 599.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.0.status = status;
        self
    }

    /// The response with this header, in place of any of the same name.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        let header = header::header(name, value);
        self.0.headers.retain(|(name, _)| *name != header.0);
        self.0.headers.push(header);
        self
    }

    /// The response with one more header, whether or not it has one of that name: for
    /// `set-cookie`.
    #[must_use]
    pub fn append_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.0.headers.push(header::header(name, value));
        self
    }

    /// The response with this body, and its headers as they are.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.0.body = body.into();
        self
    }

    /// Its status.
    pub fn status_code(&self) -> u16 {
        self.0.status
    }

    /// Its headers in order, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        header::iter(&self.0.headers)
    }

    /// Its body.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    pub(crate) fn from_wit(response: http::Response) -> Self {
        Self(response)
    }

    pub(crate) fn into_wit(self) -> http::Response {
        self.0
    }

    fn ok(content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type".into(), content_type.into())];
        Self(http::Response {
            status: 200,
            headers,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header<'a>(response: &'a Response, name: &str) -> Vec<&'a str> {
        let of_name = response.headers().filter(|(n, _)| *n == name);
        of_name
            .map(|(_, value)| std::str::from_utf8(value).unwrap())
            .collect()
    }

    #[test]
    fn each_kind_states_its_type() {
        let content_type = |response: Response| header(&response, "content-type").join("|");
        assert_eq!(
            content_type(Response::text("a")),
            "text/plain; charset=utf-8"
        );
        assert_eq!(
            content_type(Response::html("a")),
            "text/html; charset=utf-8"
        );
        assert_eq!(
            content_type(Response::bytes("a")),
            "application/octet-stream"
        );
        assert_eq!(content_type(Response::new(204)), "");
    }

    #[test]
    fn a_header_replaces_its_namesakes_and_append_does_not() {
        let response = Response::text("a")
            .header("Content-Type", "text/csv")
            .append_header("Set-Cookie", "a=1")
            .append_header("set-cookie", "b=2");
        assert_eq!(header(&response, "content-type"), ["text/csv"]);
        assert_eq!(header(&response, "set-cookie"), ["a=1", "b=2"]);
    }

    #[test]
    fn a_redirect_names_the_location() {
        let response = Response::redirect("/login");
        assert_eq!(response.status_code(), 303);
        assert_eq!(header(&response, "location"), ["/login"]);
    }

    #[cfg(feature = "json")]
    #[test]
    fn a_value_without_json_is_a_500() {
        let keyed_by_lists = std::collections::BTreeMap::from([([1, 2], 3)]);
        let response = Response::json(&keyed_by_lists);
        assert_eq!(response.status_code(), 500);
        assert_eq!(
            header(&response, "content-type"),
            ["text/plain; charset=utf-8"]
        );
        assert_eq!(
            header(&Response::json(&1), "content-type"),
            ["application/json"]
        );
    }
}
