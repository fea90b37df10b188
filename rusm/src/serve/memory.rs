//! Returns the memory of bodies to the system.

use std::time::{Duration, Instant};

/// Tracks how much memory the bodies of one shard use. The allocator returns freed memory only when
/// it is next asked for much, which an idle server never does.
#[derive(Default)]
pub(super) struct BodyMemoryWatch {
    /// The maximum since memory was last returned.
    peak: u64,
    /// The time at which usage became much lower.
    low_since: Option<Instant>,
}

impl BodyMemoryWatch {
    /// Records that the bodies use `bytes` now. Call it at each tick, on the shard's own thread.
    pub(super) fn see(&mut self, bytes: u64, now: Instant) {
        if self.is_due(bytes, now) {
            // SAFETY: it takes no memory of ours, and frees what this thread's heap does not use.
            unsafe { libmimalloc_sys::mi_collect(true) };
        }
    }

    /// Returns whether much was freed and is still unused.
    fn is_due(&mut self, bytes: u64, now: Instant) -> bool {
        self.peak = self.peak.max(bytes);
        if self.peak < WORTH_IT || bytes > self.peak / 4 {
            self.low_since = None;
            return false;
        }
        let since = *self.low_since.get_or_insert(now);
        if now.duration_since(since) < QUIET {
            return false;
        }
        self.peak = bytes;
        self.low_since = None;
        true
    }
}

/// Less than this is kept for the next bodies.
const WORTH_IT: u64 = 8 << 20;
const QUIET: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_once_when_much_of_it_is_free_for_a_while() {
        let start = Instant::now();
        let mut watch = BodyMemoryWatch::default();
        let mut due = |bytes, ms| watch.is_due(bytes, start + Duration::from_millis(ms));
        assert!(!due(WORTH_IT - 1, 0));
        assert!(!due(0, 5000), "it is not worth it");
        assert!(!due(WORTH_IT * 4, 6000));
        assert!(!due(0, 6050));
        assert!(!due(WORTH_IT * 4, 6500), "it is in use again");
        assert!(!due(WORTH_IT, 7000));
        assert!(!due(WORTH_IT, 7999));
        assert!(due(WORTH_IT, 8000));
        assert!(!due(WORTH_IT, 8050));
        assert!(!due(0, 9000));
        assert!(due(0, 10_000));
        assert!(!due(0, 20_000));
    }
}
