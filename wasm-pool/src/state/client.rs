//! The client that a process serves.

use std::sync::Arc;

use futures_channel::oneshot;
use rusm_core::{FrameQueueId, Pid, StreamId};

use crate::connection::{ConnectionInfo, ResponseStart};

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
        socket_process: Pid,
        /// What it sends.
        outgoing: FrameQueueId,
    },
}

impl Client {
    /// Whom to tell how the response starts, if it has not started.
    pub(crate) fn into_start(self) -> Option<oneshot::Sender<ResponseStart>> {
        match self {
            Self::Http(client) => client.start,
            Self::None | Self::WebSocket { .. } => None,
        }
    }
}

/// The client of a request.
pub(crate) struct HttpClient {
    pub(crate) info: Arc<ConnectionInfo>,
    /// The host process that owns the socket.
    pub(crate) socket_process: Pid,
    /// Tells the socket process how the response starts; gone when it has started.
    pub(crate) start: Option<oneshot::Sender<ResponseStart>>,
    /// The body, from then on.
    pub(crate) body: Option<StreamId>,
    /// Whether the process is entered for each thing that happens, and has a time for each. If
    /// not, it has one until its response starts.
    pub(crate) has_callbacks: bool,
}

impl HttpClient {
    pub(crate) fn new(
        info: Arc<ConnectionInfo>,
        socket_process: Pid,
        start: oneshot::Sender<ResponseStart>,
        has_callbacks: bool,
    ) -> Self {
        Self {
            info,
            socket_process,
            start: Some(start),
            body: None,
            has_callbacks,
        }
    }
}
