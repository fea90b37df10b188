//! A service from the bytes of a call to those of its answer, without a host.

#![cfg(feature = "json")]
#![allow(missing_docs, clippy::unwrap_used, reason = "a test")]

use rusm_rs::{Mail, Pid};

#[rusm_rs::service]
pub mod counter {
    use std::collections::BTreeMap;

    use rusm_rs::Mail;

    pub struct State {
        counts: BTreeMap<String, u64>,
    }

    pub fn init() -> State {
        State {
            counts: BTreeMap::from([("started".to_owned(), 1)]),
        }
    }

    pub fn increment(state: &mut State, name: String, by: u64) -> u64 {
        let count = state.counts.entry(name).or_default();
        *count += by;
        *count
    }

    pub fn names(state: &State) -> Vec<String> {
        state.counts.keys().cloned().collect()
    }

    pub fn parse(text: String) -> Result<u64, std::num::ParseIntError> {
        text.parse()
    }

    pub fn nothing() {}

    pub fn unspeakable() -> BTreeMap<(u8, u8), u8> {
        BTreeMap::from([((1, 2), 3)])
    }

    pub fn on_mail(state: &mut State, mail: Mail) {
        if let Mail::Down { pid, reason } = mail {
            increment(state, format!("{pid} {reason}"), 1);
        }
    }

    /// What the host does.
    pub(super) fn call(function: &str, arguments: &str) -> Result<String, String> {
        let function = match function {
            "increment" => __rusm_service::enter_increment,
            "names" => __rusm_service::enter_names,
            "parse" => __rusm_service::enter_parse,
            "nothing" => __rusm_service::enter_nothing,
            _ => __rusm_service::enter_unspeakable,
        };
        function(arguments.as_bytes()).map(|answer| String::from_utf8(answer).unwrap())
    }

    pub(super) fn mail(mail: Mail) {
        __rusm_service::enter_on_mail(mail);
    }
}

use counter::call;

/// The state is the thread's, on which one process runs: each test has its own.
#[test]
fn the_state_is_made_by_init_and_kept_from_message_to_message() {
    assert_eq!(call("names", "[]").unwrap(), r#"["started"]"#);
    assert_eq!(call("increment", r#"["a", 2]"#).unwrap(), "2");
    assert_eq!(call("increment", r#"["a", 40]"#).unwrap(), "42");
    counter::mail(Mail::Message(b"a".to_vec()));
    counter::mail(Mail::Down {
        pid: Pid(7),
        reason: "trap".to_owned(),
    });
    let names = call("names", "[]").unwrap();
    assert_eq!(names, r#"["7 trap","a","started"]"#);
}

#[test]
fn nothing_is_null() {
    assert_eq!(call("nothing", "[]").unwrap(), "null");
}

#[test]
fn an_error_is_its_text() {
    assert_eq!(call("parse", r#"["7"]"#).unwrap(), "7");
    let error = call("parse", r#"["seven"]"#).unwrap_err();
    assert_eq!(error, "invalid digit found in string");
}

#[test]
fn wrong_arguments_and_unspeakable_answers_are_errors() {
    for arguments in [r#"["a"]"#, r#"["a", -1]"#, r#"["a", 1, 2]"#, "", "{}"] {
        let error = call("increment", arguments).unwrap_err();
        assert!(error.starts_with("the arguments of `increment`"), "{error}");
    }
    let error = call("unspeakable", "[]").unwrap_err();
    assert!(error.contains("has no JSON"), "{error}");
    // None of that has begun anything.
    assert_eq!(call("names", "[]").unwrap(), r#"["started"]"#);
}
