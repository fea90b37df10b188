//! Protocols, pure over bytes.

pub mod chunked;
pub mod sse;
pub mod websocket;
