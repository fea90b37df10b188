//! The recorded part of a run.

use std::time::{Duration, Instant};

/// The recorded part of a run: after the warm-up, for the duration, in intervals.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The start of the load: the warm-up is from here to `start`.
    pub begin: Instant,
    /// The start of the recording.
    pub start: Instant,
    /// The end of the recording, after which no operation begins.
    pub end: Instant,
    /// The length of an interval of the timeline.
    pub interval: Duration,
    /// The rule by which an operation belongs to the window.
    pub membership: Membership,
}

/// The rule by which an operation belongs to the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// By its end: operations that a closed loop completed within the window.
    End,
    /// By its intended time: all operations of an open loop that were due in the window count,
    /// however late they end, so that slow operations are not omitted. The throughput counts those
    /// that end in the window, whenever they were due.
    Begin,
}

impl Window {
    /// Creates a window that begins at `begin`.
    #[must_use]
    pub fn new(
        begin: Instant,
        warmup: Duration,
        duration: Duration,
        membership: Membership,
    ) -> Self {
        let interval = (duration / SHORT_RUN).clamp(SHORTEST, LONGEST);
        Self {
            begin,
            start: begin + warmup,
            end: begin + warmup + duration,
            interval,
            membership,
        }
    }

    /// Ends the window at this time, if that is before its end. Without a recording, it is empty.
    pub fn cut(&mut self, end: Instant) {
        self.end = self.end.min(end);
        self.start = self.start.min(self.end);
    }

    /// Returns the recorded seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        (self.end - self.start).as_secs_f64()
    }

    /// Returns whether an operation with these (intended) begin and end times is recorded.
    #[must_use]
    pub fn counts(&self, begun: Instant, ended: Instant) -> bool {
        let at = match self.membership {
            Membership::End => ended,
            Membership::Begin => begun,
        };
        self.start <= at && at < self.end
    }

    /// Returns whether `at` is recorded.
    #[must_use]
    pub fn contains(&self, at: Instant) -> bool {
        self.start <= at && at < self.end
    }

    /// Returns the number of intervals; the last may be shorter.
    #[must_use]
    pub fn intervals(&self) -> usize {
        let length = (self.end - self.start).as_nanos();
        usize::try_from(length.div_ceil(self.interval.as_nanos().max(1))).unwrap_or(usize::MAX)
    }

    /// Returns the interval that `at` falls into; the first if before, the last if after.
    #[must_use]
    pub fn interval_at(&self, at: Instant) -> usize {
        let since = at.saturating_duration_since(self.start).as_nanos();
        let index = since / self.interval.as_nanos().max(1);
        usize::try_from(index)
            .unwrap_or(usize::MAX)
            .min(self.intervals().saturating_sub(1))
    }

    /// Returns the end of an interval.
    #[must_use]
    pub fn end_of(&self, interval: usize) -> Instant {
        let intervals = u32::try_from(interval.saturating_add(1)).unwrap_or(u32::MAX);
        (self.start + self.interval.saturating_mul(intervals)).min(self.end)
    }
}

/// A run of fewer seconds has intervals shorter than a second.
const SHORT_RUN: u32 = 10;
const SHORTEST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn intervals_cover_the_window_and_nothing_else() {
        let begin = Instant::now();
        let window = Window::new(
            begin,
            SECOND,
            Duration::from_millis(12_500),
            Membership::End,
        );
        assert_eq!(window.intervals(), 13);
        assert_eq!(window.interval_at(begin), 0);
        assert_eq!(window.interval_at(window.start + SECOND), 1);
        assert_eq!(window.interval_at(window.end + SECOND), 12);
        assert_eq!(window.end_of(11), window.start + 12 * SECOND);
        assert_eq!(window.end_of(12), window.end);
    }

    #[test]
    fn a_cut_ends_the_window_and_never_extends_it() {
        let whole = Window::new(Instant::now(), SECOND, 10 * SECOND, Membership::End);
        let mut window = whole;
        window.cut(whole.start + 3 * SECOND);
        assert_eq!((window.seconds(), window.intervals()), (3.0, 3));
        window.cut(whole.end);
        assert_eq!(window.seconds(), 3.0);
        window.cut(whole.begin);
        assert_eq!((window.seconds(), window.intervals()), (0.0, 0));
        assert!(!window.contains(whole.begin));
    }

    #[test]
    fn an_open_loop_counts_by_the_intended_time() {
        let begin = Instant::now();
        let open = Window::new(begin, SECOND, SECOND, Membership::Begin);
        let closed = Window::new(begin, SECOND, SECOND, Membership::End);
        let (early, within, late) = (begin, open.start, open.end);
        assert!(open.counts(within, late) && !closed.counts(within, late));
        assert!(!open.counts(early, within) && closed.counts(early, within));
    }
}
