//! The connection that a process serves.

use crate::ConnectionInfo;
use crate::bindings::rusm::runtime::serve;
use crate::connection_info::OwnInfo;

/// The WebSocket of this process, see [`websocket`](macro@crate::websocket).
///
/// A send waits while the client is slow, and says whether it is still there. What was sent before
/// the process ends still goes to the client.
#[derive(Debug)]
pub struct Connection {
    info: OwnInfo,
}

impl Connection {
    /// The request that opened it.
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

    /// Closes the connection with a code (RFC 6455, section 7.4: 1000 is normal, 3000 to 4999 are
    /// the app's own) and a reason for people, of at most 123 bytes. Nothing can be sent after it.
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
