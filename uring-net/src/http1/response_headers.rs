//! The headers of a response, validated.

use super::field::{InvalidHeader, validate_header};

/// Headers of a response that can be sent. They are validated once, here, and the encoder trusts them:
/// none can end its own line, and so add another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHeaders(Vec<(String, Vec<u8>)>);

impl ResponseHeaders {
    /// Validates names and values.
    ///
    /// # Errors
    /// The first header that [`validate_header`] refuses.
    pub fn new(headers: Vec<(String, Vec<u8>)>) -> Result<Self, InvalidHeader> {
        for (name, value) in &headers {
            validate_header(name.as_bytes(), value)?;
        }
        Ok(Self(headers))
    }

    /// Returns the headers, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        let headers = self.0.iter();
        headers.map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// Returns whether there is a header `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.iter().any(|(own, _)| own.eq_ignore_ascii_case(name))
    }

    /// Adds a header whose name and value are valid.
    pub(crate) fn push_valid(&mut self, name: &str, value: &str) {
        debug_assert_eq!(
            validate_header(name.as_bytes(), value.as_bytes()),
            Ok(()),
            "a header of the host is invalid"
        );
        self.0.push((name.to_owned(), value.into()));
    }

    /// Keeps the headers whose names `keep` returns true for.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(name, _)| keep(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_that_could_end_their_line_are_refused() {
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
            let headers = [("x", "y"), (name, value)];
            let headers = headers.map(|(name, value)| (name.to_owned(), value.into()));
            let refused = ResponseHeaders::new(headers.into());
            assert!(refused.is_err(), "{name:?}: {value:?}");
        }
    }
}
