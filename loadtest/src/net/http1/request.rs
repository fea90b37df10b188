//! Encodes requests.

/// The parts of a request.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// As `GET`.
    pub method: &'a str,
    /// As `/path?query`.
    pub target: &'a str,
    /// The value of `Host`, unless `headers` have one.
    pub authority: &'a str,
    /// Names and values.
    pub headers: &'a [(String, String)],
    /// The body, which may be empty.
    pub body: &'a [u8],
}

/// Encodes a request (RFC 9112 section 3). Adds `Host`, and `Content-Length` if there is a body or
/// the method gives it a meaning, unless the headers already have the framing.
#[must_use]
pub fn encode(request: &Request<'_>) -> Vec<u8> {
    let has = |name: &str| {
        let mut headers = request.headers.iter();
        headers.any(|(other, _)| other.eq_ignore_ascii_case(name))
    };
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.target);
    if !has("host") {
        head.push_str(&format!("Host: {}\r\n", request.authority));
    }
    for (name, value) in request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    let expects_body = matches!(request.method, "POST" | "PUT" | "PATCH");
    if (expects_body || !request.body.is_empty()) && !has("content-length") && !has(CODING) {
        head.push_str(&format!("Content-Length: {}\r\n", request.body.len()));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(request.body);
    bytes
}

const CODING: &str = "transfer-encoding";

#[cfg(test)]
mod tests {
    use super::*;

    const GET: Request<'static> = Request {
        method: "GET",
        target: "/a?b",
        authority: "host:1",
        headers: &[],
        body: b"",
    };

    fn text(request: &Request<'_>) -> String {
        String::from_utf8(encode(request)).unwrap()
    }

    #[test]
    fn a_get_is_nothing_but_what_it_must_be() {
        assert_eq!(text(&GET), "GET /a?b HTTP/1.1\r\nHost: host:1\r\n\r\n");
    }

    #[test]
    fn a_body_has_its_length_and_a_host_is_not_sent_twice() {
        let headers = [("host".to_owned(), "other".to_owned())];
        let post = Request {
            method: "POST",
            headers: &headers,
            body: b"abc",
            ..GET
        };
        assert_eq!(
            text(&post),
            "POST /a?b HTTP/1.1\r\nhost: other\r\nContent-Length: 3\r\n\r\nabc"
        );
        let empty = Request { body: b"", ..post };
        assert!(text(&empty).contains("Content-Length: 0\r\n"));
    }
}
