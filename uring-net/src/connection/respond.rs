//! Answers on their way to the client.
//!
//! A streamed one is pulled: its next chunk is asked for only when the last was written, so a
//! slow client slows its source. While the source has nothing, a read is in flight, by which
//! we learn that the client has left.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::Reply;
use super::receive::exhausted;
use crate::http1::{
    self, BodyEncoding, Connection, Date, InvalidHeader, Payload, ResponseHead, Status, Trailers,
    Version,
};
use crate::service::{Aborted, Answer, Body, BodyStream, Refusal};
use crate::settings::Settings;
use crate::shard::{Phase, Shard};
use crate::socket::{Client, Gone};
use crate::sse;
use crate::watch::Watch;
use crate::websocket::WebSocket;

impl Client {
    /// Write the service's answer, and say what becomes of the connection after it.
    pub(super) async fn send(
        &mut self,
        mut answer: Answer,
        reply: Reply,
    ) -> Result<Connection, Gone> {
        let is_events = answer.is_event_stream();
        if is_events {
            sse::set_unbuffered(&mut answer.headers, &self.settings.headers);
        }
        let mut out = self.shard.take_buffer();
        let payload = match &answer.body {
            Body::Bytes(bytes) => Payload::Length(bytes.len() as u64),
            Body::Stream(body) => Payload::of(&**body),
        };
        let encoded = self.encode(&mut out, answer.status, reply, payload, &answer.headers);
        let encoding = match encoded {
            Ok(encoding) => encoding,
            Err(invalid) => return self.refuse_header(out, &invalid, reply).await,
        };
        match answer.body {
            Body::Bytes(mut body) => {
                if encoding != BodyEncoding::Plain {
                    body.clear();
                }
                // A small body is cheaper to copy than to write by itself.
                if body.len() <= SMALL_BODY {
                    out.extend_from_slice(&body);
                    body.clear();
                }
                // Held until the client has taken it.
                let mut reserved = self.reserve_nothing();
                if reserved.grow_to(out.len() + body.len()).is_err() {
                    drop((out, body));
                    self.shard.body_memory().note_refusal();
                    return self.refuse(&exhausted(), reply).await;
                }
                self.write(out).await?;
                if !body.is_empty() {
                    self.write(body).await?;
                }
                Ok(reply.connection)
            }
            Body::Stream(body) => match Framing::of(encoding, payload) {
                None => {
                    drop(body);
                    self.write(out).await?;
                    Ok(reply.connection)
                }
                Some(framing) => self.stream(out, body, framing, is_events, reply).await,
            },
        }
    }

    /// Write an answer of the host's own.
    pub(super) async fn refuse(
        &mut self,
        refusal: &Refusal,
        reply: Reply,
    ) -> Result<Connection, Gone> {
        let out = encode_refusal(&self.shard, &self.settings, &self.watch, refusal, reply);
        self.write(out).await?;
        Ok(reply.connection)
    }

    /// Write the head that changes the protocol.
    pub(super) async fn send_upgrade(
        &mut self,
        websocket: &mut WebSocket,
        reply: Reply,
    ) -> Result<Connection, Gone> {
        let mut out = self.shard.take_buffer();
        let headers = websocket.take_headers();
        let upgraded = Reply {
            version: Version::Http11,
            connection: Connection::Upgrade("websocket"),
            ..reply
        };
        let status = Status::SWITCHING_PROTOCOLS;
        match self.encode(&mut out, status, upgraded, Payload::Stream, &headers) {
            Ok(_) => {
                self.write(out).await?;
                Ok(upgraded.connection)
            }
            Err(invalid) => self.refuse_header(out, &invalid, reply).await,
        }
    }

    /// Write the chunks of `body` behind the head, which waits in `out` for the first of them, but
    /// not for long.
    async fn stream(
        &mut self,
        mut out: Vec<u8>,
        mut body: Box<dyn BodyStream>,
        mut framing: Framing,
        is_events: bool,
        reply: Reply,
    ) -> Result<Connection, Gone> {
        let mut sent = false;
        let head_due = self.shard.now() + HEAD_WAITS;
        loop {
            self.watch.enter(Phase::Guest, None);
            let filling = Filling {
                any: sent && !out.is_empty(),
                head_due: (!sent).then_some(head_due),
                framing: &mut framing,
                trailers: reply.trailers,
            };
            let filled = self.fill(filling, &mut out, &mut *body, is_events).await;
            let large = match filled {
                Filled::More => None,
                Filled::Large(chunk) => Some(chunk),
                Filled::End => {
                    drop(body);
                    self.write(out).await?;
                    return Ok(match framing {
                        Framing::UntilClose => Connection::Close,
                        Framing::Chunked | Framing::Length(_) => reply.connection,
                    });
                }
                Filled::Aborted { any: false } if !sent => {
                    self.shard.give_buffer(out);
                    let refusal = Refusal::new(Status::INTERNAL_SERVER_ERROR);
                    return self.refuse(&refusal, reply).await;
                }
                // What it said before is still so; that the end is missing tells the client.
                Filled::Aborted { .. } => {
                    drop(body);
                    self.write(out).await?;
                    return Err(Gone);
                }
                Filled::Left => return Err(Gone),
            };
            sent = true;
            self.write(out).await?;
            // A stream that waits holds no buffer.
            out = Vec::new();
            if let Some(chunk) = large {
                self.write(chunk).await?;
                framing.end_chunk(&mut out);
            }
        }
    }

