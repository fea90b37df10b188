//! HTTP responses.

use crate::bindings::rusm::runtime::http;
use crate::header;
use crate::streaming::{Body, Sender};

/// An HTTP response.
///
/// ```
/// # use rusm_rs::Response;
/// let page = Response::html("<h1>Hello</h1>").header("Cache-Control", "max-age=60");
/// let missing = Response::text("no such page\n").status(404);
/// # assert_eq!(page.status_code(), 200);
/// # assert_eq!(missing.status_code(), 404);
/// ```
///
/// The host frames it and manages the connection: it sets `content-length`, `date` and `connection`.
/// If the response is invalid (a status outside 200 to 599, a line break in a header), the client
/// gets status 500 instead.
#[derive(Debug)]
pub struct Response {
    /// The complete response, unless the body is streamed.
    pub(crate) head: http::Response,
    sender: Option<Sender>,
}

impl Response {
    /// Creates a response without headers and body.
    pub fn new(status: u16) -> Self {
        Self::from_wit(http::Response {
            status,
            headers: Vec::new(),
            body: Vec::new(),
        })
    }

    /// Creates a response with status 200 and plain text (UTF-8).
    pub fn text(text: impl Into<String>) -> Self {
        Self::ok("text/plain; charset=utf-8", text.into().into_bytes())
    }

    /// Creates a response with status 200 and HTML (UTF-8).
    pub fn html(html: impl Into<String>) -> Self {
        Self::ok("text/html; charset=utf-8", html.into().into_bytes())
    }

    /// Creates a response with status 200 and bytes, as `application/octet-stream`.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::ok("application/octet-stream", bytes.into())
    }

    /// Creates a response with status 200 and the JSON of `value`. If `value` cannot be serialized (a
    /// map whose keys are not strings), the status is 500 and the operator's log has the error.
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

    /// Creates a response with status 200 and a body that `write` sends piece by piece. Each piece is
    /// sent to the client when it is written.
    ///
    /// ```
    /// # use rusm_rs::{Request, Response};
    /// fn table(_request: Request) -> Response {
    ///     Response::stream("text/csv", |body| {
    ///         for n in 0..1_000_000_u64 {
    ///             body.write(format!("{n},{}\n", n * n));
    ///         }
    ///     })
    ///     .header("Content-Disposition", "attachment; filename=squares.csv")
    /// }
    /// # assert_eq!(table(Request::new("GET", "/")).status_code(), 200);
    /// ```
    ///
    /// The head is sent when the action returns the response; then `write` is called. It has no time
    /// limit, waits while the client is slow, and is ended with its process when the client
    /// disconnects. If it panics, the body is truncated, which the client can detect.
    ///
    /// Each piece is one chunk on the wire: collect small pieces into chunks of a few KiB.
    pub fn stream(content_type: &str, write: impl FnOnce(&mut Body) + 'static) -> Self {
        let mut response = Self::ok(content_type, Vec::new());
        response.sender = Some(Sender::new(write));
        response
    }

    /// Creates a redirect to `location` with status 303, See Other (RFC 9110, section 15.4.4). Set
    /// another [`status`](Self::status) if needed, such as 308 for a page that has moved.
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::new(303).header("location", location.into())
    }

    /// Sets the status, 200 to 599.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.head.status = status;
        self
    }

    /// Sets a header, replacing all of that name.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        let header = header::header(name, value);
        self.head.headers.retain(|(name, _)| *name != header.0);
        self.head.headers.push(header);
        self
    }

    /// Adds a header and keeps those of that name, for `set-cookie`.
    #[must_use]
    pub fn append_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.head.headers.push(header::header(name, value));
        self
    }

    /// Sets the body and leaves the headers unchanged.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.head.body = body.into();
        self.sender = None;
        self
    }

    /// Returns the status.
    pub fn status_code(&self) -> u16 {
        self.head.status
    }

    /// Returns the headers in order, with names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        header::iter(&self.head.headers)
    }

    /// Returns the body; empty if it is streamed.
    pub fn body(&self) -> &[u8] {
        &self.head.body
    }

    pub(crate) fn from_wit(response: http::Response) -> Self {
        Self {
            head: response,
            sender: None,
        }
    }

    /// Converts to the host's type. A streamed body is sent by this, from its head to its end.
    #[inline]
    pub(crate) fn into_wit(mut self) -> http::Response {
        if let Some(sender) = self.sender {
            sender.send(&mut self.head);
        }
        self.head
    }

    fn ok(content_type: &str, body: Vec<u8>) -> Self {
        let headers = vec![("content-type".into(), content_type.into())];
        Self::from_wit(http::Response {
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

    #[test]
    fn a_stream_has_a_head_and_gives_way_to_a_body() {
        let stream = Response::stream("text/csv", |_| unreachable!("nobody asked")).status(206);
        assert_eq!(stream.status_code(), 206);
        assert_eq!(header(&stream, "content-type"), ["text/csv"]);
        assert_eq!(stream.body(), b"");
        assert_eq!(stream.with_body("a").into_wit().body, b"a");
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
