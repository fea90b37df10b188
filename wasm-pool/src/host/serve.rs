//! `rusm:runtime/serve@0.1.0`: what a process sends to the client that it serves.
//!
//! The client's side is a host process that owns the socket, on the same shard. A body goes there
//! through a byte stream of the actor core, the messages of a WebSocket through a queue of frames:
//! they make the guest wait for a slow client, and tell it that the client has left.

use std::future::Future;
use std::time::Instant;

use bytes::Bytes;
use rusm_core::{Frame, Pid, StreamError};

use super::shard::{shard, shard_gone};
use crate::bindings::rusm::runtime::serve::{ConnectionInfo, Host};
use crate::connection::{EncodeEvent, ResponseHead, ResponseStart, SseEvent};
use crate::http;
use crate::runtime;
use crate::state::HostState;
use crate::state::client::{Client, HttpClient};
use crate::state::log_lines::Level;

impl Host for HostState {
    fn connection(&mut self) -> wasmtime::Result<Option<ConnectionInfo>> {
        Ok(match &self.client {
            Client::None => None,
            Client::Http(HttpClient { info, .. }) | Client::WebSocket { info, .. } => {
                Some(ConnectionInfo::clone(info))
            }
        })
    }

    fn respond(
        &mut self,
        status: u16,
        headers: Vec<(String, Vec<u8>)>,
    ) -> wasmtime::Result<Result<(), String>> {
        let head = http::head_bytes(&headers);
        if head > http::MAX_HEAD {
            return Ok(Err(format!(
                "the response's headers have {head} bytes, more than {}",
                http::MAX_HEAD
            )));
        }
        self.start_response(ResponseHead { status, headers })
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
            shard()?.close_frames(self.pid, outgoing, Ok(()));
        }
        Ok(())
    }
}

impl HostState {
    /// Start a streamed response. From here on it may take as long as the client stays.
    fn start_response(&mut self, head: ResponseHead) -> wasmtime::Result<Result<(), String>> {
        let pid = self.pid;
        let Client::Http(client) = &mut self.client else {
            return Ok(Err("this process answers no request by a stream".into()));
        };
        let Some(start) = client.start.take() else {
            return Ok(Err("the response has begun already".into()));
        };
        let Some(stream) = shard()?.open_stream(pid, client.socket_process) else {
            return Ok(Err("the client is gone".into()));
        };
        client.body = Some(stream);
        if !client.has_callbacks {
            shard()?.set_deadline(pid, None);
            self.deadline = None;
        }
        // A socket process that is gone takes its end of the stream with it.
        let _ = start.send(ResponseStart::Stream(head, stream));
        Ok(Ok(()))
    }

    async fn send_body(&mut self, chunk: Bytes) -> wasmtime::Result<bool> {
        let Client::Http(HttpClient {
            body: Some(body), ..
        }) = self.client
        else {
            return Ok(false);
        };
        if chunk.is_empty() {
            return Ok(true);
        }
        let writing = shard()?.write(self.pid, body, chunk);
        self.send_to_client(writing).await
    }

    async fn send_event(&mut self, event: &SseEvent<'_>) -> wasmtime::Result<bool> {
        let mut bytes = Vec::new();
        let len = match event {
            SseEvent::Event { data, .. } => data.len(),
            SseEvent::Comment(text) => text.len(),
        };
        let encoded = if len > MAX_EVENT {
            Err(format!("it has {len} bytes, more than {MAX_EVENT}"))
        } else {
            encode_event()?(&mut bytes, event)
        };
        if let Err(why) = encoded {
            let line = format!("an event was not sent: {why}");
            self.diagnostics.line(Level::Warn, &line);
            return Ok(true);
        }
        if !self.start_events()? {
            return Ok(false);
        }
        self.send_body(bytes.into()).await
    }

    /// Start a response of Server-Sent Events, if none has started. False if the client is gone.
    pub(crate) fn start_events(&mut self) -> wasmtime::Result<bool> {
        let Client::Http(HttpClient { start: Some(_), .. }) = self.client else {
            return Ok(true);
        };
        let head = ResponseHead {
            status: 200,
            headers: vec![
                ("content-type".into(), b"text/event-stream".to_vec()),
                ("cache-control".into(), b"no-cache".to_vec()),
            ],
        };
        Ok(self.start_response(head)?.is_ok())
    }

    /// A message to the socket process is for the client: a binary message, or the data of an
    /// event. `None` if `to` is somebody else.
    pub(crate) async fn send_to_socket_process(
        &mut self,
        to: Pid,
        message: &mut Vec<u8>,
    ) -> wasmtime::Result<Option<bool>> {
        let mut take = || std::mem::take(message);
        match &self.client {
            Client::WebSocket { socket_process, .. } if *socket_process == to => {
                let frame = Frame::Binary(take());
                self.send_frame(frame).await.map(Some)
            }
            Client::Http(HttpClient {
                socket_process,
                has_callbacks: false,
                ..
            }) if *socket_process == to => {
                let event = SseEvent::Event {
                    data: &take(),
                    event: None,
                    id: None,
                    retry: None,
                };
                self.send_event(&event).await.map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn send_frame(&mut self, frame: Frame) -> wasmtime::Result<bool> {
        let Client::WebSocket { outgoing, .. } = self.client else {
            return Ok(false);
        };
        let sending = shard()?.send_frame(self.pid, outgoing, frame);
        self.send_to_client(sending).await
    }

    /// Waits until the client's socket process takes what is written; false if it is gone. How long a
    /// client may take is for its connection to say (write-timeout-ms), and the guest's own time
    /// stands still meanwhile.
    async fn send_to_client(
        &mut self,
        writing: impl Future<Output = Result<(), StreamError>>,
    ) -> wasmtime::Result<bool> {
        // Without one, a deadline that the shard has is not for this to put off.
        let Some(deadline) = self.deadline.take() else {
            return Ok(writing.await.is_ok());
        };
        let waiting_since = Instant::now();
        shard()?.set_deadline(self.pid, None);
        let sent = writing.await.is_ok();
        self.deadline = Some(deadline + waiting_since.elapsed());
        shard()?.set_deadline(self.pid, self.deadline);
        Ok(sent)
    }
}

fn encode_event() -> wasmtime::Result<EncodeEvent> {
    runtime::encode_event().ok_or_else(shard_gone)
}

/// Bytes of the data of an event, or of a comment, at most. Each of its lines gets a name, which can make it
/// several times as long.
const MAX_EVENT: usize = 1 << 20;
