//! The state of one exchange: what is still read of the request, what is written of the response,
//! and so what the connection waits for.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::body_reader::{BodyReader, PollContext};
use crate::deadline_guard::DeadlineGuard;
use crate::http1::{self, Version};
use crate::service::{BodyError, Informational, InformationalHead};
use crate::settings::Settings;
use crate::shard::{Phase, Shard};
use crate::socket::{Disconnected, Reader};

/// The state that the reading and the writing side of an exchange share.
pub(super) struct ExchangeState<'c> {
    pub(super) guard: &'c DeadlineGuard,
    pub(super) shard: &'c Shard,
    pub(super) settings: &'c Settings,
    reading: Reading<'c>,
    writing: Cell<Writing>,
    /// Until when the client has to take some of what is being written.
    write_deadline: Cell<Option<Instant>>,
    /// Set if the final response is a stream of events.
    is_events: Cell<bool>,
    started: Instant,
    /// The time to look whether the client has left, while no read would tell.
    probe: Cell<Option<Instant>>,
}

/// The part of the request that is still to be read.
pub(super) enum Reading<'c> {
    /// Its body, which goes to a sink, and the way to informational responses in the meantime.
    Body(&'c RefCell<BodyReader>, Informational),
    /// Nothing.
    Complete,
}

/// The part of the final response that was written.
#[derive(Clone, Copy)]
pub(super) enum Writing {
    /// Nothing.
    Init,
    /// Nothing: the head of a stream waits for the first chunk, but only until then.
    Head(Instant),
    /// The head was given to the socket, and the body follows.
    Body,
}

impl<'c> ExchangeState<'c> {
    pub(super) fn new(
        guard: &'c DeadlineGuard,
        shard: &'c Shard,
        settings: &'c Settings,
        reading: Reading<'c>,
    ) -> Self {
        Self {
            guard,
            shard,
            settings,
            reading,
            writing: Cell::new(Writing::Init),
            write_deadline: Cell::new(None),
            is_events: Cell::new(false),
            started: shard.now(),
            probe: Cell::new(None),
        }
    }

    /// Reads and writes until `responding` is ready, which writes the response, or the client has
    /// left.
    ///
    /// # Errors
    /// The reason why the response can't be completed: the client has left, or its body is malformed.
    pub(super) async fn run<T>(
        &self,
        reader: &mut Reader,
        mut responding: Pin<&mut impl Future<Output = Result<T, Disconnected>>>,
    ) -> Result<T, BodyError> {
        poll_fn(|cx| {
            // Reading comes first: it is what most often gives cause to write.
            if let Reading::Body(body_reader, _) = &self.reading {
                let poll_context = PollContext::of(self.shard, self.guard);
                let read = |capacity, cx: &mut Context<'_>| reader.poll_in_time(capacity, cx);
                let read = body_reader.borrow_mut().poll(poll_context, read, cx);
                if let Poll::Ready(Err(why)) = read {
                    return Poll::Ready(Err(why));
                }
            }
            if let Poll::Ready(ended) = responding.as_mut().poll(cx) {
                return Poll::Ready(ended.map_err(|Disconnected| BodyError::Disconnected));
            }
            self.poll_disconnected(reader, cx)
                .map(|()| Err(BodyError::Disconnected))
        })
        .await
    }

    /// Notes that some bytes are about to be written: the client has to take some of them in time.
    pub(super) fn begin_write(&self) {
        let timeout = self.settings.write_timeout;
        self.guard.set_phase(Phase::Writing, Some(timeout));
        self.write_deadline.set(self.guard.deadline());
    }

    /// Notes that all bytes were written.
    pub(super) fn end_write(&self) {
        self.write_deadline.set(None);
    }

    /// Notes how far the final response is.
    pub(super) fn set_writing(&self, writing: Writing) {
        self.writing.set(writing);
    }

    /// Returns when the head of a stream is sent without content.
    pub(super) fn head_due(&self) -> Option<Instant> {
        match self.writing.get() {
            Writing::Head(due) => Some(due),
            Writing::Init | Writing::Body => None,
        }
    }

    /// Returns whether nothing of the final response was given to the socket, nor of an informational one
    /// whose end is missing.
    pub(super) fn is_unwritten(&self) -> bool {
        !matches!(self.writing.get(), Writing::Body) && self.write_deadline.get().is_none()
    }

    /// Notes that the final response is a stream of events.
    pub(super) fn set_events(&self) {
        self.is_events.set(true);
    }

    /// Returns whether the body has to end now, because it is a stream of events and the server stops.
    pub(super) fn is_cut_by_drain(&self) -> bool {
        self.is_events.get() && self.shard.is_draining()
    }

