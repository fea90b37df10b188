//! `rusm:runtime/serve@0.1.0`: what a process sends to the client that it serves.
//!
//! The client's side is a host process that owns the socket, on the same shard. What goes there
//! goes through a byte stream of the actor core, which is what makes a guest wait for a slow
//! client, and what tells it that one has left.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use futures_channel::oneshot;
use rusm_core::{Pid, StreamId};

use super::actor::{pool, shard};
use super::bindings::rusm::runtime::serve::{ConnectionInfo, Host};
use super::diagnostics::Level;
use crate::connection::{Begun, Frame, ResponseStart, SseEvent};
use crate::sandbox::HostState;

/// The client of a process, if it serves one.
#[derive(Default)]
pub(crate) enum Client {
    /// It serves none, or answers with what its action returns.
    #[default]
    None,
    /// It may answer with a stream.
    Http {
        info: Arc<ConnectionInfo>,
        /// The host process that owns the socket.
        owner: Pid,
        /// Tells the owner how the answer begins; gone when it has begun.
        begin: Option<oneshot::Sender<Begun>>,
        /// The body, from then on.
        body: Option<StreamId>,
    },
    /// It serves a WebSocket.
    WebSocket {
        info: Arc<ConnectionInfo>,
        /// What it sends, as [`Frame`]s.
        outgoing: StreamId,
    },
}

impl Host for HostState {
    fn connection(&mut self) -> wasmtime::Result<Option<ConnectionInfo>> {
        Ok(match &self.client {
            Client::None => None,
            Client::Http { info, .. } | Client::WebSocket { info, .. } => {
                Some(ConnectionInfo::clone(info))
            }
        })
    }

    fn respond(
        &mut self,
        status: u16,
        headers: Vec<(String, Vec<u8>)>,
    ) -> wasmtime::Result<Result<(), String>> {
        self.begin(ResponseStart { status, headers })
    }

    async fn write(&mut self, chunk: Vec<u8>) -> wasmtime::Result<bool> {
        self.send_body(chunk.into()).await
    }

    async fn sse_send(
        &mut self,
        data: Vec<u8>,
        event: Option<String>,
        id: Option<String>,
        retry: Option<u32>,
    ) -> wasmtime::Result<bool> {
        let event = SseEvent::Event {
            data: &data,
            event: event.as_deref(),
            id: id.as_deref(),
            retry,
        };
        self.send_event(&event).await
    }

    async fn sse_comment(&mut self, text: String) -> wasmtime::Result<bool> {
        self.send_event(&SseEvent::Comment(&text)).await
    }

    async fn ws_send_text(&mut self, payload: Vec<u8>) -> wasmtime::Result<bool> {
        match String::from_utf8(payload) {
            Ok(text) => self.send_frame(Frame::Text(text)).await,
            Err(_) => {
                self.diagnostics
                    .line(Level::Warn, "ws-send-text: not UTF-8, and so not sent");
                Ok(true)
            }
        }
    }

    async fn ws_send_binary(&mut self, payload: Vec<u8>) -> wasmtime::Result<bool> {
        self.send_frame(Frame::Binary(payload)).await
    }

    async fn ws_close(&mut self, code: u16, reason: String) -> wasmtime::Result<()> {
        self.send_frame(Frame::Close { code, reason }).await?;
        if let Client::WebSocket { outgoing, .. } = self.client {
            shard()?.close(self.pid, outgoing, Ok(()));
        }
        Ok(())
    }
}

impl HostState {
    /// Begin a streamed answer. From here on it may take as long as the client stays.
    fn begin(&mut self, start: ResponseStart) -> wasmtime::Result<Result<(), String>> {
        let pid = self.pid;
        let Client::Http {
            owner, begin, body, ..
        } = &mut self.client
        else {
            return Ok(Err("this process answers no request by a stream".into()));
        };
        let Some(begin) = begin.take() else {
            return Ok(Err("the response has begun already".into()));
        };
        let Some(stream) = shard()?.open_stream(pid, *owner) else {
            return Ok(Err("the client is gone".into()));
        };
        *body = Some(stream);
        shard()?.set_deadline(pid, None);
        self.deadline = None;
        // An owner that is gone takes its end of the stream with it.
        let _ = begin.send(Begun::Stream(start, stream));
        Ok(Ok(()))
    }

    async fn send_body(&mut self, chunk: Bytes) -> wasmtime::Result<bool> {
        let Client::Http {
            body: Some(body), ..
        } = self.client
        else {
            return Ok(false);
        };
        if chunk.is_empty() {
            return Ok(true);
        }
        let writing = shard()?.write(self.pid, body, chunk);
        Ok(writing.await.is_ok())
    }

    async fn send_event(&mut self, event: &SseEvent<'_>) -> wasmtime::Result<bool> {
        let mut bytes = Vec::new();
        if let Err(why) = (pool()?.encode_event)(&mut bytes, event) {
            let line = format!("an event was not sent: {why}");
            self.diagnostics.line(Level::Warn, &line);
            return Ok(true);
        }
        if let Client::Http { begin: Some(_), .. } = self.client {
            let start = ResponseStart {
                status: 200,
                headers: vec![
                    ("content-type".into(), b"text/event-stream".to_vec()),
                    ("cache-control".into(), b"no-cache".to_vec()),
                ],
            };
            if self.begin(start)?.is_err() {
                return Ok(false);
            }
        }
        self.send_body(bytes.into()).await
    }

    async fn send_frame(&mut self, frame: Frame) -> wasmtime::Result<bool> {
        let Client::WebSocket { outgoing, .. } = self.client else {
            return Ok(false);
        };
        let writing = shard()?.write(self.pid, outgoing, frame.encode());
        // How long a client may take is for its connection to say (write-timeout-ms), and the
        // guest's own time stands still meanwhile.
        let deadline = self.deadline.take();
        let begun = Instant::now();
        shard()?.set_deadline(self.pid, None);
        let sent = writing.await.is_ok();
        self.deadline = deadline.map(|deadline| deadline + begun.elapsed());
        shard()?.set_deadline(self.pid, self.deadline);
        Ok(sent)
    }
}

impl Client {
    /// Whom to tell how the answer begins, if it has not begun.
    pub(crate) fn into_begin(self) -> Option<oneshot::Sender<Begun>> {
        match self {
            Self::Http { begin, .. } => begin,
            Self::None | Self::WebSocket { .. } => None,
        }
    }
}
