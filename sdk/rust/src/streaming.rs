//! A response whose body is sent while it is made.

use std::fmt;

use crate::Response;
use crate::bindings::rusm::runtime::{http, serve};

/// The body of a [`Response::stream`], to write to.
#[derive(Debug)]
pub struct Body(());

impl Body {
    /// Sends a piece. Waits while the client is slow; when it leaves, the process ends, and so this
    /// does not return. False, and nothing is sent, if there is no client: another process has
    /// called the action.
    pub fn write(&mut self, chunk: impl AsRef<[u8]>) -> bool {
        serve::write(chunk.as_ref())
    }
}

/// How a response answers that is more than its value.
///
/// The code that streams is behind this pointer, so that a component whose responses never do does
/// not even import what it needs.
pub(crate) struct Sender(Box<dyn FnOnce(&mut http::Response)>);

impl Sender {
    pub(crate) fn new(write: impl FnOnce(&mut Body) + 'static) -> Self {
        Self(Box::new(|response| stream(response, write)))
    }

    /// Answers by the stream, or makes `response` one that says that it can't.
    #[cold]
    pub(crate) fn send(self, response: &mut http::Response) {
        (self.0)(response);
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sender")
    }
}

fn stream(response: &mut http::Response, write: impl FnOnce(&mut Body)) {
    crate::__private::begin_lasting();
    match serve::respond(response.status, &response.headers) {
        Ok(()) => write(&mut Body(())),
        Err(why) => {
            eprintln!("Response::stream: {why}");
            *response = Response::text("internal server error\n")
                .status(500)
                .into_wit();
        }
    }
}
