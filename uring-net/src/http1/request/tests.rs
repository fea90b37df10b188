use proptest::prelude::*;

use super::*;

/// What a head came to, without borrows.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seen {
    method: String,
    target: String,
    path: String,
    query: Option<String>,
    version: Version,
    authority: Option<String>,
    headers: Vec<(String, Vec<u8>)>,
    framing: BodyFraming,
    keep_alive: bool,
    expect_continue: bool,
    upgrade: bool,
    len: usize,
    rest: Vec<u8>,
}

impl From<Head<'_>> for Seen {
    fn from(head: Head<'_>) -> Self {
        Self {
            method: head.method.into(),
            target: head.target.into(),
            path: head.path.into(),
            query: head.query.map(Into::into),
            version: head.version,
            authority: head.authority.map(Into::into),
            headers: head
                .headers
                .iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
            framing: head.framing,
            keep_alive: head.keep_alive,
            expect_continue: head.expect_continue,
            upgrade: head.upgrade,
            len: head.len,
            rest: head.rest.to_vec(),
        }
    }
}

type Outcome = Result<Option<Seen>, RequestError>;

const LIMITS: HeadLimits = HeadLimits {
    request_line: 64,
    header_bytes: 512,
    headers: 16,
};

fn at_once(input: &[u8], limits: &HeadLimits) -> Outcome {
    let (mut parser, mut buf) = (HeadParser::default(), input.to_vec());
    parser
        .parse(&mut buf, limits)
        .map(|head| head.map(Seen::from))
}

/// Feeds `input` up to each of `ends` in turn, then all of it; the first outcome that isn't
/// `None`, and how much had been fed.
fn in_pieces(
    input: &[u8],
    ends: impl IntoIterator<Item = usize>,
    limits: &HeadLimits,
) -> (Outcome, usize) {
    let mut parser = HeadParser::default();
    let mut buf = Vec::new();
    for end in ends.into_iter().chain([input.len()]) {
        buf.extend_from_slice(&input[buf.len()..end]);
        match parser.parse(&mut buf, limits) {
            Ok(None) => {}
            outcome => return (outcome.map(|head| head.map(Seen::from)), end),
        }
    }
    (Ok(None), input.len())
}

fn parse(input: &str) -> Seen {
    at_once(input.as_bytes(), &LIMITS)
        .unwrap_or_else(|error| panic!("{input:?}: {error}"))
        .unwrap_or_else(|| panic!("{input:?}: incomplete"))
}

/// The status that `input` is refused with, which must be the same when it comes byte by byte.
fn refusal(input: &[u8]) -> u16 {
    let shown = input.escape_ascii();
    let whole = match at_once(input, &LIMITS) {
        Err(error) => error.status().code(),
        Ok(outcome) => panic!("{shown}: {outcome:?}"),
    };
    match in_pieces(input, 0..input.len(), &LIMITS) {
        (Err(error), _) => assert_eq!(error.status().code(), whole, "{shown}: {error}"),
        (outcome, _) => panic!("{shown}, byte by byte: {outcome:?}"),
    }
    whole
}

fn with_header(lines: &str) -> String {
    format!("POST / HTTP/1.1\r\nHost: h\r\n{lines}\r\n\r\n")
}

#[test]
fn every_part_of_a_head() {
    let head = "PATCH /a%20b/c?d=e&f HTTP/1.1\r\nHost: example.com:80\r\nX-Mixed-Case: \t V v \t\r\n\
                empty:\r\nutf: \u{17e}\r\nContent-Length: 3\r\n\r\n";
    let seen = parse(&format!("{head}abcGET"));
    assert_eq!(
        seen,
        Seen {
            method: "PATCH".into(),
            target: "/a%20b/c?d=e&f".into(),
            path: "/a%20b/c".into(),
            query: Some("d=e&f".into()),
            version: Version::Http11,
            authority: Some("example.com:80".into()),
            headers: [
                ("host", "example.com:80"),
                ("x-mixed-case", "V v"),
                ("empty", ""),
                ("utf", "\u{17e}"),
                ("content-length", "3"),
            ]
            .map(|(name, value)| (name.into(), value.into()))
            .into(),
            framing: BodyFraming::Length(3),
            keep_alive: true,
            expect_continue: false,
            upgrade: false,
            len: head.len(),
            rest: b"abcGET".into(),
        }
    );
}

