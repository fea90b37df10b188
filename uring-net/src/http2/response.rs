//! The response to one request, on its stream.
//!
//! What is sent waits for the client's window, and only that stream waits: a source is asked for its
//! next chunk when `h2` has taken the last.

use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, SendStream};

use super::body::Pump;
use super::fields::FieldMap;
use super::load::Load;
use super::piece::{Open, Piece};
use super::waits::{Wait, Waits};
use crate::error_response::ErrorResponse;
use crate::http1::{
    BodyEncoding, Connection, Date, Fields, Payload, ResponseHead, ResponseHeaders, Status,
    Trailers, Version, check_trailers, is_host_owned, put_head_fields, put_plain_head_fields,
};
use crate::length_check::LengthCheck;
use crate::memory::Reserved;
use crate::service::{
    Aborted, Body, BodyStream, Informational, InformationalHead, PendingResponse, ServiceResponse,
};
use crate::settings::Settings;
use crate::shard::Shard;
use crate::sse;

/// Writes the responses to one request: informational ones, and the final one.
pub(super) struct ResponseWriter<'c> {
    pub(super) shard: &'c Shard,
    pub(super) settings: &'c Settings,
    pub(super) load: &'c Load,
    pub(super) waits: &'c Waits,
    pub(super) wait: Wait,
    pub(super) respond: SendResponse<Piece>,
    pub(super) request: Rc<Open>,
    pub(super) to_head: bool,
    pub(super) takes_trailers: bool,
    /// The way to informational responses, until the final one begins.
    pub(super) informational: Option<Informational>,
    /// Set if something of the final response was sent.
    pub(super) is_begun: bool,
}

/// The stream ended before the response did; the client did it if `by_client` is set.
pub(super) struct Ended {
    pub(super) by_client: bool,
}

type Sent = Result<(), Ended>;

/// The next thing to do for a streamed response.
enum Next {
    Chunk(Vec<u8>),
    /// The source has ended, or is to be cut off.
    End {
        by_source: bool,
    },
    Aborted,
    /// The head has waited for long enough.
    Head,
    Informational(Vec<InformationalHead>),
}

