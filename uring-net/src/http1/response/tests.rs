use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;

fn headers<'h>(headers: impl IntoIterator<Item = (&'h str, &'h str)>) -> ResponseHeaders {
    let headers = headers.into_iter();
    let owned = headers.map(|(name, value)| (name.to_owned(), value.into()));
    ResponseHeaders::new(owned.collect()).unwrap()
}

fn date() -> Date {
    Date::at(UNIX_EPOCH + Duration::from_secs(784_111_777))
}

fn head(date: &Date) -> ResponseHead<'_> {
    ResponseHead {
        status: Status::OK,
        version: Version::Http11,
        to_head: false,
        connection: Connection::KeepAlive,
        date,
        defaults: HeaderLines::EMPTY,
    }
}

/// The response without its first two lines, and how its body is to be written.
fn encode(head: &ResponseHead<'_>, payload: Payload) -> (String, BodyEncoding) {
    let mut out = Vec::new();
    let encoding = encode_head(&mut out, head, payload, &headers([]));
    let text = String::from_utf8(out).unwrap();
    let (_, rest) = text
        .split_once("date: Sun, 06 Nov 1994 08:49:37 GMT\r\n")
        .unwrap();
    (rest.into(), encoding)
}

#[test]
fn a_whole_head() {
    let date = date();
    let defaults = HeaderLines::new([("server", "s"), ("cache-control", "no-store")]).unwrap();
    let head = ResponseHead {
        status: Status::NOT_FOUND,
        connection: Connection::Close,
        defaults: &defaults,
        ..head(&date)
    };
    let headers = headers([
        ("Content-Type", "a/b"),
        ("Cache-Control", "public"),
        ("x", ""),
    ]);
    let mut out = b"before".to_vec();
    let encoding = encode_head(&mut out, &head, Payload::Length(12), &headers);
    assert_eq!(encoding, BodyEncoding::Plain);
    let expected = "beforeHTTP/1.1 404 Not Found\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                    Content-Type: a/b\r\nCache-Control: public\r\nx: \r\nserver: s\r\n\
                    content-length: 12\r\nconnection: close\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn what_a_head_says_of_the_connection_can_be_changed_behind_which_a_body_stands() {
    use Connection::{Close, KeepAlive};
    let date = date();
    for status in [Status::OK, Status::NO_CONTENT, Status::UPGRADE_REQUIRED] {
        for version in [Version::Http10, Version::Http11] {
            for payload in [Payload::Length(4), Payload::Stream] {
                for (before, after) in [(KeepAlive, Close), (Close, KeepAlive), (Close, Close)] {
                    let head_with = |connection| ResponseHead {
                        status,
                        version,
                        connection,
                        ..head(&date)
                    };
                    let encode = |connection| {
                        let mut out = Vec::new();
                        let encoding = encode_head(
                            &mut out,
                            &head_with(connection),
                            payload,
                            &headers([("a", "b")]),
                        );
                        (out, encoding)
                    };
                    let (mut out, encoding) = encode(before);
                    let len = out.len();
                    out.extend_from_slice(b"body");
                    let changed =
                        change_connection(&mut out, len, &head_with(before), encoding, after);
                    let (expected, _) = encode(after);
                    assert_eq!(changed, expected.len());
                    assert_eq!(out, [&expected[..], b"body"].concat());
                }
            }
        }
    }
}

