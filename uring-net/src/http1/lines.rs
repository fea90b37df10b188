//! Header lines that are the same for every response.

use super::field::{InvalidHeader, is_host_owned, validate_header};
use super::fields::{Fields, Line};

/// Headers checked and encoded once, when a listener or a route table is made. A response that
/// sets a header of the same name itself is sent with its own in the place of this one.
#[derive(Clone, Debug, Default)]
pub struct HeaderLines {
    lines: Vec<Line>,
}

impl HeaderLines {
    /// The empty list.
    pub const EMPTY: &'static Self = &Self { lines: Vec::new() };

    /// Encodes `headers`; their order is kept.
    ///
    /// # Errors
    /// A header that [`validate_header`] refuses, one that belongs to the host
    /// ([`is_host_owned`]), or more than 64 of them.
    pub fn new<N, V>(headers: impl IntoIterator<Item = (N, V)>) -> Result<Self, InvalidHeader>
    where
        N: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let mut lines = Vec::new();
        for (name, value) in headers {
            let (name, value) = (name.as_ref(), value.as_ref());
            validate_header(name, value)?;
            if is_host_owned(name) {
                return Err(InvalidHeader::new(name, "the server sets it by itself"));
            }
            if lines.len() == MAX_LINES {
                return Err(InvalidHeader::new(name, "there are more than 64 headers"));
            }
            lines.push(Line::new(name, value));
        }
        Ok(Self { lines })
    }

    /// Returns whether there is a header `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        let is_it = |line: &Line| line.name().eq_ignore_ascii_case(name.as_bytes());
        self.lines.iter().any(is_it)
    }

    /// Puts all of them except those in `overridden`.
    pub(super) fn put(&self, out: &mut impl Fields, overridden: Overridden) {
        for (index, line) in self.lines.iter().enumerate() {
            if overridden.0 & (1 << index) == 0 {
                out.line(line);
            }
        }
    }

    /// Notes that the response has all of these headers, where `defaults` has them too.
    pub(super) fn override_in(&self, defaults: &Self, overridden: &mut Overridden) {
        for line in &self.lines {
            defaults.override_with(line.name(), overridden);
        }
    }

    /// Notes that the response sets a header `name` itself.
    pub(super) fn override_with(&self, name: &[u8], overridden: &mut Overridden) {
        for (index, line) in self.lines.iter().enumerate() {
            if line.name().eq_ignore_ascii_case(name) {
                overridden.0 |= 1 << index;
            }
        }
    }
}

/// A set of lines, by index.
#[derive(Clone, Copy, Default)]
pub(super) struct Overridden(u64);

/// As many as [`Overridden`] has bits.
const MAX_LINES: usize = u64::BITS as usize;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_keep_their_order() {
        let lines = HeaderLines::new([("B", "2"), ("a", "1")]).unwrap();
        let mut out = Vec::new();
        lines.put(&mut out, Overridden::default());
        assert_eq!(out, b"B: 2\r\na: 1\r\n");
    }

    #[test]
    fn a_header_of_the_response_takes_the_place_of_its_namesake() {
        let lines = HeaderLines::new([("a", "1"), ("Cache-Control", "no-store")]).unwrap();
        let mut overridden = Overridden::default();
        lines.override_with(b"cache-control", &mut overridden);
        lines.override_with(b"unrelated", &mut overridden);
        let mut out = Vec::new();
        lines.put(&mut out, overridden);
        assert_eq!(out, b"a: 1\r\n");
    }

    #[test]
    fn refused_headers() {
        for (name, value) in [("a b", ""), ("a", "\n"), ("Connection", "close")] {
            assert!(HeaderLines::new([(name, value)]).is_err(), "{name}");
        }
        assert!(HeaderLines::new((0..64).map(|i| (format!("h{i}"), "v"))).is_ok());
        assert!(HeaderLines::new((0..65).map(|i| (format!("h{i}"), "v"))).is_err());
    }
}
