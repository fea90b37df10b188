//! Responses on their way to the client.
//!
//! A streamed one is pulled: its next chunk is asked for only when the last was written, so a
//! slow client slows its source. What goes on beside the writing is the affair of
//! [`ExchangeState::run`].

use std::future::poll_fn;
use std::task::{Poll, Waker};
use std::time::Duration;

use super::batch::{Batch, Framing, Gathered, SMALL_BODY};
use super::context::ResponseContext;
use super::exchange::{ExchangeState, Reading, Writing};
use super::transition::Transition;
use crate::error_response::ErrorResponse;
use crate::http1::{
    self, BodyEncoding, Connection, Payload, RequestError, ResponseHeaders, Status, Version,
};
use crate::length_check::LengthCheck;
use crate::memory::Reserved;
use crate::service::{Body, BodyStream, PendingResponse, ServiceResponse};
use crate::settings::Settings;
use crate::shard::Shard;
use crate::socket::{Client, Disconnected, Writer, write_all};
use crate::sse;
use crate::websocket::WebSocket;

/// Writes the responses to one request: informational ones, and the final one.
pub(super) struct ResponseWriter<'c> {
    socket: &'c mut Writer,
    state: &'c ExchangeState<'c>,
    context: ResponseContext,
}

/// The end of a final response.
pub(super) enum Written {
    /// It is complete, and said this of the connection.
    Complete(Connection),
    /// The connection goes on as a WebSocket.
    Upgraded(WebSocket),
    /// Its source failed, and the client must see that the end is missing.
    Aborted,
}

impl<'c> ResponseWriter<'c> {
    pub(super) fn new(
        socket: &'c mut Writer,
        state: &'c ExchangeState<'c>,
        context: ResponseContext,
    ) -> Self {
        Self {
            socket,
            state,
            context,
        }
    }

    /// Waits for the response, and writes it.
    pub(super) async fn write_pending(
        &mut self,
        mut pending: PendingResponse,
    ) -> Result<Written, Disconnected> {
        let response = loop {
            let next = poll_fn(|cx| match pending.as_mut().poll(cx) {
                Poll::Ready(response) => Poll::Ready(Ok(response)),
                Poll::Pending => self.poll_informational(cx.waker()).map(Err),
            });
            match next.await {
                Ok(response) => break response,
                Err(informational) => self.write(informational).await?,
            }
        };
        drop(pending);
        self.write_response(response).await
    }

    /// Writes the service's response.
    pub(super) async fn write_response(
        &mut self,
        response: Result<ServiceResponse, ErrorResponse>,
    ) -> Result<Written, Disconnected> {
        let response = match response {
            Ok(ServiceResponse::Http(response)) => response,
            Ok(ServiceResponse::WebSocket(websocket)) => return self.upgrade(websocket).await,
            Err(response) => return self.write_error(&response).await,
        };
        let (status, mut headers) = (response.status, response.headers);
        match response.body {
            Body::Bytes(body) => self.write_whole(status, headers, body).await,
            Body::Stream(body) => {
                if sse::is_stream(&headers) {
                    self.state.set_events();
                    sse::set_unbuffered(&mut headers, &self.state.settings.headers);
                }
                self.stream(status, headers, body).await
            }
        }
    }

    async fn write_whole(
        &mut self,
        status: Status,
        headers: ResponseHeaders,
        mut body: Vec<u8>,
    ) -> Result<Written, Disconnected> {
        let payload = Payload::Length(body.len() as u64);
        let connection = self.decide(true);
        let (mut out, encoding) = self.encode(status, &headers, payload, connection);
        drop(headers);
        if encoding != BodyEncoding::Plain {
            body.clear();
        }
        // A small body is cheaper to copy than to write by itself.
        if body.len() <= SMALL_BODY {
            out.extend_from_slice(&body);
            body.clear();
        }
        // Held until the client has taken it.
        let memory = self.state.shard.body_memory();
        let mut reserved = Reserved::none(memory);
        if reserved.grow_to(out.len() + body.len()).is_err() {
            drop((out, body));
            memory.note_rejected();
            return self.write_error(&ErrorResponse::exhausted()).await;
        }
        self.write_first(out).await?;
        if !body.is_empty() {
            self.write(body).await?;
        }
        Ok(Written::Complete(connection))
    }