#[test]
fn headers_are_found_by_name() {
    let mut buf = b"GET / HTTP/1.1\r\nHost: h\r\nA: 1\r\na: 2\r\n\r\n".to_vec();
    let mut parser = HeadParser::default();
    let headers = parser.parse(&mut buf, &LIMITS).unwrap().unwrap().headers;
    assert_eq!(headers.get("a"), Some(&b"1"[..]));
    assert_eq!(headers.get("b"), None);
    assert_eq!((headers.len(), headers.is_empty()), (3, false));
    assert_eq!(
        format!("{headers:?}"),
        r#"{"host": "h", "a": "1", "a": "2"}"#
    );
}

#[test]
fn framing() {
    for (lines, framing) in [
        ("a: b", BodyFraming::None),
        ("Content-Length: 0", BodyFraming::Length(0)),
        ("Content-Length: 007", BodyFraming::Length(7)),
        (
            "Content-Length:18446744073709551615 ",
            BodyFraming::Length(u64::MAX),
        ),
        ("Transfer-Encoding: chunked", BodyFraming::Chunked),
        ("transfer-encoding:\tCHUNKED\t", BodyFraming::Chunked),
    ] {
        assert_eq!(parse(&with_header(lines)).framing, framing, "{lines}");
    }
}

#[test]
fn smuggling_and_other_framings_in_doubt() {
    for (lines, status) in [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5", 400),
        ("Content-Length: 5\r\nContent-Length: 6", 400),
        ("Content-Length: 5\r\nContent-Length: 5", 400),
        ("Content-Length: 5, 5", 400),
        ("Content-Length: 5,6", 400),
        ("Content-Length: ", 400),
        ("Content-Length: +5", 400),
        ("Content-Length: -5", 400),
        ("Content-Length: 5x", 400),
        ("Content-Length: 5 5", 400),
        ("Content-Length: 5;a", 400),
        ("Content-Length: 0x5", 400),
        ("Content-Length: 5.0", 400),
        ("Content-Length: 18446744073709551616", 400),
        ("Content-Length: 99999999999999999999999", 400),
        ("Content-Length : 5", 400),
        ("Content-Length\t: 5", 400),
        ("Content-Length: 5\r\n\tTransfer-Encoding: chunked", 400),
        ("Transfer-Encoding : chunked", 400),
        ("Transfer-Encoding: ", 400),
        ("Transfer-Encoding: chunked, chunked", 400),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            400,
        ),
        ("Transfer-Encoding: chunked, gzip", 400),
        ("Transfer-Encoding: chunked, identity", 400),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
            400,
        ),
        ("Transfer-Encoding: chunked,", 400),
        ("Transfer-Encoding: ,chunked", 400),
        ("Transfer-Encoding: gzip", 400),
        ("Transfer-Encoding: identity", 400),
        ("Transfer-Encoding: xchunked", 400),
        ("Transfer-Encoding: chunked;q=1", 400),
        ("Transfer-Encoding: \"chunked\"", 400),
        ("Transfer-Encoding: chunked chunked", 400),
        ("Transfer-Encoding: \x0bchunked", 400),
        ("Transfer-Encoding:\r\n chunked", 400),
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", 501),
        ("Transfer-Encoding: identity, chunked", 501),
        ("a: b\nTransfer-Encoding: chunked", 400),
        ("a: b\rTransfer-Encoding: chunked", 400),
        ("a: b\n", 400),
        ("a\r\nb: c", 400),
        (": b", 400),
        ("a b: c", 400),
        ("a\u{e9}: c", 400),
        ("a(: c", 400),
        ("a: b\r\n c", 400),
        (" a: b", 400),
        ("a: \0", 400),
        ("a: b\x7f", 400),
        ("a: \x1b[0m", 400),
    ] {
        assert_eq!(refusal(with_header(lines).as_bytes()), status, "{lines:?}");
    }
    assert_eq!(
        refusal(b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
        400
    );
}

