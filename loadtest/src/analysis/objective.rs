//! Whether a run met an objective, and if not, whether the server or the generator was the limit.

use crate::analysis::distribution;
use crate::model::{Arrivals, Run, Slo};

/// The outcome of a run for an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Latency, errors and the achieved rate met the objective.
    Met,
    /// They did not, and the generator kept up.
    Missed,
    /// They did not, but the generator did not keep up: the run is no evidence about the server.
    GeneratorLimit,
}

/// Judges a run: its latency at the objective's percentile, its share of errors, and, for an open
/// loop, whether the achieved rate is the offered one within 3 %. The generator is the limit only
/// for a run that missed, if it was late or out of processor time.
#[must_use]
pub fn judge(run: &Run, slo: &Slo) -> Outcome {
    let fast = distribution::percentile(&run.latency, slo.percentile)
        .is_some_and(|latency| latency <= slo.latency);
    if fast && unanswered_share(run) <= slo.errors && kept_up(run) {
        Outcome::Met
    } else if generator_fell_behind(run) {
        Outcome::GeneratorLimit
    } else {
        Outcome::Missed
    }
}

/// Returns the share of failed operations, 0 to 1; 0 without operations.
#[must_use]
pub fn error_share(run: &Run) -> f64 {
    share(failed(run), run)
}

/// Returns the share of operations that were due and never sent, 0 to 1; 0 of a closed loop.
#[must_use]
pub fn unsent_share(run: &Run) -> f64 {
    share(run.unsent as f64, run)
}

/// Returns the share of operations that failed or were never sent: to the one who waits for the
/// answer it is the same.
#[must_use]
pub fn unanswered_share(run: &Run) -> f64 {
    share(failed(run) + run.unsent as f64, run)
}

fn share(part: f64, run: &Run) -> f64 {
    let all = run.ok as f64 + failed(run) + run.unsent as f64;
    if all == 0.0 { 0.0 } else { part / all }
}

/// Returns the offered operations a second; none for a closed loop.
#[must_use]
pub fn offered(run: &Run) -> Option<f64> {
    match run.arrivals {
        Arrivals::Closed => None,
        Arrivals::Constant { rate } | Arrivals::Poisson { rate } => Some(rate),
    }
}

/// Returns whether as many operations that were due in the run were answered as were offered, within [`SHORTFALL`] or the random
/// variation of Poisson arrivals. Failed ones count here: the objective has its own limit for
/// those.
pub(super) fn kept_up(run: &Run) -> bool {
    let Some(offered) = offered(run) else {
        return true;
    };
    let due = offered * run.elapsed_s;
    let chance = match run.arrivals {
        Arrivals::Poisson { .. } => 3.0 * due.sqrt(),
        _ => 1.0,
    };
    run.ok as f64 + failed(run) >= due - chance.max(SHORTFALL * due)
}

fn generator_fell_behind(run: &Run) -> bool {
    let all = run.ok as f64 + failed(run);
    run.generator.late as f64 > LATE * all || run.generator.cpu > BUSY
}

/// Returns the number of failed operations. A float, since the sum of the counts in a file may
/// exceed an integer.
fn failed(run: &Run) -> f64 {
    run.errors.values().map(|&count| count as f64).sum()
}

/// The share of the offered rate that may be missing.
const SHORTFALL: f64 = 0.03;
/// The share of late operations above which the generator is the limit.
const LATE: f64 = 0.01;
/// The CPU usage above which the generator is the limit: operations queue in it before it is at 100
/// %.
const BUSY: f64 = 0.9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    const SLO: Slo = Slo {
        percentile: 99.0,
        latency: 5000.0,
        errors: 0.001,
    };

    fn run() -> Run {
        sample::run(Arrivals::Constant { rate: 1000.0 }, 1000.0, 1000.0)
    }

    #[test]
    fn each_part_of_the_objective_counts() {
        assert_eq!(judge(&run(), &SLO), Outcome::Met);

        let slow = sample::run(Arrivals::Constant { rate: 1000.0 }, 1000.0, 9000.0);
        assert_eq!(judge(&slow, &SLO), Outcome::Missed);

        let mut failing = run();
        failing.errors.insert("status 503".into(), failing.ok / 100);
        assert_eq!(judge(&failing, &SLO), Outcome::Missed);

        let mut unsent = run();
        unsent.unsent = unsent.ok / 100;
        assert_eq!(judge(&unsent, &SLO), Outcome::Missed);
        assert_eq!(error_share(&unsent), 0.0);

        let short = sample::run(Arrivals::Constant { rate: 1000.0 }, 900.0, 1000.0);
        assert_eq!(judge(&short, &SLO), Outcome::Missed);
    }

    #[test]
    fn a_generator_that_is_late_is_blamed_only_for_a_miss() {
        let mut late = run();
        late.generator.late = late.ok / 2;
        assert_eq!(judge(&late, &SLO), Outcome::Met);
        let mut late = sample::run(Arrivals::Constant { rate: 1000.0 }, 900.0, 1000.0);
        late.generator.late = late.ok / 2;
        assert_eq!(judge(&late, &SLO), Outcome::GeneratorLimit);
    }

    #[test]
    fn a_generator_that_is_busy_is_blamed_only_for_a_miss() {
        for (cpu, outcome) in [(0.89, Outcome::Missed), (0.91, Outcome::GeneratorLimit)] {
            let mut slow = sample::run(Arrivals::Constant { rate: 1000.0 }, 1000.0, 9000.0);
            slow.generator.cpu = cpu;
            assert_eq!(judge(&slow, &SLO), outcome);
        }
    }

    #[test]
    fn a_run_without_an_answer_meets_nothing() {
        let mut dead = sample::run(Arrivals::Closed, 0.0, 0.0);
        dead.latency = sample::latency(&[]);
        dead.ok = 0;
        dead.errors.clear();
        assert_eq!(judge(&dead, &SLO), Outcome::Missed);
    }
}
