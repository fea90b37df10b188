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

/// A client that is answered by Server-Sent Events.
///
/// A send waits while the client is slow. When the client leaves, the process ends, whatever it
/// waits for: no send ever says that it is gone. A send says false, and sends nothing, once the
/// stream is [closed](Self::close), and in an action that another process has called, for no
/// client.
///
/// # In a process for each connection
/// The functions of a module of [`sse`](macro@crate::sse) get it by reference, for what happens:
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
///     /// What is published to the group, until the client leaves.
///     pub fn message(sse: &Sse, message: Vec<u8>) {
///         sse.data(message);
///     }
/// }
/// # fn main() {}
/// ```
///
/// The client knows that it is connected once `open` has returned, and the host keeps the
/// connection alive. In between the process waits without a stack.
///
/// # In an action
/// One with three parameters has the whole stream in one function:
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
///     /// `n` events, and the end.
///     pub fn ticks(_request: Request, params: Params, sse: Sse) -> Result<(), BadRequest> {
///         let n: u32 = params.parse("n")?;
///         for tick in 1..=n {
///             sse.send(Event::new().id(tick).data(format!("tick {tick}")));
///         }
///         Ok(())
///     }
///
///     /// What is published to the group `news`, until the client leaves.
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
/// The first thing that is sent begins the answer: status 200, `text/event-stream`. Until then
/// the action has the time of any other, and an `Err` answers with a response of its own:
/// `Err(Response::new(204))` tells an `EventSource` not to come again. From then on it may take as
/// long as it likes; the answer ends when it returns. After an `Err` the client sees that end, and
/// the operator's log says why.
///
/// With the process that a client's leaving ends, its names and groups are free again, and who
/// monitors it is told.
#[derive(Debug)]
pub struct Sse {
    info: OwnInfo,
    /// Found once.
    last_event_id: OnceCell<Option<String>>,
    progress: Rc<Progress>,
}

#[derive(Debug, Default)]
struct Progress {
    /// How much was sent. The answer has begun with the first.
    sends: Cell<u64>,
    /// Whether nothing is to be sent any more.
    closed: Cell<bool>,
}

impl Progress {
    fn has_begun(&self) -> bool {
        self.sends.get() > 0
    }
}

impl Sse {
    /// Sends an event of this data alone, UTF-8 of one line or many.
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

    /// Sends a comment, which clients ignore: it keeps the connection alive.
    pub fn comment(&self, text: &str) -> bool {
        self.sends(|| serve::sse_comment(text))
    }

    /// Sends bytes that have the form of `text/event-stream` already.
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

    /// Ends the stream: what is sent after this is not, and the sends say false. In a module of
    /// [`sse`](macro@crate::sse) the process ends, normally, when the function that called this
    /// returns; its `close` is not called. In an action the answer ends when the action returns.
    pub fn close(&self) {
        self.progress.closed.set(true);
    }

    /// The request that is answered. Its fields are empty in an action that another process has
    /// called, for no client.
    pub fn info(&self) -> &ConnectionInfo {
        self.info.get()
    }

    /// The id of the last event that the client saw before it lost the connection, by its header
    /// `Last-Event-ID`; `None` the first time.
    pub fn last_event_id(&self) -> Option<&str> {
        let id = self.last_event_id.get_or_init(|| {
            let id = self.info().header("last-event-id");
            id.map(str::to_owned)
        });
        id.as_deref()
    }

    /// Makes events of this process's mail, until the client leaves or `on_mail` gives false: it
    /// says whether to go on, as the sends do, and may send as many events as it likes, or none.
    /// When nothing was sent for `heartbeat`, whatever mail came, a comment is.
    ///
    /// If nothing was sent before, a comment is, at once: the client knows that it is connected.
    ///
    /// It is for actions. In a module of [`sse`](macro@crate::sse) mail comes to `message` and
    /// `on_mail`, and each function has a time limit that this would exceed.
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

    /// Does so, if the stream is open.
    fn sends(&self, send: impl FnOnce() -> bool) -> bool {
        if self.progress.closed.get() {
            return false;
        }
        self.progress.sends.set(self.progress.sends.get() + 1);
        send()
    }
}

/// When the next comment is due.
struct Heartbeat {
    every: Duration,
    /// When something was sent last.
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

    /// Something was sent.
    fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// The time until it is due; `None` if it is.
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
