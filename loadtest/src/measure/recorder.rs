//! The counts of one thread.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::measure::{Ending, Failure, Window};

/// The counts of one thread. The thread's connections share it through an `Rc`; every method is a
/// few additions and never waits.
///
/// Each operation has two times: its begin, which in an open loop is the *intended* time, and its
/// end. The recorder ignores what lies outside the [`Window`], so callers record everything.
pub struct Recorder {
    window: Cell<Window>,
    state: RefCell<State>,
    thread: usize,
    collector: Sender<Message>,
    ending: Arc<Ending>,
}

/// A report of a thread to the collector.
pub enum Message {
    /// The thread has nothing more to report about the intervals before `next`; the slice is of the
    /// last interval in which it recorded.
    Slice {
        /// The number of the thread.
        thread: usize,
        /// The interval of the slice.
        interval: usize,
        /// The first interval that the thread may still report.
        next: usize,
        /// The counts of the interval.
        slice: Slice,
    },
    /// The thread has ended.
    Done {
        /// The number of the thread.
        thread: usize,
        /// Everything that it recorded.
        totals: Box<Totals>,
    },
}

/// The counts of one interval.
pub struct Slice {
    /// Successful operations that ended in it.
    pub ok: u64,
    /// Failed operations; in the last interval also those that ended after it.
    pub errors: u64,
    /// The latency of the successful operations, in nanoseconds.
    pub latency: Histogram<u32>,
}

/// Everything that a thread recorded.
pub struct Totals {
    /// The latency of successful operations, in nanoseconds: of an open loop, of those that were
    /// due in the window.
    pub latency: Histogram<u64>,
    /// Successful operations that ended in the window, whenever they were due.
    pub completed: u64,
    /// Failed operations by reason.
    pub errors: BTreeMap<Failure, u64>,
    /// Responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Bytes read.
    pub bytes_in: u64,
    /// Bytes written.
    pub bytes_out: u64,
    /// Operations that the generator itself began more than a millisecond late.
    pub late: u64,
    /// The maximum delay.
    pub max_lateness: Duration,
    /// The processor time of the thread during the recording.
    pub cpu: Duration,
    /// The duration of the recording.
    pub wall: Duration,
    /// True if the thread ran without io_uring.
    pub legacy: bool,
}

impl Recorder {
    /// Creates the recorder of the thread with this number.
    #[must_use]
    pub fn new(
        window: Window,
        thread: usize,
        collector: Sender<Message>,
        ending: Arc<Ending>,
    ) -> Self {
        Self {
            window: Cell::new(window),
            state: RefCell::new(State {
                totals: Totals::new(),
                statuses: vec![0; STATUSES],
                slice: Slice::new(),
                interval: 0,
                interval_end: window.end_of(0),
            }),
            thread,
            collector,
            ending,
        }
    }

    /// Records a successful operation. Its latency is `ended - begun`.
    ///
    /// An open loop has two populations: the latencies of what was *due* in the window, and the
    /// throughput of what *ended* in it. They differ above saturation, where the server works on a
    /// backlog that may be older than the window.
    pub fn ok(&self, begun: Instant, ended: Instant) {
        let window = self.window.get();
        let (counts, ends) = (window.counts(begun, ended), window.contains(ended));
        if !(counts || ends) || !self.ending.ended(ended) {
            return;
        }
        let state = &mut *self.state.borrow_mut();
        self.roll(state, ended);
        let latency = ended.saturating_duration_since(begun).as_nanos();
        let latency = u64::try_from(latency).unwrap_or(u64::MAX);
        if counts {
            state.totals.latency.saturating_record(latency);
        }
        if ends {
            state.totals.completed += 1;
            state.slice.latency.saturating_record(latency);
            state.slice.ok += 1;
        }
    }

    /// Records a failed operation.
    pub fn error(&self, begun: Instant, ended: Instant, failure: Failure) {
        let window = self.window.get();
        let counts = window.counts(begun, ended);
        if !(counts || window.contains(ended)) || !self.ending.ended(ended) {
            return;
        }
        let state = &mut *self.state.borrow_mut();
        self.roll(state, ended);
        if counts {
            *state.totals.errors.entry(failure).or_insert(0) += 1;
        }
        // What was never sent did not fail at the moment at which the run ended.
        if failure != Failure::Unsent {
            state.slice.errors += 1;
        }
    }

