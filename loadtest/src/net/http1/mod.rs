//! The client's side of HTTP/1.1 (RFC 9112), pure over bytes.
//!
//! - [`request`]: a request to bytes.
//! - [`response`]: bytes to responses, in whatever pieces they come.

pub mod request;
pub mod response;
