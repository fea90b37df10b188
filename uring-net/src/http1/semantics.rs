//! The meaning of a request's headers for its body and its connection.

use super::error::RequestError;
use super::status::Status;
use super::version::Version;

/// The length of a body (RFC 9112 section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// There is no body.
    None,
    /// As many bytes follow the head.
    Length(u64),
    /// Chunks follow the head; in HTTP/2, content of unknown length.
    Chunked,
}

/// Gathers it, header by header.
#[derive(Debug, Default)]
pub(super) struct Semantics {
    /// The index of `host` among the headers.
    host: Option<usize>,
    length: Option<u64>,
    coding: Option<Coding>,
    unknown_coding: bool,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    expect_continue: bool,
    takes_trailers: bool,
}

/// The result of reading the headers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Conclusion {
    pub(super) host: Option<usize>,
    pub(super) framing: BodyFraming,
    pub(super) keep_alive: bool,
    pub(super) upgrade: bool,
    pub(super) expect_continue: bool,
    pub(super) takes_trailers: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Chunked,
    Unknown,
}

impl Semantics {
    /// Takes the header at `index` into account; `name` is in lower case.
    pub(super) fn see(
        &mut self,
        index: usize,
        name: &[u8],
        value: &[u8],
    ) -> Result<(), RequestError> {
        match name {
            b"host" => match self.host.replace(index) {
                None => Ok(()),
                Some(_) => Err(RequestError::bad("several Host headers")),
            },
            b"content-length" => self.see_length(value),
            b"transfer-encoding" => self.see_codings(value),
            b"connection" => {
                self.see_options(value);
                Ok(())
            }
            b"expect" => self.see_expectation(value),
            b"te" => {
                self.takes_trailers |=
                    elements(value).any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    pub(super) fn conclude(self, version: Version) -> Result<Conclusion, RequestError> {
        let http11 = version != Version::Http10;
        if http11 && self.host.is_none() {
            return Err(RequestError::bad("no Host header"));
        }
        let framing = self.framing(version)?;
        Ok(Conclusion {
            host: self.host,
            framing,
            keep_alive: !self.close && (http11 || self.keep_alive),
            // Neither is HTTP/1.0's: a server ignores them there (RFC 9110 sections 7.8, 10.1.1).
            upgrade: self.upgrade && http11,
            expect_continue: self.expect_continue
                && http11
                && !matches!(framing, BodyFraming::None | BodyFraming::Length(0)),
            takes_trailers: self.takes_trailers && http11,
        })
    }

    /// If the length of a body can be read in two ways, an intermediary may have read it the other way. So
    /// where the RFC lets a server choose one, this one refuses.
    fn framing(&self, version: Version) -> Result<BodyFraming, RequestError> {
        let Some(last) = self.coding else {
            return Ok(self.length.map_or(BodyFraming::None, BodyFraming::Length));
        };
        if self.length.is_some() {
            return Err(RequestError::bad(
                "both Content-Length and Transfer-Encoding",
            ));
        }
        if version == Version::Http10 {
            return Err(RequestError::bad("Transfer-Encoding in HTTP/1.0"));
        }
        if last != Coding::Chunked {
            return Err(RequestError::bad(
                "the last Transfer-Encoding is not chunked",
            ));
        }
        if self.unknown_coding {
            return Err(RequestError::new(
                Status::NOT_IMPLEMENTED,
                "a Transfer-Encoding other than chunked",
            ));
        }
        Ok(BodyFraming::Chunked)
    }

    fn see_length(&mut self, value: &[u8]) -> Result<(), RequestError> {
        let length = decimal(value).ok_or(RequestError::bad("invalid Content-Length"))?;
        match self.length.replace(length) {
            None => Ok(()),
            Some(_) => Err(RequestError::bad("several Content-Length headers")),
        }
    }

    fn see_codings(&mut self, value: &[u8]) -> Result<(), RequestError> {
        for coding in elements(value) {
            if coding.is_empty() {
                return Err(RequestError::bad("an empty Transfer-Encoding"));
            }
            if self.coding == Some(Coding::Chunked) {
                return Err(RequestError::bad("a Transfer-Encoding after chunked"));
            }
            self.coding = Some(if coding.eq_ignore_ascii_case(b"chunked") {
                Coding::Chunked
            } else {
                self.unknown_coding = true;
                Coding::Unknown
            });
        }
        Ok(())
    }

    fn see_options(&mut self, value: &[u8]) {
        for option in elements(value) {
            match option.len() {
                5 => self.close |= option.eq_ignore_ascii_case(b"close"),
                7 => self.upgrade |= option.eq_ignore_ascii_case(b"upgrade"),
                10 => self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive"),
                _ => {}
            }
        }
    }

    fn see_expectation(&mut self, value: &[u8]) -> Result<(), RequestError> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(RequestError::new(
                Status::EXPECTATION_FAILED,
                "an expectation other than 100-continue",
            ));
        }
        self.expect_continue = true;
        Ok(())
    }
}

/// `1*DIGIT`, nothing else.
pub(super) fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0_u64, |number, &byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// The elements of a comma-separated list (RFC 9110 section 5.6.1).
fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}
