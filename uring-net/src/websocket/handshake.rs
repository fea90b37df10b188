//! The opening handshake (RFC 6455 section 4.2).

use tungstenite::handshake::derive_accept_key;

use crate::error_response::ErrorResponse;
use crate::http1::{Head, HeaderLines, Headers, Status, Version};

/// The origins that a server admits, and the subprotocols that it speaks.
#[derive(Clone, Copy, Debug, Default)]
pub struct HandshakeRules<'a> {
    /// Subprotocols, the most wanted first.
    pub protocols: &'a [String],
    /// Origins whose pages may connect, such as `https://example.com`, besides the
    /// server's own. `None`: any. A client that names no origin isn't a browser, and is let in.
    pub allowed_origins: Option<&'a [String]>,
}

/// A handshake that may be completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The subprotocol that both sides speak, if there is one.
    pub protocol: Option<String>,
}

/// Checks that the request with this head may become a WebSocket.
///
/// # Errors
/// 405 if it isn't a GET, 426 if it asks for no upgrade to a WebSocket of version 13, 400 if its
/// key is not one, 403 if its origin isn't allowed.
pub fn upgrade(head: &Head<'_>, rules: HandshakeRules<'_>) -> Result<Upgrade, ErrorResponse> {
    if head.method != "GET" {
        return Err(rejection(
            Status::METHOD_NOT_ALLOWED,
            ("allow", "GET"),
            "a WebSocket is asked for with GET",
        ));
    }
    let asked = head.version == Version::Http11
        && head.upgrade
        && list(head.headers, "upgrade").any(|token| token.eq_ignore_ascii_case("websocket"));
    if !asked {
        return Err(version_13(
            "only WebSockets are served here: upgrade to websocket",
        ));
    }
    match only(head.headers, "sec-websocket-version") {
        Some(b"13") => {}
        _ => return Err(version_13("only version 13 of WebSocket is spoken here")),
    }
    let key = only(head.headers, "sec-websocket-key").filter(|key| is_key(key));
    let Some(key) = key else {
        return Err(ErrorResponse::new(Status::BAD_REQUEST)
            .with_text("Sec-WebSocket-Key must be there once, as 16 bytes in base64"));
    };
    if !values(head.headers, "origin").all(|origin| is_allowed(origin, head.authority, rules)) {
        return Err(ErrorResponse::new(Status::FORBIDDEN).with_text("this origin is not allowed"));
    }
    let offered = |protocol: &&String| {
        list(head.headers, "sec-websocket-protocol").any(|offered| offered == *protocol)
    };
    Ok(Upgrade {
        accept: derive_accept_key(key),
        protocol: rules.protocols.iter().find(offered).cloned(),
    })
}

fn version_13(text: &'static str) -> ErrorResponse {
    let version = ("sec-websocket-version", "13");
    rejection(Status::UPGRADE_REQUIRED, version, text)
}

/// `header` is valid by itself.
fn rejection(status: Status, header: (&str, &str), text: &'static str) -> ErrorResponse {
    ErrorResponse::new(status)
        .with_headers(HeaderLines::new([header]).unwrap_or_default())
        .with_text(text)
}

/// 16 bytes in base64.
fn is_key(key: &[u8]) -> bool {
    let Some((digits, b"==")) = key.split_last_chunk::<2>().map(|(a, b)| (a, &b[..])) else {
        return false;
    };
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    digits.len() == 22 && digits.iter().all(is_digit)
}

/// Origins are ASCII, scheme and host in lower case (RFC 6454 section 6.2); ports that are the
/// scheme's own are left out, in `Host` as well.
fn is_allowed(origin: &[u8], authority: Option<&str>, rules: HandshakeRules<'_>) -> bool {
    let Some(allowed) = rules.allowed_origins else {
        return true;
    };
    let own = authority.filter(|authority| !authority.is_empty());
    let host = memchr::memmem::find(origin, b"://").and_then(|at| origin.get(at + 3..));
    own.is_some_and(|own| host.is_some_and(|host| host.eq_ignore_ascii_case(own.as_bytes())))
        || allowed
            .iter()
            .any(|allowed| origin.eq_ignore_ascii_case(allowed.as_bytes()))
}

/// The value of a header that is there once.
fn only<'b>(headers: Headers<'b>, name: &str) -> Option<&'b [u8]> {
    let mut values = values(headers, name);
    values.next().filter(|_| values.next().is_none())
}

/// The elements of a header that is a list (RFC 9110 section 5.6.1).
fn list<'b>(headers: Headers<'b>, name: &str) -> impl Iterator<Item = &'b str> {
    values(headers, name)
        .filter_map(|value| str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .map(|element| element.trim_matches([' ', '\t']))
}

