//! The head of a request: request line and headers.

mod parts;

use std::borrow::Cow;
use std::mem::MaybeUninit;

use smallvec::SmallVec;

use super::authority::is_authority;
use super::error::RequestError;
use super::limits::HeadLimits;
use super::scan::{BARE_LINE_FEED, Scan, TOO_MANY_HEADERS};
use super::semantics::{BodyFraming, Semantics};
use super::status::Status;
use super::target::{Target, escape};
use super::version::Version;

pub(crate) use parts::HeadParts;

/// Takes the heads of a connection's requests apart, one after the other. It belongs to one
/// connection and lives as long; it allocates only for a head of more than 16 headers, once, and for
/// one of more than 128, or whose target isn't ASCII.
#[derive(Debug, Default)]
pub struct HeadParser {
    /// The state of the request whose head is arriving.
    scan: Scan,
    /// The spans of the request whose head came last.
    spans: SmallVec<[HeaderSpan; 16]>,
    /// The target of that request with escapes, if it was sent without them.
    target: String,
}

/// The head of a request, a view into the connection's buffer.
#[derive(Clone, Copy, Debug)]
pub struct Head<'b> {
    /// The method, as sent: methods are case-sensitive.
    pub method: &'b str,
    /// The target, as sent; bytes of it that aren't ASCII are escaped.
    pub target: &'b str,
    /// The target's path, with its escapes: begins with `/`, or is the `*` of `OPTIONS *`.
    pub path: &'b str,
    /// The part of the target behind the first `?`, if there is one.
    pub query: Option<&'b str>,
    /// The version.
    pub version: Version,
    /// The authority that the request is for: that of an absolute target, else `Host`. It is valid, but
    /// perhaps empty; `None` only from a client of HTTP/1.0.
    pub authority: Option<&'b str>,
    /// The headers.
    pub headers: Headers<'b>,
    /// The framing of the body.
    pub framing: BodyFraming,
    /// Set if the client lets the connection live on.
    pub keep_alive: bool,
    /// Set if the client waits for [`CONTINUE`](super::CONTINUE) before it sends the body.
    pub expect_continue: bool,
    /// Set if `Connection` has the option `upgrade`.
    pub upgrade: bool,
    /// Set if the client takes trailers (`TE: trailers`, RFC 9110 section 10.1.4).
    pub takes_trailers: bool,
    /// Bytes of the buffer that are the head, any empty lines before it included.
    pub len: usize,
    /// The bytes of the buffer beyond the head.
    pub rest: &'b [u8],
}

/// The headers of a request, in the order in which they were sent. Names are in lower case;
/// values have no white space around them, and no control characters but the tab.
#[derive(Clone, Copy)]
pub struct Headers<'b> {
    /// The head of the same call of [`HeadParser::parse`] as `spans`, or of the same [`HeadParts`]:
    /// [`Headers::iter`] relies on it.
    head: &'b [u8],
    spans: &'b [HeaderSpan],
}

