//! The events of a WebSocket, without a host.

#![allow(missing_docs, reason = "a test")]

use rusm_rs::{Mail, Message, Pid};

#[rusm_rs::websocket]
pub mod room {
    use std::cell::RefCell;

    use rusm_rs::{Connection, Mail, Message};

    thread_local! {
        static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    pub struct State {
        messages: u32,
    }

    pub fn init(_connection: &Connection) -> State {
        note("init".to_owned());
        State { messages: 0 }
    }

    pub fn message(state: &mut State, message: Message) {
        state.messages += 1;
        note(format!("{} {message:?}", state.messages));
    }

    pub fn on_mail(state: &State, _connection: &Connection, mail: Mail) {
        note(format!("{} {mail:?}", state.messages));
    }

    pub fn close(code: u16, reason: &str) {
        note(format!("close {code} {reason}"));
    }

    fn note(line: String) {
        LOG.with_borrow_mut(|log| log.push(line));
    }

    /// What the host does.
    pub(super) fn enter(message: Message, mail: Mail) -> Vec<String> {
        __rusm_websocket::enter_open();
        note("open".to_owned());
        __rusm_websocket::enter_message(message.clone());
        __rusm_websocket::enter_message(message);
        __rusm_websocket::enter_on_mail(mail);
        __rusm_websocket::enter_close(1000, "bye");
        LOG.take()
    }
}

#[test]
fn the_state_is_made_at_the_opening_and_kept_from_event_to_event() {
    let down = Mail::Down {
        pid: Pid(7),
        reason: "trap".to_owned(),
    };
    let log = room::enter(Message::Text("a".to_owned()), down);
    let expected = [
        "init",
        "open",
        "1 Text(\"a\")",
        "2 Text(\"a\")",
        "2 Down { pid: Pid(7), reason: \"trap\" }",
        "close 1000 bye",
    ];
    assert_eq!(log, expected);
}
