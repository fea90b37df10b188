//! Requests of clients, in the form that `wasi:http` has for them.

use std::borrow::Cow;

use thiserror::Error;

use super::body::RequestBody;
use super::fields::remove_nominated;
use crate::http::HeaderRef;

/// A request to a stock component.
pub struct IncomingRequest {
    pub(crate) request: http::Request<RequestBody>,
    pub(crate) is_over_tls: bool,
}

impl IncomingRequest {
    /// The request with this method, this target in origin form, these headers in the order of
    /// their arrival, and this content. Headers that `Connection` nominates are left out: they are
    /// for this server, and the component, which is not shown `Connection`, would take them for the
    /// next one's (RFC 9110, section 7.6.1).
    ///
    /// # Errors
    /// When `wasi:http` has no form for it.
    pub fn new(
        method: &str,
        target: &str,
        headers: &[HeaderRef<'_>],
        body: RequestBody,
    ) -> Result<Self, InvalidRequest> {
        if target.len() > MAX_TARGET {
            return Err(InvalidRequest::TargetTooLong);
        }
        let target = with_accents_escaped(target);
        let target: http::Uri = target.parse().map_err(|_| match target.len() {
            ..=MAX_TARGET => InvalidRequest::Target,
            _ => InvalidRequest::TargetTooLong,
        })?;
        let method = http::Method::from_bytes(method.as_bytes());
        let mut request = http::Request::new(body);
        *request.method_mut() = method.map_err(|_| InvalidRequest::Method)?;
        *request.uri_mut() = target;
        let fields = request.headers_mut();
        fields.reserve(headers.len() + 1);
        for (name, value) in headers {
            let name = http::HeaderName::from_bytes(name.as_bytes());
            let name = name.map_err(|_| InvalidRequest::Header)?;
            let value = http::HeaderValue::from_bytes(value);
            fields.append(name, value.map_err(|_| InvalidRequest::Header)?);
        }
        remove_nominated(fields);
        match fields.get(http::header::HOST) {
            // HTTP/1.0 can do without, and that of HTTP/1.1 may be empty; but the component's
            // authority has to come from somewhere.
            None => drop(fields.insert(http::header::HOST, nobody())),
            Some(host) if host.is_empty() => drop(fields.insert(http::header::HOST, nobody())),
            Some(host) if http::uri::Authority::try_from(host.as_bytes()).is_err() => {
                return Err(InvalidRequest::Host);
            }
            Some(_) => {}
        }
        Ok(Self {
            request,
            is_over_tls: false,
        })
    }

    /// Sets whether the request came over TLS: its scheme is `https` then.
    #[must_use]
    pub fn over_tls(mut self, is_over_tls: bool) -> Self {
        self.is_over_tls = is_over_tls;
        self
    }
}

/// A request that `wasi:http` has no form for, though it may be right in HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum InvalidRequest {
    /// More than 65,534 bytes.
    #[error("the request target is longer than 65534 bytes")]
    TargetTooLong,
    /// The target.
    #[error("invalid request target")]
    Target,
    /// The method.
    #[error("invalid method")]
    Method,
    /// The name of a header is longer than 64 KiB.
    #[error("a header is too large")]
    Header,
    /// An escape in the name of the host, for example.
    #[error("invalid Host header")]
    Host,
}

impl InvalidRequest {
    /// The HTTP status that says it.
    pub fn status(self) -> u16 {
        match self {
            Self::TargetTooLong => 414,
            Self::Header => 431,
            Self::Target | Self::Method | Self::Host => 400,
        }
    }
}

/// Browsers send a grave accent in a path as it is.
fn with_accents_escaped(target: &str) -> Cow<'_, str> {
    match target.split_once('?') {
        Some((path, query)) if path.contains('`') => {
            format!("{}?{query}", path.replace('`', "%60")).into()
        }
        None if target.contains('`') => target.replace('`', "%60").into(),
        _ => target.into(),
    }
}

fn nobody() -> http::HeaderValue {
    http::HeaderValue::from_static("localhost")
}

/// As long as a target of the crate `http` may be.
const MAX_TARGET: usize = u16::MAX as usize - 1;

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, headers: &[HeaderRef<'_>]) -> Result<IncomingRequest, InvalidRequest> {
        IncomingRequest::new("GET", target, headers, RequestBody::whole(b""))
    }

    #[test]
    fn targets() {
        let seen =
            |target: &str| request(target, &[]).map(|request| request.request.uri().to_string());
        for (target, expected) in [
            ("/a?b", "/a?b"),
            ("*", "*"),
            ("/a`b/`?`", "/a%60b/%60?`"),
            ("/[]|^{}?[]|^{}`\\", "/[]|^{}?[]|^{}`\\"),
        ] {
            assert_eq!(seen(target).as_deref(), Ok(expected));
        }
        let long = |len: usize| format!("/{}", "p".repeat(len - 1));
        assert!(request(&long(MAX_TARGET), &[]).is_ok());
        let accent = format!("{}`", long(MAX_TARGET - 1));
        for target in [long(MAX_TARGET + 1), long(1 << 20), accent] {
            assert_eq!(seen(&target), Err(InvalidRequest::TargetTooLong));
        }
        assert_eq!(InvalidRequest::TargetTooLong.status(), 414);
    }

    #[test]
    fn hosts() {
        let host = |value: &[u8]| {
            let made = request("/", &[("host", value)])?;
            let host = made.request.headers()[http::header::HOST].to_str();
            Ok(host.unwrap_or_default().to_owned())
        };
        for (sent, expected) in [
            ("", "localhost"),
            ("h", "h"),
            ("h:", "h:"),
            ("h:65535", "h:65535"),
            ("[::1]:80", "[::1]:80"),
            ("a!$&'()*+,;=-._~b", "a!$&'()*+,;=-._~b"),
        ] {
            assert_eq!(host(sent.as_bytes()).as_deref(), Ok(expected), "{sent}");
        }
        assert_eq!(host(b"%41"), Err(InvalidRequest::Host));
        let made = request("/", &[])
            .ok()
            .map(|made| made.request.headers().len());
        assert_eq!(made, Some(1));
    }

    #[test]
    fn what_connection_nominates_is_left_out() {
        let made = request(
            "/",
            &[
                ("host", b"h"),
                ("x-a", b"1"),
                ("connection", b"close, X-A ,,x-b, bad name"),
                ("x-b", b"2"),
                ("x-c", b"3"),
                ("connection", b"TE, host"),
                ("te", b"trailers"),
                ("x-a", b"4"),
            ],
        );
        let made = made.unwrap_or_else(|error| panic!("{error}"));
        let mut names: Vec<_> = made
            .request
            .headers()
            .keys()
            .map(|name| name.as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["connection", "host", "x-c"]);
    }
}