    /// Records the status of a response, whether it is a success or not.
    pub fn status(&self, begun: Instant, ended: Instant, code: u16) {
        if !self.window.get().counts(begun, ended) {
            return;
        }
        if let Some(count) = self.state.borrow_mut().statuses.get_mut(usize::from(code)) {
            *count += 1;
        }
    }

    /// Records bytes that were read at this time.
    pub fn bytes_in(&self, at: Instant, count: usize) {
        if self.window.get().contains(at) {
            self.state.borrow_mut().totals.bytes_in += count as u64;
        }
    }

    /// Records bytes that were written at this time.
    pub fn bytes_out(&self, at: Instant, count: usize) {
        if self.window.get().contains(at) {
            self.state.borrow_mut().totals.bytes_out += count as u64;
        }
    }

    /// Records the delay of an operation of an open loop that began after its intended time
    /// although a connection was free.
    pub fn lateness(&self, intended: Instant, lateness: Duration) {
        if !self.window.get().contains(intended) {
            return;
        }
        let totals = &mut self.state.borrow_mut().totals;
        totals.max_lateness = totals.max_lateness.max(lateness);
        totals.late += u64::from(lateness > LATE);
    }

    /// Ends the recording at this time, if that is before its end.
    pub(crate) fn cut(&self, end: Instant) {
        let mut window = self.window.get();
        window.cut(end);
        self.window.set(window);
    }

    /// Advances the time: an interval may end without an event in it.
    pub(crate) fn tick(&self, now: Instant) {
        self.roll(&mut self.state.borrow_mut(), now);
    }

    /// Records what the thread used during the recording.
    pub(crate) fn used(&self, cpu: Duration, wall: Duration, legacy: bool) {
        let totals = &mut self.state.borrow_mut().totals;
        totals.cpu = cpu;
        totals.wall = wall;
        totals.legacy = legacy;
    }

    /// Hands over everything that was recorded: the thread has ended.
    pub(crate) fn finish(&self) {
        let state = &mut *self.state.borrow_mut();
        self.close(state, self.window.get().intervals());
        let mut totals = std::mem::replace(&mut state.totals, Totals::new());
        totals.statuses = (0u16..)
            .zip(&state.statuses)
            .filter(|(_, count)| **count > 0)
            .map(|(code, count)| (code, *count))
            .collect();
        // A collector that has ended does not need it.
        let _ = self.collector.send(Message::Done {
            thread: self.thread,
            totals: Box::new(totals),
        });
    }

    /// Closes the interval if it is over. The last one stays open for operations that end after the
    /// window.
    fn roll(&self, state: &mut State, now: Instant) {
        if now >= state.interval_end {
            let window = self.window.get();
            let interval = window.interval_at(now);
            if interval > state.interval {
                self.close(state, interval);
                state.interval_end = window.end_of(interval);
            }
        }
    }

    fn close(&self, state: &mut State, next: usize) {
        let slice = std::mem::replace(&mut state.slice, Slice::new());
        let _ = self.collector.send(Message::Slice {
            thread: self.thread,
            interval: state.interval,
            next,
            slice,
        });
        state.interval = next;
    }
}

impl Slice {
    pub(crate) fn new() -> Self {
        Self {
            ok: 0,
            errors: 0,
            latency: bounded(Histogram::new_with_bounds(1, LONGEST_NS, 2)),
        }
    }
}

impl Totals {
    pub(crate) fn new() -> Self {
        Self {
            latency: bounded(Histogram::new_with_bounds(1, LONGEST_NS, 3)),
            completed: 0,
            errors: BTreeMap::new(),
            statuses: BTreeMap::new(),
            bytes_in: 0,
            bytes_out: 0,
            late: 0,
            max_lateness: Duration::ZERO,
            cpu: Duration::ZERO,
            wall: Duration::ZERO,
            legacy: false,
        }
    }
}

struct State {
    totals: Totals,
    statuses: Vec<u64>,
    slice: Slice,
    interval: usize,
    interval_end: Instant,
}

/// The bounds are constants within what the histogram allows.
#[allow(clippy::expect_used)]
fn bounded<T: hdrhistogram::Counter>(
    made: Result<Histogram<T>, hdrhistogram::CreationError>,
) -> Histogram<T> {
    made.expect("constant bounds are valid")
}

/// The delay above which an operation counts as late.
pub(super) const LATE: Duration = Duration::from_millis(1);
/// An hour: longer latencies are recorded as this.
const LONGEST_NS: u64 = 3_600_000_000_000;
const STATUSES: usize = 1000;
