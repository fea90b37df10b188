//! The success criteria of a response.

use std::str::FromStr;

use miette::Diagnostic;
use thiserror::Error;

use crate::measure::Failure;
use crate::net::http1::response::contains;

/// The success criteria of a response: any other response is an error, however fast.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// The first and the last accepted status.
    status: (u16, u16),
    /// Texts that the body must contain, all of them.
    contains: Vec<Vec<u8>>,
}

/// A text that is not an expectation.
#[derive(Clone, Debug, Error, Diagnostic, PartialEq, Eq)]
#[error("`{0}` is nothing that can be expected")]
#[diagnostic(help("write a status as 200, a class as 2xx, or contains:TEXT"))]
pub struct ExpectError(String);

impl Default for Expect {
    /// Returns any 2xx.
    fn default() -> Self {
        Self {
            status: (200, 299),
            contains: Vec::new(),
        }
    }
}

impl Expect {
    /// Parses texts such as `200`, `2xx`, `contains:Hello`. The last of several statuses counts;
    /// the body must contain every text.
    ///
    /// # Errors
    /// If one of them is invalid.
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, ExpectError> {
        let mut expect = Self::default();
        for text in texts {
            match text.as_ref().parse()? {
                Condition::Status(range) => expect.status = range,
                Condition::Contains(text) => expect.contains.push(text),
            }
        }
        Ok(expect)
    }

    /// Returns whether the body must be checked.
    #[must_use]
    pub fn reads_body(&self) -> bool {
        !self.contains.is_empty()
    }

    /// Checks a response.
    ///
    /// # Errors
    /// The reason why it is not a success.
    pub fn check(&self, status: u16, body: &[u8]) -> Result<(), Failure> {
        if !(self.status.0..=self.status.1).contains(&status) {
            return Err(Failure::Status(status));
        }
        if self.contains.iter().all(|text| contains(body, text)) {
            Ok(())
        } else {
            Err(Failure::Body)
        }
    }
}

enum Condition {
    Status((u16, u16)),
    Contains(Vec<u8>),
}

impl FromStr for Condition {
    type Err = ExpectError;

    fn from_str(text: &str) -> Result<Self, ExpectError> {
        if let Some(wanted) = text.strip_prefix("contains:") {
            return Ok(Self::Contains(wanted.as_bytes().to_vec()));
        }
        let error = || ExpectError(text.to_owned());
        if let Some(class) = text.to_ascii_lowercase().strip_suffix("xx") {
            let class: u16 = class.parse().map_err(|_| error())?;
            return match class {
                1..=5 => Ok(Self::Status((class * 100, class * 100 + 99))),
                _ => Err(error()),
            };
        }
        match text.parse() {
            Ok(status @ 100..=599) => Ok(Self::Status((status, status))),
            _ => Err(error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_and_bodies() {
        let any = Expect::default();
        assert_eq!(any.check(204, b""), Ok(()));
        assert_eq!(any.check(301, b""), Err(Failure::Status(301)));
        let expect = Expect::parse(&["404", "contains:not", "contains:here"]).unwrap();
        assert!(expect.reads_body());
        assert_eq!(expect.check(404, b"it is not here"), Ok(()));
        assert_eq!(expect.check(404, b"it is not there"), Ok(()));
        assert_eq!(expect.check(404, b"it is here"), Err(Failure::Body));
        assert_eq!(expect.check(200, b"not here"), Err(Failure::Status(200)));
        let class = Expect::parse(&["3XX"]).unwrap();
        assert_eq!(class.check(302, b""), Ok(()));
        for bad in ["", "xx", "6xx", "99", "600", "ok", "2x"] {
            assert!(Expect::parse(&[bad]).is_err(), "{bad}");
        }
    }
}
