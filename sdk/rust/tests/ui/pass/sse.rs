//! All that a stream of Server-Sent Events may be.

#![deny(warnings, clippy::all, clippy::pedantic, missing_docs, unsafe_code)]

/// With everything.
#[rusm_rs::sse]
pub mod feed {
    #![allow(clippy::needless_pass_by_value)]

    use rusm_rs::{Event, Mail, Sse};

    /// Without `Default`.
    pub struct State {
        topic: String,
        sent: u64,
    }

    /// Made of the request.
    pub fn init(sse: &Sse) -> State {
        let topic = sse.info().param("topic").unwrap_or_default();
        State {
            topic: topic.to_owned(),
            sent: 0,
        }
    }

    /// With the state to read.
    pub fn open(state: &State, sse: &Sse) {
        rusm_rs::register_tag(&state.topic);
        sse.comment(sse.last_event_id().unwrap_or("new"));
    }

    /// With the state to write to.
    pub fn message(state: &mut State, sse: &Sse, message: Vec<u8>) {
        sse.send(Event::new().id(next(state)).data(message));
    }

    /// Without the state.
    pub fn on_mail(sse: &Sse, mail: Mail) {
        if let Mail::Down { reason, .. } = mail {
            sse.data(reason);
            sse.close();
        }
    }

    /// Without the connection.
    pub fn close(state: &mut State) {
        eprintln!("{}", next(state));
    }

    fn next(state: &mut State) -> u64 {
        state.sent += 1;
        state.sent
    }
}

/// With the least.
#[rusm_rs::sse]
mod least {
    pub fn open() {}
}

/// With messages alone, and a state that makes itself.
#[rusm_rs::sse]
mod default {
    /// Counts.
    #[derive(Default)]
    pub struct State(u64);

    pub fn message(state: &mut State, sse: &rusm_rs::Sse, message: Vec<u8>) -> () {
        state.0 += 1;
        sse.write([b"data: ", &*message, b"\n\n"].concat());
    }
}

/// A state that nobody takes is made all the same.
#[rusm_rs::sse]
mod init {
    pub struct State;

    pub fn init() -> State {
        State
    }

    pub fn on_mail(_: rusm_rs::Mail) {}

    pub fn close(sse: &rusm_rs::Sse) {
        let _ = sse.info().remote_addr();
    }
}

fn main() {}
