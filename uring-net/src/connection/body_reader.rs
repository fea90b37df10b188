//! A request's body on its way to a sink: what to read, and what became of it. The socket is the
//! caller's.

use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::http1::{BodyDecoder, Status};
use crate::service::{BodyError, BodySink, Closed};
use crate::socket::Read;

/// The body of one request.
///
/// One chunk is read ahead of the sink, by which we learn that the client has left; the client
/// then has to wait until the sink has taken it.
pub(super) struct BodyReader {
    /// `None` when it has the whole body, or wants no more of it.
    sink: Option<Box<dyn BodySink>>,
    decoder: BodyDecoder,
    /// The bytes that were read and not yet decoded; when the body is complete, those behind it.
    buffered: Vec<u8>,
    state: State,
    expect: Expect,
    /// The time for which the client may send nothing while the sink is ready.
    timeout: Duration,
    /// The end of that time.
    deadline: Option<Instant>,
}

/// The caller's knowledge when it polls.
#[derive(Clone, Copy)]
pub(super) struct PollContext {
    pub(super) now: Instant,
    /// Set if [`BodyReader::deadline`] has passed: a read then ends as if the client had left.
    pub(super) expired: bool,
}

impl BodyReader {
    /// A body that begins with `buffered`. The client may be waiting for an informational response before
    /// it sends any of it.
    pub(super) fn new(
        sink: Box<dyn BodySink>,
        decoder: BodyDecoder,
        buffered: Vec<u8>,
        expects_continue: bool,
        timeout: Duration,
    ) -> Self {
        let expect = match expects_continue && buffered.is_empty() {
            true => Expect::Waiting,
            false => Expect::Nothing,
        };
        Self {
            sink: Some(sink),
            decoder,
            buffered,
            state: State::Coming,
            expect,
            timeout,
            deadline: None,
        }
    }

