//! The display during a run.

use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::generator::Load;
use crate::model::Interval;

/// A bar with the rate and latency of the last interval, if standard error is a terminal.
pub(super) struct Progress(Option<ProgressBar>);

impl Progress {
    pub(super) fn new(quiet: bool) -> Self {
        Self((!quiet && std::io::stdout().is_terminal()).then(|| {
            let bar = ProgressBar::new_spinner();
            if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix} {elapsed} {msg}") {
                bar.set_style(style);
            }
            bar
        }))
    }

    /// Begins a run.
    pub(super) fn begin(&self, load: &Load) {
        if let Some(bar) = &self.0 {
            bar.reset();
            bar.set_prefix(load.label.clone());
            bar.set_message("warming up");
            bar.enable_steady_tick(TICK);
        }
    }

    /// Shows an interval.
    pub(super) fn interval(&self, interval: &Interval) {
        if let Some(bar) = &self.0 {
            bar.set_message(line(interval));
        }
    }

    /// Removes the bar.
    pub(super) fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }

    /// Prints a line.
    pub(super) fn say(&self, text: &str) {
        if let Some(bar) = &self.0 {
            bar.println(text);
        }
    }
}

fn line(interval: &Interval) -> String {
    format!(
        "{:.0}/s, p50 {:.2} ms, p99 {:.2} ms, {} errors",
        interval.ok as f64 / interval.seconds,
        interval.p50 / 1e3,
        interval.p99 / 1e3,
        interval.errors
    )
}

const TICK: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_rate_percentiles_and_errors() {
        let interval = Interval {
            at_s: 0.0,
            seconds: 0.5,
            ok: 50,
            errors: 3,
            p50: 120.0,
            p99: 2500.0,
            max: 0.0,
        };
        assert_eq!(line(&interval), "100/s, p50 0.12 ms, p99 2.50 ms, 3 errors");
    }
}