    /// Append to `out` the chunks that are there, or wait for the next one. What was in `out`
    /// waits with it, unless the head is `sent` already.
    async fn fill(
        &mut self,
        mut filling: Filling<'_>,
        out: &mut Vec<u8>,
        body: &mut dyn BodyStream,
        is_events: bool,
    ) -> Filled {
        poll_fn(|cx| {
            if is_events && self.shard.is_draining() {
                return Poll::Ready(filling.end_early(out));
            }
            let filled = filling.poll(&self.shard, body, out, cx);
            if filled.is_ready() {
                return filled;
            }
            if filling.is_head_due(&self.shard) {
                return Poll::Ready(Filled::More);
            }
            if is_events || filling.head_due.is_some() {
                // To be woken when the shard drains, or the head is due.
                self.watch.enter_open(filling.head_due, cx.waker());
            }
            self.reader.poll_left(cx).map(|()| Filled::Left)
        })
        .await
    }

    fn encode(
        &self,
        out: &mut Vec<u8>,
        status: Status,
        reply: Reply,
        payload: Payload,
        headers: &[(String, Vec<u8>)],
    ) -> Result<BodyEncoding, InvalidHeader> {
        let (shard, settings) = (&self.shard, &self.settings);
        let encoding = encode_answer(shard, settings, out, status, reply, payload, headers)?;
        self.watch.recorder.answer(status, out.len());
        Ok(encoding)
    }

    async fn refuse_header(
        &mut self,
        out: Vec<u8>,
        invalid: &InvalidHeader,
        reply: Reply,
    ) -> Result<Connection, Gone> {
        tracing::warn!("a response was refused: {invalid}");
        self.shard.give_buffer(out);
        let refusal = Refusal::new(Status::INTERNAL_SERVER_ERROR);
        self.refuse(&refusal, reply).await
    }
}

/// Append the head of an answer.
pub(super) fn encode_answer(
    shard: &Shard,
    settings: &Settings,
    out: &mut Vec<u8>,
    status: Status,
    reply: Reply,
    payload: Payload,
    headers: &[(String, Vec<u8>)],
) -> Result<BodyEncoding, InvalidHeader> {
    shard.with_date(|date| {
        let head = reply.head(status, date, settings);
        let headers = headers.iter().map(|(name, value)| (name, value));
        http1::encode_head(out, &head, payload, headers)
    })
}

/// An answer of the host's own to a client that has no connection yet.
pub(super) fn encode_unrecorded(shard: &Shard, settings: &Settings, refusal: &Refusal) -> Vec<u8> {
    let mut out = Vec::new();
    shard.with_date(|date| {
        let head = Reply::UNKNOWN.head(refusal.status, date, settings);
        http1::encode_plain(&mut out, &head, &refusal.headers, &refusal.text);
    });
    out
}

/// An answer of the host's own, whole.
pub(super) fn encode_refusal(
    shard: &Shard,
    settings: &Settings,
    watch: &Watch,
    refusal: &Refusal,
    reply: Reply,
) -> Vec<u8> {
    let mut out = shard.take_buffer();
    shard.with_date(|date| {
        let head = reply.head(refusal.status, date, settings);
        http1::encode_plain(&mut out, &head, &refusal.headers, &refusal.text);
    });
    let body = match reply.to_head {
        true => 0,
        // The text is a line.
        false => refusal.text.len() + 1,
    };
    watch
        .recorder
        .answer(refusal.status, out.len().saturating_sub(body));
    out
}

impl Reply {
    fn head<'a>(self, status: Status, date: &'a Date, settings: &'a Settings) -> ResponseHead<'a> {
        ResponseHead {
            status,
            version: self.version,
            to_head: self.to_head,
            connection: self.connection,
            date,
            defaults: &settings.headers,
        }
    }
}

impl Answer {
    pub(super) fn is_event_stream(&self) -> bool {
        matches!(self.body, Body::Stream(_)) && sse::is_stream(&self.headers)
    }
}

impl Payload {
    pub(super) fn of(body: &dyn BodyStream) -> Self {
        body.length().map_or(Self::Stream, Self::Length)
    }
}

/// How the chunks of a streamed body are written.
pub(super) enum Framing {
    /// Each with its size.
    Chunked,
    /// As they are, and so many bytes are still to come.
    Length(u64),
    /// As they are, and the end is the connection's.
    UntilClose,
}

impl Framing {
    /// `None` where no body is sent.
    pub(super) fn of(encoding: BodyEncoding, payload: Payload) -> Option<Self> {
        match (encoding, payload) {
            (BodyEncoding::Chunked, _) => Some(Self::Chunked),
            (BodyEncoding::UntilClose, _) => Some(Self::UntilClose),
            (BodyEncoding::Plain, Payload::Length(length)) => Some(Self::Length(length)),
            (BodyEncoding::Plain, Payload::Stream) | (BodyEncoding::Omitted, _) => None,
        }
    }