impl HeadParser {
    /// Parses the head that `buf` begins with. Call it again with more bytes behind those of
    /// the last call when it returns `None`.
    ///
    /// Header names are brought to lower case in `buf` itself. With an absolute target the value
    /// of `host` is the target's authority, whatever was sent (RFC 9112 section 3.2.2).
    ///
    /// # Errors
    /// A head that isn't well-formed (400), is too large (414, 431), or asks for what there
    /// isn't (417, 501, 505). What is wrong in a head that isn't complete may be found only when
    /// it is, except for its size.
    pub fn parse<'b>(
        &'b mut self,
        buf: &'b mut [u8],
        limits: &HeadLimits,
    ) -> Result<Option<Head<'b>>, RequestError> {
        let Some(start) = skip_empty_lines(buf)? else {
            return Ok(None);
        };
        let buf = buf.get_mut(start..).unwrap_or_default();
        let window = buf.len().min(limits.window()).min(u32::MAX as usize);
        let head = buf.get(..window).unwrap_or_default();
        if self.scan.is_idle(head, limits)? {
            return Ok(None);
        }
        let Some(line) = self.tokenize(head, limits)? else {
            self.scan.wait(head, limits)?;
            return Ok(None);
        };
        self.scan = Scan::default();

        let mut semantics = Semantics::default();
        for (index, span) in self.spans.iter().enumerate() {
            span.name.of_mut(buf).make_ascii_lowercase();
            semantics.see(index, span.name.of(buf), span.value.of(buf))?;
        }
        let semantics = semantics.conclude(line.version)?;

        let (head, rest) = buf.split_at_checked(line.len).unwrap_or_default();
        let method = line.method.text(head)?;
        let sent = line.target.text(head)?;
        self.target = String::new();
        let target_text = match sent.is_ascii() {
            true => sent,
            false => {
                self.target = escape(sent)?;
                &self.target
            }
        };
        let target = Target::parse(method, target_text)?;
        let authority = match semantics.host.and_then(|index| self.spans.get_mut(index)) {
            None => target.authority,
            Some(host) => {
                if !is_authority(host.value.of(head)) {
                    return Err(RequestError::bad("invalid Host header"));
                }
                if let Some(authority) = target.authority {
                    // It precedes everything that was escaped.
                    let within = Span::new(authority.as_bytes(), target_text.as_bytes());
                    host.value = within.after(line.target);
                }
                Some(host.value.text(head)?)
            }
        };
        Ok(Some(Head {
            method,
            target: target_text,
            path: target.path,
            query: target.query,
            version: line.version,
            authority,
            headers: Headers {
                head,
                spans: &self.spans,
            },
            framing: semantics.framing,
            keep_alive: semantics.keep_alive,
            expect_continue: semantics.expect_continue,
            upgrade: semantics.upgrade,
            takes_trailers: semantics.takes_trailers,
            len: start + line.len,
            rest,
        }))
    }

    /// Returns whether a part of a head has been seen: the difference between a connection that is idle
    /// and one that is slow.
    #[must_use]
    pub fn is_amid_head(&self) -> bool {
        self.scan.is_started()
    }

    /// Finds the parts of a head, checks their characters and leaves the headers in `self.spans`.
    fn tokenize(
        &mut self,
        head: &[u8],
        limits: &HeadLimits,
    ) -> Result<Option<RequestLine>, RequestError> {
        let mut fields = [const { MaybeUninit::uninit() }; USUAL_HEADERS];
        let mut many;
        let capacity = limits.headers.min(USUAL_HEADERS);
        let mut request = httparse::Request::new(&mut []);
        let mut parsed =
            request.parse_with_uninit_headers(head, fields.get_mut(..capacity).unwrap_or_default());
        if parsed == Err(httparse::Error::TooManyHeaders) && limits.headers > capacity {
            // Each takes a line, and a line has bytes of which there is a limit.
            let lines = memchr::memchr_iter(b'\n', head).count();
            many = Box::new_uninit_slice(limits.headers.min(lines));
            request = httparse::Request::new(&mut []);
            parsed = request.parse_with_uninit_headers(head, &mut many);
        }
        let len = match parsed {
            Ok(httparse::Status::Complete(len)) => len,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(httparse::Error::Version) => return unsupported_version(head, &request),
            Err(error) => return Err(syntax_error(error, head)),
        };
        let (Some(method), Some(target), Some(version)) =
            (request.method, request.path, request.version)
        else {
            return Err(RequestError::bad("invalid request line"));
        };

        // httparse lets a line end in a bare LF. But it lets LF and CR stand nowhere else, so
        // to look before each line is to look at every line end; the empty line's own too, for
        // it begins two bytes before the end only if it is CR LF.
        self.spans.clear();
        let mut headers_at = None;
        for field in &*request.headers {
            let span = HeaderSpan {
                name: Span::new(field.name.as_bytes(), head),
                value: Span::new(field.value, head),
            };
            let line = span.name.start as usize;
            check_line_end(head, line)?;
            headers_at.get_or_insert(line);
            self.spans.push(span);
        }
        let last_line = len.saturating_sub("\r\n".len());
        check_line_end(head, last_line)?;

        let headers_at = headers_at.unwrap_or(last_line);
        limits.check_line(headers_at.saturating_sub("\r\n".len()))?;
        limits.check_headers(len.saturating_sub(headers_at))?;
        Ok(Some(RequestLine {
            method: Span::new(method.as_bytes(), head),
            target: Span::new(target.as_bytes(), head),
            version: match version {
                0 => Version::Http10,
                _ => Version::Http11,
            },
            len,
        }))
    }
}

impl<'b> Head<'b> {
    /// The target in origin form, path and query, whatever form it was sent in.
    #[must_use]
    pub fn origin_form(&self) -> Cow<'b, str> {
        match self.target.starts_with(['/', '*']) {
            true => self.target.into(),
            false => match self.query {
                Some(query) => format!("{}?{query}", self.path).into(),
                None => self.path.into(),
            },
        }
    }
}

impl<'b> Headers<'b> {
    /// Returns the number of headers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns whether there are no headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Names and values. To check again that the names are text would be a quarter of all the
    /// instructions that a head takes (measured), hence the `unsafe`.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&'b str, &'b [u8])> + Clone + use<'b> {
        let head = self.head;
        self.spans.iter().map(move |span| {
            // SAFETY: `head` and `spans` come from one call of `HeadParser::parse`, which made
            // every `name` from a `&str` of tokens in `head`, and has since changed nothing in it
            // but upper case to lower; or from one `HeadParts`, whose names are whole `&str`s. A range
            // that isn't in `head` gives an empty slice.
            let name = unsafe { str::from_utf8_unchecked(span.name.of(head)) };
            (name, span.value.of(head))
        })
    }

    /// The value of the first header `name`, which must be in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'b [u8]> {
        self.spans
            .iter()
            .find(|span| span.name.of(self.head) == name.as_bytes())
            .map(|span| span.value.of(self.head))
    }
}

