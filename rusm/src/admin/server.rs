//! The thread of the admin listener: all of its connections, by `poll`.

use std::os::fd::{AsRawFd, RawFd};
use std::thread;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::error::AdminError;
use super::http::Request;
use super::pages::Pages;
use super::socket::Listener;

/// Starts the thread, which serves until the process ends.
///
/// # Errors
/// If the system refuses the thread.
pub(super) fn start(listener: Listener, pages: Pages) -> Result<(), AdminError> {
    let serve = move || {
        let mut server = Server {
            listener,
            connections: Vec::new(),
            accepts_from: Instant::now(),
        };
        loop {
            server.turn(&pages);
        }
    };
    let thread = thread::Builder::new().name("rusm-admin".into());
    thread.spawn(serve).map_err(AdminError::Thread)?;
    Ok(())
}

struct Server {
    listener: Listener,
    /// The oldest first.
    connections: Vec<Connection>,
    /// No client is accepted before this time: the process had no file left.
    accepts_from: Instant,
}

impl Server {
    /// Waits until something can be done, and does it.
    fn turn(&mut self, pages: &Pages) {
        let ready = self.wait();
        pages.begin_turn();
        let respond = |request: &Request<'_>| pages.respond(request);
        let now = Instant::now();
        let mut ready = ready.into_iter();
        // One for each connection, in their order, and one for the listener.
        self.connections.retain_mut(|connection| {
            let is_ready = ready.next().unwrap_or_default();
            now < connection.deadline() && (!is_ready || connection.advance(&respond))
        });
        if ready.next().unwrap_or_default() {
            self.accept(now);
        }
    }

    /// Waits for an event or a deadline. Returns for each connection, and then for the listener, whether it is ready.
    fn wait(&self) -> Vec<bool> {
        let now = Instant::now();
        let is_accepting = self.accepts_from <= now;
        let pause = (!is_accepting).then_some(self.accepts_from);
        let deadlines = self.connections.iter().map(Connection::deadline);
        let until = deadlines.chain(pause).min();
        let timeout = until.map(|until| until.saturating_duration_since(now));
        let connections = self.connections.iter();
        let mut polled: Vec<_> = connections
            .map(|connection| event(connection.as_raw_fd(), connection.interest()))
            .collect();
        // A negative descriptor is left out.
        let listener = if is_accepting {
            self.listener.as_raw_fd()
        } else {
            -1
        };
        polled.push(event(listener, libc::POLLIN));
        poll(&mut polled, timeout);
        polled.iter().map(|event| event.revents != 0).collect()
    }

    /// Accepts all clients that wait. Beyond the limit the connection ends that has been there for longest without a
    /// request: who holds many open keeps nobody else out.
    fn accept(&mut self, now: Instant) {
        for _ in 0..MAX_CONNECTIONS {
            match self.listener.accept() {
                Ok(stream) => {
                    if self.connections.len() >= MAX_CONNECTIONS {
                        let oldest = self.connections.iter().position(Connection::is_reading);
                        self.connections.remove(oldest.unwrap_or_default());
                    }
                    self.connections.push(Connection::new(stream, now));
                }
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(_) => {
                    // The client has left, or the process has no file left. That gets better.
                    self.accepts_from = now + ACCEPT_BACKOFF;
                    return;
                }
            }
        }
    }
}

fn event(fd: RawFd, events: libc::c_short) -> libc::pollfd {
    libc::pollfd {
        fd,
        events,
        revents: 0,
    }
}

/// Waits for one of the events, at most for `timeout`. If that fails none is ready.
fn poll(events: &mut [libc::pollfd], timeout: Option<Duration>) {
    // A millisecond more, so that the deadline has passed then.
    let millis = timeout.map(|timeout| timeout.as_millis().saturating_add(1));
    let millis = millis.map_or(-1, |millis| i32::try_from(millis).unwrap_or(i32::MAX));
    let count = events.len() as libc::nfds_t;
    // SAFETY: `events` are `count` entries, which live as long as the call.
    let ready = unsafe { libc::poll(events.as_mut_ptr(), count, millis) };
    if ready < 0 {
        events.iter_mut().for_each(|event| event.revents = 0);
    }
}

/// Connections at a time.
const MAX_CONNECTIONS: usize = 64;
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
