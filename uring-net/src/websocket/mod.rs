//! WebSocket (RFC 6455), the server's side.
//!
//! - [`upgrade`]: the opening handshake, a pure function from a head to an [`Upgrade`] or to the
//!   error response that it deserves
//! - `decode`, `text`: bytes to messages; `encode`: messages to bytes. Pure, too
//! - `session`: the state of the conversation
//! - `serve`: the life of a connection
//! - `handler`: the interface to services
//!
//! A service returns a [`WebSocket`], whose [`WebSocketHandler`] is then driven by the
//! connection's task: it is given the messages of the client, and is asked for what to send. Frames,
//! fragments, pings, and the closing handshake don't reach it.
//!
//! A client that ends its side of the connection without a close counts as one that left.
//!
//! No extension is negotiated: what `permessage-deflate` saves in bytes it costs in memory, some
//! 10 to 300 KiB for each connection.

mod code;
mod decode;
mod encode;
#[cfg(fuzzing)]
pub(crate) mod fuzzing;
mod handler;
mod handshake;
mod serve;
mod session;
mod text;

pub use self::handler::{Message, Outgoing, Settings, WebSocket, WebSocketHandler};
pub use self::handshake::{HandshakeRules, Upgrade, upgrade};
pub(crate) use self::serve::serve;
