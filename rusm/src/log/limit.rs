//! Rate limit of the operator's log, for each message.
//!
//! A guest that fails on every request, or a process without free file descriptors, repeats the
//! same message thousands of times a second. Each message has a budget of lines, which refills
//! every second. Dropped lines are counted and reported.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The identity of a message: lines with the same key count as one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key(u64);

/// The lines that each message has spent.
#[derive(Default)]
pub(crate) struct Limiter(Mutex<Messages>);

#[derive(Default)]
struct Messages {
    hasher: std::hash::RandomState,
    spent: HashMap<Key, Spent>,
}

struct Spent {
    /// The remaining lines, as of `at`.
    left: f64,
    at: Instant,
    /// The lines dropped since the last report.
    missing: Option<Missing>,
}

/// Dropped lines of one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// The number of lines.
    pub(crate) lines: u64,
    /// The time of the first of them.
    since: Instant,
    /// The text of the first of them.
    pub(crate) sample: String,
}

impl Limiter {
    /// Returns the key of a message with these parts.
    pub(crate) fn key(&self, parts: impl Hash) -> Key {
        Key(self.messages().hasher.hash_one(parts))
    }

    /// Returns whether a line of this message may be written now. If not, it is counted under
    /// `sample`.
    pub(crate) fn admits(&self, key: Key, now: Instant, sample: impl FnOnce() -> String) -> bool {
        let mut messages = self.messages();
        // A guest that words each line differently is bounded by the length of the queue.
        if messages.spent.len() >= MESSAGES && !messages.spent.contains_key(&key) {
            return true;
        }
        let spent = messages.spent.entry(key).or_insert(Spent {
            left: BURST,
            at: now,
            missing: None,
        });
        let passed = now.saturating_duration_since(spent.at).as_secs_f64();
        spent.left = (spent.left + passed * PER_SECOND).min(BURST);
        spent.at = now;
        if spent.left >= 1.0 {
            spent.left -= 1.0;
            return true;
        }
        let missing = spent.missing.get_or_insert_with(|| Missing {
            lines: 0,
            since: now,
            sample: sample(),
        });
        missing.lines += 1;
        false
    }

    /// Returns the dropped lines that are due to be reported: those older than a while, or `all`.
    pub(crate) fn missing(&self, now: Instant, all: bool) -> Vec<Missing> {
        let mut messages = self.messages();
        let mut due = Vec::new();
        for spent in messages.spent.values_mut() {
            let is_due = |missing: &mut Missing| {
                all || now.saturating_duration_since(missing.since) >= SAID_AFTER
            };
            due.extend(spent.missing.take_if(is_due));
        }
        // A message with its whole budget needs no entry.
        messages.spent.retain(|_, spent| {
            let quiet = now.saturating_duration_since(spent.at).as_secs_f64();
            spent.missing.is_some() || spent.left + quiet * PER_SECOND < BURST
        });
        due
    }

    fn messages(&self) -> MutexGuard<'_, Messages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lines of one message that may be written at once.
const BURST: f64 = 100.0;
/// Lines that each message gains every second.
const PER_SECOND: f64 = 1.0;
/// The interval between reports of dropped lines.
const SAID_AFTER: Duration = Duration::from_secs(10);
/// Messages that are tracked at once.
const MESSAGES: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_is_repeated_is_counted_and_others_are_not_touched() {
        let limiter = Limiter::default();
        let (one, other) = (limiter.key(("a", 1)), limiter.key(("a", 2)));
        assert_eq!(one, limiter.key(("a", 1)));
        let start = Instant::now();
        let admits = |key, at| limiter.admits(key, at, || "sample".into());
        let written = (0..1000).filter(|_| admits(one, start)).count();
        assert_eq!(written, 100);
        assert!(admits(other, start));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(limiter.missing(at(9), false).is_empty(), "not yet");
        let missing = limiter.missing(at(10), false);
        assert_eq!(missing.len(), 1);
        assert_eq!((missing[0].lines, &*missing[0].sample), (900, "sample"));
        assert!(limiter.missing(at(30), true).is_empty(), "it is said once");
        assert_eq!((0..1000).filter(|_| admits(one, at(40))).count(), 40);
        assert_eq!(limiter.missing(at(40), true)[0].lines, 960);
    }

    #[test]
    fn what_is_known_is_bounded() {
        let limiter = Limiter::default();
        let start = Instant::now();
        for message in 0..100_000 {
            assert!(limiter.admits(limiter.key(message), start, String::new));
        }
        assert!(limiter.messages().spent.len() <= MESSAGES);
        limiter.missing(start + Duration::from_secs(200), false);
        assert!(limiter.messages().spent.is_empty());
    }
}
