//! The head of a response.

use super::field::{is_host_owned, validate_header};
use super::lines::Overridden;
use super::semantics::decimal;
use super::{Date, HeaderLines, InvalidHeader, Status, Version};

/// The interim response to a client that waits before it sends a body.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Append an interim response other than [`CONTINUE`]; `status` is of 102 to 199. Headers that are
/// the host's are left out ([`is_host_owned`]).
///
/// # Errors
/// A header that can't be sent; nothing is appended then.
pub fn encode_interim<N, V>(
    out: &mut Vec<u8>,
    status: u16,
    headers: impl IntoIterator<Item = (N, V)>,
) -> Result<(), InvalidHeader>
where
    N: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    let start = out.len();
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(itoa::Buffer::new().format(status).as_bytes());
    out.extend_from_slice(match status {
        102 => b" Processing\r\n",
        103 => b" Early Hints\r\n",
        _ => b" \r\n",
    });
    for (name, value) in headers {
        let (name, value) = (name.as_ref(), value.as_ref());
        if let Err(invalid) = validate_header(name, value) {
            out.truncate(start);
            return Err(invalid);
        }
        if !is_host_owned(name) {
            put_field(out, name, value);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// What the host decides about a response.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The status.
    pub status: Status,
    /// The version of the *request*: to HTTP/1.0 nothing is sent that it doesn't know.
    pub version: Version,
    /// Whether the request's method is HEAD.
    pub to_head: bool,
    /// What becomes of the connection after the response.
    pub connection: Connection,
    /// The date.
    pub date: &'a Date,
    /// Headers of the listener; one that the response sets itself gives way.
    pub defaults: &'a HeaderLines,
}

/// What becomes of a connection after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// The next request may come.
    KeepAlive,
    /// It is closed.
    Close,
    /// With status 101, it goes on in this protocol, for example `websocket`.
    Upgrade(&'static str),
}

/// What is known of a response's content when its head is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Its bytes.
    Length(u64),
    /// Nothing: it is a stream.
    Stream,
}

/// How the content must be written behind the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyEncoding {
    /// Not at all: the status or the method forbids a body.
    Omitted,
    /// As it is, in the length that was given.
    Plain,
    /// With [`encode_chunk`](super::encode_chunk) and
    /// [`encode_last_chunk`](super::encode_last_chunk).
    Chunked,
    /// As it is, and its end is the connection's: close, whatever [`ResponseHead::connection`]
    /// was. A stream to a client of HTTP/1.0.
    UntilClose,
}

/// Append the head of a response with the guest's `headers`. Those that are the host's are left
/// out ([`is_host_owned`]). Where a response has no content though that of a GET would have, to HEAD
/// or with status 304, the guest's `content-length` is taken for how long that would be (RFC 9110
/// section 8.6).
///
/// # Errors
/// A header that can't be sent; nothing is appended then.
pub fn encode_head<N, V>(
    out: &mut Vec<u8>,
    head: &ResponseHead<'_>,
    payload: Payload,
    headers: impl IntoIterator<Item = (N, V)>,
) -> Result<BodyEncoding, InvalidHeader>
where
    N: AsRef<[u8]>,
    V: AsRef<[u8]>,
{
    let start = out.len();
    head.status.put_line(out);
    out.extend_from_slice(head.date.line());
    let mut overridden = Overridden::default();
    let mut declared = DeclaredLength::None;
    for (name, value) in headers {
        let (name, value) = (name.as_ref(), value.as_ref());
        if let Err(invalid) = validate_header(name, value) {
            out.truncate(start);
            return Err(invalid);
        }
        if is_host_owned(name) {
            declared.see(name, value);
            continue;
        }
        head.defaults.override_with(name, &mut overridden);
        put_field(out, name, value);
    }
    head.defaults.put(out, overridden);
    Ok(head.finish(out, payload, declared))
}

