//! WebSockets as services see them.

use std::borrow::Cow;
use std::fmt;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use super::handshake::Upgrade;
use crate::http1::ResponseHeaders;

/// The response that accepts a request for an upgrade.
pub struct WebSocket {
    /// The result of the handshake.
    pub upgrade: Upgrade,
    /// Further headers of the 101 response. Those of the handshake are the host's, and are left
    /// out.
    pub headers: ResponseHeaders,
    /// The limits of the connection.
    pub settings: Rc<Settings>,
    /// The handler that talks with the client.
    pub handler: Box<dyn WebSocketHandler>,
}

impl WebSocket {
    /// The headers of the 101 response.
    pub(crate) fn take_headers(&mut self) -> ResponseHeaders {
        let mut headers = std::mem::take(&mut self.headers);
        headers.retain(|name| !is_of_handshake(name));
        headers.push_valid("sec-websocket-accept", &self.upgrade.accept);
        // It is one that the client's own header names, so it is valid.
        if let Some(protocol) = &self.upgrade.protocol {
            headers.push_valid("sec-websocket-protocol", protocol);
        }
        headers
    }
}

impl fmt::Debug for WebSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebSocket")
            .field("upgrade", &self.upgrade)
            .field("headers", &self.headers)
            .finish_non_exhaustive()
    }
}

/// The limits of a WebSocket, and the intervals of its pings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Bytes of a message of the client's, all its fragments together; beyond, 1009.
    pub max_message: usize,
    /// Bytes of one frame of it; beyond, 1009.
    pub max_frame: usize,
    /// A client that was silent for so long is sent a ping. `None`: never.
    pub ping_interval: Option<Duration>,
    /// A client that is silent for so long after a ping is gone.
    pub ping_timeout: Duration,
    /// The time that a client has to answer a close.
    pub close_timeout: Duration,
}

impl Default for Settings {
    /// Messages of 1 MiB in whatever frames, pings after 30 s and 20 s for an answer, 5 s to
    /// close.
    fn default() -> Self {
        Self {
            max_message: 1 << 20,
            max_frame: 1 << 20,
            ping_interval: Some(Duration::from_secs(30)),
            ping_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
        }
    }
}

/// The conversation with the client of one WebSocket. It lives in the connection's task: everything that it
/// is asked must be answered without blocking.
pub trait WebSocketHandler {
    /// Ready if [`WebSocketHandler::message`] may be called. While it is not, a few KiB at most
    /// are read of the client, who has to wait (TCP's back-pressure) and is not expected to
    /// answer pings. Asked again whenever the connection wakes up, for example because what
    /// [`WebSocketHandler::poll_outgoing`] returned was written: room that this makes needs no
    /// waker.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Takes a message of the client.
    fn message(&mut self, message: Message<'_>);

    /// Returns what to send next. Called only when the client has taken what came before. `None`:
    /// nothing more will come, close with 1000. After that, or a close, nothing is asked for any
    /// more. When the client closes, or the server stops, what is ready then is sent before
    /// the close.
    fn poll_outgoing(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outgoing>>;

    /// Called at the end of the connection; the handler is dropped after this, its last call.
    ///
    /// `code` and `reason` are those of the client's close (RFC 6455 section 7.1.5): 1005 if it
    /// gave none, 1006 if it went without one. If the client was to blame they are
    /// the host's: 1002, 1007 or 1009 and what was wrong.
    fn closed(&mut self, code: u16, reason: &str);
}

/// A message of the client's: borrowed from the connection's buffer if it came in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message<'m> {
    /// Text.
    Text(Cow<'m, str>),
    /// Bytes.
    Binary(Cow<'m, [u8]>),
}

/// A message that a handler sends, or a close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// The end. What a close can't say is changed: a reason of more than 123 bytes is cut, 1005
    /// says nothing at all, and any other code that the RFC reserves becomes 1011.
    Close {
        /// 1000, or any other code of RFC 6455 section 7.4.
        code: u16,
        /// The reason, for the client's log.
        reason: String,
    },
}

fn is_of_handshake(name: &str) -> bool {
    const PREFIX: &str = "sec-websocket-";
    name.get(..PREFIX.len())
        .is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX))
}
