//! Requests and responses on their way through the memory of the marks: see [`CALL`](crate::CALL).
//!
//! Numbers are 32 bits, little-endian. A request is the lengths of its method and target, the numbers of its headers
//! and params, and the length of its body; then for each header and param the lengths of name and value; then the
//! bytes of all of these in that order. A response is its status, the number of its headers, the length of its body, and
//! whether the instance was put back; then lengths and bytes likewise.

use std::str;

use thiserror::Error;

/// The most bytes that a request or a response may have.
pub const MAX: usize = (64 << 10) - 16;

/// Bytes of a request before the lengths of its headers.
pub(crate) const REQUEST_HEAD: u32 = 20;
/// Bytes of a response before the lengths of its headers.
pub(crate) const RESPONSE_HEAD: u32 = 16;
/// Bytes of the lengths of a name and its value.
pub(crate) const PAIR: u32 = 8;

/// A request: the record `request` of `rusm:runtime/http`.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// Names and values.
    pub headers: &'a [(&'a str, &'a [u8])],
    /// Names and values of what the route captured.
    pub params: &'a [(&'a str, &'a str)],
    /// The content.
    pub body: &'a [u8],
}

impl Request<'_> {
    /// Appends the request to `out`. False, and nothing is appended, if it has more than [`MAX`] bytes.
    #[must_use]
    pub fn encode(&self, out: &mut Vec<u8>) -> bool {
        let params = || {
            self.params
                .iter()
                .map(|(name, value)| (*name, value.as_bytes()))
        };
        let pairs = || self.headers.iter().copied().chain(params());
        let pieces = [self.method.len(), self.target.len(), self.body.len()];
        let fixed = REQUEST_HEAD as usize + pieces.iter().sum::<usize>();
        let size = pairs().fold(fixed, |size, (name, value)| {
            size + PAIR as usize + name.len() + value.len()
        });
        if size > MAX {
            return false;
        }
        out.reserve(size);
        let mut number = |number: usize| out.extend_from_slice(&(number as u32).to_le_bytes());
        number(self.method.len());
        number(self.target.len());
        number(self.headers.len());
        number(self.params.len());
        number(self.body.len());
        for (name, value) in pairs() {
            number(name.len());
            number(value.len());
        }
        out.extend_from_slice(self.method.as_bytes());
        out.extend_from_slice(self.target.as_bytes());
        for (name, value) in pairs() {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(value);
        }
        out.extend_from_slice(self.body);
        true
    }
}

/// A response: the record `response` of `rusm:runtime/http`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status; any 16 bits.
    pub status: u16,
    /// Names and values; any text, any bytes.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The content.
    pub body: Vec<u8>,
    /// Whether the instance is in its first state again.
    pub is_reset: bool,
}

impl Response {
    /// Reads a response.
    ///
    /// # Errors
    /// When the name of a header is not UTF-8, or the bytes are no response.
    pub fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut lengths = Reader(bytes);
        let status = lengths.number()?;
        let count = lengths.number()?;
        let body = lengths.number()?;
        let is_reset = lengths.number()? != 0;
        let lengths_size = count.checked_mul(PAIR as usize).ok_or(Malformed::Shape)?;
        let mut lengths = Reader(lengths.take(lengths_size)?);
        let mut data = Reader(
            bytes
                .get(RESPONSE_HEAD as usize + lengths_size..)
                .unwrap_or_default(),
        );
        let mut headers = Vec::with_capacity(count);
        for _ in 0..count {
            let (name, value) = (lengths.number()?, lengths.number()?);
            let name = str::from_utf8(data.take(name)?).map_err(Malformed::Name)?;
            headers.push((name.to_owned(), data.take(value)?.to_vec()));
        }
        Ok(Self {
            status: status as u16,
            headers,
            body: data.take(body)?.to_vec(),
            is_reset,
        })
    }
}

/// Why bytes are no response.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Malformed {
    /// A length is beyond its end.
    #[error("a length in the response is beyond its end")]
    Shape,
    /// The guest's name of a header is not text.
    #[error("the name of a header is not UTF-8")]
    Name(#[source] str::Utf8Error),
}

/// What is left to be read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn number(&mut self) -> Result<usize, Malformed> {
        let (number, rest) = self.0.split_first_chunk().ok_or(Malformed::Shape)?;
        self.0 = rest;
        Ok(u32::from_le_bytes(*number) as usize)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(Malformed::Shape)?;
        self.0 = rest;
        Ok(taken)
    }
}
