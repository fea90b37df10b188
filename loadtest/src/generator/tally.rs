//! Outcomes of held connections.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::model::Run;

/// The outcomes of the connections of one run, on all its threads.
#[derive(Debug, Default)]
pub struct Tally {
    opened: AtomicU64,
    reopened: AtomicU64,
    finished: AtomicU64,
    refused: AtomicU64,
    lost: AtomicU64,
    alive: AtomicU64,
    silent: AtomicU64,
    longest_wait_ns: AtomicU64,
}

impl Tally {
    /// Returns the number of connections (with their handshakes) that were opened, first and again.
    pub fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Returns how many of them replaced an ended connection.
    pub fn reopened(&self) -> u64 {
        self.reopened.load(Ordering::Relaxed)
    }

    /// Returns the number of streams that the server ended for good, for example with a 204 (HTML
    /// section 9.2.3).
    pub fn finished(&self) -> u64 {
        self.finished.load(Ordering::Relaxed)
    }

    /// Returns the number of failed attempts.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Returns the number of connections that ended before the run did.
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Returns the number of open connections at the end of the run.
    pub fn alive(&self) -> u64 {
        self.alive.load(Ordering::Relaxed)
    }

    /// Returns the number of streams without an event in the whole run, including its warm-up.
    pub fn silent(&self) -> u64 {
        self.silent.load(Ordering::Relaxed)
    }

    /// Returns the longest time since the last event, of the streams at the end of the run: this
    /// gap has no end, and so is in no histogram.
    pub fn longest_wait(&self) -> Duration {
        Duration::from_nanos(self.longest_wait_ns.load(Ordering::Relaxed))
    }

    /// Adds the counts to the run, and notes for the reader of its figures.
    pub fn annotate(&self, connections: usize, hold: bool, run: &mut Run) {
        let counts = [
            ("opened", self.opened()),
            ("reopened", self.reopened()),
            ("refused", self.refused()),
            ("lost", self.lost()),
            ("finished", self.finished()),
            ("silent", self.silent()),
            ("alive", self.alive()),
        ];
        run.connections = counts.map(|(name, count)| (name.to_owned(), count)).into();
        let (opened, alive, lost) = (self.opened(), self.alive(), self.lost());
        let (reopened, finished) = (self.reopened(), self.finished());
        let warnings = &mut run.generator.warnings;
        if hold {
            warnings.push(format!(
                "{alive} of {connections} connections were alive at the end; {opened} had been \
                 opened, {lost} were lost."
            ));
        } else if alive + finished < connections as u64 {
            warnings.push(format!(
                "Only {alive} of {connections} connections were there at the end of the run."
            ));
        }
        let refused = self.refused();
        if refused > 0 && alive + finished < connections as u64 {
            warnings.push(format!(
                "{refused} attempts to connect failed, and the figures are of the connections that \
                 were there. The server may limit how many it holds (of RUSM: `held-per-core`)."
            ));
        }
        if !hold && lost > finished {
            warnings.push(format!(
                "{lost} connections ended before the run did; connections were made anew \
                 {reopened} times."
            ));
        }
        if finished > 0 {
            warnings.push(format!(
                "{finished} of {connections} streams were ended by the server for good (204) and \
                 not asked for again: from then on there were fewer."
            ));
        }
        let silent = self.silent();
        if silent > 0 {
            warnings.push(format!(
                "{silent} of {connections} streams had no event in the whole run."
            ));
        }
        let wait = self.longest_wait().as_secs_f64() * 1e6;
        if wait > run.latency.max && run.latency.count > 0 {
            warnings.push(format!(
                "At the end a stream had been without an event for {:.0} ms, longer than any gap \
                 that was recorded: it is in no percentile.",
                wait / 1e3
            ));
        }
    }

    /// Counts an opened connection; `again` tells whether it replaced another.
    pub(super) fn count_opened(&self, again: bool) {
        self.opened.fetch_add(1, Ordering::Relaxed);
        self.reopened.fetch_add(u64::from(again), Ordering::Relaxed);
    }

    pub(super) fn count_finished(&self) {
        self.finished.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an ended connection; `over` tells whether the run had ended.
    pub(super) fn count_ended(&self, over: bool) {
        let count = if over { &self.alive } else { &self.lost };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_silent(&self) {
        self.silent.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn wait_at_end(&self, wait: Duration) {
        let wait = u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX);
        self.longest_wait_ns.fetch_max(wait, Ordering::Relaxed);
    }
}