    /// Notes that the final response begins; `whole` if nothing of it depends on more of the
    /// request's body. Whether the connection can live on after it, as far as is known.
    pub(super) fn response_begins(&self, whole: bool) -> bool {
        let is_read = match &self.reading {
            Reading::Body(body_reader, _) => body_reader.borrow_mut().response_begins(whole),
            Reading::Complete => true,
        };
        is_read && !self.shard.is_draining()
    }

    /// Returns whether all of the request was read.
    pub(super) fn is_read(&self) -> bool {
        match &self.reading {
            Reading::Body(body_reader, _) => body_reader.borrow().is_complete(),
            Reading::Complete => true,
        }
    }

    /// Returns the informational responses to write before the final one; pending if there are none.
    pub(super) fn poll_informational(&self, version: Version, waker: &Waker) -> Poll<Vec<u8>> {
        let Reading::Body(body_reader, informational) = &self.reading else {
            return Poll::Pending;
        };
        let mut informational = encode(informational.take(waker), version);
        if body_reader.borrow_mut().take_continue() {
            informational.extend_from_slice(http1::CONTINUE);
        }
        match informational.is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(informational),
        }
    }

    /// Lets no further informational responses in, and returns those that aren't written.
    pub(super) fn close_informational(&self, version: Version) -> Vec<u8> {
        match &self.reading {
            Reading::Body(_, informational) => encode(informational.close(), version),
            Reading::Complete => Vec::new(),
        }
    }

    /// Nothing more can be done now: ready if the client has left. Else the guard knows what we
    /// wait for.
    fn poll_disconnected(&self, reader: &mut Reader, cx: &mut Context<'_>) -> Poll<()> {
        let reading = match &self.reading {
            Reading::Body(body_reader, _) => body_reader.borrow().deadline(),
            Reading::Complete => None,
        };
        // Where one limit has to stand for both, it is the one that is over first.
        match (self.write_deadline.get(), reading) {
            (Some(writing), reading) if reading.is_none_or(|reading| writing <= reading) => {
                self.guard.set_phase_until(Phase::Writing, writing);
            }
            _ if self.head_due().is_some() => {
                self.guard.set_open(self.head_due(), cx.waker());
                if self.is_read() && self.shard.now() > self.started {
                    return reader.poll_disconnected(cx);
                }
            }
            (_, Some(reading)) => self.guard.set_phase_until(Phase::Body, reading),
            // Most responses come before it is worth to read for this alone.
            _ if self.is_read() && self.shard.now() == self.started => {
                let next_tick = self.started + Duration::from_nanos(1);
                self.guard.set_open(Some(next_tick), cx.waker());
            }
            _ if self.is_read() => {
                self.wait_for_service(cx.waker());
                return reader.poll_disconnected(cx);
            }
            _ if self.is_blind() => return self.poll_probe(cx),
            _ => self.wait_for_service(cx.waker()),
        }
        Poll::Pending
    }

    fn wait_for_service(&self, waker: &Waker) {
        match self.is_events.get() {
            // To be woken when the shard drains.
            true => self.guard.set_open(None, waker),
            false => self.guard.set_phase(Phase::Service, None),
        }
    }

    /// No read may tell that the client has left. Ask the socket, now and then.
    fn poll_probe(&self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.shard.now();
        let due = match self.probe.get() {
            Some(due) if now < due => due,
            _ => {
                // A client that has ended its own side may have sent all of a body that the sink
                // still wants.
                let may_abandon = self.is_abandoned() && self.guard.is_half_closed();
                if self.guard.is_reset() || may_abandon {
                    return Poll::Ready(());
                }
                now + PROBE
            }
        };
        self.probe.set(Some(due));
        self.guard.set_open(Some(due), cx.waker());
        Poll::Pending
    }

    fn is_blind(&self) -> bool {
        match &self.reading {
            Reading::Body(body_reader, _) => body_reader.borrow().is_blind(),
            Reading::Complete => false,
        }
    }

    fn is_abandoned(&self) -> bool {
        match &self.reading {
            Reading::Body(body_reader, _) => body_reader.borrow().is_abandoned(),
            Reading::Complete => false,
        }
    }
}

/// Returns informational responses as a client of this version is sent them: HTTP/1.0 has none.
fn encode(informational: Vec<InformationalHead>, version: Version) -> Vec<u8> {
    let mut out = Vec::new();
    if version != Version::Http10 {
        for InformationalHead { status, headers } in informational {
            // Their headers are valid, so it can't fail.
            let _ = http1::encode_informational(&mut out, status, headers.iter());
        }
    }
    out
}

impl PollContext {
    pub(super) fn of(shard: &Shard, guard: &DeadlineGuard) -> Self {
        Self {
            now: shard.now(),
            // It may also be the client's reading that took too long.
            expired: guard.interrupted().is_some() && guard.phase() == Phase::Body,
        }
    }
}

/// The interval of looking at a client that nothing is read from.
const PROBE: Duration = Duration::from_secs(1);