#[test]
fn framing_by_status_method_and_version() {
    use BodyEncoding::{Chunked, Omitted, Plain, UntilClose};
    use Payload::{Length, Stream};
    use Version::{Http10, Http11};
    const CHUNKED: &str = "transfer-encoding: chunked\r\n\r\n";
    let date = date();
    for (status, version, to_head, payload, text, encoding) in [
        (
            200,
            Http11,
            false,
            Length(5),
            "content-length: 5\r\n\r\n",
            Plain,
        ),
        (
            200,
            Http11,
            false,
            Length(0),
            "content-length: 0\r\n\r\n",
            Plain,
        ),
        (
            200,
            Http11,
            false,
            Length(u64::MAX),
            "content-length: 18446744073709551615\r\n\r\n",
            Plain,
        ),
        (200, Http11, false, Stream, CHUNKED, Chunked),
        (
            200,
            Http11,
            true,
            Length(5),
            "content-length: 5\r\n\r\n",
            Omitted,
        ),
        (200, Http11, true, Stream, CHUNKED, Omitted),
        (
            200,
            Http10,
            false,
            Length(5),
            "content-length: 5\r\nconnection: keep-alive\r\n\r\n",
            Plain,
        ),
        (
            200,
            Http10,
            false,
            Stream,
            "connection: close\r\n\r\n",
            UntilClose,
        ),
        (
            200,
            Http10,
            true,
            Stream,
            "connection: keep-alive\r\n\r\n",
            Omitted,
        ),
        (204, Http11, false, Length(5), "\r\n", Omitted),
        (204, Http11, false, Stream, "\r\n", Omitted),
        (
            204,
            Http10,
            false,
            Stream,
            "connection: keep-alive\r\n\r\n",
            Omitted,
        ),
        (
            205,
            Http11,
            false,
            Length(5),
            "content-length: 0\r\n\r\n",
            Omitted,
        ),
        (
            205,
            Http11,
            false,
            Stream,
            "content-length: 0\r\n\r\n",
            Omitted,
        ),
        (304, Http11, false, Length(5), "\r\n", Omitted),
        (304, Http11, false, Stream, "\r\n", Omitted),
    ] {
        let head = ResponseHead {
            status: Status::new(status).unwrap(),
            version,
            to_head,
            ..head(&date)
        };
        let what = format!("{status} {version:?} HEAD={to_head} {payload:?}");
        assert_eq!(encode(&head, payload), (text.into(), encoding), "{what}");
    }
}

#[test]
fn connections() {
    let date = date();
    for (version, connection, text) in [
        (Version::Http11, Connection::KeepAlive, ""),
        (Version::Http11, Connection::Close, "connection: close\r\n"),
        (
            Version::Http10,
            Connection::KeepAlive,
            "connection: keep-alive\r\n",
        ),
        (Version::Http10, Connection::Close, "connection: close\r\n"),
    ] {
        let head = ResponseHead {
            version,
            connection,
            ..head(&date)
        };
        let expected = format!("content-length: 0\r\n{text}\r\n");
        assert_eq!(encode(&head, Payload::Length(0)).0, expected);
    }
    for (version, connection, text) in [
        (Version::Http11, Connection::KeepAlive, "upgrade"),
        (
            Version::Http10,
            Connection::KeepAlive,
            "keep-alive, upgrade",
        ),
        (Version::Http11, Connection::Close, "close, upgrade"),
    ] {
        let head = ResponseHead {
            status: Status::UPGRADE_REQUIRED,
            version,
            connection,
            ..head(&date)
        };
        let expected =
            format!("content-length: 0\r\nupgrade: websocket\r\nconnection: {text}\r\n\r\n");
        assert_eq!(encode(&head, Payload::Length(0)).0, expected);
    }
    let head = ResponseHead {
        status: Status::SWITCHING_PROTOCOLS,
        connection: Connection::Upgrade("websocket"),
        ..head(&date)
    };
    let (text, encoding) = encode(&head, Payload::Stream);
    assert_eq!(text, "upgrade: websocket\r\nconnection: upgrade\r\n\r\n");
    assert_eq!(encoding, BodyEncoding::Omitted);
}

#[test]
fn the_length_of_content_that_is_not_sent_is_what_the_service_says() {
    use Payload::{Length, Stream};
    let date = date();
    let length = "content-length: 42\r\n";
    for (status, to_head, payload, declared, expected) in [
        (200, true, Length(0), &["42"][..], length),
        (200, true, Length(0), &["42", "42"], length),
        (200, true, Stream, &["42"], length),
        (404, true, Length(0), &["42"], length),
        (200, true, Length(0), &[], ""),
        (200, true, Length(0), &["x"], ""),
        (200, true, Length(0), &["-1"], ""),
        (200, true, Length(0), &["42", "43"], ""),
        (200, true, Stream, &["x"], "transfer-encoding: chunked\r\n"),
        // What is there is counted.
        (200, true, Length(7), &["42"], "content-length: 7\r\n"),
        (200, false, Length(7), &["42"], "content-length: 7\r\n"),
        (200, false, Length(0), &["42"], "content-length: 0\r\n"),
        (304, false, Length(0), &["42"], length),
        (304, true, Stream, &["42"], length),
        (304, false, Length(0), &[], ""),
        // RFC 9110 section 8.6: never with these.
        (204, false, Length(0), &["42"], ""),
        (204, true, Length(0), &["0"], ""),
    ] {
        let head = ResponseHead {
            status: Status::new(status).unwrap(),
            to_head,
            ..head(&date)
        };
        let mut out = Vec::new();
        let headers = declared.iter().map(|value| ("Content-Length", *value));
        encode_head(&mut out, &head, payload, &self::headers(headers));
        let text = String::from_utf8(out).unwrap();
        let (_, framing) = text.split_once("GMT\r\n").unwrap();
        let what = format!("{status} HEAD={to_head} {payload:?} {declared:?}");
        assert_eq!(framing, format!("{expected}\r\n"), "{what}");
    }
}

