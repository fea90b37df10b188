//! The end of a run before its time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// A request to end the run now, from another thread or a signal handler. Clones are the same
/// request.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks for the end.
    pub fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns whether the end was asked for.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Returns the flag, for a signal handler to set.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0)
    }
}

/// The end of one run before its time: after a number of operations, or when it is asked for. All
/// threads of the run share it, so that all of them end at the same instant.
#[derive(Debug, Default)]
pub struct Ending {
    stop: Stop,
    count: Option<Count>,
    at: OnceLock<Instant>,
}

/// The operations of a run that ends after so many.
#[derive(Debug)]
struct Count {
    limit: u64,
    begun: AtomicU64,
    ended: AtomicU64,
}

impl Ending {
    /// Creates the end of a run of at most `limit` operations.
    #[must_use]
    pub fn new(stop: Stop, limit: Option<u64>) -> Self {
        Self {
            stop,
            count: limit.map(|limit| Count {
                limit,
                begun: AtomicU64::new(0),
                ended: AtomicU64::new(0),
            }),
            at: OnceLock::new(),
        }
    }

    /// Returns whether one more operation may begin, and counts it.
    pub fn take(&self) -> bool {
        let Some(count) = &self.count else {
            return true;
        };
        let below = |begun: u64| (begun < count.limit).then_some(begun + 1);
        let order = Ordering::Relaxed;
        count.begun.fetch_update(order, order, below).is_ok()
    }

    /// Takes back an operation that was begun and is not counted: another one may begin.
    pub fn give_back(&self) {
        if let Some(count) = &self.count {
            count.begun.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts an operation that ended at this time. Returns false for one too many. The last one
    /// ends the run.
    pub fn ended(&self, at: Instant) -> bool {
        let Some(count) = &self.count else {
            return true;
        };
        let number = count.ended.fetch_add(1, Ordering::Relaxed) + 1;
        if number == count.limit {
            // A window does not include its end.
            let _ = self.at.set(at + Duration::from_nanos(1));
        }
        number <= count.limit
    }

    /// Returns the early end, if there is one; each thread has to ask every [`LEAD`] or sooner. A
    /// requested end is set a moment ahead, so that every thread knows it before it comes.
    pub fn look(&self, now: Instant) -> Option<Instant> {
        if self.stop.is_requested() {
            return Some(*self.at.get_or_init(|| now + LEAD));
        }
        self.at()
    }

    /// Returns the early end that was set, if there is one.
    #[must_use]
    pub fn at(&self) -> Option<Instant> {
        self.at.get().copied()
    }

    /// Returns whether the run was asked to end.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.stop.is_requested() && self.at().is_some()
    }
}

/// The time between the request and the end of the run.
const LEAD: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_gives_out_so_many_and_the_last_one_ends_the_run() {
        let (ending, now) = (Ending::new(Stop::default(), Some(2)), Instant::now());
        assert!(ending.take() && ending.take() && !ending.take());
        ending.give_back();
        assert!(ending.take() && !ending.take());
        assert!(ending.ended(now));
        assert_eq!(ending.look(now), None);
        assert!(ending.ended(now));
        assert!(ending.look(now).is_some_and(|end| end > now));
        assert!(!ending.ended(now), "one too many counts");
        assert!(!ending.is_interrupted());
    }

    #[test]
    fn every_thread_sees_the_same_end() {
        let stop = Stop::default();
        let (ending, now) = (Ending::new(stop.clone(), None), Instant::now());
        assert!(ending.take() && ending.ended(now));
        assert_eq!(ending.look(now), None);
        stop.request();
        let end = ending.look(now);
        assert!(end.is_some_and(|end| end > now));
        assert_eq!(ending.look(now + LEAD), end);
        assert!(ending.is_interrupted());
    }
}
