//! What the components say to one another.

use rusm_rs::Pid;
use serde::{Deserialize, Serialize};

/// An order to a `brief`.
#[derive(Serialize, Deserialize)]
pub enum Order {
    /// Answer with a [`Pong`].
    Ping(u64),
    End,
    Panic,
}

/// From this process.
#[derive(Serialize, Deserialize)]
pub struct Pong(pub u64);

/// A command for the `broker`.
#[derive(Serialize, Deserialize)]
pub enum Command {
    Subscribe {
        topic: String,
        pid: u64,
    },
    Publish {
        topic: String,
        text: String,
    },
    /// Tell this process how many subscribers the topic has.
    Count {
        topic: String,
        from: u64,
    },
}

/// Where the resident ledger registers.
pub const BOOKS: &str = "books";

/// The resident ledger.
pub fn books() -> ledger::Client {
    ledger::Client::connect(rusm_rs::whereis(BOOKS).unwrap_or(Pid(0)))
}

#[rusm_rs::service]
pub mod ledger {
    use std::cell::RefCell;

    thread_local! {
        static NOTES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    }

    pub fn sum(left: i64, right: i64) -> i64 {
        left + right
    }

    /// Its error is a value, other than one of the wire.
    pub fn divide(left: i64, right: i64) -> Result<i64, String> {
        left.checked_div(right).ok_or("no quotient".into())
    }

    pub fn note(line: String) {
        NOTES.with_borrow_mut(|notes| notes.push(line));
    }

    pub fn notes() -> Vec<String> {
        NOTES.with_borrow(Clone::clone)
    }

    pub fn up_to(end: u32) -> impl Iterator<Item = u32> {
        0..end
    }

    pub fn each(words: Vec<String>, on_word: rusm_rs::Callback<String>) -> usize {
        for word in &words {
            on_word.call(word.to_uppercase());
        }
        words.len()
    }
}