#[test]
fn headers_of_the_host_are_not_taken_from_a_service() {
    let date = date();
    let mut out = Vec::new();
    let headers = headers([
        ("Content-Length", "999"),
        ("transfer-encoding", "chunked"),
        ("CONNECTION", "close"),
        ("date", "yesterday"),
        ("x", "y"),
    ]);
    encode_head(&mut out, &head(&date), Payload::Length(1), &headers);
    let expected = "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\nx: y\r\n\
                    content-length: 1\r\n\r\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn plain_responses() {
    let date = date();
    let defaults =
        HeaderLines::new([("content-type", "x/y"), ("server", "s"), ("allow", "PUT")]).unwrap();
    let extra = HeaderLines::new([("allow", "GET, HEAD")]).unwrap();
    let head = ResponseHead {
        status: Status::METHOD_NOT_ALLOWED,
        connection: Connection::Close,
        defaults: &defaults,
        ..head(&date)
    };
    let expected = "HTTP/1.1 405 Method Not Allowed\r\n\
                    date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                    content-type: text/plain; charset=utf-8\r\nallow: GET, HEAD\r\n\
                    server: s\r\ncontent-length: 19\r\nconnection: close\r\n\r\n";
    let mut out = Vec::new();
    encode_plain(&mut out, &head, &extra, "Method Not Allowed");
    assert_eq!(
        String::from_utf8(out).unwrap(),
        format!("{expected}Method Not Allowed\n")
    );
    let mut out = Vec::new();
    let head = ResponseHead {
        to_head: true,
        ..head
    };
    encode_plain(&mut out, &head, &extra, "Method Not Allowed");
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

proptest! {
    /// Whatever a service sends, the response has its headers and the host's, and no others.
    #[test]
    fn what_is_encoded_is_parsed(
        code in 200..600_u16,
        headers in proptest::collection::vec(
            ("[!-~]{0,6}", prop_oneof!["[ -~\t\u{a0}-\u{ff}]{0,20}", "\\PC{0,9}", "[\0-~]{0,9}"]),
            0..8),
        len in any::<u64>(),
    ) {
        let date = date();
        let head = ResponseHead { status: Status::new(code).unwrap(), ..head(&date) };
        let mut out = Vec::new();
        let valid = headers.iter().all(|(name, value)| {
            validate_header(name.as_bytes(), value.as_bytes()).is_ok()
        });
        let owned = headers.iter().map(|(name, value)| (name.clone(), value.clone().into()));
        let validated = ResponseHeaders::new(owned.collect());
        prop_assert_eq!(validated.is_ok(), valid);
        let Ok(validated) = validated else {
            return Ok(());
        };
        encode_head(&mut out, &head, Payload::Length(len), &validated);
        let mut parsed = [httparse::EMPTY_HEADER; 16];
        let mut response = httparse::Response::new(&mut parsed);
        let end = response.parse(&out).unwrap();
        prop_assert_eq!(end, httparse::Status::Complete(out.len()));
        prop_assert_eq!(response.code, Some(code));
        let mut expected = vec![("date", date.value())];
        for (name, value) in &headers {
            if !is_host_owned(name.as_bytes()) {
                let blank = |c| c == ' ' || c == '\t';
                expected.push((name, value.trim_matches(blank).as_bytes()));
            }
        }
        let length = match code {
            205 => Some("0".to_owned()),
            204 | 304 => None,
            _ => Some(len.to_string()),
        };
        if let Some(length) = &length {
            expected.push(("content-length", length.as_bytes()));
        }
        if code == 426 {
            expected.extend([("upgrade", &b"websocket"[..]), ("connection", b"upgrade")]);
        }
        let seen: Vec<_> = response.headers.iter().map(|h| (h.name, h.value)).collect();
        prop_assert_eq!(seen, expected);
    }
}
