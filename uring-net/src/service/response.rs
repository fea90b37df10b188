//! What a service answers with.

use super::body::Body;
use crate::http1::Status;
use crate::websocket::WebSocket;

/// What a service answers with.
#[derive(Debug)]
pub enum Response {
    /// A response of HTTP.
    Answer(Answer),
    /// The connection goes on as a WebSocket.
    WebSocket(WebSocket),
}

impl From<Answer> for Response {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

impl From<WebSocket> for Response {
    fn from(websocket: WebSocket) -> Self {
        Self::WebSocket(websocket)
    }
}

/// A response, before the host has framed it.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: Status,
    /// Names and values. Those that frame the message are the host's, and are left out.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Its content.
    pub body: Body,
}
