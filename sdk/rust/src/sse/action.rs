//! Actions that respond with Server-Sent Events.

use std::cell::OnceCell;
use std::rc::Rc;

use super::{Progress, Sse};
use crate::bindings::rusm::runtime::http;
use crate::connection_info::OwnInfo;
use crate::{IntoResponse, Request, Response};

/// Shares the progress of an [`Sse`] with the expansion of `#[handlers]`, while the action owns it.
#[derive(Debug)]
pub struct SseAction {
    progress: Rc<Progress>,
}

impl SseAction {
    /// Creates the stream of an action's call.
    pub fn new(request: &Request) -> (Sse, Self) {
        crate::__private::begin_lasting();
        let progress = Rc::new(Progress::default());
        let last_event_id = request.header("last-event-id").map(str::to_owned);
        let sse = Sse {
            info: OwnInfo::new(),
            last_event_id: OnceCell::from(last_event_id),
            progress: progress.clone(),
        };
        (sse, Self { progress })
    }

    /// Returns the response for the host after the action has returned. The host uses it if nothing was
    /// sent.
    pub fn end(self, answer: impl EndOfEvents) -> http::Response {
        let Some(failure) = answer.failure() else {
            return empty().into_wit();
        };
        if self.progress.has_begun() {
            let (status, why) = (failure.status_code(), failure.body());
            let why = String::from_utf8_lossy(why);
            eprintln!("an action failed while streaming: {status} {why}");
        }
        failure.into_wit()
    }
}

/// A type that an action with an [`Sse`] can return.
#[diagnostic::on_unimplemented(
    message = "an action with an `Sse` returns nothing or a `Result<(), E>` where `E: IntoResponse`, not `{Self}`",
    label = "the answer is what was sent"
)]
pub trait EndOfEvents {
    /// Returns the error as a response, if the action failed.
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

/// Returns the response of a stream without events.
pub(super) fn empty() -> Response {
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
        assert_eq!(SseAction::new(&request).0.last_event_id(), Some("7"));
        let request = Request::new("GET", "/");
        assert_eq!(SseAction::new(&request).0.last_event_id(), None);
    }

    /// What asks the host panics here, so nobody asks it.
    #[test]
    fn nothing_is_sent_once_the_stream_is_closed() {
        let (sse, _action) = SseAction::new(&Request::new("GET", "/"));
        sse.close();
        assert!(!sse.data("a"));
        assert!(!sse.send(crate::Event::new().data("a")));
        assert!(!sse.comment(""));
        assert!(!sse.write("data: a\n\n"));
        sse.run(std::time::Duration::ZERO, |_| true);
    }

    #[test]
    fn what_an_action_returns_answers_if_it_has_sent_nothing() {
        let action = || SseAction::new(&Request::new("GET", "/")).1;
        let response = action().end(());
        assert_eq!(response.status, 200);
        assert!(
            response
                .headers
                .contains(&header::header("content-type", "text/event-stream"))
        );
        let failed: Result<(), _> = Err(BadRequest::new("no such room"));
        let response = action().end(failed);
        assert_eq!(response.status, 400);
        assert!(response.body.starts_with(b"no such room"));
    }
}
