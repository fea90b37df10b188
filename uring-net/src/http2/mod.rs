//! HTTP/2 (RFC 9113), by the crate `h2`: the life of a connection whose requests come on streams.
//!
//! - this file: the connection. It is one task, which drives `h2` and all streams, so none outlives
//!   it
//! - `stream`: one request and its response; `body`: the content of the request, `response`: the
//!   response
//! - `io`: the socket as `h2` reads and writes it; `piece`: what it holds of a response
//! - `waits`: deadlines; `load`: what a client may do beside its requests; `fields`: heads in the
//!   form of `h2`
//!
//! The head of a request is put together as HTTP/1.1 has it, and the head of a response is made by
//! the same code: a service sees no difference.

mod body;
mod fields;
mod io;
mod load;
mod piece;
mod response;
mod stream;
mod waits;

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, Stream as _};
use h2::Reason;
use h2::server::{Builder, Connection};

use self::io::{Handle, Io};
use self::load::Load;
use self::piece::Piece;
use self::stream::Shared;
use self::waits::earlier;
use crate::deadline_guard::{DeadlineGuard, Linger};
use crate::service::Service;
use crate::settings::Settings;
use crate::shard::FIRST_REQUEST;
use crate::socket::Client;

/// What a client sends first (RFC 9113 section 3.4), as far as it tells the version.
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";

/// Serves a connection of HTTP/2 until it ends. `input` was read of it before.
pub(crate) async fn serve<S: Service>(
    client: Client,
    input: Vec<u8>,
    peer: SocketAddr,
    service: Rc<S>,
) {
    let Client {
        guard: first,
        reader,
        writer,
        shard,
        settings,
    } = client;
    let load = Rc::new(Load::new(shard.now()));
    let timeout = settings.write_timeout;
    let io = Io::new(
        (reader, writer),
        input,
        timeout,
        shard.clone(),
        load.clone(),
    );
    let io = Rc::new(RefCell::new(io));
    // Declared behind the socket: it goes before it is closed.
    let guard = first;
    let shared = Rc::new(Shared {
        meter: service.meter(),
        service,
        peer,
        shard: shard.clone(),
        settings: settings.clone(),
        load,
        waits: Rc::default(),
    });
    tracing::trace!(%peer, "connection speaks HTTP/2");
    let end = Box::pin(run(shared, io.clone(), &guard)).await;
    tracing::trace!(%peer, ?end, "connection closed");
    let halves = Rc::into_inner(io).and_then(|io| io.into_inner().into_halves());
    let Some((reader, writer)) = halves else {
        return;
    };
    let mut client = Client {
        guard,
        reader,
        writer,
        shard,
        settings,
    };
    match end {
        End::Cut => {}
        End::Disconnected => client.end().await,
        End::Closed => client.close(Linger::REJECTED).await,
    }
}

/// The way a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The client has left.
    Disconnected,
    /// We said that it ends.
    Closed,
    /// The client takes nothing of what we send.
    Cut,
}

async fn run<S: Service>(shared: Rc<Shared<S>>, io: Rc<RefCell<Io>>, guard: &DeadlineGuard) -> End {
    let Some(h2) = handshake(&shared, &io, guard).await else {
        return End::Disconnected;
    };
    let mut running = Running {
        h2,
        streams: FuturesUnordered::new(),
        make: |request, respond| catch_panics(stream::serve(shared.clone(), request, respond)),
        io,
        shared: &shared,
        idle_since: None,
        is_draining: false,
        closes_by: None,
    };
    poll_fn(|cx| {
        let polled = running.poll(cx);
        if polled.is_pending() {
            guard.set_open(running.deadline(), cx.waker());
        }
        polled
    })
    .await
}

/// Waits for the client's preface. Returns `None` if it didn't come, or something else did.
async fn handshake<S>(
    shared: &Shared<S>,
    io: &Rc<RefCell<Io>>,
    guard: &DeadlineGuard,
) -> Option<Connection<Handle, Piece>> {
    let mut deadline = shared.shard.now() + shared.settings.header_timeout;
    let mut handshake = pin!(builder(&shared.settings).handshake(Handle(io.clone())));
    poll_fn(|cx| {
        io.borrow_mut().renew_turn();
        if let Poll::Ready(ready) = handshake.as_mut().poll(cx) {
            return Poll::Ready(ready.ok());
        }
        let now = shared.shard.now();
        if now >= deadline {
            return Poll::Ready(None);
        }
        if shared.shard.is_draining() {
            deadline = deadline.min(now + FIRST_REQUEST);
        }
        guard.set_open(Some(deadline), cx.waker());
        Poll::Pending
    })
    .await
}

fn builder(settings: &Settings) -> Builder {
    let head = &settings.head;
    // A list counts 32 bytes for each field (RFC 9113 section 6.5.2).
    let list = head.request_line + head.header_bytes + 32 * head.headers;
    let mut builder = Builder::new();
    builder
        .max_concurrent_streams(MAX_STREAMS)
        .initial_window_size(STREAM_WINDOW)
        // A stream whose consumer waits must not stop the others.
        .initial_connection_window_size(STREAM_WINDOW * MAX_STREAMS)
        .max_send_buffer_size(SEND_BUFFER)
        .max_header_list_size(u32::try_from(list).unwrap_or(u32::MAX))
        .data_frame_budget(SMALL_FRAMES);
    builder
}