impl ResponseWriter<'_> {
    /// Waits for the response, and writes it.
    pub(super) async fn write_pending(
        &mut self,
        mut pending: PendingResponse,
        pump: &RefCell<Pump>,
    ) -> Sent {
        let response = loop {
            let next = poll_fn(|cx| {
                if let Poll::Ready(response) = pending.as_mut().poll(cx) {
                    return Poll::Ready(Ok(Ok(response)));
                }
                if pump.borrow_mut().take_continue() {
                    return Poll::Ready(self.write_continue().map(|()| Err(Vec::new())));
                }
                if let Poll::Ready(heads) = self.poll_informational(cx) {
                    return Poll::Ready(Ok(Err(heads)));
                }
                self.poll_reset(cx).map(Err)
            });
            match next.await? {
                Ok(response) => break response,
                Err(heads) => self.write_informational(heads)?,
            }
        };
        drop(pending);
        self.write(response).await
    }

    /// Writes the service's response.
    pub(super) async fn write(&mut self, response: Result<ServiceResponse, ErrorResponse>) -> Sent {
        let response = match response {
            Ok(ServiceResponse::Http(response)) => response,
            Ok(ServiceResponse::WebSocket(_)) => {
                tracing::warn!("a WebSocket was refused: HTTP/2 has no upgrade");
                return self.write_error(&ErrorResponse::internal_error()).await;
            }
            Err(response) => return self.write_error(&response).await,
        };
        let (status, mut headers) = (response.status, response.headers);
        match response.body {
            Body::Bytes(body) => self.write_whole(status, &headers, body).await,
            Body::Stream(body) => {
                let is_events = sse::is_stream(&headers);
                if is_events {
                    sse::set_unbuffered(&mut headers, &self.settings.headers);
                }
                self.stream(status, headers, body, is_events).await
            }
        }
    }

    /// Writes a response of the host.
    pub(super) async fn write_error(&mut self, response: &ErrorResponse) -> Sent {
        let text = format!("{}\n", response.text);
        let mut fields = FieldMap::default();
        let encoding = self.shard.with_date(|date| {
            let head = self.head(response.status, date);
            put_plain_head_fields(&mut fields, &head, &response.headers, text.len())
        });
        let has_body = encoding != BodyEncoding::Omitted;
        let Some(mut send) = self.begin(response.status, fields, !has_body)? else {
            return Err(Ended { by_client: false });
        };
        match has_body {
            true => self.send(&mut send, text.into(), true).await,
            false => Ok(()),
        }
    }

    /// Tells a client that waits before it sends the body to go on.
    pub(super) fn write_continue(&mut self) -> Sent {
        let fields = FieldMap::default();
        self.send_informational(100, fields)
    }

    async fn write_whole(
        &mut self,
        status: Status,
        headers: &ResponseHeaders,
        body: Vec<u8>,
    ) -> Sent {
        let memory = self.shard.body_memory();
        let mut reserved = Reserved::none(memory);
        if reserved.grow_to(body.len()).is_err() {
            drop(body);
            memory.note_rejected();
            return self.write_error(&ErrorResponse::exhausted()).await;
        }
        let payload = Payload::Length(body.len() as u64);
        let (fields, encoding) = self.encode(status, headers, payload);
        let is_empty = encoding == BodyEncoding::Omitted || body.is_empty();
        let Some(mut send) = self.begin(status, fields, is_empty)? else {
            return self.write_unsendable().await;
        };
        if is_empty {
            return Ok(());
        }
        self.request.hold(reserved);
        self.send(&mut send, body.into(), true).await
    }

    /// Writes the chunks of `body` behind the head, which waits for the first of them, but not for
    /// long.
    async fn stream(
        &mut self,
        status: Status,
        headers: ResponseHeaders,
        mut body: Box<dyn BodyStream>,
        is_events: bool,
    ) -> Sent {
        let payload = match body.length() {
            Some(length) => Payload::Length(length),
            None => Payload::Stream,
        };
        let (fields, encoding) = self.encode(status, &headers, payload);
        drop(headers);
        if encoding == BodyEncoding::Omitted {
            drop(body);
            return match self.begin(status, fields, true)? {
                Some(_) => Ok(()),
                None => self.write_unsendable().await,
            };
        }
        let mut length = LengthCheck::new(body.length());
        let mut fields = Some(fields);
        let mut send = None;
        let head_due = self.shard.now() + HEAD_WAITS;
        loop {
            let next = poll_fn(|cx| {
                if is_events && self.shard.is_draining() {
                    return Poll::Ready(Ok(Next::End { by_source: false }));
                }
                let is_held = length.holds_chunk() && send.is_none();
                match body.poll_chunk(cx) {
                    Poll::Ready(Some(Ok(chunk))) => return Poll::Ready(Ok(Next::Chunk(chunk))),
                    Poll::Ready(Some(Err(Aborted))) => return Poll::Ready(Ok(Next::Aborted)),
                    Poll::Ready(None) => return Poll::Ready(Ok(Next::End { by_source: true })),
                    // A chunk that is held sends the head.
                    Poll::Pending if is_held => return Poll::Ready(Ok(Next::Head)),
                    Poll::Pending => {}
                }
                match &mut send {
                    Some(send) => {
                        self.wait.set(None, cx);
                        poll_reset_of(send, cx).map(Err)
                    }
                    None if head_due <= self.shard.now() => Poll::Ready(Ok(Next::Head)),
                    None => {
                        if let Poll::Ready(heads) = self.poll_informational(cx) {
                            return Poll::Ready(Ok(Next::Informational(heads)));
                        }
                        self.wait.set(Some(head_due), cx);
                        self.poll_reset(cx).map(Err)
                    }
                }
            });
            let (chunk, is_end) = match next.await? {
                Next::Informational(heads) => {
                    self.write_informational(heads)?;
                    continue;
                }
                Next::Head => (None, false),
                Next::Chunk(chunk) => match length.admit(chunk) {
                    Ok(Some(chunk)) => (Some(chunk), false),
                    Ok(None) => continue,
                    Err(why) => {
                        body.note_wrong_length(why);
                        return self.abort(send).await;
                    }
                },
                Next::End { by_source: false } if length.is_complete() => (None, true),
                Next::End { by_source: false } | Next::Aborted => return self.abort(send).await,
                Next::End { by_source: true } => match length.end() {
                    Ok(last) => (last, true),
                    Err(why) => {
                        body.note_wrong_length(why);
                        return self.abort(send).await;
                    }
                },
            };
            let trailers = match is_end && self.takes_trailers {
                true => body.trailers(),
                false => Trailers::new(),
            };
            if let Err(invalid) = check_trailers(&trailers) {
                tracing::warn!("the end of a response was refused: {invalid}");
                return self.abort(send).await;
            }
            let is_last = is_end && trailers.is_empty();
            let chunk = chunk.unwrap_or_default();
            let send = match (&mut send, fields.take()) {
                (Some(send), _) => send,
                (none, fields) => {
                    let is_all = is_last && chunk.is_empty();
                    match self.begin(status, fields.unwrap_or_default(), is_all)? {
                        Some(_) if is_all => return Ok(()),
                        Some(begun) => none.insert(begun),
                        None => return self.write_unsendable().await,
                    }
                }
            };
            if !chunk.is_empty() || is_last {
                self.send(send, chunk.into(), is_last).await?;
            }
            if is_end {
                return match is_last {
                    true => Ok(()),
                    false => send_trailers(send, &trailers),
                };
            }
        }
    }

    /// The source of a response failed: the client must see that the end is missing, or what happened.
    async fn abort(&mut self, send: Option<SendStream<Piece>>) -> Sent {
        let Some(mut send) = send else {
            return self.write_error(&ErrorResponse::internal_error()).await;
        };
        // A reset drops what was not written.
        let mut has_passed = false;
        poll_fn(|cx| {
            if std::mem::replace(&mut has_passed, true) {
                return Poll::Ready(());
            }
            self.waits.wait_for_pass(cx.waker());
            Poll::Pending
        })
        .await;
        send.send_reset(Reason::INTERNAL_ERROR);
        Err(Ended { by_client: false })
    }

    /// The head can't be sent: it has more fields than there is room for.
    async fn write_unsendable(&mut self) -> Sent {
        tracing::warn!("a response was refused: it has too many headers");
        self.write_error(&ErrorResponse::internal_error()).await
    }

    fn head<'d>(&'d self, status: Status, date: &'d Date) -> ResponseHead<'d> {
        ResponseHead {
            status,
            version: Version::Http2,
            to_head: self.to_head,
            connection: Connection::KeepAlive,
            date,
            defaults: &self.settings.headers,
        }
    }

    fn encode(
        &self,
        status: Status,
        headers: &ResponseHeaders,
        payload: Payload,
    ) -> (FieldMap, BodyEncoding) {
        let mut fields = FieldMap::default();
        let encoding = self.shard.with_date(|date| {
            put_head_fields(&mut fields, &self.head(status, date), payload, headers)
        });
        (fields, encoding)
    }

    /// Sends the head of the final response. Returns `None` if it has too many fields.
    fn begin(
        &mut self,
        status: Status,
        fields: FieldMap,
        is_all: bool,
    ) -> Result<Option<SendStream<Piece>>, Ended> {
        let Some(head) = fields.into_head(status.code()) else {
            return Ok(None);
        };
        if let Some(informational) = self.informational.take() {
            self.write_informational(informational.close())?;
        }
        self.is_begun = true;
        self.request.recorder.response(status, 0);
        tracing::trace!(status = status.code(), "response begins");
        let sent = self.respond.send_response(head, is_all);
        sent.map(Some).map_err(ended)
    }

    /// Sends all of `content`, as the client has room for it.
    async fn send(
        &mut self,
        send: &mut SendStream<Piece>,
        mut content: Bytes,
        is_end: bool,
    ) -> Sent {
        loop {
            let count = match content.len() {
                0 => 0,
                len => self.capacity(send, len).await?.min(len),
            };
            let part = content.split_to(count);
            self.load.useful(count);
            let piece = Piece::new(part, self.request.clone());
            let is_last = content.is_empty();
            send.send_data(piece, is_end && is_last).map_err(ended)?;
            if is_last {
                return Ok(());
            }
        }
    }

    /// Waits until the client has room for some of `wanted` bytes.
    async fn capacity(
        &mut self,
        send: &mut SendStream<Piece>,
        wanted: usize,
    ) -> Result<usize, Ended> {
        send.reserve_capacity(wanted);
        let deadline = self.shard.now().checked_add(self.settings.write_timeout);
        let capacity = poll_fn(|cx| {
            loop {
                match send.capacity() {
                    0 => {}
                    capacity => return Poll::Ready(Ok(Some(capacity))),
                }
                match send.poll_capacity(cx) {
                    Poll::Ready(Some(Ok(_))) => {}
                    Poll::Ready(Some(Err(error))) => return Poll::Ready(Err(ended(error))),
                    Poll::Ready(None) => return poll_reset_of(send, cx).map(Err),
                    Poll::Pending if deadline.is_some_and(|at| at <= self.shard.now()) => {
                        return Poll::Ready(Ok(None));
                    }
                    Poll::Pending => {
                        self.wait.set(deadline, cx);
                        return Poll::Pending;
                    }
                }
            }
        });
        match capacity.await? {
            Some(capacity) => Ok(capacity),
            None => {
                tracing::trace!("stream reset: its client takes nothing of the response");
                send.send_reset(Reason::CANCEL);
                Err(Ended { by_client: false })
            }
        }
    }

    fn poll_informational(&self, cx: &Context<'_>) -> Poll<Vec<InformationalHead>> {
        let Some(informational) = &self.informational else {
            return Poll::Pending;
        };
        let heads = informational.take(cx.waker());
        match heads.is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(heads),
        }
    }

    fn write_informational(&mut self, heads: Vec<InformationalHead>) -> Sent {
        for InformationalHead { status, headers } in heads {
            let mut fields = FieldMap::default();
            for (name, value) in headers.iter() {
                if !is_host_owned(name.as_bytes()) {
                    fields.field(name.as_bytes(), value);
                }
            }
            self.send_informational(status, fields)?;
        }
        Ok(())
    }

    fn send_informational(&mut self, status: u16, fields: FieldMap) -> Sent {
        match fields.into_head(status) {
            Some(head) => self.respond.send_informational(head).map_err(ended),
            None => Ok(()),
        }
    }

    /// Ready if the stream has ended, before the final response has begun.
    pub(super) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        let reset = self.respond.poll_reset(cx);
        reset.map(|reset| reset.map_or_else(ended, |_| Ended { by_client: true }))
    }
}

/// Ready if the stream has ended, while the response is sent.
fn poll_reset_of(send: &mut SendStream<Piece>, cx: &mut Context<'_>) -> Poll<Ended> {
    let reset = send.poll_reset(cx);
    reset.map(|reset| reset.map_or_else(ended, |_| Ended { by_client: true }))
}

fn send_trailers(send: &mut SendStream<Piece>, trailers: &Trailers) -> Sent {
    let mut fields = FieldMap::default();
    for (name, value) in trailers {
        fields.field(name.as_bytes(), value);
    }
    let Some(trailers) = fields.into_map() else {
        send.send_reset(Reason::INTERNAL_ERROR);
        return Err(Ended { by_client: false });
    };
    send.send_trailers(trailers).map_err(ended)
}

fn ended(error: h2::Error) -> Ended {
    Ended {
        by_client: error.is_remote(),
    }
}

/// The time that a head waits for the first chunk, as in HTTP/1.1.
const HEAD_WAITS: Duration = Duration::from_millis(100);