    /// Writes the chunks of `body` behind the head, which waits for the first of them, but not for
    /// long.
    async fn stream(
        &mut self,
        status: Status,
        headers: ResponseHeaders,
        mut body: Box<dyn BodyStream>,
    ) -> Result<Written, Disconnected> {
        let length = body.length();
        let payload = match length {
            Some(length) if !body.has_trailers() => Payload::Length(length),
            _ => Payload::Stream,
        };
        // What becomes of the connection is decided when the head is written.
        let connection = self.likely();
        let (mut out, encoding) = self.encode(status, &headers, payload, connection);
        // The stream may take hours.
        drop(headers);
        let mut head = StreamHead {
            status,
            len: out.len(),
            encoding,
            connection,
            is_written: false,
        };
        let Some(framing) = Framing::of(encoding) else {
            drop(body);
            self.settle(&mut head, &mut out, true);
            self.write_first(out).await?;
            return Ok(Written::Complete(head.connection));
        };
        let head_due = self.state.shard.now() + HEAD_WAITS;
        self.state.set_writing(Writing::Head(head_due));
        let mut length = LengthCheck::new(length);
        loop {
            let batch = Batch {
                any: head.is_written && !out.is_empty(),
                head_due: self.state.head_due(),
                framing: &framing,
                length: &mut length,
                takes_trailers: self.context.takes_trailers,
            };
            let large = match self.gather(batch, &mut out, &mut *body).await? {
                Gathered::More => None,
                Gathered::Large(chunk) => Some(chunk),
                Gathered::End => {
                    drop(body);
                    self.write_batch(&mut head, out).await?;
                    return Ok(Written::Complete(match framing {
                        Framing::UntilClose => Connection::Close,
                        Framing::Chunked | Framing::Plain => head.connection,
                    }));
                }
                Gathered::Aborted { any: false } if !head.is_written => {
                    drop(body);
                    self.state.shard.give_buffer(out);
                    return self.write_error(&ErrorResponse::internal_error()).await;
                }
                // What it said before is still so; that the end is missing tells the client.
                Gathered::Aborted { .. } => {
                    drop(body);
                    self.write_batch(&mut head, out).await?;
                    return Ok(Written::Aborted);
                }
            };
            self.write_batch(&mut head, out).await?;
            // A stream that waits holds no buffer.
            out = Vec::new();
            if let Some(chunk) = large {
                self.write(chunk).await?;
                framing.end_chunk(&mut out);
            }
        }
    }

    /// Appends the chunks that are ready to `out`, or waits for the next one.
    async fn gather(
        &mut self,
        mut batch: Batch<'_>,
        out: &mut Vec<u8>,
        body: &mut dyn BodyStream,
    ) -> Result<Gathered, Disconnected> {
        loop {
            let next = poll_fn(|cx| {
                if self.state.is_cut_by_drain() {
                    return Poll::Ready(Ok(batch.end_early(out)));
                }
                match batch.poll(self.state.shard, body, out, cx) {
                    Poll::Ready(gathered) => Poll::Ready(Ok(gathered)),
                    Poll::Pending if batch.head_due.is_none() => Poll::Pending,
                    Poll::Pending => match self.poll_informational(cx.waker()) {
                        Poll::Pending if batch.is_head_due(self.state.shard) => {
                            Poll::Ready(Ok(Gathered::More))
                        }
                        informational => informational.map(Err),
                    },
                }
            });
            match next.await {
                Ok(gathered) => return Ok(gathered),
                Err(informational) => self.write(informational).await?,
            }
        }
    }

    /// Writes what was gathered, behind the head the first time.
    async fn write_batch(
        &mut self,
        head: &mut StreamHead,
        mut out: Vec<u8>,
    ) -> Result<(), Disconnected> {
        if head.is_written {
            return self.write(out).await;
        }
        head.is_written = true;
        self.settle(head, &mut out, false);
        self.write_first(out).await
    }

    /// Writes a response of the host.
    pub(super) async fn write_error(
        &mut self,
        response: &ErrorResponse,
    ) -> Result<Written, Disconnected> {
        let connection = self.decide(true);
        let mut out = self.state.shard.take_buffer();
        let (shard, settings) = (self.state.shard, self.state.settings);
        let head = encode_error_response(
            &mut out,
            shard,
            settings,
            self.context,
            connection,
            response,
        );
        self.state.guard.recorder.response(response.status, head);
        tracing::trace!(
            status = response.status.code(),
            "response of the server begins"
        );
        self.write_first(out).await?;
        Ok(Written::Complete(connection))
    }

    /// Writes the head that changes the protocol, which is impossible within the request's body.
    async fn upgrade(&mut self, mut websocket: WebSocket) -> Result<Written, Disconnected> {
        if !self.state.is_read() {
            tracing::warn!("a WebSocket was refused: the request's body isn't complete");
            return self.write_error(&ErrorResponse::internal_error()).await;
        }
        let (status, headers) = (Status::SWITCHING_PROTOCOLS, websocket.take_headers());
        let connection = Connection::Upgrade("websocket");
        self.context.version = Version::Http11;
        let (out, _) = self.encode(status, &headers, Payload::Stream, connection);
        self.write_first(out).await?;
        Ok(Written::Upgraded(websocket))
    }

    /// Begins the final response, and returns the fate of the connection.
    fn decide(&self, whole: bool) -> Connection {
        match self.state.response_begins(whole) && self.context.keep_alive {
            true => Connection::KeepAlive,
            false => Connection::Close,
        }
    }

