//! Requests to other servers.

use std::time::Duration;

use super::FetchError;
use crate::bindings::rusm::runtime::client;
use crate::header;
use crate::mail::millis;

/// Creates a GET request for this URL.
pub fn get(url: impl Into<String>) -> Outgoing {
    Outgoing::new("GET", url)
}

/// Creates a HEAD request for this URL.
pub fn head(url: impl Into<String>) -> Outgoing {
    Outgoing::new("HEAD", url)
}

/// Creates a POST request to this URL.
pub fn post(url: impl Into<String>) -> Outgoing {
    Outgoing::new("POST", url)
}

/// Creates a PUT request to this URL.
pub fn put(url: impl Into<String>) -> Outgoing {
    Outgoing::new("PUT", url)
}

/// Creates a PATCH request to this URL.
pub fn patch(url: impl Into<String>) -> Outgoing {
    Outgoing::new("PATCH", url)
}

/// Creates a DELETE request for this URL.
pub fn delete(url: impl Into<String>) -> Outgoing {
    Outgoing::new("DELETE", url)
}

/// A request to another server, for [`fetch`](super::fetch).
///
/// ```
/// use std::time::Duration;
///
/// use rusm_rs::http;
///
/// let order = http::post("https://shop.example.com/orders")
///     .header("Authorization", "Bearer abc")
///     .json(&[("apples", 3)])
///     .timeout(Duration::from_secs(5))
///     .max_body(64 * 1024);
/// ```
///
/// The host frames it: it sets `host`, `content-length` and the headers of the connection.
#[derive(Clone, Debug)]
pub struct Outgoing {
    wit: client::Outgoing,
    /// Error of a builder method, which the request fails with.
    flaw: Option<String>,
}

impl Outgoing {
    /// Creates a request without headers and body, from a method (RFC 9110, section 9) and a URL of
    /// `http` or `https`.
    pub fn new(method: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            wit: client::Outgoing {
                method: method.into(),
                url: url.into(),
                headers: Vec::new(),
                body: Vec::new(),
                timeout_ms: millis(TIMEOUT),
                max_body: MAX_BODY,
            },
            flaw: None,
        }
    }

    /// Sets a header, replacing all of that name.
    #[must_use]
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        let header = header::header(name, value);
        self.wit.headers.retain(|(name, _)| *name != header.0);
        self.wit.headers.push(header);
        self
    }

    /// Adds a header and keeps those of that name.
    #[must_use]
    pub fn append_header(mut self, name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        self.wit.headers.push(header::header(name, value));
        self
    }

    /// Sets the body and leaves the headers unchanged.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.wit.body = body.into();
        self
    }

    /// Sets the body to the JSON of `value`, as `application/json`. If `value` cannot be serialized (a
    /// map whose keys are not strings), [`fetch`](super::fetch) fails with [`FetchError::Invalid`].
    #[cfg(feature = "json")]
    #[must_use]
    pub fn json<T: serde::Serialize + ?Sized>(mut self, value: &T) -> Self {
        match serde_json::to_vec(value) {
            Ok(json) => self.body(json).header("content-type", "application/json"),
            Err(error) => {
                self.flaw = Some(format!("the content has no JSON: {error}"));
                self
            }
        }
    }

    /// Sets the time limit of the whole exchange, to the last byte of the response. The default is
    /// 30 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.wit.timeout_ms = millis(timeout);
        self
    }

    /// Sets the limit of the response's body in bytes. The default is 10 MiB. The body must fit into
    /// the memory of the process, `max-memory-mb`.
    #[must_use]
    pub fn max_body(mut self, bytes: usize) -> Self {
        self.wit.max_body = bytes as u64;
        self
    }

    pub(super) fn into_wit(self) -> Result<client::Outgoing, FetchError> {
        match self.flaw {
            Some(flaw) => Err(FetchError::Invalid(flaw)),
            None => Ok(self.wit),
        }
    }
}

/// A GET.
impl From<&str> for Outgoing {
    fn from(url: &str) -> Self {
        get(url)
    }
}

/// A GET.
impl From<String> for Outgoing {
    fn from(url: String) -> Self {
        get(url)
    }
}

const TIMEOUT: Duration = Duration::from_secs(30);
const MAX_BODY: u64 = 10 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_a_get_with_limits() {
        let request = Outgoing::from("http://example.com/").into_wit().unwrap();
        assert_eq!(request.method, "GET");
        assert_eq!(request.url, "http://example.com/");
        assert_eq!(request.timeout_ms, 30_000);
        assert_eq!(request.max_body, 10 << 20);
        assert!(request.headers.is_empty() && request.body.is_empty());
    }

    #[test]
    fn a_request_has_what_it_was_given() {
        let request = put("http://example.com/")
            .header("X-Key", "1")
            .header("x-key", "2")
            .append_header("X-KEY", "3")
            .body("content")
            .timeout(Duration::from_micros(1500))
            .max_body(7)
            .into_wit()
            .unwrap();
        assert_eq!(request.method, "PUT");
        assert_eq!(
            request.headers,
            [header::header("x-key", "2"), header::header("x-key", "3")]
        );
        assert_eq!(request.body, b"content");
        assert_eq!((request.timeout_ms, request.max_body), (2, 7));
    }

    #[cfg(feature = "json")]
    #[test]
    fn json_says_its_type_or_is_never_sent() {
        let request = post("http://example.com/").json(&[1, 2]);
        let request = request.into_wit().unwrap();
        assert_eq!(request.body, b"[1,2]");
        assert_eq!(
            request.headers,
            [header::header("content-type", "application/json")]
        );
        let keyed_by_lists = std::collections::BTreeMap::from([([1, 2], 3)]);
        let error = super::super::fetch(post("http://example.com/").json(&keyed_by_lists));
        assert!(matches!(error, Err(FetchError::Invalid(_))), "{error:?}");
    }
}