/// Append a whole response of one line of text, such as an error; `extra` are headers of its
/// own, `Allow` for example.
pub fn encode_plain(out: &mut Vec<u8>, head: &ResponseHead<'_>, extra: &HeaderLines, text: &str) {
    head.status.put_line(out);
    out.extend_from_slice(head.date.line());
    out.extend_from_slice(b"content-type: text/plain; charset=utf-8\r\n");
    let mut overridden = Overridden::default();
    head.defaults
        .override_with(b"content-type", &mut overridden);
    extra.override_in(head.defaults, &mut overridden);
    extra.put(out, Overridden::default());
    head.defaults.put(out, overridden);
    let len = text.len() as u64 + 1;
    let payload = Payload::Length(len);
    if head.finish(out, payload, DeclaredLength::None) == BodyEncoding::Plain {
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    }
}

fn put_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

impl ResponseHead<'_> {
    /// Append the headers that frame the message, and the end of the head.
    fn finish(
        &self,
        out: &mut Vec<u8>,
        payload: Payload,
        declared: DeclaredLength,
    ) -> BodyEncoding {
        let encoding = self.frame(out, payload, declared);
        if self.status == Status::UPGRADE_REQUIRED {
            return self.finish_upgrade_required(out, encoding);
        }
        let connection: &[u8] = match (self.connection, self.version) {
            _ if encoding == BodyEncoding::UntilClose => b"connection: close\r\n\r\n",
            (Connection::KeepAlive, Version::Http11) => b"\r\n",
            (Connection::KeepAlive, Version::Http10) => b"connection: keep-alive\r\n\r\n",
            (Connection::Close, _) => b"connection: close\r\n\r\n",
            (Connection::Upgrade(protocol), _) => {
                out.extend_from_slice(b"upgrade: ");
                out.extend_from_slice(protocol.as_bytes());
                b"\r\nconnection: upgrade\r\n\r\n"
            }
        };
        out.extend_from_slice(connection);
        encoding
    }

    /// A 426 has to say to what, and that it says so to the next hop (RFC 9110 sections 15.5.22
    /// and 7.8). There is one protocol to upgrade to.
    fn finish_upgrade_required(&self, out: &mut Vec<u8>, encoding: BodyEncoding) -> BodyEncoding {
        out.extend_from_slice(b"upgrade: websocket\r\nconnection: ");
        let also: &[u8] = match (self.connection, self.version) {
            _ if encoding == BodyEncoding::UntilClose => b"close, ",
            (Connection::Close, _) => b"close, ",
            (Connection::KeepAlive, Version::Http10) => b"keep-alive, ",
            (Connection::KeepAlive | Connection::Upgrade(_), _) => b"",
        };
        out.extend_from_slice(also);
        out.extend_from_slice(b"upgrade\r\n\r\n");
        encoding
    }

    /// RFC 9110 section 8.6, RFC 9112 section 6.
    fn frame(&self, out: &mut Vec<u8>, payload: Payload, declared: DeclaredLength) -> BodyEncoding {
        if self.status.forbids_body() {
            if self.status == Status::NOT_MODIFIED {
                declared.put(out);
            }
            return BodyEncoding::Omitted;
        }
        // How long the content of a GET would be is not known, unless the guest says it: none at
        // all is what a handler returns that knows what HEAD asks for.
        let is_unknown = matches!(payload, Payload::Length(0) | Payload::Stream);
        if self.to_head && is_unknown && (declared.is_known() || payload == Payload::Length(0)) {
            declared.put(out);
            return BodyEncoding::Omitted;
        }
        let payload = match self.status {
            // It has no content, but is framed like one that might.
            Status::RESET_CONTENT => Payload::Length(0),
            _ => payload,
        };
        let encoding = match (payload, self.version) {
            (Payload::Length(len), _) => {
                put_length(out, len);
                BodyEncoding::Plain
            }
            (Payload::Stream, Version::Http11) => {
                out.extend_from_slice(b"transfer-encoding: chunked\r\n");
                BodyEncoding::Chunked
            }
            (Payload::Stream, Version::Http10) if self.to_head => BodyEncoding::Omitted,
            (Payload::Stream, Version::Http10) => BodyEncoding::UntilClose,
        };
        match self.status {
            _ if self.to_head => BodyEncoding::Omitted,
            Status::RESET_CONTENT => BodyEncoding::Omitted,
            _ => encoding,
        }
    }
}