fn values<'b>(headers: Headers<'b>, name: &str) -> impl Iterator<Item = &'b [u8]> {
    headers
        .iter()
        .filter(move |(other, _)| *other == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http1::{HeadLimits, HeadParser};

    /// The example of RFC 6455 section 1.2.
    const KEY: &str = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    const ASKED: [&str; 4] = [
        "Upgrade: websocket",
        "Connection: Upgrade",
        KEY,
        "Sec-WebSocket-Version: 13",
    ];

    fn upgrade_of(
        line: &str,
        headers: &[&str],
        rules: HandshakeRules<'_>,
    ) -> Result<Upgrade, ErrorResponse> {
        let mut request = format!("{line}\r\nHost: Example.com\r\n").into_bytes();
        for header in headers {
            request.extend_from_slice(header.as_bytes());
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        let mut parser = HeadParser::default();
        let head = parser.parse(&mut request, &HeadLimits::default());
        upgrade(&head.unwrap().unwrap(), rules)
    }

    fn status(line: &str, headers: &[&str]) -> u16 {
        match upgrade_of(line, headers, HandshakeRules::default()) {
            Ok(_) => 101,
            Err(response) => response.status.code(),
        }
    }

    #[test]
    fn the_example_of_the_rfc() {
        let upgrade = upgrade_of("GET /chat HTTP/1.1", &ASKED, HandshakeRules::default());
        assert_eq!(
            upgrade.unwrap(),
            Upgrade {
                accept: "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".into(),
                protocol: None,
            }
        );
    }

    #[test]
    fn refusals() {
        const GET: &str = "GET / HTTP/1.1";
        assert_eq!(status("POST / HTTP/1.1", &ASKED), 405);
        assert_eq!(status("get / HTTP/1.1", &ASKED), 405);
        assert_eq!(status("GET / HTTP/1.0", &ASKED), 426);
        assert_eq!(status(GET, &[]), 426);
        for (index, other, expected) in [
            (0, "Upgrade: h2c, WebSocket", 101),
            (0, "Upgrade: h2c", 426),
            (0, "Upgrade: websockets", 426),
            (0, "X: y", 426),
            (1, "Connection: keep-alive, UPGRADE", 101),
            (1, "Connection: keep-alive", 426),
            (2, "X: y", 400),
            (2, "Sec-WebSocket-Key:", 400),
            (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ", 400),
            (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA", 400),
            (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j!Q==", 400),
            (2, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQQQ==", 400),
            (3, "X: y", 426),
            (3, "Sec-WebSocket-Version: 8", 426),
            (3, "Sec-WebSocket-Version: 13, 8", 426),
        ] {
            let mut headers = ASKED;
            headers[index] = other;
            assert_eq!(status(GET, &headers), expected, "{other}");
        }
        let twice = [&ASKED[..], &[KEY]].concat();
        assert_eq!(status(GET, &twice), 400);
    }

    #[test]
    fn origins() {
        let listed = ["https://a.example".to_owned(), "http://b.example:81".into()];
        for (origin, any, own, list) in [
            (None, true, true, true),
            (Some("https://a.example"), true, false, true),
            (Some("HTTPS://A.example"), true, false, true),
            (Some("http://a.example"), true, false, false),
            (Some("https://a.example:444"), true, false, false),
            (Some("https://a.example.evil"), true, false, false),
            (Some("https://evil.a.example"), true, false, false),
            (Some("http://b.example:81"), true, false, true),
            (Some("http://b.example"), true, false, false),
            (Some("null"), true, false, false),
            (Some(""), true, false, false),
            (Some("https://example.com"), true, true, true),
            (Some("http://EXAMPLE.com"), true, true, true),
            (Some("https://example.com:444"), true, false, false),
            (Some("https://example.com/"), true, false, false),
            (Some("example.com"), true, false, false),
        ] {
            let origin_line = format!("Origin: {}", origin.unwrap_or_default());
            let mut headers = ASKED.to_vec();
            headers.extend(origin.map(|_| origin_line.as_str()));
            for (allowed_origins, expected) in
                [(None, any), (Some(&[][..]), own), (Some(&listed), list)]
            {
                let rules = HandshakeRules {
                    allowed_origins,
                    ..HandshakeRules::default()
                };
                let upgrade = upgrade_of("GET / HTTP/1.1", &headers, rules);
                let what = format!("{origin:?} with {allowed_origins:?}");
                assert_eq!(upgrade.is_ok(), expected, "{what}");
                if let Err(response) = upgrade {
                    assert_eq!(response.status, Status::FORBIDDEN, "{what}");
                }
            }
        }
    }

    #[test]
    fn subprotocols() {
        let ours = ["v2".to_owned(), "v1".into()];
        let rules = HandshakeRules {
            protocols: &ours,
            ..HandshakeRules::default()
        };
        for (lines, agreed) in [
            (&[][..], None),
            (&["v1"], Some("v1")),
            (&["v1, v2"], Some("v2")),
            (&["v1", "v2"], Some("v2")),
            (&["v0,\tv1 ,"], Some("v1")),
            (&["V1"], None),
            (&["v11"], None),
            (&[""], None),
        ] {
            let lines: Vec<_> = lines
                .iter()
                .map(|line| format!("Sec-WebSocket-Protocol: {line}"))
                .collect();
            let mut headers = ASKED.to_vec();
            headers.extend(lines.iter().map(String::as_str));
            let upgrade = upgrade_of("GET / HTTP/1.1", &headers, rules).unwrap();
            assert_eq!(upgrade.protocol.as_deref(), agreed, "{lines:?}");
        }
    }
}
