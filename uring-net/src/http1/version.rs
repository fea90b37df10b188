//! Versions of the protocol.

/// A version of HTTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0: a connection ends after the response unless both sides say `keep-alive`.
    Http10,
    /// HTTP/1.1
    Http11,
    /// HTTP/2
    Http2,
}
