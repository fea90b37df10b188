//! The identifier by which the lines of the logs about one request are found.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};

use crate::http1::Head;

/// The identifier of a request: the one that came with it, or one that was made for it.
///
/// It borrows from the head and costs no allocation, since most requests are never logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestId<'r> {
    /// From `x-request-id`, or the trace id of a `traceparent`.
    Given(&'r str),
    /// Made by this server.
    Made(MadeId),
}

/// An identifier that this server made: unique with a probability of about 1 - 2^-64 per pair of
/// servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeId {
    /// Random, one for each shard.
    pub source: u64,
    /// The number of the request on its shard.
    pub number: u64,
}

impl<'r> RequestId<'r> {
    /// The identifier that the request names itself; `made` if it names none, or one that is not
    /// fit for a log.
    pub(crate) fn of(head: &Head<'r>, made: MadeId) -> Self {
        let mut trace = None;
        for (name, value) in head.headers.iter() {
            match name {
                "x-request-id" => {
                    if let Some(id) = request_id(value) {
                        return Self::Given(id);
                    }
                }
                "traceparent" => trace = trace.or_else(|| trace_id(value)),
                _ => {}
            }
        }
        trace.map_or(Self::Made(made), Self::Given)
    }
}

impl fmt::Display for RequestId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Given(id) => f.write_str(id),
            Self::Made(id) => id.fmt(f),
        }
    }
}

impl fmt::Display for MadeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.source, self.number)
    }
}

/// Makes the identifiers of one shard.
pub(crate) struct RequestIds(std::cell::Cell<MadeId>);

impl RequestIds {
    pub(crate) fn new() -> Self {
        Self(std::cell::Cell::new(MadeId {
            // Its keys are random.
            source: RandomState::new().build_hasher().finish(),
            number: 0,
        }))
    }

    pub(crate) fn next(&self) -> MadeId {
        let MadeId { source, number } = self.0.get();
        let next = MadeId {
            source,
            number: number.wrapping_add(1),
        };
        self.0.set(next);
        next
    }
}

/// A value of `x-request-id` that can neither break a line of a log nor fill it.
fn request_id(value: &[u8]) -> Option<&str> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.~:/+=@,".contains(byte);
    let is_id = (1..=MAX_ID).contains(&value.len()) && value.iter().all(is_plain);
    is_id.then(|| std::str::from_utf8(value).ok())?
}

/// The trace id of a `traceparent` (W3C Trace Context, section 3.2).
fn trace_id(value: &[u8]) -> Option<&str> {
    let value = std::str::from_utf8(value).ok()?;
    let mut parts = value.split('-');
    let (version, trace, parent, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, len| {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        text.len() == len && text.bytes().all(is_digit)
    };
    let is_valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && trace.bytes().any(|byte| byte != b'0')
        && is_hex(parent, 16)
        && is_hex(flags, 2)
        // Later versions may say more.
        && (version != "00" || parts.next().is_none());
    is_valid.then_some(trace)
}

/// Bytes of an identifier that a client may choose.
const MAX_ID: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_is_not_fit_for_a_log_is_not_taken() {
        for id in [
            "7",
            "f47ac10b-58cc-4372",
            "Root=1-67a:b/c,d~e_f.g+h@i",
            &"x".repeat(128),
        ] {
            assert_eq!(request_id(id.as_bytes()), Some(id));
        }
        for id in [
            &b""[..],
            b"a b",
            b"a\"b",
            b"a\\b",
            b"a\x1b",
            b"\xff",
            &[b'x'; 129],
        ] {
            assert_eq!(request_id(id), None, "{}", id.escape_ascii());
        }
    }

    #[test]
    fn the_trace_id_of_a_traceparent() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        for value in [
            format!("00-{trace}-00f067aa0ba902b7-01"),
            format!("cc-{trace}-00f067aa0ba902b7-01-what-else"),
        ] {
            assert_eq!(trace_id(value.as_bytes()), Some(trace));
        }
        for value in [
            String::new(),
            format!("00-{trace}-00f067aa0ba902b7"),
            format!("00-{trace}-00f067aa0ba902b7-01-x"),
            format!("ff-{trace}-00f067aa0ba902b7-01"),
            format!("00-{}-00f067aa0ba902b7-01", "0".repeat(32)),
            format!("00-{}-00f067aa0ba902b7-01", trace.to_uppercase()),
            format!("00-{trace}-00f067aa0ba902b-01"),
        ] {
            assert_eq!(trace_id(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn those_that_are_made_differ() {
        let (one, other) = (RequestIds::new(), RequestIds::new());
        let ids = [one.next(), one.next(), other.next(), other.next()];
        let ids: std::collections::BTreeSet<_> = ids.iter().map(MadeId::to_string).collect();
        assert_eq!(ids.len(), 4);
        assert!(ids.iter().all(|id| id.len() == 32), "{ids:?}");
    }
}