    /// Passes on what comes. `read` reads once, into a buffer of as many bytes as it is told; a
    /// read of it that is pending goes on. Ready: the body is complete, or what is left
    /// of it will not be read.
    ///
    /// # Errors
    /// There is no such body; the sink was told.
    pub(super) fn poll(
        &mut self,
        poll_context: PollContext,
        mut read: impl FnMut(usize, &mut Context<'_>) -> Poll<Read>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(), BodyError>> {
        for _ in 0..MAX_READS {
            if self.state == State::Coming && self.decoder.left() == Some(0) {
                self.complete()?;
            }
            match self.state {
                State::Complete | State::Abandoned => {
                    self.deadline = None;
                    return Poll::Ready(Ok(()));
                }
                State::Coming if !self.buffered.is_empty() => match self.poll_sink(cx) {
                    Poll::Ready(Ok(())) => self.pass_on()?,
                    Poll::Ready(Err(Closed)) => self.abandon(),
                    Poll::Pending => {
                        self.deadline = None;
                        return Poll::Pending;
                    }
                },
                State::Discarding { .. } if !self.buffered.is_empty() => self.pass_on()?,
                State::Coming | State::Discarding { .. } => match read(self.capacity(), cx) {
                    Poll::Ready((Ok(count), bytes)) if count > 0 => self.take_in(bytes),
                    Poll::Ready(_) => {
                        return Poll::Ready(Err(self.fail(match poll_context.expired {
                            true => BodyError::TooSlow,
                            false => BodyError::Disconnected,
                        })));
                    }
                    Poll::Pending if self.must_wait(poll_context.now, cx) => return Poll::Pending,
                    Poll::Pending => {}
                },
            }
        }
        // A client that is faster than we are must not keep the core from others.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The rest is not wanted: it is read only if it is little.
    pub(super) fn abandon(&mut self) {
        self.sink = None;
        if self.state != State::Coming {
            return;
        }
        self.deadline = None;
        self.state = match self.is_little() {
            true => State::Discarding { budget: DISCARDED },
            false => State::Abandoned,
        };
    }

    /// The rest will not come, for this reason.
    pub(super) fn fail(&mut self, why: BodyError) -> BodyError {
        if let Some(sink) = self.sink.take() {
            sink.fail(why);
        }
        self.state = State::Abandoned;
        why
    }

    /// Returns whether the client waits for 100 (Continue), and should get it now. True once.
    pub(super) fn take_continue(&mut self) -> bool {
        let now = self.expect == Expect::Due;
        if now {
            self.expect = Expect::Nothing;
        }
        now
    }

    /// The final response begins; `whole` if nothing of it depends on more of the body. Whether the
    /// connection can live on after it, as far as is known.
    pub(super) fn response_begins(&mut self, whole: bool) -> bool {
        if matches!(self.expect, Expect::Waiting | Expect::Due) {
            self.expect = Expect::Refused;
        }
        match self.state {
            _ if self.expect == Expect::Refused => false,
            State::Complete | State::Discarding { .. } => true,
            State::Coming => !whole || self.is_little(),
            State::Abandoned => false,
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// Returns whether the rest of the body will not be read.
    pub(super) fn is_abandoned(&self) -> bool {
        self.state == State::Abandoned
    }

    /// Returns whether no read is in flight that would tell that the client has left, and none may be.
    pub(super) fn is_blind(&self) -> bool {
        self.state == State::Abandoned || self.state == State::Coming && !self.buffered.is_empty()
    }

    /// Returns when the client will have sent nothing for too long.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the bytes behind a body that is complete.
    pub(super) fn into_rest(self) -> Vec<u8> {
        self.buffered
    }

    fn poll_sink(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Closed>> {
        match &mut self.sink {
            Some(sink) => sink.poll_ready(cx),
            None => Poll::Ready(Err(Closed)),
        }
    }

    /// Returns whether there is nothing to do until a wake-up, while a read is in flight.
    fn must_wait(&mut self, now: Instant, cx: &mut Context<'_>) -> bool {
        if self.state != State::Coming {
            return true;
        }
        match self.poll_sink(cx) {
            Poll::Ready(Ok(())) => {
                if self.expect == Expect::Waiting {
                    self.expect = Expect::Due;
                }
                // Such a client may wait for the end of the response.
                if self.expect != Expect::Refused && self.deadline.is_none() {
                    self.deadline = now.checked_add(self.timeout);
                }
            }
            Poll::Ready(Err(Closed)) => {
                self.abandon();
                return false;
            }
            // It isn't the client that is waited for.
            Poll::Pending => self.deadline = None,
        }
        true
    }

    fn take_in(&mut self, bytes: Vec<u8>) {
        self.deadline = None;
        self.expect = match self.expect {
            Expect::Refused => Expect::Refused,
            _ => Expect::Nothing,
        };
        if let State::Discarding { budget } = self.state {
            self.state = match budget.checked_sub(bytes.len()) {
                Some(budget) => State::Discarding { budget },
                None => State::Abandoned,
            };
        }
        self.buffered = bytes;
    }

    /// Decodes what is held. The sink, if it wants it, is ready.
    fn pass_on(&mut self) -> Result<(), BodyError> {
        let mut content = Vec::new();
        let taken = self.decoder.take(&mut self.buffered, &mut content);
        if !content.is_empty()
            && let Some(sink) = &mut self.sink
        {
            // Else a byte might keep the memory of a chunk.
            content.shrink_to(content.len() * 2);
            sink.chunk(content);
        }
        match taken {
            Ok(true) => self.complete(),
            Ok(false) => Ok(()),
            Err(error) => self.reject(match error.status() {
                Status::CONTENT_TOO_LARGE => BodyError::TooLarge,
                _ => BodyError::Malformed(error),
            }),
        }
    }

    fn complete(&mut self) -> Result<(), BodyError> {
        let trailers = match self.decoder.take_trailers() {
            Ok(trailers) => trailers,
            Err(error) => return self.reject(BodyError::Malformed(error)),
        };
        self.state = State::Complete;
        if let Some(sink) = self.sink.take() {
            sink.end(trailers);
        }
        Ok(())
    }

    /// Handles a malformed body. If it is not wanted any more, the response goes on.
    fn reject(&mut self, why: BodyError) -> Result<(), BodyError> {
        let wanted = self.sink.is_some();
        self.fail(why);
        match wanted {
            true => Err(why),
            false => Ok(()),
        }
    }

    /// Bytes that are worth reading at once.
    fn capacity(&self) -> usize {
        let left = self.decoder.left().map(usize::try_from);
        left.and_then(Result::ok).unwrap_or(CHUNK).min(CHUNK)
    }

    /// Returns whether the rest may be so little that it is worth reading, though it is not wanted.
    fn is_little(&self) -> bool {
        let most = DISCARDED.saturating_add(self.buffered.len()) as u64;
        // What the client was not told to send may never come.
        !matches!(self.expect, Expect::Waiting | Expect::Due | Expect::Refused)
            && self.decoder.left().is_none_or(|left| left <= most)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The sink wants it.
    Coming,
    /// It is not wanted, but so many bytes of it are read that the connection may live on.
    Discarding { budget: usize },
    /// All of it was read.
    Complete,
    /// The rest will not be read, and so the connection can't live on.
    Abandoned,
}

/// The state of a client that waits for 100 (Continue) before it sends any of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expect {
    Nothing,
    /// The client waits.
    Waiting,
    /// It does, and the sink is ready.
    Due,
    /// It waited until it got the final response: it may send the body, or not.
    Refused,
}

/// Bytes of a body that are read at once.
const CHUNK: usize = 64 * 1024;
/// Bytes of an unwanted body that are read.
const DISCARDED: usize = 64 * 1024;
/// Reads before others have their turn.
const MAX_READS: usize = 16;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;
    use crate::http1::{BodyFraming, HeadLimits, Trailers, encode_chunk, encode_trailers};

    #[derive(Debug, Default, PartialEq)]
    struct Seen {
        content: Vec<u8>,
        end: Option<Result<Trailers, BodyError>>,
    }

    /// Is ready when it is told so.
    struct Sink {
        seen: Rc<RefCell<Seen>>,
        ready: Box<dyn FnMut() -> bool>,
        was_ready: bool,
    }

    impl BodySink for Sink {
        fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Closed>> {
            self.was_ready = self.was_ready || (self.ready)();
            match self.was_ready {
                true => Poll::Ready(Ok(())),
                false => Poll::Pending,
            }
        }

        fn chunk(&mut self, chunk: Vec<u8>) {
            assert!(std::mem::take(&mut self.was_ready), "it was ready");
            assert!(!chunk.is_empty());
            self.seen.borrow_mut().content.extend(chunk);
        }

        fn end(self: Box<Self>, trailers: Trailers) {
            self.seen.borrow_mut().end = Some(Ok(trailers));
        }

        fn fail(self: Box<Self>, why: BodyError) {
            self.seen.borrow_mut().end = Some(Err(why));
        }
    }

    /// What a sink sees of the body that `wire` begins with, and what is left, if it comes in
    /// pieces of these sizes and only every so manyth attempt to read or to pass on succeeds.
    fn take(
        framing: BodyFraming,
        wire: &[u8],
        pieces: &[usize],
        stalls: (usize, usize),
    ) -> (Seen, Option<Vec<u8>>) {
        let seen = Rc::new(RefCell::new(Seen::default()));
        let mut attempts = 0;
        let sink = Sink {
            seen: seen.clone(),
            ready: Box::new(move || {
                attempts += 1;
                attempts % stalls.0 == 0
            }),
            was_ready: false,
        };
        let mut sizes = pieces.iter().copied().cycle();
        let mut rest = wire;
        let mut piece = move |capacity: usize| {
            let len = sizes.next().unwrap_or(1).min(rest.len()).min(capacity);
            let (piece, behind) = rest.split_at(len);
            rest = behind;
            piece.to_vec()
        };
        let limits = HeadLimits::default();
        let decoder = BodyDecoder::with_trailers(framing, 1 << 20, &limits).unwrap();
        let first = piece(usize::MAX);
        let mut body_reader = BodyReader::new(Box::new(sink), decoder, first, false, Duration::MAX);
        let poll_context = PollContext {
            now: Instant::now(),
            expired: false,
        };
        let mut reads = 0;
        let mut read = |capacity: usize, _: &mut Context<'_>| {
            assert!(capacity > 0);
            reads += 1;
            if reads % stalls.1 > 0 {
                return Poll::Pending;
            }
            let piece = piece(capacity);
            Poll::Ready((Ok(piece.len()), piece))
        };
        let mut cx = Context::from_waker(Waker::noop());
        let ended = loop {
            if let Poll::Ready(ended) = body_reader.poll(poll_context, &mut read, &mut cx) {
                break ended;
            }
        };
        let mut rest = body_reader.into_rest();
        while let piece @ [_, ..] = &*piece(usize::MAX) {
            rest.extend(piece);
        }
        (seen.take(), ended.is_ok().then_some(rest))
    }

    #[test]
    fn none_is_the_end_and_is_not_waited_for() {
        for framing in [BodyFraming::None, BodyFraming::Length(0)] {
            let (seen, rest) = take(framing, b"GET", &[3], (usize::MAX, usize::MAX));
            assert_eq!(seen.end, Some(Ok(Trailers::new())));
            assert_eq!(rest, Some(b"GET".to_vec()));
        }
    }

    #[test]
    fn an_end_too_early_is_a_failure() {
        for (framing, wire) in [
            (BodyFraming::Length(5), &b"abc"[..]),
            (BodyFraming::Chunked, b"3\r\nabc\r\n"),
            (BodyFraming::Chunked, b"3\r\nabc\r\n0\r\nx: y\r\n"),
        ] {
            let (seen, rest) = take(framing, wire, &[2], (1, 1));
            assert_eq!(seen.content, b"abc");
            assert_eq!(seen.end, Some(Err(BodyError::Disconnected)));
            assert_eq!(rest, None);
        }
    }

    proptest! {
        /// However the bytes are cut, and whoever has to wait, the sink sees the same.
        #[test]
        fn any_split_yields_the_same(
            chunks in proptest::collection::vec(
                proptest::collection::vec(any::<u8>(), 1..300), 0..20),
            trailers in proptest::collection::vec(("x-[a-z]{1,5}", "[a-z]{0,9}"), 0..3),
            with_chunks in any::<bool>(),
            spoilt in proptest::option::of((0..4000_usize, any::<u8>())),
            pieces in proptest::collection::vec(1..700_usize, 1..20),
            stalls in (1..4_usize, 1..4_usize),
        ) {
            let content = chunks.concat();
            let trailers: Trailers = trailers
                .into_iter()
                .map(|(name, value)| (name, value.into_bytes()))
                .collect();
            let (framing, mut wire, trailers) = if with_chunks {
                let mut wire = Vec::new();
                chunks.iter().for_each(|chunk| encode_chunk(&mut wire, chunk));
                encode_trailers(&mut wire, &trailers).unwrap();
                (BodyFraming::Chunked, wire, trailers)
            } else {
                let framing = BodyFraming::Length(content.len() as u64);
                (framing, content.clone(), Trailers::new())
            };
            wire.extend_from_slice(b"GET / HTTP/1.1\r\n");
            match spoilt {
                None => {
                    let expected = Seen { content, end: Some(Ok(trailers)) };
                    let rest = Some(b"GET / HTTP/1.1\r\n".to_vec());
                    prop_assert_eq!(take(framing, &wire, &pieces, stalls), (expected, rest));
                }
                Some((at, byte)) => {
                    let at = at % wire.len();
                    wire[at] = byte;
                    let whole = take(framing, &wire, &[usize::MAX], (1, 1));
                    prop_assert_eq!(take(framing, &wire, &pieces, stalls), whole);
                }
            }
        }
    }
}
