//! Counts of the transactions of a store.

#[cfg(feature = "redb")]
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the durations by which commits are counted. A disk that keeps its promises takes from a
/// tenth of a millisecond to some 20 ms.
pub const COMMIT_BOUNDS: [Duration; 12] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(500),
    Duration::from_millis(2_500),
];

/// The transactions of a store since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Committed ones, each by the first of [`COMMIT_BOUNDS`] that it did not exceed; behind them those that exceeded all.
    pub committed: [u64; COMMIT_BOUNDS.len() + 1],
    /// The time that they took together, from the first change to the answer of the disk.
    pub took: Duration,
    /// Failed ones.
    pub not_committed: u64,
}

impl StoreStats {
    /// Returns the number of committed transactions.
    pub fn commits(&self) -> u64 {
        self.committed.iter().sum()
    }
}

/// The counts, which the writer's thread writes and others read.
#[cfg(feature = "redb")]
#[derive(Default)]
pub(crate) struct CommitCounts {
    committed: [AtomicU64; COMMIT_BOUNDS.len() + 1],
    nanos: AtomicU64,
    not_committed: AtomicU64,
}

#[cfg(feature = "redb")]
impl CommitCounts {
    pub(crate) fn committed(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        let place = COMMIT_BOUNDS.partition_point(|bound| *bound < took);
        if let Some(count) = self.committed.get(place) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn not_committed(&self) {
        self.not_committed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> StoreStats {
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let mut committed = [0; COMMIT_BOUNDS.len() + 1];
        for (to, from) in committed.iter_mut().zip(&self.committed) {
            *to = load(from);
        }
        StoreStats {
            committed,
            took: Duration::from_nanos(load(&self.nanos)),
            not_committed: load(&self.not_committed),
        }
    }
}

#[cfg(all(test, feature = "redb"))]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_counted_by_the_first_bound_that_it_does_not_exceed() {
        let counts = CommitCounts::default();
        for micros in [0, 100, 101, 2_500_000, 2_500_001] {
            counts.committed(Duration::from_micros(micros));
        }
        counts.not_committed();
        let stats = counts.stats();
        let at = |place: usize| stats.committed[place];
        assert_eq!((at(0), at(1), at(11), at(12)), (2, 1, 1, 1));
        assert_eq!((stats.commits(), stats.not_committed), (5, 1));
        assert_eq!(stats.took, Duration::from_micros(5_000_202));
    }
}
