//! WebSocket connection of a process.

use crate::ConnectionInfo;
use crate::bindings::rusm::runtime::serve;
use crate::connection_info::OwnInfo;

/// The WebSocket of this process, see [`websocket`](macro@crate::websocket).
///
/// A send waits while the client is slow, and returns false once the client has disconnected.
/// Messages that were sent before the process ends are still delivered.
#[derive(Debug)]
pub struct Connection {
    info: OwnInfo,
}

impl Connection {
    /// Returns the request that opened the connection.
    pub fn info(&self) -> &ConnectionInfo {
        self.info.get()
    }

    /// Sends a text message.
    pub fn send_text(&self, text: impl AsRef<str>) -> bool {
        serve::ws_send_text(text.as_ref().as_bytes())
    }

    /// Sends a binary message.
    pub fn send_binary(&self, bytes: impl AsRef<[u8]>) -> bool {
        serve::ws_send_binary(bytes.as_ref())
    }

    /// Closes the connection with a code (RFC 6455, section 7.4: 1000 is normal, 3000 to 4999 are for
    /// apps) and a reason of at most 123 bytes. Nothing can be sent afterwards.
    pub fn close(&self, code: u16, reason: &str) {
        serve::ws_close(code, reason);
    }
}

/// Calls `f` with the connection of this process.
pub fn with_connection<R>(f: impl FnOnce(&Connection) -> R) -> R {
    thread_local! {
        static CONNECTION: Connection = const { Connection { info: OwnInfo::new() } };
    }
    CONNECTION.with(f)
}
