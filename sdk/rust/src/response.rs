//! What an action gives.

use crate::bindings::rusm::runtime::http;
use crate::header;
use crate::streaming::{Body, Sender};

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
#[derive(Debug)]
pub struct Response {
    /// All of it, unless its body is a stream.
    pub(crate) head: http::Response,
    sender: Option<Sender>,
}

impl Response {
    /// An empty response.
    pub fn new(status: u16) -> Self {
        Self::from_wit(http::Response {
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

    /// Status 200 with a body that `write` sends piece by piece, each on its way to the client as
    /// soon as it is written, before the next is made.
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
    /// The head is sent when the action returns the response, and `write` is called then. It may
    /// take as long as it likes, waits while the client is slow, and ends with its process when
    /// the client leaves. If it panics the body is cut off, which the client can tell.
    ///
    /// Text of many small pieces is better gathered into some of a few KiB: each is a chunk of its
    /// own on the wire.
    pub fn stream(content_type: &str, write: impl FnOnce(&mut Body) + 'static) -> Self {
        let mut response = Self::ok(content_type, Vec::new());
        response.sender = Some(Sender::new(write));
        response
    }

    /// Sends the client on to `location` by a GET: status 303 (RFC 9110, section 15.4.4). Give it
    /// another [`status`](Self::status) where that fits better, as 308 for a page that has moved.
    pub fn redirect(location: impl Into<String>) -> Self {
        Self::new(303).header("location", location.into())
    }

    /// The response with this status, 200 to 599.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.head.status = status;
        self
    }

    /// The response with this header, in place of any of the same name.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        let header = header::header(name, value);
        self.head.headers.retain(|(name, _)| *name != header.0);
        self.head.headers.push(header);
        self
    }

    /// The response with one more header, whether or not it has one of that name: for
    /// `set-cookie`.
    #[must_use]
    pub fn append_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.head.headers.push(header::header(name, value));
        self
    }

    /// The response with this body, and its headers as they are.
    #[must_use]
    pub fn with_body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.head.body = body.into();
        self.sender = None;
        self
    }

    /// Its status.
    pub fn status_code(&self) -> u16 {
        self.head.status
    }

    /// Its headers in order, names in lower case.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        header::iter(&self.head.headers)
    }

    /// Its body; empty if that is a stream.
    pub fn body(&self) -> &[u8] {
        &self.head.body
    }

    pub(crate) fn from_wit(response: http::Response) -> Self {
        Self {
            head: response,
            sender: None,
        }
    }

    /// As the host takes it. A stream is sent by that, from its head to its end.
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
