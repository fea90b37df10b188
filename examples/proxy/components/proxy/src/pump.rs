//! From one body to another.

use wasip2::http::types::{ErrorCode, IncomingBody, OutgoingBody};
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
    pub fn advance(&mut self) {
        let Some(ends) = &mut self.0 else { return };
        loop {
            let Ok(room) = ends.output.check_write() else {
                return self.give_up();
            };
            ends.is_full = room == 0;
            if ends.is_full {
                return;
            }
            match ends.output.splice(&ends.input, room) {
                Ok(0) => return,
                Ok(_) => {}
                // One of them is; were it the output, there had been no room.
                Err(StreamError::Closed) => return self.finish(),
                Err(StreamError::LastOperationFailed(_)) => return self.give_up(),
            }
        }
    }

    fn finish(&mut self) {
        if let Some(Ends { output, to, .. }) = self.0.take() {
            drop(output);
            let _ = OutgoingBody::finish(to, None);
        }
    }

    /// An unfinished body is cut off, which its reader can tell.
    fn give_up(&mut self) {
        self.0 = None;
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
