//! Parses responses from pieces of any size.

use httparse::Status;
use memchr::memmem;
use thiserror::Error;

use super::with_head;
use crate::net::chunked;

/// Parses the responses of one connection. It stores only bodies that must be checked, and
/// allocates nothing for a response with the same head as the previous one.
#[derive(Debug)]
pub struct Parser {
    state: State,
    last: Head,
    /// The bytes of the last parsed head, whose meaning is `last`: servers repeat their heads, and
    /// comparing is faster than parsing. Empty if there is none.
    last_bytes: Vec<u8>,
    /// True if the last head was that of a response to `HEAD`.
    last_bodiless: bool,
    body: Vec<u8>,
}

/// The properties of the request that the parser needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestContext {
    /// True for `HEAD`, whose response has no body.
    pub head: bool,
    /// True to keep the body for [`Parser::body`].
    pub keep_body: bool,
}

/// The progress of parsing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// Bytes that must not be passed again.
    pub consumed: usize,
    /// The response, if it is complete. If not, pass the unconsumed bytes again, followed by more.
    pub done: Option<Response>,
}

/// A complete response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response {
    /// Its status; not that of an interim response (1xx), except 101.
    pub status: u16,
    /// True if the connection can be reused.
    pub keep_alive: bool,
}

/// The bytes are not a response; close the connection.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Malformed {
    /// The head violates RFC 9112.
    #[error("the response's head is broken: {0}")]
    Head(httparse::Error),
    /// The head is longer than [`MAX_HEAD`].
    #[error("the response's head is longer than {MAX_HEAD} bytes")]
    LongHead,
    /// Not a number, or two different ones.
    #[error("the response's Content-Length is no one number")]
    Length,
    /// The connection ended within a response.
    #[error("the connection ended within a response")]
    Truncated,
    /// The chunked coding is invalid.
    #[error(transparent)]
    Chunked(#[from] chunked::Malformed),
}

impl Default for Parser {
    fn default() -> Self {
        Self {
            state: State::Head,
            last: Head {
                response: Response {
                    status: 0,
                    keep_alive: false,
                },
                framing: Framing::Length(0),
            },
            last_bytes: Vec::new(),
            last_bodiless: false,
            body: Vec::new(),
        }
    }
}

impl Parser {
    /// Consumes as much of `input` as possible, up to the end of one response.
    ///
    /// # Errors
    /// The response is invalid; close the connection.
    pub fn feed(&mut self, input: &[u8], request: RequestContext) -> Result<Parsed, Malformed> {
        let mut consumed = 0;
        loop {
            let rest = input.get(consumed..).unwrap_or_default();
            match &mut self.state {
                State::Head => {
                    let Some(length) = self.head(rest, request.head)? else {
                        return Ok(Parsed::partial(consumed));
                    };
                    consumed += length;
                    // An interim response (RFC 9110 section 15.2) is not the final one.
                    if (100..200).contains(&self.last.response.status)
                        && self.last.response.status != SWITCHING
                    {
                        continue;
                    }
                    self.body.clear();
                    self.state = match self.last.framing {
                        Framing::Length(left) => State::Length(left),
                        Framing::Chunked => State::Chunked(chunked::Decoder::default()),
                        Framing::End => State::End,
                    };
                }
                State::Length(left) => {
                    let here = usize::try_from(*left).map_or(rest.len(), |all| all.min(rest.len()));
                    *left -= here as u64;
                    let complete = *left == 0;
                    consumed += here;
                    if request.keep_body {
                        self.body
                            .extend_from_slice(rest.get(..here).unwrap_or_default());
                    }
                    if complete {
                        return Ok(self.complete(consumed));
                    }
                    return Ok(Parsed::partial(consumed));
                }
                State::Chunked(decoder) => {
                    let decoded = decoder.decode(rest)?;
                    consumed += decoded.consumed;
                    if request.keep_body {
                        self.body.extend_from_slice(decoded.data);
                    }
                    let more = !decoded.data.is_empty();
                    if decoder.is_done() {
                        return Ok(self.complete(consumed));
                    }
                    if !more {
                        return Ok(Parsed::partial(consumed));
                    }
                }
                State::End => {
                    if request.keep_body {
                        self.body.extend_from_slice(rest);
                    }
                    return Ok(Parsed::partial(consumed + rest.len()));
                }
            }
        }
    }

    /// Ends the connection; `rest` was not consumed. Returns the response that ends with it, if
    /// any; `None` between responses.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] within a response.
    pub fn end(&mut self, rest: &[u8]) -> Result<Option<Response>, Malformed> {
        match self.state {
            State::End => Ok(self.complete(0).done),
            State::Head if rest.is_empty() => Ok(None),
            _ => Err(Malformed::Truncated),
        }
    }

    /// Returns the body of the last complete response, if it was to be kept.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns whether nothing has come since the last response.
    #[must_use]
    pub fn is_between(&self) -> bool {
        matches!(self.state, State::Head)
    }

