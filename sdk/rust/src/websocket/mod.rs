//! WebSockets, with one process for each connection.

mod connection;

pub use connection::{Connection, with_connection};

/// A message of a WebSocket client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
}