    /// What stands behind a chunk that is written from where it is.
    pub(super) fn end_chunk(&self, out: &mut Vec<u8>) {
        if matches!(self, Self::Chunked) {
            out.extend_from_slice(http1::CHUNK_END);
        }
    }

    /// Take a chunk of so many bytes into account. False if it is more than may come.
    fn admit(&mut self, len: usize) -> bool {
        let Self::Length(left) = self else {
            return true;
        };
        match left.checked_sub(len as u64) {
            Some(rest) => {
                *left = rest;
                true
            }
            None => false,
        }
    }
}

/// Gathers the chunks of a body that are written together.
pub(super) struct Filling<'f> {
    /// Whether there is something to be written though the source has nothing more.
    pub(super) any: bool,
    /// When the head is sent though nothing came to be sent with it; `None` once it was sent. A
    /// chunk without a byte sends it, too.
    pub(super) head_due: Option<Instant>,
    pub(super) framing: &'f mut Framing,
    /// Whether the client takes trailers.
    pub(super) trailers: bool,
}

impl Filling<'_> {
    /// Append to `out` the chunks that are there. Pending: there are none.
    pub(super) fn poll(
        &mut self,
        shard: &Shard,
        body: &mut dyn BodyStream,
        out: &mut Vec<u8>,
        cx: &mut Context<'_>,
    ) -> Poll<Filled> {
        while out.len() < FULL {
            let polled = body.poll_chunk(cx);
            if polled.is_ready() && out.capacity() == 0 {
                *out = shard.take_buffer();
            }
            match polled {
                // None of it is sent: a body that is too long must not look right.
                Poll::Ready(Some(Ok(chunk))) if !self.framing.admit(chunk.len()) => {
                    tracing::warn!("a response was cut off: it is longer than its content-length");
                    return Poll::Ready(self.aborted());
                }
                Poll::Ready(Some(Ok(chunk))) if chunk.len() > SMALL_BODY => {
                    if matches!(self.framing, Framing::Chunked) {
                        http1::encode_chunk_size(out, chunk.len());
                    }
                    return Poll::Ready(Filled::Large(chunk));
                }
                Poll::Ready(Some(Ok(chunk))) => {
                    self.any |= self.head_due.is_some() || !chunk.is_empty();
                    match self.framing {
                        Framing::Chunked => http1::encode_chunk(out, &chunk),
                        _ => out.extend_from_slice(&chunk),
                    }
                }
                Poll::Ready(Some(Err(Aborted))) => return Poll::Ready(self.aborted()),
                Poll::Ready(None) => return Poll::Ready(self.end(body, out)),
                Poll::Pending if self.any => break,
                Poll::Pending => return Poll::Pending,
            }
        }
        Poll::Ready(Filled::More)
    }

    /// Whether the head has waited for long enough.
    pub(super) fn is_head_due(&self, shard: &Shard) -> bool {
        self.head_due.is_some_and(|due| due <= shard.now())
    }

    /// The body ends with what was written of it, though its source has not.
    pub(super) fn end_early(&self, out: &mut Vec<u8>) -> Filled {
        match self.framing {
            Framing::Chunked => http1::encode_last_chunk(out),
            Framing::UntilClose | Framing::Length(0) => {}
            Framing::Length(_) => return self.aborted(),
        }
        Filled::End
    }

    fn end(&self, body: &mut dyn BodyStream, out: &mut Vec<u8>) -> Filled {
        match &*self.framing {
            Framing::Chunked => {}
            Framing::UntilClose | Framing::Length(0) => return Filled::End,
            Framing::Length(left) => {
                tracing::warn!(
                    left,
                    "a response was cut off: it is shorter than its content-length"
                );
                return self.aborted();
            }
        }
        let trailers = match self.trailers {
            true => body.trailers(),
            false => Trailers::new(),
        };
        match http1::encode_trailers(out, &trailers) {
            Ok(()) => Filled::End,
            Err(invalid) => {
                tracing::warn!("the end of a response was refused: {invalid}");
                self.aborted()
            }
        }
    }

    fn aborted(&self) -> Filled {
        Filled::Aborted { any: self.any }
    }
}

/// What there is of a streamed body to be written.
pub(super) enum Filled {
    /// One chunk or more.
    More,
    /// A chunk that is better written from where it is, behind what precedes it.
    Large(Vec<u8>),
    /// The rest.
    End,
    /// What came before the source failed, if there was any.
    Aborted { any: bool },
    /// Nobody to write it to.
    Left,
}

/// Bytes of a body, or of a chunk, that are copied behind what precedes them.
pub(super) const SMALL_BODY: usize = 16 * 1024;
/// How long a head waits for the first chunk. A chunk that comes by then is written with it, and a
/// source that fails by then can still be told of by a 500; a client learns of a response without
/// one soon enough.
pub(super) const HEAD_WAITS: Duration = Duration::from_millis(100);
/// Chunks that are ready are written together, until they are as many bytes as this.
const FULL: usize = 48 * 1024;