    /// Returns the most likely fate of the connection.
    fn likely(&self) -> Connection {
        match self.context.keep_alive && !self.state.shard.is_draining() {
            true => Connection::KeepAlive,
            false => Connection::Close,
        }
    }

    /// Decides the fate of the connection, and changes the head at the start of `out`.
    fn settle(&self, head: &mut StreamHead, out: &mut Vec<u8>, whole: bool) {
        let connection = self.decide(whole);
        if connection == head.connection {
            return;
        }
        let (context, settings) = (self.context, self.state.settings);
        head.len = self.state.shard.with_date(|date| {
            let encoded = context.response_head(head.status, head.connection, date, settings);
            http1::change_connection(out, head.len, &encoded, head.encoding, connection)
        });
        head.connection = connection;
        self.state.guard.recorder.response(head.status, head.len);
    }

    /// Returns the head, and the form of the body behind it.
    fn encode(
        &self,
        status: Status,
        headers: &ResponseHeaders,
        payload: Payload,
        connection: Connection,
    ) -> (Vec<u8>, BodyEncoding) {
        let (shard, settings) = (self.state.shard, self.state.settings);
        let mut out = shard.take_buffer();
        let encoding = shard.with_date(|date| {
            let head = self
                .context
                .response_head(status, connection, date, settings);
            http1::encode_head(&mut out, &head, payload, headers)
        });
        self.state.guard.recorder.response(status, out.len());
        tracing::trace!(status = status.code(), ?encoding, "response begins");
        (out, encoding)
    }

    /// Returns the informational responses to write before the final one.
    fn poll_informational(&self, waker: &Waker) -> Poll<Vec<u8>> {
        self.state.poll_informational(self.context.version, waker)
    }

    /// Writes the beginning of the final response.
    async fn write_first(&mut self, out: Vec<u8>) -> Result<(), Disconnected> {
        let informational = self.state.close_informational(self.context.version);
        if !informational.is_empty() {
            self.write(informational).await?;
        }
        self.state.set_writing(Writing::Body);
        self.write(out).await
    }

    /// Writes all of `bytes`.
    async fn write(&mut self, bytes: Vec<u8>) -> Result<(), Disconnected> {
        let state = self.state;
        let bytes = write_all(self.socket, &state.guard.recorder, bytes, || {
            state.begin_write()
        });
        let bytes = bytes.await?;
        state.end_write();
        state.shard.give_buffer(bytes);
        Ok(())
    }
}

/// The head of a streamed response.
struct StreamHead {
    status: Status,
    /// Its bytes.
    len: usize,
    encoding: BodyEncoding,
    connection: Connection,
    is_written: bool,
}

impl Client {
    /// Writes a response of the host, the last on the connection.
    pub(super) async fn write_error(
        &mut self,
        response: &ErrorResponse,
        context: ResponseContext,
    ) -> Result<(), Disconnected> {
        let context = ResponseContext {
            keep_alive: false,
            takes_trailers: false,
            ..context
        };
        let state = ExchangeState::new(&self.guard, &self.shard, &self.settings, Reading::Complete);
        let mut writer = ResponseWriter::new(&mut self.writer, &state, context);
        writer.write_error(response).await.map(|_| ())
    }

    /// Writes a response to a request that begins with `input`, and isn't understood.
    pub(crate) async fn write_unparsed_error(
        &mut self,
        response: &ErrorResponse,
        input: &[u8],
    ) -> Result<(), Disconnected> {
        let context = ResponseContext::of_unparsed(input);
        self.write_error(response, context).await
    }

    /// Answers a request that can't be understood, or is too large, and closes.
    pub(super) async fn reject(
        &mut self,
        error: RequestError,
        context: ResponseContext,
    ) -> Transition {
        self.reject_with(&error.into(), context).await
    }

    /// Answers a request whose body there is no memory for, and closes.
    pub(super) async fn reject_exhausted(&mut self, context: ResponseContext) -> Transition {
        self.shard.body_memory().note_rejected();
        self.reject_with(&ErrorResponse::exhausted(), context).await
    }

    /// Answers a request, and closes.
    pub(super) async fn reject_with(
        &mut self,
        response: &ErrorResponse,
        context: ResponseContext,
    ) -> Transition {
        match self.write_error(response, context).await {
            Ok(()) => Transition::Close,
            Err(Disconnected) => Transition::Disconnected,
        }
    }
}

/// Appends a response of the host. Returns the length of its head.
pub(super) fn encode_error_response(
    out: &mut Vec<u8>,
    shard: &Shard,
    settings: &Settings,
    context: ResponseContext,
    connection: Connection,
    response: &ErrorResponse,
) -> usize {
    shard.with_date(|date| {
        let head = context.response_head(response.status, connection, date, settings);
        http1::encode_plain(out, &head, &response.headers, &response.text)
    })
}

/// The time that a head waits for the first chunk. A chunk that comes by then is written with it, and a
/// source that fails by then can still be told of by a 500; a client learns of a response without
/// one soon enough.
const HEAD_WAITS: Duration = Duration::from_millis(100);