    /// Parses the head at the front of `input` into `last`. Returns its length, if it is complete.
    fn head(&mut self, input: &[u8], bodiless: bool) -> Result<Option<usize>, Malformed> {
        if !self.last_bytes.is_empty()
            && self.last_bodiless == bodiless
            && input.starts_with(&self.last_bytes)
        {
            return Ok(Some(self.last_bytes.len()));
        }
        let parsed = with_head(input, |parsed, response| {
            match parsed.map_err(Malformed::Head)? {
                Status::Complete(length) => Ok(Some((length, Head::of(response, bodiless)?))),
                Status::Partial if input.len() >= MAX_HEAD => Err(Malformed::LongHead),
                Status::Partial => Ok(None),
            }
        })?;
        let Some((length, head)) = parsed else {
            return Ok(None);
        };
        self.last = head;
        self.last_bodiless = bodiless;
        self.last_bytes.clear();
        self.last_bytes
            .extend_from_slice(input.get(..length).unwrap_or_default());
        Ok(Some(length))
    }

    fn complete(&mut self, consumed: usize) -> Parsed {
        self.state = State::Head;
        Parsed {
            consumed,
            done: Some(self.last.response),
        }
    }
}

impl Parsed {
    fn partial(consumed: usize) -> Self {
        Self {
            consumed,
            done: None,
        }
    }
}

#[derive(Debug)]
enum State {
    Head,
    /// Remaining bytes.
    Length(u64),
    Chunked(chunked::Decoder),
    /// The body ends with the connection.
    End,
}

/// The meaning of a head.
#[derive(Clone, Copy, Debug)]
struct Head {
    response: Response,
    framing: Framing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(u64),
    Chunked,
    End,
}

impl Head {
    fn of(response: &httparse::Response<'_, '_>, bodiless: bool) -> Result<Self, Malformed> {
        let status = response.code.unwrap_or(0);
        let mut length = None;
        let mut chunked = None;
        // RFC 9112 section 9.3: persistent by default, in HTTP/1.0 the opposite.
        let mut keep_alive = response.version == Some(1);
        for header in &*response.headers {
            if header.name.eq_ignore_ascii_case("content-length") {
                let value = number(header.value).ok_or(Malformed::Length)?;
                if length.is_some_and(|other| other != value) {
                    return Err(Malformed::Length);
                }
                length = Some(value);
            } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
                // It determines the end only as the last coding (RFC 9112 section 6.3).
                let last = header.value.rsplit(|byte| *byte == b',').next();
                chunked = last.map(|coding| coding.trim_ascii().eq_ignore_ascii_case(b"chunked"));
            } else if header.name.eq_ignore_ascii_case("connection") {
                for option in header.value.split(|byte| *byte == b',') {
                    if option.trim_ascii().eq_ignore_ascii_case(b"close") {
                        keep_alive = false;
                    } else if option.trim_ascii().eq_ignore_ascii_case(b"keep-alive") {
                        keep_alive = true;
                    }
                }
            }
        }
        // RFC 9112 section 6.3, in its order.
        let framing = if bodiless || status < 200 || matches!(status, 204 | 304) {
            Framing::Length(0)
        } else {
            match (chunked, length) {
                (Some(true), _) => Framing::Chunked,
                (Some(false), _) | (None, None) => Framing::End,
                (None, Some(length)) => Framing::Length(length),
            }
        };
        Ok(Self {
            response: Response {
                status,
                keep_alive: keep_alive && framing != Framing::End && status != SWITCHING,
            },
            framing,
        })
    }
}

/// Parses a number of digits only (RFC 9110 section 8.6).
fn number(value: &[u8]) -> Option<u64> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// Returns whether a body contains a text.
#[must_use]
pub fn contains(body: &[u8], text: &[u8]) -> bool {
    memmem::find(body, text).is_some()
}