/// A connection on which requests may come.
struct Running<'c, S, F, M> {
    h2: Connection<Handle, Piece>,
    streams: FuturesUnordered<F>,
    /// Makes the future of a stream.
    make: M,
    io: Rc<RefCell<Io>>,
    shared: &'c Shared<S>,
    /// Set while there is no stream.
    idle_since: Option<Instant>,
    is_draining: bool,
    /// Set if the connection ends: the time for it.
    closes_by: Option<Instant>,
}

impl<S, F, M> Running<'_, S, F, M>
where
    S: Service,
    F: Future<Output = ()>,
    M: Fn(http::Request<h2::RecvStream>, h2::server::SendResponse<Piece>) -> F,
{
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        let now = self.shared.shard.now();
        self.io.borrow_mut().renew_turn();
        if self.shared.shard.is_draining() && !self.is_draining {
            self.is_draining = true;
            self.idle_since = None;
            self.h2.graceful_shutdown();
            self.shared.waits.wake_all();
        }
        self.shared.waits.wake_expired(now);
        loop {
            match self.h2.poll_accept(cx) {
                Poll::Ready(Some(Ok((request, respond)))) => {
                    self.shared.load.useful(USUAL_HEAD);
                    self.streams.push((self.make)(request, respond));
                }
                Poll::Ready(Some(Err(error))) => {
                    tracing::trace!(peer = %self.shared.peer, %error, "connection failed");
                    return Poll::Ready(match error.is_io() {
                        true => End::Disconnected,
                        false => self.end(),
                    });
                }
                Poll::Ready(None) => return Poll::Ready(self.end()),
                Poll::Pending => break,
            }
        }
        self.shared.waits.passed();
        if self.closes_by.is_none() && self.shared.load.is_flood(now) {
            tracing::debug!(peer = %self.shared.peer, "connection closed: a flood of frames");
            return self.shut_down(Reason::ENHANCE_YOUR_CALM, cx);
        }
        // Each takes as many as are ready; a stream that has ended makes no other ready.
        while let Poll::Ready(Some(())) = Pin::new(&mut self.streams).poll_next(cx) {}
        self.poll_expired(now, cx)
    }

    /// Ends what has lasted too long.
    fn poll_expired(&mut self, now: Instant, cx: &mut Context<'_>) -> Poll<End> {
        let has_passed = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        if has_passed(self.io.borrow().write_deadline()) || has_passed(self.closes_by) {
            return Poll::Ready(End::Cut);
        }
        if self.streams.is_empty() && !self.h2.has_streams() {
            self.idle_since.get_or_insert(now);
        } else {
            self.idle_since = None;
        }
        match self.closes_by.is_none() && has_passed(self.idle_deadline()) {
            true => self.shut_down(Reason::NO_ERROR, cx),
            false => Poll::Pending,
        }
    }

    /// Tells the client that the connection ends, and ends its streams.
    fn shut_down(&mut self, reason: Reason, cx: &Context<'_>) -> Poll<End> {
        self.streams.clear();
        self.h2.abrupt_shutdown(reason);
        let now = self.shared.shard.now();
        self.closes_by = Some(now + self.shared.settings.write_timeout.min(LAST_WORDS));
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn idle_deadline(&self) -> Option<Instant> {
        let timeout = match self.is_draining {
            // A client may not answer that it knows.
            true => LAST_WORDS,
            false => self.shared.settings.idle_timeout,
        };
        self.idle_since?.checked_add(timeout)
    }

    /// Returns when the connection has to be polled at the latest.
    fn deadline(&self) -> Option<Instant> {
        let writing = self.io.borrow().write_deadline();
        let streams = self.shared.waits.next();
        let own = self.closes_by.or_else(|| self.idle_deadline());
        earlier(earlier(writing, streams), own)
    }

    fn end(&self) -> End {
        match self.io.borrow().is_ended() {
            true => End::Disconnected,
            false => End::Closed,
        }
    }
}

/// A defect of ours ends the stream that met it, not the others.
fn catch_panics(stream: impl Future<Output = ()>) -> impl Future<Output = ()> {
    let mut stream = Box::pin(stream);
    poll_fn(move |cx| {
        let poll = catch_unwind(AssertUnwindSafe(|| stream.as_mut().poll(cx)));
        poll.unwrap_or_else(|_panic| {
            tracing::error!("a request was dropped: this is a defect of the server");
            Poll::Ready(())
        })
    })
}

/// Streams that a client may have open at once, as in nginx.
const MAX_STREAMS: u32 = 128;
/// Bytes of a request's content that a client may send ahead of its consumer.
const STREAM_WINDOW: u32 = 256 * 1024;
/// Bytes of a response that wait for the socket: a source is as far ahead of its client.
const SEND_BUFFER: usize = 64 * 1024;
/// What small DATA frames may take beside their content, until it is taken.
const SMALL_FRAMES: usize = 1 << 20;
/// The bytes that a request is worth, against what comes beside it.
const USUAL_HEAD: usize = 256;
/// The time for the end of a connection.
const LAST_WORDS: Duration = Duration::from_secs(1);
