//! Streamed response bodies.

use std::fmt;

use crate::Response;
use crate::bindings::rusm::runtime::{http, serve};

/// The writer of a [`Response::stream`] body.
#[derive(Debug)]
pub struct Body(());

impl Body {
    /// Sends a piece, waiting while the client is slow. When the client disconnects, the process is
    /// ended and this does not return. Returns false, and sends nothing, if the action was called by
    /// another process instead of a client.
    pub fn write(&mut self, chunk: impl AsRef<[u8]>) -> bool {
        serve::write(chunk.as_ref())
    }
}

/// Sends a streamed response.
///
/// The code that streams is behind this pointer, so that a component that never streams does not
/// import the functions for it.
pub(crate) struct Sender(Box<dyn FnOnce(&mut http::Response)>);

impl Sender {
    pub(crate) fn new(write: impl FnOnce(&mut Body) + 'static) -> Self {
        Self(Box::new(|response| stream(response, write)))
    }

    /// Sends the stream, or makes `response` an error if it cannot be sent.
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
