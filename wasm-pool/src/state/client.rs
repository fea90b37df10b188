//! The client that a process serves.

use std::sync::Arc;

use futures_channel::oneshot;
use rusm_core::{Pid, StreamId};

use crate::connection::{Begun, ConnectionInfo};

/// The client of a process, if it serves one.
#[derive(Default)]
pub(crate) enum Client {
    /// It serves none, or answers with what its action returns.
    #[default]
    None,
    /// It may answer with a stream.
    Http(HttpClient),
    /// It serves a WebSocket.
    WebSocket {
        info: Arc<ConnectionInfo>,
        /// The host process that owns the socket.
        owner: Pid,
        /// What it sends, as [`Frame`](crate::connection::Frame)s.
        outgoing: StreamId,
    },
}

impl Client {
    /// Whom to tell how the answer begins, if it has not begun.
    pub(crate) fn into_begin(self) -> Option<oneshot::Sender<Begun>> {
        match self {
            Self::Http(client) => client.begin,
            Self::None | Self::WebSocket { .. } => None,
        }
    }
}

/// The client of a request.
pub(crate) struct HttpClient {
    pub(crate) info: Arc<ConnectionInfo>,
    /// The host process that owns the socket.
    pub(crate) owner: Pid,
    /// Tells the owner how the answer begins; gone when it has begun.
    pub(crate) begin: Option<oneshot::Sender<Begun>>,
    /// The body, from then on.
    pub(crate) body: Option<StreamId>,
    /// Whether the process is entered for each thing that happens, and has a time for each. If
    /// not, it has one until its answer begins.
    pub(crate) held: bool,
}

impl HttpClient {
    pub(crate) fn new(
        info: Arc<ConnectionInfo>,
        owner: Pid,
        begin: oneshot::Sender<Begun>,
        held: bool,
    ) -> Self {
        Self {
            info,
            owner,
            begin: Some(begin),
            body: None,
            held,
        }
    }
}