fn put_length(out: &mut Vec<u8>, len: u64) {
    out.extend_from_slice(b"content-length: ");
    out.extend_from_slice(itoa::Buffer::new().format(len).as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// What a guest says of the length of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeclaredLength {
    None,
    Known(u64),
    /// Not a number, or several.
    Invalid,
}

impl DeclaredLength {
    /// Take a header of the guest's into account.
    fn see(&mut self, name: &[u8], value: &[u8]) {
        if !name.eq_ignore_ascii_case(b"content-length") {
            return;
        }
        *self = match (decimal(value.trim_ascii()), *self) {
            (Some(length), Self::None) => Self::Known(length),
            (Some(length), Self::Known(known)) if length == known => *self,
            _ => Self::Invalid,
        };
    }

    fn is_known(self) -> bool {
        matches!(self, Self::Known(_))
    }

    fn put(self, out: &mut Vec<u8>) {
        if let Self::Known(length) = self {
            put_length(out, length);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use proptest::prelude::*;

    use super::*;

    const NONE: [(&str, &str); 0] = [];

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
        let encoding = encode_head(&mut out, head, payload, NONE).unwrap();
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
        let headers = [
            ("Content-Type", "a/b"),
            ("Cache-Control", "public"),
            ("x", ""),
        ];
        let mut out = b"before".to_vec();
        let encoding = encode_head(&mut out, &head, Payload::Length(12), headers);
        assert_eq!(encoding, Ok(BodyEncoding::Plain));
        let expected = "beforeHTTP/1.1 404 Not Found\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
                        Content-Type: a/b\r\nCache-Control: public\r\nx: \r\nserver: s\r\n\
                        content-length: 12\r\nconnection: close\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
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
    fn the_length_of_content_that_is_not_sent_is_what_the_guest_says() {
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
            encode_head(&mut out, &head, payload, headers).unwrap();
            let text = String::from_utf8(out).unwrap();
            let (_, framing) = text.split_once("GMT\r\n").unwrap();
            let what = format!("{status} HEAD={to_head} {payload:?} {declared:?}");
            assert_eq!(framing, format!("{expected}\r\n"), "{what}");
        }
    }

    #[test]
    fn headers_of_the_host_are_not_taken_from_a_guest() {
        let date = date();
        let mut out = Vec::new();
        let headers = [
            ("Content-Length", "999"),
            ("transfer-encoding", "chunked"),
            ("CONNECTION", "close"),
            ("date", "yesterday"),
            ("x", "y"),
        ];
        encode_head(&mut out, &head(&date), Payload::Length(1), headers).unwrap();
        let expected = "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\nx: y\r\n\
                        content-length: 1\r\n\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn a_header_that_cannot_be_sent_leaves_nothing_behind() {
        let date = date();
        for (name, value) in [
            ("a\r\nb", "c"),
            ("a: b\r\nc", "d"),
            ("", "a"),
            ("a b", "c"),
            ("a:", "b"),
            ("a", "b\r\nset-cookie: c"),
            ("a", "b\nc"),
            ("a", "b\rc"),
            ("a", "\0"),
            ("connection", "a\r\nb: c"),
        ] {
            let mut out = b"before".to_vec();
            let headers = [("x", "y"), (name, value)];
            let refused = encode_head(&mut out, &head(&date), Payload::Length(1), headers);
            assert!(refused.is_err(), "{name:?}: {value:?}");
            assert_eq!(out, b"before");
        }
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
        /// Whatever a guest sends, the response has its headers and the host's, and no others.
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
            let pairs = headers.iter().map(|(name, value)| (name, value));
            let encoded = encode_head(&mut out, &head, Payload::Length(len), pairs);
            prop_assert_eq!(encoded.is_ok(), valid);
            if !valid {
                prop_assert!(out.is_empty());
                return Ok(());
            }
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
}
