//! The events of a stream of Server-Sent Events, without a host.

#![allow(missing_docs, reason = "a test")]

use rusm_rs::{Mail, Pid};

#[rusm_rs::sse]
pub mod feed {
    use std::cell::RefCell;

    use rusm_rs::{Mail, Sse};

    thread_local! {
        static LOG: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    pub struct State {
        messages: u32,
    }

    pub fn init(_sse: &Sse) -> State {
        note("init".to_owned());
        State { messages: 0 }
    }

    pub fn message(state: &mut State, _sse: &Sse, message: Vec<u8>) {
        state.messages += 1;
        note(format!("{} {message:?}", state.messages));
    }

    pub fn on_mail(state: &State, _sse: &Sse, mail: Mail) {
        note(format!("{} {mail:?}", state.messages));
    }

    pub fn close() {
        note("close".to_owned());
    }

    fn note(line: String) {
        LOG.with_borrow_mut(|log| log.push(line));
    }

    /// What the host does.
    pub(super) fn open() {
        __rusm_sse::enter_open();
        note("open".to_owned());
    }

    pub(super) fn mail(mail: Mail) {
        __rusm_sse::enter_on_mail(mail);
    }

    pub(super) fn leave() {
        __rusm_sse::enter_close();
    }

    pub(super) fn log() -> Vec<String> {
        LOG.take()
    }
}

#[rusm_rs::sse]
pub mod all {
    use std::cell::Cell;

    use rusm_rs::Mail;

    thread_local! {
        static MAILS: Cell<u32> = const { Cell::new(0) };
    }

    pub fn on_mail(mail: Mail) {
        let weight = match mail {
            Mail::Message(_) => 1,
            _ => 10,
        };
        MAILS.set(MAILS.get() + weight);
    }

    pub(super) fn weight_of(mails: [Mail; 2]) -> u32 {
        mails.into_iter().for_each(__rusm_sse::enter_on_mail);
        MAILS.get()
    }
}

#[rusm_rs::sse]
pub mod messages {
    pub fn message(message: Vec<u8>) {
        assert_eq!(message, b"a");
    }

    pub(super) fn mail(mail: rusm_rs::Mail) {
        __rusm_sse::enter_on_mail(mail);
    }
}

fn message() -> Mail {
    Mail::Message(b"a".to_vec())
}

fn down() -> Mail {
    Mail::Down {
        pid: Pid(7),
        reason: "trap".to_owned(),
    }
}

#[test]
fn the_state_is_made_at_the_opening_and_kept_from_event_to_event() {
    feed::open();
    feed::mail(message());
    feed::mail(message());
    feed::mail(down());
    feed::leave();
    let expected = [
        "init",
        "open",
        "1 [97]",
        "2 [97]",
        "2 Down { pid: Pid(7), reason: \"trap\" }",
        "close",
    ];
    assert_eq!(feed::log(), expected);
}

#[test]
fn without_message_all_mail_is_mail_and_without_on_mail_only_messages_are_heard() {
    assert_eq!(all::weight_of([message(), down()]), 11);
    messages::mail(message());
    messages::mail(down());
}