#[test]
fn a_control_character_is_refused_anywhere_in_a_value() {
    for byte in (0..=255_u8).filter(|byte| !b"\r\n".contains(byte)) {
        let valid = byte == b'\t' || !byte.is_ascii_control();
        for at in 0..70 {
            let mut value = [b'v'; 70];
            value[at] = byte;
            let input = [b"GET / HTTP/1.1\r\nHost:\r\na: ", &value[..], b"\r\n\r\n"].concat();
            let outcome = at_once(&input, &LIMITS);
            assert_eq!(outcome.is_ok(), valid, "{byte:#x} at {at}");
        }
    }
}

#[test]
fn a_bare_line_feed_is_refused_at_every_line_end() {
    let input = "\r\nGET / HTTP/1.1\r\nHost: h\r\na:\r\nb: c\r\n\r\n";
    parse(input);
    for (at, _) in input.match_indices("\r\n") {
        let mut bare = input.as_bytes().to_vec();
        bare.remove(at);
        assert_eq!(refusal(&bare), 400, "{}", bare.escape_ascii());
        // A lone CR in the place of the line end.
        let mut lone = [input, "\r\n\r\n"].concat().into_bytes();
        lone.remove(at + 1);
        assert_eq!(refusal(&lone), 400, "{}", lone.escape_ascii());
    }
    assert_eq!(refusal(b"GET / HTTP/1.1\nHost: h\n\n"), 400);
    assert_eq!(refusal(b"GET / HTTP/1.1\r\nHost: h\n\r\n\r\n"), 400);
    assert_eq!(refusal(b"GET / HTTP/1.1\r\n\n"), 400);
    // Before the head is complete.
    assert_eq!(refusal(b"GET / HTTP/1.1\r\nHost: h\n"), 400);
    assert_eq!(refusal(b"GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"), 400);
}

