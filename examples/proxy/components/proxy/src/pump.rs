//! From one body to another.

use wasip2::http::types::{ErrorCode, IncomingBody, OutgoingBody};
use wasip2::io::error::Error;
use wasip2::io::poll::{Pollable, poll};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

/// Moves what arrives in one body to another, as fast as that takes it. The bytes stay with the
/// host.
pub struct Pump(Option<Ends>);

/// The fields are dropped in this order: a stream before its body.
struct Ends {
    input: InputStream,
    _from: IncomingBody,
    output: OutputStream,
    to: OutgoingBody,
    /// Whether it is the output that is waited for.
    is_full: bool,
}

impl Pump {
    pub fn new(from: IncomingBody, to: OutgoingBody) -> Result<Self, ErrorCode> {
        let twice = |()| ErrorCode::InternalError(Some("streamed twice".to_owned()));
        Ok(Self(Some(Ends {
            input: from.stream().map_err(twice)?,
            _from: from,
            output: to.write().map_err(twice)?,
            to,
            is_full: false,
        })))
    }

    /// Whether all was moved, or no more can be.
    pub fn is_done(&self) -> bool {
        self.0.is_none()
    }

    /// Move what can be moved without waiting.
    ///
    /// # Errors
    /// The rest will not come, or is not taken. What there was is cut off, which its reader can
    /// tell from a whole body.
    pub fn advance(&mut self) -> Result<(), String> {
        let Some(ends) = &mut self.0 else {
            return Ok(());
        };
        loop {
            let room = match ends.output.check_write() {
                Ok(room) => room,
                Err(error) => return self.give_up(error),
            };
            ends.is_full = room == 0;
            if ends.is_full {
                return Ok(());
            }
            match ends.output.splice(&ends.input, room) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // One of them is; were it the output, there had been no room.
                Err(StreamError::Closed) => return self.finish(),
                Err(error) => return self.give_up(error),
            }
        }
    }

    fn finish(&mut self) -> Result<(), String> {
        let Some(Ends { output, to, .. }) = self.0.take() else {
            return Ok(());
        };
        drop(output);
        // It fails where less came than a `content-length` said.
        OutgoingBody::finish(to, None).map_err(|error| error.to_string())
    }

    /// A body that is dropped before it is finished is cut off.
    fn give_up(&mut self, error: StreamError) -> Result<(), String> {
        self.0 = None;
        Err(match error {
            StreamError::Closed => "it is closed".to_owned(),
            StreamError::LastOperationFailed(error) => Error::to_debug_string(&error),
        })
    }

    fn subscribe(&self) -> Option<Pollable> {
        self.0.as_ref().map(|ends| {
            if ends.is_full {
                ends.output.subscribe()
            } else {
                ends.input.subscribe()
            }
        })
    }
}

/// Wait until one of these can go on.
pub fn wait(pumps: &[&Pump], other: Option<&Pollable>) {
    let pollables: Vec<Pollable> = pumps.iter().filter_map(|pump| pump.subscribe()).collect();
    let all: Vec<&Pollable> = pollables.iter().chain(other).collect();
    poll(&all);
}
