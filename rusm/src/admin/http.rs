//! The requests and responses of the admin listener: one of each on a connection. Pure.

use rusm_uring_net::http1::{Head, HeadLimits, HeadParser, RequestError, Status};

/// A request, as far as the pages ask.
pub(super) struct Request<'r> {
    pub(super) method: &'r str,
    /// Without the query.
    pub(super) path: &'r str,
    pub(super) authorization: Option<&'r [u8]>,
}

impl<'r> Request<'r> {
    fn of(head: &Head<'r>) -> Self {
        let mut headers = head.headers.iter();
        let authorization = headers.find(|(name, _)| *name == "authorization");
        Self {
            method: head.method,
            path: head.path,
            authorization: authorization.map(|(_, value)| value),
        }
    }
}

/// Returns the response to the request whose bytes `input` is, once its head is complete: an encoded one.
/// `input` is what the last call got, with more behind it.
pub(super) fn answer(
    parser: &mut HeadParser,
    input: &mut [u8],
    respond: impl FnOnce(&Request<'_>) -> Response,
) -> Option<Vec<u8>> {
    match parser.parse(input, &LIMITS) {
        Ok(None) => None,
        Ok(Some(head)) => {
            let response = respond(&Request::of(&head));
            Some(response.encode(head.method == "HEAD"))
        }
        Err(error) => Some(Response::from(error).encode(false)),
    }
}

/// A response.
pub(super) struct Response {
    pub(super) status: Status,
    content_type: &'static str,
    /// Lines of the head, each with its end.
    headers: &'static str,
    pub(super) body: String,
}

impl Response {
    pub(super) fn new(status: Status, content_type: &'static str, body: String) -> Self {
        Self {
            status,
            content_type,
            headers: "",
            body,
        }
    }

    /// A response of plain text, which ends with a line feed.
    pub(super) fn text(status: Status, body: impl Into<String>) -> Self {
        let mut body = body.into();
        body.push('\n');
        Self::new(status, "text/plain; charset=utf-8", body)
    }

    /// A response that says no more than its status does.
    pub(super) fn bare(status: Status) -> Self {
        Self::text(status, status.reason())
    }

    /// Adds lines to the head, each with its end.
    #[must_use]
    pub(super) fn with(mut self, headers: &'static str) -> Self {
        self.headers = headers;
        self
    }

    /// Returns its bytes: the last on the connection.
    pub(super) fn encode(&self, to_head: bool) -> Vec<u8> {
        let Self {
            status,
            content_type,
            headers,
            body,
        } = self;
        let head = format!(
            "HTTP/1.1 {} {}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
             x-content-type-options: nosniff\r\n{headers}connection: close\r\n\r\n",
            status.code(),
            status.reason(),
            body.len(),
        );
        let mut out = head.into_bytes();
        if !to_head {
            out.extend_from_slice(body.as_bytes());
        }
        out
    }
}

impl From<RequestError> for Response {
    fn from(error: RequestError) -> Self {
        Self::text(error.status(), error.reason())
    }
}

/// Smaller than those of the app's listeners: the clients are known.
const LIMITS: HeadLimits = HeadLimits {
    request_line: 2 << 10,
    header_bytes: 8 << 10,
    headers: 64,
};

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(input: &str) -> Option<String> {
        let respond = |request: &Request<'_>| {
            let key = request.authorization.unwrap_or(b"-").escape_ascii();
            Response::text(
                Status::OK,
                format!("{} {} {key}", request.method, request.path),
            )
        };
        let bytes = answer(
            &mut HeadParser::default(),
            &mut input.as_bytes().to_vec(),
            respond,
        );
        bytes.map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn a_request_is_answered_once_its_head_is_complete() {
        assert_eq!(answered("GET /a?b HTTP/1.1\r\nhost: h\r\n"), None);
        let text =
            answered("GET /a?b HTTP/1.1\r\nhost: h\r\nAuthorization: Bearer x\r\n\r\n").unwrap();
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n"), "{text}");
        assert!(text.contains("\r\ncontent-length: 16\r\n"), "{text}");
        assert!(
            text.ends_with("\r\nconnection: close\r\n\r\nGET /a Bearer x\n"),
            "{text}"
        );
    }

    #[test]
    fn a_response_to_head_has_no_body() {
        let text = answered("HEAD /a HTTP/1.1\r\nhost: h\r\n\r\n").unwrap();
        assert!(text.contains("\r\ncontent-length: 10\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n"), "{text}");
    }

    #[test]
    fn garbage_and_what_is_too_large_are_refused() {
        let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(3000));
        let large = format!(
            "GET / HTTP/1.1\r\nhost: h\r\na: {}\r\n\r\n",
            "x".repeat(9000)
        );
        for (input, status) in [
            ("\x16\x03\x01\x02\0\x01\n\n\n", "400"),
            ("GET / HTTP/1.1\r\n\r\n", "400"),
            (
                "GET / HTTP/1.1\r\nhost: h\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
                "400",
            ),
            ("GET / HTTP/3.0\r\nhost: h\r\n\r\n", "505"),
            (&long, "414"),
            (&large, "431"),
        ] {
            let text = answered(input).unwrap_or_else(|| panic!("{input:?} is not answered"));
            assert!(
                text.starts_with(&format!("HTTP/1.1 {status} ")),
                "{input:?}: {text}"
            );
        }
    }
}
