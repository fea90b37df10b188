//! One connection of the admin listener: its request is read, the response is written, and it is closed.

use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use rusm_uring_net::http1::HeadParser;

use super::http::{self, Request, Response};
use super::socket::Stream;

/// A connection, and how far it is.
pub(super) struct Connection {
    stream: Stream,
    state: State,
    /// The time at which it is closed.
    deadline: Instant,
}

enum State {
    /// The head of the request is read.
    Reading(Box<HeadParser>, Vec<u8>),
    /// The response is written, from this byte on.
    Writing(Vec<u8>, usize),
    /// The response was written. What the client still sends is discarded: with input unread the close would be a
    /// reset, and the client could lose the response.
    Closing,
}

impl Connection {
    pub(super) fn new(stream: Stream, now: Instant) -> Self {
        Self {
            stream,
            state: State::Reading(Box::default(), Vec::new()),
            deadline: now + HEAD_TIMEOUT,
        }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Returns whether its request is still to come.
    pub(super) fn is_reading(&self) -> bool {
        matches!(self.state, State::Reading(..))
    }

    /// Returns the events to wait for.
    pub(super) fn interest(&self) -> libc::c_short {
        match self.state {
            State::Reading(..) | State::Closing => libc::POLLIN,
            State::Writing(..) => libc::POLLOUT,
        }
    }

    /// Goes on as far as that is possible without waiting. Returns false when it has ended.
    pub(super) fn advance(&mut self, respond: &impl Fn(&Request<'_>) -> Response) -> bool {
        match self.try_advance(respond) {
            Ok(goes_on) => goes_on,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        }
    }

    fn try_advance(&mut self, respond: &impl Fn(&Request<'_>) -> Response) -> io::Result<bool> {
        let mut chunk = [0; CHUNK];
        // A client that sends faster than this reads has to wait for the others.
        for _ in 0..STEPS {
            match &mut self.state {
                State::Reading(parser, input) => {
                    let count = read(&mut self.stream, &mut chunk)?;
                    if count == 0 {
                        return Ok(false);
                    }
                    // The parser refuses what is larger than its limits, so this is bounded.
                    input.extend_from_slice(chunk.get(..count).unwrap_or_default());
                    if let Some(response) = http::answer(parser, input, respond) {
                        self.enter(State::Writing(response, 0), WRITE_TIMEOUT);
                    }
                }
                State::Writing(response, written) => {
                    let rest = response.get(*written..).unwrap_or_default();
                    if rest.is_empty() {
                        self.stream.end()?;
                        self.enter(State::Closing, CLOSE_TIMEOUT);
                        continue;
                    }
                    match self.stream.write(rest) {
                        Ok(0) => return Ok(false),
                        Ok(count) => *written += count,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        Err(error) => return Err(error),
                    }
                }
                State::Closing => {
                    if read(&mut self.stream, &mut chunk)? == 0 {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    fn enter(&mut self, state: State, timeout: Duration) {
        self.state = state;
        self.deadline = Instant::now() + timeout;
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

fn read(stream: &mut Stream, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match stream.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// The time for the head of a request, for the client to take the response, and for it to close then.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Reads and writes of one connection before it is the turn of the next.
const STEPS: usize = 32;
/// Bytes that are read at once.
const CHUNK: usize = 4096;
