//! Numbers without end, as Server-Sent Events: some at a time, and then a message to itself for the
//! next, so that others have their turn.

use rusm_rs::sse::{self, Handler, Stream};

const BATCH: u64 = 64;

#[derive(Default)]
struct Ticks {
    number: u64,
}

impl Handler for Ticks {
    fn open(&mut self, stream: &Stream) {
        self.message(stream, Vec::new());
    }

    fn message(&mut self, stream: &Stream, _message: Vec<u8>) {
        for _ in 0..BATCH {
            stream.data(self.number.to_string().as_bytes());
            self.number += 1;
        }
        rusm_rs::send_bytes(rusm_rs::me(), b"next");
    }
}

#[rusm_rs::main]
fn main() {
    sse::serve(Ticks::default());
}
