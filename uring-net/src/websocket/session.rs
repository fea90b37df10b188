//! The state of a WebSocket's conversation, without I/O.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::code;
use super::decode::{Decoder, Event, ProtocolError};
use super::encode::{put_binary, put_close, put_ping, put_pong, put_text};
use super::handler::{Outgoing, Settings, WebSocketHandler};

/// A conversation.
pub(super) struct Session {
    handler: Box<dyn WebSocketHandler>,
    decoder: Decoder,
    /// Encoded pongs that wait for their turn.
    pongs: Vec<u8>,
    /// The end of the conversation, as far as is known.
    end: Option<(u16, String)>,
    /// A close to be sent, before anything else the handler says.
    closing: Option<(u16, String)>,
    close_sent: bool,
    inbound: Inbound,
    /// Set while input has to wait.
    blocked: bool,
    last_received: Instant,
    /// The time of the ping after which nothing was received.
    pinged: Option<Instant>,
    ping_interval: Option<Duration>,
    ping_timeout: Duration,
}

/// The input that is expected of the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Inbound {
    /// Messages.
    Open,
    /// Nothing: it has sent its close.
    Closed,
    /// Nothing that could be understood.
    Failed,
}

/// The next step of the side that writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Write what was appended.
    Write,
    /// Write what was appended: it ends with the close.
    WriteLast,
    /// Nothing, until this time or a wake-up.
    Wait(Option<Instant>),
    /// End: the client doesn't answer.
    Cut,
}

impl Session {
    pub(super) fn new(
        handler: Box<dyn WebSocketHandler>,
        settings: &Settings,
        now: Instant,
    ) -> Self {
        Self {
            handler,
            decoder: Decoder::new(settings),
            pongs: Vec::new(),
            end: None,
            closing: None,
            close_sent: false,
            inbound: Inbound::Open,
            blocked: false,
            last_received: now,
            pinged: None,
            ping_interval: settings.ping_interval,
            ping_timeout: settings.ping_timeout,
        }
    }

    pub(super) fn inbound(&self) -> Inbound {
        self.inbound
    }

    /// Returns the number of bytes that are worth reading.
    pub(super) fn wanted(&self) -> usize {
        self.decoder.wanted()
    }

    /// Notes that the client has sent something.
    pub(super) fn note_received(&mut self, now: Instant) {
        self.last_received = now;
        self.pinged = None;
    }

    /// Takes in `input`, from `at` on, but for the beginning of a frame that can't be told yet.
    /// Pending: the handler isn't ready for more, or the client pings faster than it reads our
    /// pongs.
    pub(super) fn poll_take(
        &mut self,
        input: &mut [u8],
        at: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        let taken = self.poll_take_all(input, at, cx);
        self.blocked = taken.is_pending();
        taken
    }

    fn poll_take_all(
        &mut self,
        input: &mut [u8],
        at: &mut usize,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        while self.inbound == Inbound::Open && *at < input.len() {
            let rest = input.get_mut(*at..).unwrap_or_default();
            let must_wait = match self.decoder.expects_control(rest) {
                true => self.pongs.len() > MAX_PONGS,
                false => self.handler.poll_ready(cx).is_pending(),
            };
            // After our close, the client's messages are dropped.
            if must_wait && !self.close_sent {
                return Poll::Pending;
            }
            match self.decoder.decode(rest) {
                Ok(decoded) => {
                    *at += decoded.consumed;
                    match decoded.event {
                        None => return Poll::Ready(()),
                        Some(Event::Message(message)) if !self.is_closing() => {
                            self.handler.message(message);
                        }
                        Some(Event::Ping(payload)) if !self.is_closing() => {
                            put_pong(&mut self.pongs, payload);
                        }
                        Some(Event::Message(_) | Event::Ping(_) | Event::Pong) => {}
                        Some(Event::Close { code, reason }) => {
                            self.inbound = Inbound::Closed;
                            self.end = Some((code, reason.into()));
                            self.closing.get_or_insert((code, String::new()));
                        }
                    }
                }
                Err(ProtocolError { code, reason }) => {
                    self.inbound = Inbound::Failed;
                    self.end = Some((code, reason.into()));
                    self.closing = Some((code, reason.into()));
                }
            }
        }
        Poll::Ready(())
    }

    /// Appends what is to be sent to `out`.
    pub(super) fn next(
        &mut self,
        out: &mut Vec<u8>,
        now: Instant,
        draining: bool,
        cx: &mut Context<'_>,
    ) -> Next {
        if self.close_sent {
            return Next::Wait(None);
        }
        out.append(&mut self.pongs);
        // What the handler has ready goes out before a close: answers to what came before it.
        while out.len() < FULL {
            let closing = match self.handler.poll_outgoing(cx) {
                Poll::Ready(Some(Outgoing::Text(text))) => {
                    put_text(out, &text);
                    continue;
                }
                Poll::Ready(Some(Outgoing::Binary(bytes))) => {
                    put_binary(out, &bytes);
                    continue;
                }
                Poll::Ready(Some(Outgoing::Close { code, reason })) => (code, reason),
                Poll::Ready(None) => (code::NORMAL, String::new()),
                Poll::Pending => break,
            };
            self.closing.get_or_insert(closing);
            break;
        }
        if draining {
            let going_away = || (code::GOING_AWAY, "the server stops".into());
            self.closing.get_or_insert_with(going_away);
        }
        if let Some((code, reason)) = self.closing.take() {
            put_close(out, code, &reason);
            self.close_sent = true;
            return Next::WriteLast;
        }
        let deadline = match self.keep_alive(out, now) {
            Ok(deadline) => deadline,
            Err(Silent) => return Next::Cut,
        };
        match out.is_empty() {
            true => Next::Wait(deadline),
            false => Next::Write,
        }
    }

    /// Tells the handler that the connection is over.
    pub(super) fn finish(mut self) {
        let (code, reason) = self.end.take().unwrap_or((code::ABNORMAL, String::new()));
        tracing::trace!(code, reason, "WebSocket closed");
        self.handler.closed(code, &reason);
    }

    fn is_closing(&self) -> bool {
        self.close_sent || self.closing.is_some()
    }

    /// Pings a client that is silent, and returns when to look again.
    fn keep_alive(&mut self, out: &mut Vec<u8>, now: Instant) -> Result<Option<Instant>, Silent> {
        let Some(interval) = self.ping_interval.filter(|_| !self.blocked) else {
            // A pong could be among the input that is held.
            self.note_received(now);
            return Ok(None);
        };
        if let Some(pinged) = self.pinged {
            let until = pinged + self.ping_timeout;
            return if now < until {
                Ok(Some(until))
            } else {
                Err(Silent)
            };
        }
        let until = self.last_received + interval;
        if now < until {
            return Ok(Some(until));
        }
        put_ping(out);
        self.pinged = Some(now);
        Ok(Some(now + self.ping_timeout))
    }
}

/// The client did not answer a ping.
struct Silent;

/// Messages that are ready are written together, until they are as many bytes as this.
const FULL: usize = 48 * 1024;
/// Pongs that wait, beyond which the client's input has to.
const MAX_PONGS: usize = 4 * 1024;
