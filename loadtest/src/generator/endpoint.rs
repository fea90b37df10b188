//! The endpoint of held connections.

use std::net::SocketAddr;

/// The address and target of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The server's address.
    pub address: SocketAddr,
    /// The value of `Host`.
    pub authority: String,
    /// The request's target, as `/feed/a?b=c`.
    pub target: String,
    /// Further lines of the request's head, each with its CRLF; may be empty.
    pub headers: String,
}
