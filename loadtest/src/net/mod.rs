//! Protocols, pure over bytes.

pub mod chunked;
pub mod http1;
pub mod sse;
pub mod stream;
pub mod websocket;
