//! The head of a response.

use super::date::Date;
use super::field::{InvalidHeader, is_host_owned, validate_header};
use super::fields::Fields;
use super::lines::{HeaderLines, Overridden};
use super::response_headers::ResponseHeaders;
use super::semantics::decimal;
use super::status::Status;
use super::version::Version;

/// The informational response to a client that waits before it sends a body.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// Appends an informational response other than [`CONTINUE`]; `status` is of 102 to 199. Headers that are
/// the host's are left out ([`is_host_owned`]).
///
/// # Errors
/// A header that can't be sent; nothing is appended then.
pub fn encode_informational<N, V>(
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
            out.field(name, value);
        }
    }
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// The part of a response that the host decides.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a> {
    /// The status.
    pub status: Status,
    /// The version of the *request*: to HTTP/1.0 nothing is sent that it doesn't know.
    pub version: Version,
    /// Set if the request's method is HEAD.
    pub to_head: bool,
    /// The fate of the connection after the response.
    pub connection: Connection,
    /// The date.
    pub date: &'a Date,
    /// Headers of the listener; one that the response sets itself gives way.
    pub defaults: &'a HeaderLines,
}

/// The fate of a connection after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// The next request may come.
    KeepAlive,
    /// It is closed.
    Close,
    /// With status 101, it goes on in this protocol, for example `websocket`.
    Upgrade(&'static str),
}

/// The knowledge about a response's content when its head is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload {
    /// Its bytes.
    Length(u64),
    /// It is a stream of unknown length.
    Stream,
}

/// The form in which the content must be written behind the head.
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
    /// was. A stream to a client of HTTP/1.0. In HTTP/2 the end is the stream's.
    UntilClose,
}

/// Appends the head of a response with the service's `headers`. Those that are the host's are left
/// out ([`is_host_owned`]). Where a response has no content though that of a GET would have, to HEAD
/// or with status 304, the service's `content-length` is taken for how long that would be (RFC 9110
/// section 8.6).
pub fn encode_head(
    out: &mut Vec<u8>,
    head: &ResponseHead<'_>,
    payload: Payload,
    headers: &ResponseHeaders,
) -> BodyEncoding {
    head.status.put_line(out);
    out.extend_from_slice(head.date.line());
    let declared = put_fields(out, head, headers);
    head.finish(out, payload, declared)
}

/// Changes the fate of the connection in the head of `len` bytes that `out` begins with, which
/// [`encode_head`] made from `head` for a body of this `encoding`. Returns its length then.
pub(crate) fn change_connection(
    out: &mut Vec<u8>,
    len: usize,
    head: &ResponseHead<'_>,
    encoding: BodyEncoding,
    connection: Connection,
) -> usize {
    let (mut old, mut new) = (Vec::new(), Vec::new());
    head.put_end(&mut old, encoding);
    ResponseHead {
        connection,
        ..*head
    }
    .put_end(&mut new, encoding);
    let start = len.saturating_sub(old.len());
    let end = start + new.len();
    out.splice(start..len.min(out.len()), new);
    end
}

/// Appends a whole response of one line of text, such as an error; `extra` are its additional
/// headers, for example `Allow`. Returns the length of its head.
pub fn encode_plain(
    out: &mut Vec<u8>,
    head: &ResponseHead<'_>,
    extra: &HeaderLines,
    text: &str,
) -> usize {
    let start = out.len();
    head.status.put_line(out);
    out.extend_from_slice(head.date.line());
    put_plain_fields(out, head, extra);
    let len = text.len() as u64 + 1;
    let payload = Payload::Length(len);
    let encoding = head.finish(out, payload, DeclaredLength::None);
    let head_len = out.len() - start;
    if encoding == BodyEncoding::Plain {
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    }
    head_len
}

/// Puts the fields of a head whose status and end are another's affair, as in HTTP/2. Returns
/// whether a body follows: [`BodyEncoding::Omitted`] if none does.
pub(crate) fn put_head_fields(
    out: &mut impl Fields,
    head: &ResponseHead<'_>,
    payload: Payload,
    headers: &ResponseHeaders,
) -> BodyEncoding {
    out.field(b"date", head.date.value());
    let declared = put_fields(out, head, headers);
    head.put_length(out, payload, declared).encoding
}

/// Puts the fields of [`encode_plain`] for a text of `len` bytes, as [`put_head_fields`] does.
pub(crate) fn put_plain_head_fields(
    out: &mut impl Fields,
    head: &ResponseHead<'_>,
    extra: &HeaderLines,
    len: usize,
) -> BodyEncoding {
    out.field(b"date", head.date.value());
    put_plain_fields(out, head, extra);
    let payload = Payload::Length(len as u64);
    head.put_length(out, payload, DeclaredLength::None).encoding
}

/// Puts the service's headers, and those of the listener that they don't replace.
fn put_fields(
    out: &mut impl Fields,
    head: &ResponseHead<'_>,
    headers: &ResponseHeaders,
) -> DeclaredLength {
    let mut overridden = Overridden::default();
    let mut declared = DeclaredLength::None;
    for (name, value) in headers.iter() {
        let name = name.as_bytes();
        if is_host_owned(name) {
            declared.see(name, value);
            continue;
        }
        head.defaults.override_with(name, &mut overridden);
        out.field(name, value);
    }
    head.defaults.put(out, overridden);
    declared
}

