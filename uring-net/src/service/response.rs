//! A response of a service, or an upgrade.

use super::body::Body;
use crate::http1::{ResponseHeaders, Status};
use crate::websocket::WebSocket;

/// A response of a service, or an upgrade.
#[derive(Debug)]
pub enum ServiceResponse {
    /// A response of HTTP.
    Http(Response),
    /// The connection goes on as a WebSocket.
    WebSocket(WebSocket),
}

impl From<Response> for ServiceResponse {
    fn from(response: Response) -> Self {
        Self::Http(response)
    }
}

impl From<WebSocket> for ServiceResponse {
    fn from(websocket: WebSocket) -> Self {
        Self::WebSocket(websocket)
    }
}

/// A response, before the host has framed it.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: Status,
    /// Its headers. Those that frame the message are the host's, and are left out.
    pub headers: ResponseHeaders,
    /// Its content.
    pub body: Body,
}