#[test]
fn request_lines() {
    for (line, status) in [
        (" GET / HTTP/1.1", 400),
        ("GET  / HTTP/1.1", 400),
        ("GET /  HTTP/1.1", 400),
        ("GET / HTTP/1.1 ", 400),
        ("GET\t/ HTTP/1.1", 400),
        ("GET /", 400),
        ("GET", 400),
        ("GET /a b HTTP/1.1", 400),
        ("G(T / HTTP/1.1", 400),
        ("G\u{e9}T / HTTP/1.1", 400),
        ("G\0T / HTTP/1.1", 400),
        ("GET /\0 HTTP/1.1", 400),
        ("GET /\x7f HTTP/1.1", 400),
        ("GET \u{e9} HTTP/1.1", 400),
        ("GET /a#b HTTP/1.1", 400),
        ("GET a HTTP/1.1", 400),
        ("GET * HTTP/1.1", 400),
        ("GET ftp://h/ HTTP/1.1", 400),
        ("CONNECT h:443 HTTP/1.1", 501),
        ("GET / http/1.1", 400),
        ("GET / HTTP/1", 400),
        ("GET / HTTP/1.", 400),
        ("GET / HTTP/11", 400),
        ("GET / HTTP/1.10", 400),
        ("GET / HTTP/01.1", 400),
        ("GET / HTTP/1,1", 400),
        ("GET / HTP/1.1", 400),
        ("GET / ICY", 400),
        ("GET / HTTP/0.9", 505),
        ("GET / HTTP/1.2", 505),
        ("GET / HTTP/2.0", 505),
        ("GET / HTTP/3.0", 505),
        ("PRI * HTTP/2.0", 505),
    ] {
        let input = format!("{line}\r\nHost: h\r\n\r\n");
        assert_eq!(refusal(input.as_bytes()), status, "{line:?}");
    }
    // Not even the line's end is there, or no header.
    assert_eq!(refusal(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
    assert_eq!(refusal(b"GET / HTTP/2.0\r\n"), 505);
    assert_eq!(refusal(b"GET /\r\n"), 400);
    assert_eq!(refusal(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n"), 400);
    for method in ["M-SEARCH", "get", "P", "!#$%&'*+-.^_`|~"] {
        let seen = parse(&format!("{method} / HTTP/1.1\r\nHost: h\r\n\r\n"));
        assert_eq!(seen.method, method);
    }
}

#[test]
fn hosts() {
    for (input, status) in [
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\na: b\r\n\r\n", 400),
        ("GET http://h/ HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: a b\r\n\r\n", 400),
        ("GET http://h/ HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
    ] {
        assert_eq!(refusal(input.as_bytes()), status, "{input:?}");
    }
    for (input, authority) in [
        ("GET / HTTP/1.0\r\n\r\n", None),
        ("GET / HTTP/1.0\r\nHost: h\r\n\r\n", Some("h")),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", Some("")),
        ("GET http://i:8/ HTTP/1.0\r\n\r\n", Some("i:8")),
    ] {
        assert_eq!(parse(input).authority.as_deref(), authority, "{input:?}");
    }
}

#[test]
fn an_absolute_target_overrides_the_host() {
    let seen = parse("GET http://real:8/a?b HTTP/1.1\r\nA: 1\r\nHost: claimed\r\n\r\n");
    assert_eq!(seen.target, "http://real:8/a?b");
    assert_eq!(
        (seen.path.as_str(), seen.query.as_deref()),
        ("/a", Some("b"))
    );
    assert_eq!(seen.authority.as_deref(), Some("real:8"));
    assert_eq!(seen.headers[1], ("host".into(), b"real:8".into()));
}

#[test]
fn connections() {
    // version, Connection lines, keep_alive, upgrade
    for (version, lines, keep_alive, upgrade) in [
        ("1.1", "", true, false),
        ("1.1", "Connection: close\r\n", false, false),
        ("1.1", "Connection: CLOSE\r\n", false, false),
        ("1.1", "Connection: a, close ,b\r\n", false, false),
        (
            "1.1",
            "Connection: keep-alive\r\nConnection: close\r\n",
            false,
            false,
        ),
        ("1.1", "Connection: closed\r\n", true, false),
        ("1.1", "Connection: keep-alive, Upgrade\r\n", true, true),
        ("1.1", "Connection:\r\n", true, false),
        ("1.0", "", false, false),
        ("1.0", "Connection: Keep-Alive\r\n", true, false),
        ("1.0", "Connection: keep-alive, close\r\n", false, false),
        ("1.0", "Connection: upgrade\r\n", false, false),
    ] {
        let seen = parse(&format!("GET / HTTP/{version}\r\nHost: h\r\n{lines}\r\n"));
        let reported = (seen.keep_alive, seen.upgrade);
        assert_eq!(reported, (keep_alive, upgrade), "{version} {lines:?}");
    }
}

#[test]
fn expectations() {
    for (version, lines, expected) in [
        ("1.1", "Expect: 100-continue\r\nContent-Length: 1\r\n", true),
        (
            "1.1",
            "expect: 100-Continue\r\nTransfer-Encoding: chunked\r\n",
            true,
        ),
        (
            "1.1",
            "Expect: 100-continue\r\nContent-Length: 0\r\n",
            false,
        ),
        ("1.1", "Expect: 100-continue\r\n", false),
        (
            "1.0",
            "Expect: 100-continue\r\nContent-Length: 1\r\n",
            false,
        ),
    ] {
        let seen = parse(&format!("PUT / HTTP/{version}\r\nHost: h\r\n{lines}\r\n"));
        assert_eq!(seen.expect_continue, expected, "{version} {lines:?}");
    }
    for value in [
        "",
        "200-ok",
        "100-continue, 100-continue",
        "100-continue; a",
    ] {
        assert_eq!(
            refusal(with_header(&format!("Expect: {value}")).as_bytes()),
            417
        );
    }
}

#[test]
fn empty_lines_before_a_request() {
    let request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
    for lines in ["", "\r\n", "\r\n\r\n"] {
        let input = format!("{lines}{request}");
        let seen = parse(&input);
        assert_eq!((seen.len, seen.method.as_str()), (input.len(), "GET"));
    }
    for lines in ["\r\n\r\n\r\n", "\n", "\r", "\r\n\n", "\r\r\n"] {
        assert_eq!(
            refusal(format!("{lines}{request}").as_bytes()),
            400,
            "{lines:?}"
        );
    }
    for lines in ["", "\r", "\r\n", "\r\n\r", "\r\n\r\n"] {
        assert_eq!(at_once(lines.as_bytes(), &LIMITS), Ok(None), "{lines:?}");
    }
}

#[test]
fn limits_are_exact() {
    let exact = |target: usize, value: usize, headers: usize| {
        format!(
            "GET /{} HTTP/1.1\r\nHost: {}\r\n{}\r\n",
            "p".repeat(target),
            "v".repeat(value),
            "a:\r\n".repeat(headers),
        )
    };
    let line = LIMITS.request_line - "GET / HTTP/1.1".len();
    let value = LIMITS.header_bytes - "Host: \r\n\r\n".len();
    parse(&exact(line, value, 0));
    parse(&exact(line, 1, LIMITS.headers - 1));
    assert_eq!(refusal(exact(line + 1, 1, 0).as_bytes()), 414);
    assert_eq!(refusal(exact(1, value + 1, 0).as_bytes()), 431);
    assert_eq!(refusal(exact(line, value + 1, 0).as_bytes()), 431);
    assert_eq!(refusal(exact(1, 1, LIMITS.headers).as_bytes()), 431);
}

#[test]
fn too_large_a_head_is_refused_before_it_ends() {
    let long_line = [b"GET /", &[b'p'; 61][..]].concat();
    let large_header = [b"GET / HTTP/1.1\r\na: ", &[b'v'; 510][..]].concat();
    let many_headers = [&b"GET / HTTP/1.1\r\n"[..], &b"a:\r\n".repeat(17)].concat();
    for (input, status) in [(long_line, 414), (large_header, 431), (many_headers, 431)] {
        assert_eq!(refusal(&input), status, "{}", input.escape_ascii());
    }
    // What is refused doesn't depend on how much more of it there is.
    let endless = [b"GET /", &[b'p'; 100_000][..]].concat();
    assert_eq!(at_once(&endless, &LIMITS).unwrap_err().status().code(), 414);
    let endless = [b"GET / HTTP/1.1\r\na: ", &[b'v'; 100_000][..]].concat();
    assert_eq!(at_once(&endless, &LIMITS).unwrap_err().status().code(), 431);
}

#[test]
fn as_many_headers_may_come_as_the_limit_says() {
    let with = |count| format!("GET / HTTP/1.0\r\n{}\r\n", "a:\r\n".repeat(count));
    for most in [0, 1, 16, 127, 128, 129, 130, 500, 1000] {
        let limits = HeadLimits {
            headers: most,
            ..HeadLimits::default()
        };
        let whole = with(most);
        let seen = at_once(whole.as_bytes(), &limits).unwrap().unwrap();
        assert_eq!(seen.headers.len(), most);
        let third = whole.len() / 3;
        let pieces = in_pieces(whole.as_bytes(), [third, third * 2], &limits);
        assert_eq!(pieces.0, Ok(Some(seen)));
        let error = at_once(with(most + 1).as_bytes(), &limits).unwrap_err();
        assert_eq!(error.status().code(), 431, "{most}");
    }
    let limits = HeadLimits {
        headers: usize::MAX,
        ..HeadLimits::default()
    };
    let seen = at_once(with(4000).as_bytes(), &limits).unwrap().unwrap();
    assert_eq!(seen.headers.len(), 4000);
}

#[test]
fn a_target_that_is_not_ascii_is_escaped() {
    let mut parser = HeadParser::default();
    for (sent, target, path, query) in [
        ("/?q=é", "/?q=%C3%A9", "/", Some("q=%C3%A9")),
        (
            "/ž/%20?é€😀",
            "/%C5%BE/%20?%C3%A9%E2%82%AC%F0%9F%98%80",
            "/%C5%BE/%20",
            Some("%C3%A9%E2%82%AC%F0%9F%98%80"),
        ),
        (
            "http://h:8/é?b",
            "http://h:8/%C3%A9?b",
            "/%C3%A9",
            Some("b"),
        ),
        ("/plain", "/plain", "/plain", None),
        ("http://h:8", "http://h:8", "/", None),
    ] {
        let request = format!("GET {sent} HTTP/1.1\r\nA: 1\r\nHost: claimed\r\nB: 2\r\n\r\n");
        let mut buf = request.clone().into_bytes();
        let head = parser.parse(&mut buf, &LIMITS).unwrap().unwrap();
        let seen = (head.target, head.path, head.query);
        assert_eq!(seen, (target, path, query), "{sent}");
        let origin = target.strip_prefix("http://h:8").unwrap_or(target);
        assert_eq!(
            head.origin_form(),
            if origin.is_empty() { "/" } else { origin }
        );
        let host = if sent.starts_with('/') {
            "claimed"
        } else {
            "h:8"
        };
        assert_eq!(head.headers.get("host"), Some(host.as_bytes()));
        assert_eq!(head.authority, Some(host));
        let pieces = in_pieces(request.as_bytes(), 0..request.len(), &LIMITS);
        assert_eq!(pieces.0.unwrap().unwrap().target, target);
    }
    // The limit is of what was sent.
    let line = LIMITS.request_line - "GET / HTTP/1.1".len();
    let request = |len: usize| format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "é".repeat(len / 2));
    parse(&request(line));
    assert_eq!(refusal(request(line + 2).as_bytes()), 414);
}

#[test]
fn what_a_target_cannot_have_is_refused_with_a_hint() {
    for request in [
        &b"GET /?q=\xe9 HTTP/1.1\r\nHost: h\r\n\r\n"[..],
        b"GET /\xff HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET /<a> HTTP/1.1\r\nHost: h\r\n\r\n",
        b"GET http://b\xc3\xbccher/ HTTP/1.1\r\nHost: h\r\n\r\n",
    ] {
        assert_eq!(refusal(request), 400);
        let reason = at_once(request, &LIMITS).unwrap_err().reason();
        assert!(reason.contains("percent-encode"), "{reason}");
    }
}

#[test]
fn every_split_of_a_request_comes_to_the_same() {
    let head = "\r\nPOST http://h/a?b HTTP/1.1\r\nHost: i\r\nX-A: b\r\nEmpty:\r\n\
                Connection: close\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n";
    let whole = at_once(head.as_bytes(), &LIMITS);
    assert!(matches!(whole, Ok(Some(_))), "{whole:?}");
    let byte_by_byte = in_pieces(head.as_bytes(), 0..head.len(), &LIMITS);
    assert_eq!(byte_by_byte, (whole.clone(), head.len()));
    for first in 0..head.len() {
        assert_eq!(at_once(&head.as_bytes()[..first], &LIMITS), Ok(None));
        for second in first..head.len() {
            let parts = in_pieces(head.as_bytes(), [first, second], &LIMITS);
            assert_eq!(parts, (whole.clone(), head.len()), "{first}, {second}");
        }
    }
}

#[test]
fn a_parser_goes_from_one_request_to_the_next() {
    let requests = "GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n\
                    GET /3 HTTP/1.1\r\nHost: h\r\n\r\n";
    for step in 1..=requests.len() {
        let mut parser = HeadParser::default();
        let mut buf = Vec::new();
        let mut paths = Vec::new();
        for piece in requests.as_bytes().chunks(step) {
            buf.extend_from_slice(piece);
            while let Some(head) = parser.parse(&mut buf, &LIMITS).unwrap() {
                paths.push((head.path.to_owned(), head.headers.len()));
                let len = head.len;
                assert!(!parser.is_amid_head());
                buf.drain(..len);
            }
            assert_eq!(parser.is_amid_head(), !buf.is_empty());
        }
        let expected = [("/1", 1), ("/2", 2), ("/3", 1)].map(|(path, n)| (path.to_owned(), n));
        assert_eq!(paths, expected, "{step}");
    }
}

#[test]
fn a_head_that_drips_in_is_not_searched_again_and_again() {
    // 64 KiB a byte at a time: quadratic work would be 2 GiB of bytes to look at.
    let limits = HeadLimits {
        request_line: 100,
        header_bytes: 1 << 20,
        headers: 100,
    };
    let value = "v".repeat(64 << 10);
    let head = format!("GET / HTTP/1.1\r\nHost: h\r\nA: {value}\r\n\r\n");
    let mut parser = HeadParser::default();
    let mut buf = head.clone().into_bytes();
    for end in 0..head.len() {
        assert!(parser.parse(&mut buf[..end], &limits).unwrap().is_none());
        let searched = parser.scan.searched();
        assert_eq!(searched, if end == 0 { 0 } else { end });
    }
    assert!(parser.parse(&mut buf, &limits).unwrap().is_some());
}

fn fragment() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..8),
        proptest::sample::select(vec![
            "GET ",
            "POST ",
            "/",
            "/a?b",
            " ",
            "HTTP/1.1",
            "HTTP/1.0",
            "HTTP/2.0",
            "\r\n",
            "\r\n",
            "\r\n",
            "\r\n\r\n",
            "\n",
            "\r",
            "Host: h\r\n",
            "A: b\r\n",
            "Content-Length: 5",
            "Transfer-Encoding: chunked",
            "Connection: close",
            ":",
            " ",
            "\t",
            "\0",
            "a",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn arbitrary_bytes_do_no_harm(
        fragments in proptest::collection::vec(fragment(), 0..30),
        valid_start in any::<bool>(),
        step in 1..40_usize,
    ) {
        let mut input = fragments.concat();
        if valid_start {
            input.splice(0..0, *b"GET / HTTP/1.1\r\nHost: h\r\n");
        }
        let whole = at_once(&input, &LIMITS);
        let (parts, _) = in_pieces(&input, (0..input.len()).step_by(step), &LIMITS);
        match (&whole, &parts) {
            // More may have come behind a head when all of it came at once.
            (Ok(Some(whole)), Ok(Some(parts))) => {
                prop_assert_eq!(
                    Seen { rest: Vec::new(), ..whole.clone() },
                    Seen { rest: Vec::new(), ..parts.clone() }
                );
                prop_assert!(whole.rest.starts_with(&parts.rest));
            }
            // An error in a head that isn't complete may be found later.
            (Err(_), Ok(None)) => {}
            (Err(_), Err(_)) => {}
            // Bytes of a bad line end are looked at before those of a bad header.
            (Ok(None), Ok(None)) => {}
            _ => prop_assert!(false, "{:?} but in parts {:?}", whole, parts),
        }
    }

    #[test]
    fn what_is_composed_is_taken_apart(
        method in "[A-Z]{1,10}",
        path in "/[a-z0-9/%._~-]{0,20}",
        query in proptest::option::of("[a-z0-9=&?/]{0,20}"),
        headers in proptest::collection::vec(("x-[a-z0-9-]{0,10}", "([!-~]([ -~]{0,20}[!-~])?)?"), 0..10),
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..5),
    ) {
        prop_assume!(method != "CONNECT");
        let target = match &query {
            None => path.clone(),
            Some(query) => format!("{path}?{query}"),
        };
        let mut input = format!("{method} {target} HTTP/1.1\r\nhost: h\r\n");
        for (name, value) in &headers {
            input += &format!("{}: {value}\r\n", name.to_ascii_uppercase());
        }
        input += "\r\n";
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(input.len())).collect();
        cuts.sort_unstable();
        let (outcome, _) = in_pieces(input.as_bytes(), cuts, &HeadLimits::default());
        let seen = outcome.unwrap().unwrap();
        prop_assert_eq!((seen.method, seen.path, seen.query), (method, path, query));
        prop_assert_eq!(seen.len, input.len());
        let expected: Vec<_> = headers
            .into_iter()
            .map(|(name, value)| (name, value.into_bytes()))
            .collect();
        prop_assert_eq!(&seen.headers[1..], &expected[..]);
    }
}