impl std::fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |value: &[u8]| value.escape_ascii().to_string();
        f.debug_map()
            .entries(self.iter().map(|(name, value)| (name, text(value))))
            .finish()
    }
}

/// The positions of the parts of a head, except for its headers.
struct RequestLine {
    method: Span,
    target: Span,
    version: Version,
    /// Bytes of the whole head.
    len: usize,
}

#[derive(Clone, Copy, Debug)]
struct HeaderSpan {
    name: Span,
    value: Span,
}

/// A range of a head. A head is never as large as 4 GiB.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    len: u32,
}

impl Span {
    /// Returns the position of `part` in `whole`, of which it must be a slice.
    fn new(part: &[u8], whole: &[u8]) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
        Self {
            start: start as u32,
            len: part.len() as u32,
        }
    }

    /// Returns this span of a part, moved to where the part begins.
    fn after(self, whole: Self) -> Self {
        Self {
            start: whole.start.saturating_add(self.start),
            len: self.len,
        }
    }

    fn of(self, whole: &[u8]) -> &[u8] {
        whole.get(self.range()).unwrap_or_default()
    }

    fn of_mut(self, whole: &mut [u8]) -> &mut [u8] {
        whole.get_mut(self.range()).unwrap_or_default()
    }

    fn text(self, whole: &[u8]) -> Result<&str, RequestError> {
        str::from_utf8(self.of(whole)).map_err(|_| RequestError::bad("invalid request line"))
    }

    fn range(self) -> std::ops::Range<usize> {
        let start = self.start as usize;
        start..start.saturating_add(self.len as usize)
    }
}

/// Returns the start of the request line. Empty lines before it, which some clients send after a body,
/// are skipped (RFC 9112 section 2.2). `None` if that can't be told yet.
fn skip_empty_lines(buf: &[u8]) -> Result<Option<usize>, RequestError> {
    let mut rest = buf;
    for _ in 0..MAX_EMPTY_LINES {
        match rest {
            [] | [b'\r'] => return Ok(None),
            [b'\r', b'\n', after @ ..] => rest = after,
            _ => break,
        }
    }
    match rest.first() {
        None => Ok(None),
        Some(b'\r' | b'\n') => Err(RequestError::bad("an empty line in place of a request")),
        Some(_) => Ok(Some(buf.len() - rest.len())),
    }
}

/// Checks that a line begins at `at`: that the one before it ends there with CR LF.
fn check_line_end(head: &[u8], at: usize) -> Result<(), RequestError> {
    match head.get(..at) {
        Some([.., b'\r', b'\n']) => Ok(()),
        _ => Err(BARE_LINE_FEED),
    }
}

/// Tells a version that isn't ours (505) from what isn't a version (400), once all of it is
/// there.
fn unsupported_version<T>(
    head: &[u8],
    request: &httparse::Request<'_, '_>,
) -> Result<Option<T>, RequestError> {
    let target = Span::new(request.path.unwrap_or_default().as_bytes(), head);
    let rest = head.get(target.range().end + 1..).unwrap_or_default();
    match rest {
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'0'..=b'9',
            b'.',
            b'0'..=b'9',
            b'\r',
            b'\n',
            ..,
        ] => Err(RequestError::new(
            Status::HTTP_VERSION_NOT_SUPPORTED,
            "only HTTP/1.1 and HTTP/1.0 are supported",
        )),
        _ if rest.len() < "HTTP/1.1\r\n".len() && !rest.contains(&b'\n') => Ok(None),
        _ => Err(RequestError::bad("invalid HTTP version")),
    }
}

fn syntax_error(error: httparse::Error, head: &[u8]) -> RequestError {
    match error {
        httparse::Error::Token if !is_first_line_text(head) => {
            RequestError::bad("the request target is not UTF-8: percent-encode what is not ASCII")
        }
        httparse::Error::TooManyHeaders => TOO_MANY_HEADERS,
        httparse::Error::HeaderName => RequestError::bad("invalid header name"),
        httparse::Error::HeaderValue => RequestError::bad("invalid header value"),
        httparse::Error::NewLine => BARE_LINE_FEED,
        _ => RequestError::bad("invalid request line"),
    }
}

fn is_first_line_text(head: &[u8]) -> bool {
    let line = head.split(|byte| *byte == b'\n').next();
    str::from_utf8(line.unwrap_or_default()).is_ok()
}

const MAX_EMPTY_LINES: usize = 2;
/// As many headers as there is room for on the stack.
const USUAL_HEADERS: usize = 128;

#[cfg(test)]
mod tests;