/// The maximum length of a head.
pub const MAX_HEAD: usize = 64 * 1024;
const SWITCHING: u16 = 101;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GET: RequestContext = RequestContext {
        head: false,
        keep_body: true,
    };

    /// Parses the responses in `bytes`, which arrive in pieces that end at `cuts`. Also returns the
    /// rest.
    fn parse(bytes: &[u8], cuts: &[usize]) -> Result<Vec<(u16, bool, Vec<u8>)>, Malformed> {
        let mut parser = Parser::default();
        let mut all = Vec::new();
        let mut input = Vec::new();
        let mut sorted: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
        sorted.push(bytes.len());
        sorted.sort_unstable();
        let mut from = 0;
        for to in sorted {
            input.extend_from_slice(&bytes[from..to]);
            from = to;
            loop {
                let parsed = parser.feed(&input, GET)?;
                input.drain(..parsed.consumed);
                let Some(done) = parsed.done else { break };
                all.push((done.status, done.keep_alive, parser.body().to_vec()));
            }
        }
        if let Some(done) = parser.end(&input)? {
            all.push((done.status, done.keep_alive, parser.body().to_vec()));
        }
        Ok(all)
    }

    fn one(bytes: &[u8]) -> (u16, bool, Vec<u8>) {
        let mut all = parse(bytes, &[]).unwrap();
        assert_eq!(all.len(), 1, "{all:?}");
        all.remove(0)
    }

    #[test]
    fn framings() {
        let length = one(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello");
        assert_eq!(length, (200, true, b"hello".to_vec()));
        let chunked = one(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 9\r\n\r\n\
              2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nA: b\r\n\r\n",
        );
        assert_eq!(chunked, (200, true, b"hello".to_vec()));
        let end = one(b"HTTP/1.1 200 OK\r\n\r\nhello");
        assert_eq!(end, (200, false, b"hello".to_vec()));
        let none = one(b"HTTP/1.1 204 No Content\r\n\r\n");
        assert_eq!(none, (204, true, vec![]));
        let interim =
            one(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(interim, (201, true, vec![]));
    }

    #[test]
    fn the_response_to_head_has_no_body() {
        let head = RequestContext { head: true, ..GET };
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
        let mut parser = Parser::default();
        for _ in 0..2 {
            let parsed = parser.feed(bytes, head).unwrap();
            assert_eq!(parsed.consumed, bytes.len());
            assert!(parsed.done.is_some());
        }
        // The same head, but for a GET: the body is awaited.
        let parsed = parser.feed(bytes, GET).unwrap();
        assert_eq!(parsed.done, None);
    }

    #[test]
    fn connections_that_end() {
        let close = one(b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\nContent-Length: 0\r\n\r\n");
        assert!(!close.1);
        let old = one(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n");
        assert!(!old.1);
        let kept = one(b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n");
        assert!(kept.1);
    }

    #[test]
    fn a_head_may_have_any_number_of_fields() {
        for fields in [63, 64, 65, 100, 101, 5000] {
            let lines = "a: b\r\n".repeat(fields - 1);
            let bytes = format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok");
            let expected = vec![(200, true, b"ok".to_vec())];
            let cuts = [10, bytes.len() / 2];
            assert_eq!(
                parse(bytes.as_bytes(), &cuts).unwrap(),
                expected,
                "{fields}"
            );
        }
    }

    #[test]
    fn what_is_broken_is_refused() {
        let parse = |bytes: &[u8]| parse(bytes, &[]);
        assert!(matches!(
            parse(b"SSH-2.0-x\r\n\r\n"),
            Err(Malformed::Head(_))
        ));
        for bytes in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello"[..],
            b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
            b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        ] {
            assert_eq!(parse(bytes), Err(Malformed::Length));
        }
        let cut = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell";
        for length in 1..cut.len() {
            assert_eq!(parse(&cut[..length]), Err(Malformed::Truncated), "{length}");
        }
        let endless = [b"HTTP/1.1 200 OK\r\nA: ".to_vec(), vec![b'a'; MAX_HEAD]].concat();
        assert_eq!(parse(&endless), Err(Malformed::LongHead));
    }

    fn response() -> impl Strategy<Value = (Vec<u8>, (u16, bool, Vec<u8>))> {
        let body = prop::collection::vec(any::<u8>(), 0..40);
        (200u16..600, body, 0..3, any::<bool>()).prop_map(|(status, body, framing, date)| {
            let mut bytes = format!("HTTP/1.1 {status} X\r\n").into_bytes();
            if date {
                bytes.extend_from_slice(b"Date: now\r\n");
            }
            let mut body = body;
            if matches!(status, 204 | 304) {
                body.clear();
            }
            match framing {
                _ if body.is_empty() && matches!(status, 204 | 304) => {
                    bytes.extend_from_slice(b"\r\n");
                }
                0 => {
                    bytes.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
                    for chunk in body.chunks(7) {
                        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
                        bytes.extend_from_slice(chunk);
                        bytes.extend_from_slice(b"\r\n");
                    }
                    bytes.extend_from_slice(b"0\r\n\r\n");
                }
                _ => {
                    let length = format!("Content-Length: {}\r\n\r\n", body.len());
                    bytes.extend_from_slice(length.as_bytes());
                    bytes.extend_from_slice(&body);
                }
            }
            (bytes, (status, true, body))
        })
    }

    proptest! {
        /// The responses are the same for any division of the bytes.
        #[test]
        fn pieces_do_not_matter(
            responses in prop::collection::vec(response(), 0..5),
            cuts in prop::collection::vec(any::<usize>(), 0..20),
        ) {
            let bytes: Vec<u8> = responses.iter().flat_map(|(bytes, _)| bytes.clone()).collect();
            let expected: Vec<_> = responses.into_iter().map(|(_, expected)| expected).collect();
            prop_assert_eq!(parse(&bytes, &cuts).unwrap(), expected);
        }

        #[test]
        fn rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse(&bytes, &[50]);
            let _ = parse(&[b"HTTP/1.1 200 OK\r\n".to_vec(), bytes].concat(), &[30]);
        }
    }
}
