//! Server-Sent Events.

mod action;
mod event;
mod process;

pub use action::SseAction;
pub use event::Event;
pub use process::with_sse;

use std::cell::{Cell, OnceCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::bindings::rusm::runtime::serve;
use crate::connection_info::OwnInfo;
use crate::{ConnectionInfo, Mail, Response, receive_mail};

/// A stream of Server-Sent Events to a client.
///
/// A send waits while the client is slow. When the client disconnects, the process is ended, even
/// while it waits: no send reports it. A send returns false, and sends nothing, once the stream is
/// [closed](Self::close), and in an action that was called by another process instead of a client.
///
/// # In a process for each connection
/// The functions of a module of [`sse`](macro@crate::sse) take it by reference:
///
/// ```
/// #[rusm_rs::sse]
/// pub mod news {
///     use rusm_rs::Sse;
///
///     pub fn open() {
///         rusm_rs::register_tag("news");
///     }
///
///     /// Sends each message that is published to the group.
///     pub fn message(sse: &Sse, message: Vec<u8>) {
///         sse.data(message);
///     }
/// }
/// # fn main() {}
/// ```
///
/// The client sees the connection as open once `open` has returned; the host keeps it alive. Between
/// the calls the process waits without a stack.
///
/// # In an action
/// An action with three parameters has the whole stream in one function:
///
/// ```no_run
/// use std::time::Duration;
///
/// use rusm_rs::{BadRequest, Event, Mail, Params, Request, Sse};
///
/// #[rusm_rs::handlers]
/// pub mod handlers {
///     use super::*;
///
///     /// Sends `n` events and ends the stream.
///     pub fn ticks(_request: Request, params: Params, sse: Sse) -> Result<(), BadRequest> {
///         let n: u32 = params.parse("n")?;
///         for tick in 1..=n {
///             sse.send(Event::new().id(tick).data(format!("tick {tick}")));
///         }
///         Ok(())
///     }
///
///     /// Sends what is published to the group `news`, until the client disconnects.
///     pub fn news(_request: Request, _params: Params, sse: Sse) {
///         rusm_rs::register_tag("news");
///         sse.run(Duration::from_secs(15), |mail| match mail {
///             Mail::Message(news) => sse.data(news),
///             _ => true,
///         });
///     }
/// }
/// # fn main() {}
/// ```
///
/// The first send starts the response, with status 200 and `text/event-stream`. Before it, the
/// action has the usual time limit, and an `Err` is the response: `Err(Response::new(204))` tells an
/// `EventSource` not to reconnect. After it there is no time limit; the response ends when the
/// action returns. An `Err` then ends it too, and the operator's log has the error.
///
/// When the client's disconnect ends the process, its names and groups are released and its
/// monitors are notified.
#[derive(Debug)]
pub struct Sse {
    info: OwnInfo,
    /// Set at the first use.
    last_event_id: OnceCell<Option<String>>,
    progress: Rc<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// Number of sends. The first starts the response.
    sends: Cell<u64>,
    /// Whether the stream is closed.
    closed: Cell<bool>,
}

impl Progress {
    fn has_begun(&self) -> bool {
        self.sends.get() > 0
    }
}

impl Sse {
    /// Sends an event with this data: UTF-8, one line or several.
    pub fn data(&self, data: impl AsRef<[u8]>) -> bool {
        self.sends(|| serve::sse_send(data.as_ref(), None, None, None))
    }

    /// Sends an event.
    pub fn send(&self, event: Event) -> bool {
        let Event {
            data,
            name,
            id,
            retry,
        } = &event;
        self.sends(|| serve::sse_send(data, name.as_deref(), id.as_deref(), *retry))
    }

    /// Sends a comment, which clients ignore, to keep the connection alive.
    pub fn comment(&self, text: &str) -> bool {
        self.sends(|| serve::sse_comment(text))
    }

    /// Sends bytes that are already in the format `text/event-stream`.
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> bool {
        let has_begun = self.progress.has_begun();
        self.sends(|| {
            if !has_begun {
                let Response { head, .. } = action::empty();
                // A client that is gone is noticed right below.
                let _ = serve::respond(head.status, &head.headers);
            }
            serve::write(bytes.as_ref())
        })
    }

    /// Closes the stream: later sends return false. In a module of [`sse`](macro@crate::sse) the
    /// process ends normally when the function that called this returns; the module's `close` is not
    /// called. In an action the response ends when the action returns.
    pub fn close(&self) {
        self.progress.closed.set(true);
    }

    /// Returns the request. Its fields are empty in an action that was called by another process.
    pub fn info(&self) -> &ConnectionInfo {
        self.info.get()
    }

    /// Returns the id of the last event that a reconnecting client received, from its header
    /// `Last-Event-ID`; `None` at the first connection.
    pub fn last_event_id(&self) -> Option<&str> {
        let id = self.last_event_id.get_or_init(|| {
            let id = self.info().header("last-event-id");
            id.map(str::to_owned)
        });
        id.as_deref()
    }

    /// Calls `on_mail` for each mail of this process, until the client disconnects or `on_mail`
    /// returns false. It may send any number of events. If nothing was sent for `heartbeat`, a
    /// comment is sent.
    ///
    /// If nothing was sent before this call, a comment is sent at once, so that the client sees the
    /// connection as open.
    ///
    /// It is for actions. In a module of [`sse`](macro@crate::sse) mail arrives at `message` and
    /// `on_mail`, whose time limit this would exceed.
    pub fn run(&self, heartbeat: Duration, mut on_mail: impl FnMut(Mail) -> bool) {
        let mut open = self.progress.has_begun() || self.comment("");
        let mut heartbeat = Heartbeat::new(heartbeat);
        while open && !self.progress.closed.get() {
            let sends = self.progress.sends.get();
            let mail = heartbeat.left().map(|left| receive_mail(Some(left)));
            open = match mail.flatten() {
                Some(mail) => on_mail(mail),
                None => self.comment(""),
            };
            if self.progress.sends.get() != sends {
                heartbeat.begin();
            }
        }
    }

    /// Sends, if the stream is open.
    fn sends(&self, send: impl FnOnce() -> bool) -> bool {
        if self.progress.closed.get() {
            return false;
        }
        self.progress.sends.set(self.progress.sends.get() + 1);
        send()
    }
}

/// Timer of the comments that keep the connection alive.
struct Heartbeat {
    every: Duration,
    /// Time of the last send.
    since: Instant,
}

impl Heartbeat {
    fn new(every: Duration) -> Self {
        Self {
            // Between two comments there is time for mail.
            every: every.max(Duration::from_millis(1)),
            since: Instant::now(),
        }
    }

    /// Restarts the timer, after a send.
    fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// Returns the time until the next comment; `None` if it is due.
    fn left(&self) -> Option<Duration> {
        let left = self.every.checked_sub(self.since.elapsed());
        left.filter(|left| !left.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_is_due_when_nothing_was_sent_for_so_long() {
        let long = Duration::from_secs(3600);
        let mut heartbeat = Heartbeat::new(long);
        assert!(heartbeat.left().is_some_and(|left| left <= long));
        heartbeat.since -= long;
        assert_eq!(heartbeat.left(), None);
        heartbeat.begin();
        assert!(heartbeat.left().is_some());
        assert!(!Heartbeat::new(Duration::ZERO).every.is_zero());
    }
}
