//! The head of a request whose parts came one by one, as those of HTTP/2 do.

use smallvec::SmallVec;

use super::{BodyFraming, Head, HeaderSpan, Headers, Span};
use crate::http1::authority::is_authority;
use crate::http1::error::RequestError;
use crate::http1::limits::HeadLimits;
use crate::http1::scan::TOO_MANY_HEADERS;
use crate::http1::semantics::Semantics;
use crate::http1::target::Target;
use crate::http1::version::Version;

/// A head that was put together. It has the limits and the meaning that it would have in HTTP/1.1: a
/// service sees no difference.
pub(crate) struct HeadParts {
    method: String,
    target: String,
    /// Bytes of the target that are its path.
    path: usize,
    /// Names and values, one behind the other.
    fields: Vec<u8>,
    spans: SmallVec<[HeaderSpan; 16]>,
    authority: Option<HeaderSpan>,
    framing: BodyFraming,
    expect_continue: bool,
    takes_trailers: bool,
}

impl HeadParts {
    /// Puts a head of HTTP/2 together. `authority` takes the place of `Host`; a cookie that came in
    /// several fields is one (RFC 9113 section 8.2.3). `has_body` is set unless the head was all.
    ///
    /// Names of `fields` are tokens in lower case.
    ///
    /// # Errors
    /// As of [`HeadParser::parse`](super::HeadParser::parse).
    pub(crate) fn new<'f>(
        method: &str,
        target: &str,
        authority: Option<&str>,
        fields: impl Iterator<Item = (&'f str, &'f [u8])>,
        has_body: bool,
        limits: &HeadLimits,
    ) -> Result<Self, RequestError> {
        limits.check_line(method.len() + target.len() + "  HTTP/2.0".len())?;
        // Only HTTP/1.1 has another form.
        if method != "CONNECT" && !target.starts_with(['/', '*']) {
            return Err(RequestError::bad("invalid request target"));
        }
        let path = Target::parse(method, target)?.path.len();
        let mut parts = Self {
            method: method.to_owned(),
            target: target.to_owned(),
            path,
            fields: Vec::with_capacity(USUAL_FIELDS),
            spans: SmallVec::new(),
            authority: None,
            framing: BodyFraming::None,
            expect_continue: false,
            takes_trailers: false,
        };
        let mut semantics = Semantics::default();
        if let Some(authority) = authority {
            parts.push("host", authority.as_bytes());
            semantics.see(0, b"host", authority.as_bytes())?;
        }
        let mut cookie = Vec::new();
        for (name, value) in fields {
            if value.first().is_some_and(u8::is_ascii_whitespace)
                || value.last().is_some_and(u8::is_ascii_whitespace)
            {
                return Err(RequestError::bad(
                    "white space around the value of a header",
                ));
            }
            match name {
                "cookie" => {
                    if !cookie.is_empty() {
                        cookie.extend_from_slice(b"; ");
                    }
                    cookie.extend_from_slice(value);
                    limits.check_headers(cookie.len())?;
                    continue;
                }
                "host" if let Some(authority) = authority => {
                    if !value.eq_ignore_ascii_case(authority.as_bytes()) {
                        return Err(RequestError::bad("Host is not the request's authority"));
                    }
                    continue;
                }
                _ => semantics.see(parts.spans.len(), name.as_bytes(), value)?,
            }
            parts.push(name, value);
            parts.check(limits)?;
        }
        if !cookie.is_empty() {
            parts.push("cookie", &cookie);
            parts.check(limits)?;
        }
        let semantics = semantics.conclude(Version::Http2)?;
        let host = semantics.host.and_then(|index| parts.spans.get(index));
        parts.authority = host.copied();
        if !parts
            .authority
            .is_some_and(|host| is_authority(host.value.of(&parts.fields)))
        {
            return Err(RequestError::bad("invalid Host header"));
        }
        parts.framing = match semantics.framing {
            _ if !has_body => BodyFraming::None,
            BodyFraming::None => BodyFraming::Chunked,
            framing => framing,
        };
        parts.expect_continue = semantics.expect_continue && has_body;
        parts.takes_trailers = semantics.takes_trailers;
        Ok(parts)
    }

    /// Returns the head.
    pub(crate) fn head(&self) -> Head<'_> {
        let (path, rest) = self.target.split_at_checked(self.path).unwrap_or_default();
        let authority = self.authority.map(|host| host.value.of(&self.fields));
        Head {
            method: &self.method,
            target: &self.target,
            path,
            query: rest.strip_prefix('?'),
            version: Version::Http2,
            authority: authority.and_then(|host| str::from_utf8(host).ok()),
            headers: Headers {
                head: &self.fields,
                spans: &self.spans,
            },
            framing: self.framing,
            keep_alive: true,
            expect_continue: self.expect_continue,
            upgrade: false,
            takes_trailers: self.takes_trailers,
            len: 0,
            rest: &[],
        }
    }

    fn push(&mut self, name: &str, value: &[u8]) {
        let name = self.append(name.as_bytes());
        let value = self.append(value);
        self.spans.push(HeaderSpan { name, value });
    }

    fn append(&mut self, part: &[u8]) -> Span {
        let start = self.fields.len() as u32;
        self.fields.extend_from_slice(part);
        Span {
            start,
            len: part.len() as u32,
        }
    }

    /// Checks that the headers so far are within the limits of lines of theirs.
    fn check(&self, limits: &HeadLimits) -> Result<(), RequestError> {
        if self.spans.len() > limits.headers {
            return Err(TOO_MANY_HEADERS);
        }
        limits.check_headers(self.fields.len() + self.spans.len() * ": \r\n".len())
    }
}

/// Bytes of names and values that most requests have room in.
const USUAL_FIELDS: usize = 512;
