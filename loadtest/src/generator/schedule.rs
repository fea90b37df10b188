//! The due times of an open loop's operations: pure, from rate and kind of arrivals.

use std::time::Duration;

use crate::model::Arrivals;

/// The intended times of one thread's operations, as durations since the load began, ascending and
/// endless. They do not depend on responses.
#[derive(Clone, Debug)]
pub struct Schedule {
    gap: f64,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The `n`th is due at `(n + phase) * gap`: multiplied, not summed, so nothing drifts.
    Constant { n: u64, phase: f64 },
    /// Exponential gaps after `last`.
    Poisson { last: f64, random: fastrand::Rng },
}

impl Schedule {
    /// Creates the schedule of thread `thread` of `threads`: together they offer the whole rate.
    /// Constant arrivals of the threads are evenly interleaved; Poisson arrivals are drawn with the
    /// seed, independently for each thread. None for a closed loop.
    #[must_use]
    pub fn new(arrivals: Arrivals, thread: usize, threads: usize, seed: u64) -> Option<Self> {
        let threads = threads.max(1) as f64;
        let (rate, kind) = match arrivals {
            Arrivals::Closed => return None,
            Arrivals::Constant { rate } => {
                let phase = thread as f64 / threads;
                (rate, Kind::Constant { n: 0, phase })
            }
            Arrivals::Poisson { rate } => {
                let random = fastrand::Rng::with_seed(seed.wrapping_add(thread as u64));
                (rate, Kind::Poisson { last: 0.0, random })
            }
        };
        // Without a rate nothing is ever due.
        let gap = if rate > 0.0 {
            threads / rate
        } else {
            f64::INFINITY
        };
        Some(Self { gap, kind })
    }
}

impl Iterator for Schedule {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let seconds = match &mut self.kind {
            Kind::Constant { n, phase } => {
                let at = (*n as f64 + *phase) * self.gap;
                *n += 1;
                at
            }
            Kind::Poisson { last, random } => {
                // 1 - [0, 1) is never 0.
                *last -= (1.0 - random.f64()).ln() * self.gap;
                *last
            }
        };
        Duration::try_from_secs_f64(seconds).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn all(arrivals: Arrivals, threads: usize, seconds: u64) -> Vec<Duration> {
        let end = Duration::from_secs(seconds);
        let mut due: Vec<Duration> = (0..threads)
            .filter_map(|thread| Schedule::new(arrivals, thread, threads, 7))
            .flat_map(|schedule| schedule.take_while(move |at| *at < end))
            .collect();
        due.sort();
        due
    }

    proptest! {
        /// The operations are the same for any number of threads.
        #[test]
        fn constant_arrivals_are_even_over_all_threads(
            rate in 1.0..5000.0f64, threads in 1usize..9
        ) {
            let due = all(Arrivals::Constant { rate }, threads, 4);
            let expected = (rate * 4.0).ceil() as usize;
            prop_assert!(due.len().abs_diff(expected) <= 1);
            for (n, at) in due.iter().enumerate() {
                let ideal = n as f64 / rate;
                prop_assert!((at.as_secs_f64() - ideal).abs() < 1e-6, "{n}: {at:?}");
            }
        }

        #[test]
        fn poisson_arrivals_ascend_and_keep_the_rate(rate in 500.0..5000.0f64) {
            let due = all(Arrivals::Poisson { rate }, 1, 10);
            prop_assert!(due.is_sorted());
            let expected = rate * 10.0;
            // Six standard deviations.
            prop_assert!((due.len() as f64 - expected).abs() < 6.0 * expected.sqrt());
        }
    }

    #[test]
    fn poisson_gaps_are_exponential() {
        let due = all(Arrivals::Poisson { rate: 1000.0 }, 1, 100);
        let gaps: Vec<f64> = due
            .windows(2)
            .map(|pair| (pair[1] - pair[0]).as_secs_f64() * 1000.0)
            .collect();
        // P(gap > k means) = e^-k.
        for k in [0.5, 1.0, 2.0, 4.0] {
            let share = gaps.iter().filter(|gap| **gap > k).count() as f64 / gaps.len() as f64;
            assert!((share - f64::exp(-k)).abs() < 0.01, "{k}: {share}");
        }
    }

    #[test]
    fn a_closed_loop_and_no_rate_have_nothing_due() {
        assert!(Schedule::new(Arrivals::Closed, 0, 1, 0).is_none());
        assert_eq!(all(Arrivals::Constant { rate: 0.0 }, 1, 1).len(), 0);
    }
}
