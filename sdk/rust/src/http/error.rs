//! Errors of requests to other servers.

use std::fmt;

use crate::bindings::rusm::runtime::client;
use crate::{IntoResponse, Response};

/// Error of a request to another server.
///
/// Returned by an action, it becomes status 504 after a timeout, 500 if the request was not sent
/// because it is denied or invalid, and 502 otherwise. The operator's log has the error itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchError {
    /// The capability profile does not grant requests to this host: `allow-network`.
    Denied(String),
    /// The request is invalid, for this reason.
    Invalid(String),
    /// The server cannot be reached. Holds its host and the reason.
    Unreachable(String),
    /// The timeout of a request to this host passed.
    Timeout(String),
    /// The response of this host is larger than [`max_body`](super::Outgoing::max_body).
    TooLarge(String),
    /// The connection failed, or the server does not speak HTTP. Holds its host and the reason.
    Failed(String),
    /// The body of the response could not be decoded, for this reason.
    Decode(String),
}

impl FetchError {
    /// Converts the host's error for a request to this URL.
    pub(super) fn from_wit(error: client::FetchError, url: &str) -> Self {
        let host = host(url);
        match error {
            client::FetchError::Denied(denied) if denied.is_empty() => Self::Denied(host.into()),
            client::FetchError::Denied(denied) => Self::Denied(denied),
            client::FetchError::Invalid(why) => Self::Invalid(why),
            client::FetchError::Unreachable(why) => Self::Unreachable(format!("{host}: {why}")),
            client::FetchError::Timeout => Self::Timeout(host.into()),
            client::FetchError::TooLarge => Self::TooLarge(host.into()),
            client::FetchError::Failed(why) => Self::Failed(format!("{host}: {why}")),
        }
    }
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(host) => write!(f, "not allowed to send requests to {host}"),
            Self::Invalid(why) => write!(f, "no request to send: {why}"),
            Self::Unreachable(why) => write!(f, "can't reach {why}"),
            Self::Timeout(host) => write!(f, "the answer of {host} did not come in time"),
            Self::TooLarge(host) => {
                write!(f, "the answer of {host} is larger than was asked for")
            }
            Self::Failed(why) => write!(f, "no answer of {why}"),
            Self::Decode(why) => write!(f, "the content is of another form: {why}"),
        }
    }
}

impl std::error::Error for FetchError {}

impl IntoResponse for FetchError {
    fn into_response(self) -> Response {
        eprintln!("fetch: {self}");
        let (status, text) = match self {
            Self::Denied(_) | Self::Invalid(_) => (500, "internal server error\n"),
            Self::Timeout(_) => (504, "gateway timeout\n"),
            Self::Unreachable(_) | Self::TooLarge(_) | Self::Failed(_) | Self::Decode(_) => {
                (502, "bad gateway\n")
            }
        };
        Response::text(text).status(status)
    }
}

/// Returns the host and port of a URL. The rest may contain secrets, which must not be logged.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority.rsplit('@').next().unwrap_or(authority)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_all_that_is_told_of_a_url() {
        let hosts = [
            ("https://example.com", "example.com"),
            ("http://example.com:8080/a?token=1", "example.com:8080"),
            ("http://ann:secret@[::1]:80/", "[::1]:80"),
            ("http://example.com?a@b", "example.com"),
            ("", ""),
        ];
        for (url, expected) in hosts {
            assert_eq!(host(url), expected, "{url}");
        }
    }

    #[test]
    fn each_error_says_whom_it_is_about_and_has_its_status() {
        use client::FetchError as Wit;
        let answer = |error| {
            let error = FetchError::from_wit(error, "http://a.example/x");
            let text = error.to_string();
            assert!(text.contains("a.example"), "{text}");
            error.into_response().status_code()
        };
        assert_eq!(answer(Wit::Denied("a.example".into())), 500);
        assert_eq!(answer(Wit::Denied(String::new())), 500);
        assert_eq!(answer(Wit::Unreachable("refused".into())), 502);
        assert_eq!(answer(Wit::Failed("reset".into())), 502);
        assert_eq!(answer(Wit::TooLarge), 502);
        assert_eq!(answer(Wit::Timeout), 504);
        let invalid = FetchError::from_wit(Wit::Invalid("no URL".into()), "");
        assert_eq!(invalid.into_response().status_code(), 500);
    }
}
