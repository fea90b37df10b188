//! A request and a response as the canonical ABI carries them: `rusm:runtime/http@0.1.0`.

use wasmtime::component::{ComponentType, Lift, Lower};

/// A header as it is lowered: the name in lower case, and the bytes of its value.
pub type HeaderRef<'a> = (&'a str, &'a [u8]);

/// The value of a header where it has to be text: each byte is a character (Latin-1), so that none
/// is lost. It is the rule of the Fetch standard, and so that of a TypeScript guest's `Headers`.
pub fn header_text(value: &[u8]) -> String {
    value.iter().copied().map(char::from).collect()
}

/// The WIT record `request`, lowered into the guest straight from the connection's buffer.
#[derive(Clone, Copy, ComponentType, Lower)]
#[component(record)]
pub struct Request<'a> {
    /// The method as sent.
    pub method: &'a str,
    /// Path and query as sent.
    pub target: &'a str,
    /// In the order of arrival.
    pub headers: &'a [HeaderRef<'a>],
    /// What the route captured, percent-decoded.
    pub params: &'a [(&'a str, &'a str)],
    /// The content.
    pub body: &'a [u8],
}

/// The WIT record `response`. Nothing in it was checked yet.
#[derive(Clone, Debug, ComponentType, Lift)]
#[component(record)]
pub struct Response {
    /// What the guest gives as its status; any 16 bits.
    pub status: u16,
    /// Names and values; any text, any bytes.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The content.
    pub body: Vec<u8>,
}

/// Bytes of the names and values of a response's headers at most.
pub const MAX_HEAD: usize = 256 << 10;

/// Bytes of the names and values of headers.
pub fn head_bytes(headers: &[(String, Vec<u8>)]) -> usize {
    let headers = headers.iter();
    headers.map(|(name, value)| name.len() + value.len()).sum()
}
