//! All that a WebSocket may be.

#![deny(warnings, clippy::all, clippy::pedantic, missing_docs, unsafe_code)]

/// With everything.
#[rusm_rs::websocket]
pub mod room {
    use rusm_rs::{Connection, Mail, Message};

    /// Without `Default`.
    pub struct State {
        room: String,
        messages: u64,
    }

    /// Made of the request.
    pub fn init(connection: &Connection) -> State {
        let info = connection.info();
        let room = info.param("room").unwrap_or_default();
        State {
            room: room.to_owned(),
            messages: 0,
        }
    }

    /// With the state to read.
    pub fn open(state: &State, connection: &Connection) {
        connection.send_text(&state.room);
    }

    /// With the state to write to.
    pub fn message(state: &mut State, connection: &Connection, message: Message) {
        state.messages += 1;
        match message {
            Message::Text(text) => connection.send_text(text),
            Message::Binary(bytes) => connection.send_binary(bytes),
        };
    }

    /// Without the connection.
    pub fn close(state: &mut State, code: u16, reason: &str) {
        eprintln!("{} {code} {reason} {}", state.room, helper(state));
    }

    /// Without the state.
    pub fn on_mail(connection: &Connection, mail: Mail) {
        if let Mail::Down { reason, .. } = mail {
            connection.close(1001, &reason);
        }
    }

    fn helper(state: &State) -> u64 {
        state.messages
    }
}

/// With the least.
#[rusm_rs::websocket]
mod least {
    pub fn message(_: rusm_rs::Message) {}
}

/// With a state that makes itself.
#[rusm_rs::websocket]
mod default {
    /// Counts.
    #[derive(Default)]
    pub struct State(u64);

    fn count(state: &mut State) -> u64 {
        state.0 += 1;
        state.0
    }

    pub fn message(state: &mut State, connection: &rusm_rs::Connection, _: rusm_rs::Message) -> () {
        connection.send_binary(count(state).to_be_bytes());
    }
}

/// A state that nobody takes is made all the same.
#[rusm_rs::websocket]
mod init {
    pub struct State;

    pub fn init() -> State {
        State
    }

    pub fn open() {}

    pub fn message(_: rusm_rs::Message) {}

    pub fn close(connection: &rusm_rs::Connection, _code: u16, _reason: &str) {
        let _ = connection.info().remote_addr();
    }
}

fn main() {}
