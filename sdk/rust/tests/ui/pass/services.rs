//! All that a service, a client and a process may be.

#![deny(warnings)]
#![allow(dead_code)]

use std::fmt;
use std::time::Duration;

use rusm_rs::{CallError, Mail, Pid};

#[rusm_rs::service]
pub mod counter {
    use std::collections::HashMap;

    use rusm_rs::Callback;

    use super::{Mail, Refusal};

    pub struct State {
        counts: HashMap<String, u64>,
    }

    pub fn init() -> State {
        State {
            counts: HashMap::new(),
        }
    }

    /// With the state to write to.
    pub fn increment(state: &mut State, name: String) -> u64 {
        let count = state.counts.entry(name).or_default();
        *count += 1;
        *count
    }

    /// With the state to read.
    pub fn get(state: &State, name: String) -> Option<u64> {
        state.counts.get(&name).copied()
    }

    /// Without it, and a result.
    pub fn parse(text: String) -> Result<u64, std::num::ParseIntError> {
        text.parse()
    }

    pub fn refuse() -> Result<(), Refusal> {
        Err(Refusal)
    }

    pub fn nothing() {}

    pub fn range(n: u32) -> impl Iterator<Item = u64> {
        0..u64::from(n)
    }

    pub fn names(state: &State) -> impl Iterator<Item = String> {
        state.counts.keys().cloned()
    }

    pub fn some(n: u32) -> Result<impl Iterator<Item = u32>, String> {
        Ok(0..n)
    }

    pub fn search(term: String, progress: Callback<u32>, found: Callback<String>) -> Vec<String> {
        progress.call(50);
        found.call(term.clone());
        vec![term]
    }

    pub fn patterns((a, b): (u32, u32), mut c: u32, _: u32) -> u32 {
        c += helper(a);
        c + b
    }

    pub fn r#match(r#type: u8) -> u8 {
        r#type
    }

    #[allow(clippy::too_many_arguments)]
    pub fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> [u8; 8] {
        [a, b, c, d, e, f, g, h]
    }

    pub fn on_mail(state: &mut State, mail: Mail) {
        if let Mail::Down { reason, .. } = mail {
            increment(state, reason);
        }
    }

    fn helper(n: u32) -> u32 {
        n
    }
}

#[rusm_rs::service]
mod stateless {
    pub fn on_mail(_mail: rusm_rs::Mail) {}
}

#[rusm_rs::client]
pub trait Counter {
    /// One more.
    fn increment(name: String) -> u64;
    fn range(n: u32) -> impl Iterator<Item = u64>;
    fn search(
        term: String,
        progress: rusm_rs::Callback<u32>,
        found: rusm_rs::Callback<String>,
    ) -> Vec<String>;
}

/// A second one in the same module.
#[rusm_rs::client]
trait Other {
    fn nothing() -> Result<(), String>;
}

#[rusm_rs::main]
fn life() -> Result<(), Refusal> {
    Err(Refusal)
}

pub struct Refusal;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no")
    }
}

fn calls(counter: counter::Client) -> Result<(), CallError> {
    let _: u64 = counter.increment("a".to_owned())?;
    let _: Option<u64> = counter.get("a".to_owned())?;
    let _: u64 = counter.parse("1".to_owned())?;
    let () = counter.refuse()?;
    let () = counter.nothing()?;
    let mut iterators = (counter.range(3), counter.names(), counter.some(1));
    let _: Option<Result<u64, CallError>> = iterators.0.next();
    let _: Option<Result<String, CallError>> = iterators.1.next();
    let _: Option<Result<u32, CallError>> = iterators.2.next();
    let mut last = 0;
    let mut found = Vec::new();
    let _: Vec<String> =
        counter.search("a".to_owned(), |percent| last = percent, |name| found.push(name))?;
    let _: u32 = counter.patterns((1, 2), 3, 4)?;
    let _: u8 = counter.r#match(1)?;
    let () = counter.cast().increment("a".to_owned())?;
    Ok(())
}

fn clients() -> Result<(), String> {
    let _ = calls(counter::Client::spawn("counter")?.timeout(Duration::from_secs(1)));
    let _ = calls(counter::Client::fresh("counter"));
    let _ = Counter::connect(Pid(1)).clone().pid();
    let other = Other::whereis("other").map_err(|error| error.to_string())?;
    other.nothing().map_err(|error: CallError| error.to_string())
}

fn main() {
    let _ = (calls, clients);
}
