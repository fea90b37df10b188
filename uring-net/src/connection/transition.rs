//! The next state of a connection.

use crate::websocket::WebSocket;

/// The next state of a connection after an attempt to serve the request that its input begins with.
pub(super) enum Transition {
    /// The request's head isn't complete: read more.
    NeedInput,
    /// The request was answered and taken from the input: the next may follow.
    Next,
    /// The request was answered with a change of protocol.
    Upgrade(WebSocket),
    /// The client speaks HTTP/2.
    Http2,
    /// The last response was written: close so that it arrives.
    Close,
    /// The last response was written, and the client has nothing more to say.
    Finished,
    /// The client has left, or must see that its response is cut off.
    Disconnected,
}
