//! Server-Sent Events.

mod event;

pub use event::Event;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::bindings::rusm::runtime::{http, serve};
use crate::{IntoResponse, Mail, Request, Response, receive_mail};

/// The client of an action with three parameters, which answers it by Server-Sent Events.
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
/// A send waits while the client is slow, and says whether it is still there. One that leaves ends
/// the process, whatever it waits for: its names and groups are free again, and who monitors it is
/// told.
#[derive(Debug)]
pub struct Sse {
    last_event_id: Option<String>,
    /// Whether the answer has begun.
    begun: Rc<Cell<bool>>,
}

impl Sse {
    /// Sends an event of this data alone, UTF-8 of one line or many.
    pub fn data(&self, data: impl AsRef<[u8]>) -> bool {
        self.sent(serve::sse_send(data.as_ref(), None, None, None))
    }

    /// Sends an event.
    pub fn send(&self, event: Event) -> bool {
        let Event {
            data,
            name,
            id,
            retry,
        } = &event;
        self.sent(serve::sse_send(
            data,
            name.as_deref(),
            id.as_deref(),
            *retry,
        ))
    }

    /// Sends a comment, which clients ignore: it keeps the connection alive.
    pub fn comment(&self, text: &str) -> bool {
        self.sent(serve::sse_comment(text))
    }

    /// Sends bytes that have the form of `text/event-stream` already.
    pub fn write(&self, bytes: impl AsRef<[u8]>) -> bool {
        if !self.begun.get() {
            let Response { head, .. } = empty();
            // A client that is gone is noticed right below.
            let _ = serve::respond(head.status, &head.headers);
        }
        self.sent(serve::write(bytes.as_ref()))
    }

    /// The id of the last event that the client saw before it lost the connection, by its header
    /// `Last-Event-ID`; `None` the first time.
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// Makes events of this process's mail, until the client leaves or `on_mail` gives false: as
    /// the sends do, it says whether to go on, and it may send as many events as it likes. When
    /// nothing came for `heartbeat`, a comment is sent.
    ///
    /// If nothing was sent before, a comment is, at once: the client knows that it is connected.
    pub fn run(&self, heartbeat: Duration, mut on_mail: impl FnMut(Mail) -> bool) {
        let mut open = self.begun.get() || self.comment("");
        while open {
            open = match receive_mail(Some(heartbeat)) {
                Some(mail) => on_mail(mail),
                None => self.comment(""),
            };
        }
    }

    fn sent(&self, sent: bool) -> bool {
        self.begun.set(true);
        sent
    }
}

/// What the expansion of `#[handlers]` keeps of an [`Sse`], while the action has it.
#[derive(Debug)]
pub struct Answering {
    begun: Rc<Cell<bool>>,
}

impl Answering {
    /// Begins with the call of an action.
    pub fn new(request: &Request) -> (Sse, Self) {
        crate::__private::live_on();
        let begun = Rc::new(Cell::new(false));
        let sse = Sse {
            last_event_id: request.header("last-event-id").map(str::to_owned),
            begun: begun.clone(),
        };
        (sse, Self { begun })
    }

    /// What the host is told when the action has returned; it uses that if nothing was sent.
    pub fn end(self, answer: impl EndOfEvents) -> http::Response {
        let Some(failure) = answer.failure() else {
            return empty().into_wit();
        };
        if self.begun.get() {
            let (status, why) = (failure.status_code(), failure.body());
            let why = String::from_utf8_lossy(why);
            eprintln!("an action failed amid its events: {status} {why}");
        }
        failure.into_wit()
    }
}

/// What an action with an [`Sse`] may return.
#[diagnostic::on_unimplemented(
    message = "an action with an `Sse` returns nothing or a `Result<(), E>` where `E: IntoResponse`, not `{Self}`",
    label = "the answer is what was sent"
)]
pub trait EndOfEvents {
    /// What went wrong.
    fn failure(self) -> Option<Response>;
}

impl EndOfEvents for () {
    fn failure(self) -> Option<Response> {
        None
    }
}

impl<E: IntoResponse> EndOfEvents for Result<(), E> {
    fn failure(self) -> Option<Response> {
        self.err().map(E::into_response)
    }
}

/// A stream of no events.
fn empty() -> Response {
    Response::new(200)
        .header("content-type", "text/event-stream")
        .header("cache-control", "no-cache")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{BadRequest, header};

    #[test]
    fn a_client_that_comes_again_says_what_it_saw() {
        let request = Request::new("GET", "/").with_header("Last-Event-ID", "7");
        assert_eq!(Answering::new(&request).0.last_event_id(), Some("7"));
        let request = Request::new("GET", "/");
        assert_eq!(Answering::new(&request).0.last_event_id(), None);
    }

    #[test]
    fn what_an_action_returns_answers_if_it_has_sent_nothing() {
        let answering = || Answering::new(&Request::new("GET", "/")).1;
        let response = answering().end(());
        assert_eq!(response.status, 200);
        assert!(
            response
                .headers
                .contains(&header::header("content-type", "text/event-stream"))
        );
        let failed: Result<(), _> = Err(BadRequest::new("no such room"));
        let response = answering().end(failed);
        assert_eq!(response.status, 400);
        assert!(response.body.starts_with(b"no such room"));
    }
}