/// Puts the headers of a line of text, and those of the listener that they don't replace.
fn put_plain_fields(out: &mut impl Fields, head: &ResponseHead<'_>, extra: &HeaderLines) {
    out.field(b"content-type", b"text/plain; charset=utf-8");
    let mut overridden = Overridden::default();
    head.defaults
        .override_with(b"content-type", &mut overridden);
    extra.override_in(head.defaults, &mut overridden);
    extra.put(out, Overridden::default());
    head.defaults.put(out, overridden);
}

impl ResponseHead<'_> {
    /// Appends the headers that frame the message, and the end of the head.
    fn finish(
        &self,
        out: &mut Vec<u8>,
        payload: Payload,
        declared: DeclaredLength,
    ) -> BodyEncoding {
        let framing = self.put_length(out, payload, declared);
        if framing.is_chunked {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
        self.put_end(out, framing.encoding);
        framing.encoding
    }

    /// Puts the length of the content, if it is known.
    fn put_length(
        &self,
        out: &mut impl Fields,
        payload: Payload,
        declared: DeclaredLength,
    ) -> Framing {
        let framing = self.frame(payload, declared);
        if let Some(length) = framing.length {
            let mut digits = itoa::Buffer::new();
            out.field(b"content-length", digits.format(length).as_bytes());
        }
        framing
    }

    /// Appends the fate of the connection, and the end of the head.
    fn put_end(&self, out: &mut Vec<u8>, encoding: BodyEncoding) {
        if self.status == Status::UPGRADE_REQUIRED {
            return self.put_end_of_upgrade_required(out, encoding);
        }
        let connection: &[u8] = match (self.connection, self.version) {
            _ if encoding == BodyEncoding::UntilClose => b"connection: close\r\n\r\n",
            (Connection::KeepAlive, Version::Http11 | Version::Http2) => b"\r\n",
            (Connection::KeepAlive, Version::Http10) => b"connection: keep-alive\r\n\r\n",
            (Connection::Close, _) => b"connection: close\r\n\r\n",
            (Connection::Upgrade(protocol), _) => {
                out.extend_from_slice(b"upgrade: ");
                out.extend_from_slice(protocol.as_bytes());
                b"\r\nconnection: upgrade\r\n\r\n"
            }
        };
        out.extend_from_slice(connection);
    }

    /// A 426 has to say to what, and that it says so to the next hop (RFC 9110 sections 15.5.22
    /// and 7.8). There is one protocol to upgrade to.
    fn put_end_of_upgrade_required(&self, out: &mut Vec<u8>, encoding: BodyEncoding) {
        out.extend_from_slice(b"upgrade: websocket\r\nconnection: ");
        let also: &[u8] = match (self.connection, self.version) {
            _ if encoding == BodyEncoding::UntilClose => b"close, ",
            (Connection::Close, _) => b"close, ",
            (Connection::KeepAlive, Version::Http10) => b"keep-alive, ",
            (Connection::KeepAlive | Connection::Upgrade(_), _) => b"",
        };
        out.extend_from_slice(also);
        out.extend_from_slice(b"upgrade\r\n\r\n");
    }

    /// RFC 9110 section 8.6, RFC 9112 section 6.
    fn frame(&self, payload: Payload, declared: DeclaredLength) -> Framing {
        let omitted = |length| Framing {
            length,
            is_chunked: false,
            encoding: BodyEncoding::Omitted,
        };
        if self.status.forbids_body() {
            let is_of_content = self.status == Status::NOT_MODIFIED;
            return omitted(declared.known().filter(|_| is_of_content));
        }
        // How long the content of a GET would be is not known, unless the service says it: none at
        // all is what a handler returns that knows what HEAD asks for.
        let is_unknown = matches!(payload, Payload::Length(0) | Payload::Stream);
        let declared = declared.known();
        if self.to_head && is_unknown && (declared.is_some() || payload == Payload::Length(0)) {
            return omitted(declared);
        }
        let payload = match self.status {
            // It has no content, but is framed like one that might.
            Status::RESET_CONTENT => Payload::Length(0),
            _ => payload,
        };
        let (length, encoding) = match (payload, self.version) {
            (Payload::Length(len), _) => (Some(len), BodyEncoding::Plain),
            (Payload::Stream, Version::Http11) => (None, BodyEncoding::Chunked),
            (Payload::Stream, Version::Http10 | Version::Http2) => (None, BodyEncoding::UntilClose),
        };
        Framing {
            length,
            is_chunked: encoding == BodyEncoding::Chunked,
            encoding: match self.status {
                _ if self.to_head => BodyEncoding::Omitted,
                Status::RESET_CONTENT => BodyEncoding::Omitted,
                _ => encoding,
            },
        }
    }
}

/// The framing of a message.
struct Framing {
    length: Option<u64>,
    is_chunked: bool,
    encoding: BodyEncoding,
}

/// The length of the content that a service declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DeclaredLength {
    None,
    Known(u64),
    /// Not a number, or several.
    Invalid,
}

impl DeclaredLength {
    /// Takes a header of the service into account.
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

    fn known(self) -> Option<u64> {
        match self {
            Self::Known(length) => Some(length),
            Self::None | Self::Invalid => None,
        }
    }
}

#[cfg(test)]
mod tests;
