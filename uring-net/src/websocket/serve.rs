//! The life of a WebSocket: one task, in which reading and writing go on side by side.

use std::cell::{Cell, RefCell};
use std::future::{Future, pending, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::handler::WebSocket;
use super::session::{Inbound, Next, Session};
use crate::deadline_guard::{DeadlineGuard, Linger};
use crate::shard::{Phase, Shard};
use crate::socket::{Client, IDLE_INPUT, Reader, Writer, discard, write_all};

/// Serves a connection from its handshake to its end. `input` was read behind the
/// handshake.
pub(crate) async fn serve(client: Client, input: Vec<u8>, websocket: WebSocket) {
    let Client {
        guard,
        mut reader,
        mut writer,
        shard,
        settings,
        ..
    } = client;
    let rules = websocket.settings;
    let session = Session::new(websocket.handler, &rules, shard.now());
    let state = SocketState {
        session: RefCell::new(session),
        guard,
        shard,
        write_timeout: settings.write_timeout,
        close_timeout: rules.close_timeout,
        linger: Cell::new(None),
    };
    {
        let mut reading = pin!(state.read(&mut reader, input));
        let mut writing = pin!(state.write(&mut writer));
        // Whichever ends first ends the connection. Reading comes first: it is what most often
        // gives cause to write.
        poll_fn(|cx| {
            let read = reading.as_mut().poll(cx);
            // What has been written is accounted for, whichever was first.
            let written = writing.as_mut().poll(cx);
            match read {
                Poll::Ready(()) => read,
                Poll::Pending => written,
            }
        })
        .await;
    }
    state.session.into_inner().finish();
}

/// The state that the reading and the writing side of a WebSocket share.
struct SocketState {
    session: RefCell<Session>,
    guard: DeadlineGuard,
    shard: Shard,
    write_timeout: Duration,
    close_timeout: Duration,
    /// Set when our close was written to a client that can't be understood.
    linger: Cell<Option<Linger>>,
}

impl SocketState {
    /// Reads until the client leaves.
    async fn read(&self, reader: &mut Reader, mut input: Vec<u8>) {
        let mut at = 0;
        loop {
            let mut blocked = poll_fn(|cx| {
                let taken = self.session.borrow_mut().poll_take(&mut input, &mut at, cx);
                Poll::Ready(taken.is_pending())
            })
            .await;
            input.drain(..std::mem::take(&mut at));
            let inbound = self.session.borrow().inbound();
            match inbound {
                Inbound::Open => {}
                Inbound::Closed => break,
                Inbound::Failed => return discard(reader, || self.go_on_lingering()).await,
            }
            let (read, more) = if !blocked {
                self.reserve_input(&mut input);
                reader.read(std::mem::take(&mut input)).await
            } else if input.len() < MAX_BUFFERED {
                // Nothing but a read tells that the client has left.
                let mut reading = pin!(reader.read(Vec::with_capacity(IDLE_INPUT)));
                poll_fn(|cx| {
                    let mut session = self.session.borrow_mut();
                    blocked = blocked && session.poll_take(&mut input, &mut at, cx).is_pending();
                    reading.as_mut().poll(cx)
                })
                .await
            } else {
                poll_fn(|cx| self.session.borrow_mut().poll_take(&mut input, &mut at, cx)).await;
                continue;
            };
            match read {
                Ok(0) | Err(_) => return,
                Ok(_) => self.session.borrow_mut().note_received(self.shard.now()),
            }
            input.drain(..std::mem::take(&mut at));
            if input.is_empty() {
                input = more;
            } else {
                input.extend_from_slice(&more);
            }
        }
        // The other end has the last word.
        pending().await
    }

    /// Makes `input`, of which little is left, as large as what is known to come.
    fn reserve_input(&self, input: &mut Vec<u8>) {
        let capacity = self.session.borrow().wanted().clamp(IDLE_INPUT, MAX_READ);
        input.shrink_to(capacity);
        input.reserve_exact(capacity);
    }

    /// Writes until both sides have closed.
    async fn write(&self, writer: &mut Writer) {
        loop {
            let (next, out) = poll_fn(|cx| self.poll_next(cx)).await;
            if next == Next::Cut {
                return;
            }
            let begin = || {
                self.guard
                    .set_phase(Phase::Writing, Some(self.write_timeout))
            };
            let written = write_all(writer, &self.guard.recorder, out, begin).await;
            let Ok(written) = written else {
                return;
            };
            self.shard.give_buffer(written);
            if next == Next::WriteLast {
                break;
            }
        }
        self.guard
            .set_phase(Phase::Closing, Some(self.close_timeout));
        let inbound = poll_fn(|_| match self.session.borrow().inbound() {
            Inbound::Open => Poll::Pending,
            inbound => Poll::Ready(inbound),
        });
        let inbound = inbound.await;
        if writer.end().await.is_err() {
            return;
        }
        if inbound == Inbound::Failed {
            // What is unread would reset the connection, and our close might be lost.
            let _ = writer.shutdown().await;
            self.linger.set(Some(Linger::SERVED));
            self.go_on_lingering();
            pending().await
        }
    }

    /// The client has sent something: it may go on for a while.
    fn go_on_lingering(&self) {
        if let Some(mut linger) = self.linger.get() {
            self.guard.set_lingering(&mut linger);
            self.linger.set(Some(linger));
        }
    }

    /// Returns what to write, or that the connection ends.
    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<(Next, Vec<u8>)> {
        let mut out = self.shard.take_buffer();
        let (now, draining) = (self.shard.now(), self.shard.is_draining());
        let next = self.session.borrow_mut().next(&mut out, now, draining, cx);
        if let Next::Wait(deadline) = next {
            self.shard.give_buffer(out);
            self.guard.set_open(deadline, cx.waker());
            return Poll::Pending;
        }
        Poll::Ready((next, out))
    }
}

/// Bytes that are read at once, of a frame whose size is known.
const MAX_READ: usize = 64 * 1024;
/// Bytes that are read ahead of a handler that isn't ready.
const MAX_BUFFERED: usize = 4 * 1024;
