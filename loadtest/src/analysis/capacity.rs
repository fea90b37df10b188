//! The capacity at an objective, from the points of a sweep, with its uncertainty.
//!
//! Each round is a sweep of its own and gives its own capacity: the lower of the rate at which its
//! latency crosses the objective (fitted and interpolated as for the [knee](mod@super::knee)) and
//! the rate at which it begins to fail for another reason (errors, or less achieved than offered).
//! The capacity is the geometric mean over the rounds, and its range that of Student's t over their
//! logarithms: with two or three rounds a bootstrap would resample the same few values and claim
//! too much. With one round the range is the two points around the crossing.
//!
//! Latency grows faster and faster, so the straight line between two points errs on the low side;
//! closer points reduce the error.

use crate::analysis::objective::{self, Outcome};
use crate::analysis::{distribution, isotonic, knee, stats};
use crate::model::{Capacity, Run, Slo};

/// One offered rate, and the results of its rounds in order.
#[derive(Clone, Debug)]
pub struct Load {
    /// The offered operations a second.
    pub offered: f64,
    /// The results by round.
    pub rounds: Vec<Round>,
}

/// The result of one round.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Latency at the objective's percentile, in microseconds; infinite if nothing was answered.
    pub latency: f64,
    /// True if errors and the achieved rate met the objective.
    pub acceptable: bool,
    /// True if the generator was the limit: then the round is no evidence about this rate.
    pub invalidated: bool,
}

impl Round {
    /// Evaluates a run by an objective.
    #[must_use]
    pub fn of(run: &Run, slo: &Slo) -> Round {
        Round {
            latency: distribution::percentile(&run.latency, slo.percentile)
                .unwrap_or(f64::INFINITY),
            acceptable: objective::unanswered_share(run) <= slo.errors && objective::kept_up(run),
            invalidated: objective::judge(run, slo) == Outcome::GeneratorLimit,
        }
    }
}

/// Returns the capacity from ascending loads, if there are any.
#[must_use]
pub fn capacity(loads: &[Load], slo: &Slo) -> Option<Capacity> {
    let rounds = loads.iter().map(|load| load.rounds.len()).max()?;
    let found: Vec<RoundCapacity> = (0..rounds)
        .filter_map(|round| of_round(loads, round, slo))
        .collect();
    if found.is_empty() {
        return None;
    }
    let at_least = found.iter().any(|found| found.at_least);
    let (rate, range) = if found.iter().any(|found| found.rate == 0.0) {
        // The logarithm of 0 does not exist: take the middle round, between the extremes.
        let rates: Vec<f64> = found.iter().map(|found| found.rate).collect();
        let high = found
            .iter()
            .map(|found| found.bracket.1)
            .fold(0.0, f64::max);
        (stats::median(&rates), (0.0, high))
    } else if let [only] = found.as_slice() {
        (only.rate, only.bracket)
    } else {
        let logarithms: Vec<f64> = found.iter().map(|found| found.rate.ln()).collect();
        let mean = stats::mean(&logarithms);
        let freedom = (logarithms.len() - 1) as f64;
        let error = (stats::variance(&logarithms) / logarithms.len() as f64).sqrt();
        let reach = stats::t_95(freedom) * error;
        (mean.exp(), ((mean - reach).exp(), (mean + reach).exp()))
    };
    Some(Capacity {
        slo: *slo,
        rate,
        range,
        at_least,
    })
}

/// The capacity from one round.
struct RoundCapacity {
    rate: f64,
    /// The offered rates on either side.
    bracket: (f64, f64),
    /// True if it met the objective at every rate that tested the server.
    at_least: bool,
}

fn of_round(loads: &[Load], round: usize, slo: &Slo) -> Option<RoundCapacity> {
    let tried: Vec<(f64, Round)> = loads
        .iter()
        .filter_map(|load| Some((load.offered, *load.rounds.get(round)?)))
        .filter(|(_, round)| !round.invalidated)
        .collect();
    let latencies: Vec<(f64, f64)> = tried
        .iter()
        .map(|(offered, round)| (*offered, round.latency))
        .collect();
    let (lowest, highest) = (latencies.first()?.0, latencies.last()?.0);
    let slow = knee::crossing(&latencies, slo.latency);
    let Some(rate) = [slow, failure_onset(&tried)]
        .into_iter()
        .flatten()
        .min_by(f64::total_cmp)
    else {
        return Some(RoundCapacity {
            rate: highest,
            bracket: (highest, highest),
            at_least: true,
        });
    };
    if rate <= lowest {
        return Some(RoundCapacity {
            rate: 0.0,
            bracket: (0.0, lowest),
            at_least: false,
        });
    }
    let below = latencies.iter().map(|at| at.0).rfind(|at| *at < rate);
    let above = latencies.iter().map(|at| at.0).find(|at| *at >= rate);
    Some(RoundCapacity {
        rate,
        bracket: (below.unwrap_or(lowest), above.unwrap_or(highest)),
        at_least: false,
    })
}

/// Returns the rate at which a round begins to fail for another reason than latency: midway (in
/// logarithms) between the last rate that did not and the first that did. A single failure below
/// successful rates is noise.
fn failure_onset(tried: &[(f64, Round)]) -> Option<f64> {
    let failing: Vec<f64> = tried
        .iter()
        .map(|(_, round)| f64::from(u8::from(!round.acceptable)))
        .collect();
    let over = isotonic::non_decreasing(&failing)
        .iter()
        .position(|share| *share > 0.5)?;
    let (high, _) = tried.get(over)?;
    let below = over.checked_sub(1).and_then(|at| tried.get(at));
    Some(below.map_or(*high, |(low, _)| (low * high).sqrt()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLO: Slo = Slo {
        percentile: 99.0,
        latency: 1000.0,
        errors: 0.001,
    };

    fn load(offered: f64, latencies: &[f64]) -> Load {
        let rounds = latencies
            .iter()
            .map(|&latency| Round {
                latency,
                acceptable: true,
                invalidated: false,
            })
            .collect();
        Load { offered, rounds }
    }

    /// Simulates a queue that reaches 1 ms at 9000 a second of 10 000, with noise of 15 % on each
    /// percentile.
    fn noisy(rounds: usize, random: &mut fastrand::Rng) -> Vec<Load> {
        (10..=20)
            .map(|step| f64::from(step) * 500.0)
            .map(|offered| {
                let latency = 100.0 / (1.0 - offered / 10_000.0).max(1e-3);
                let latencies: Vec<f64> = (0..rounds)
                    .map(|_| {
                        let normal = (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
                        latency * (0.15 * normal).exp()
                    })
                    .collect();
                load(offered, &latencies)
            })
            .collect()
    }

    #[test]
    fn the_range_covers_the_truth_about_as_often_as_it_claims() {
        let mut random = fastrand::Rng::with_seed(5);
        for rounds in [3, 5] {
            let covered = (0..300)
                .filter(|_| {
                    let found = capacity(&noisy(rounds, &mut random), &SLO).unwrap();
                    found.range.0 <= 9000.0 && 9000.0 <= found.range.1
                })
                .count();
            assert!((273..=300).contains(&covered), "{rounds}: {covered}");
        }
    }

    #[test]
    fn one_round_is_as_certain_as_its_steps() {
        let loads = [
            load(1000.0, &[100.0]),
            load(2000.0, &[100.0]),
            load(4000.0, &[10_000.0]),
        ];
        let found = capacity(&loads, &SLO).unwrap();
        assert_eq!(found.range, (2000.0, 4000.0));
        assert!((found.rate - (2000.0f64 * 4000.0).sqrt()).abs() < 1.0);
    }

    #[test]
    fn a_fast_server_that_sheds_load_is_at_its_capacity_too() {
        let mut loads = [
            load(1000.0, &[100.0]),
            load(2000.0, &[100.0]),
            load(4000.0, &[100.0]),
        ];
        loads[2].rounds[0].acceptable = false;
        assert_eq!(capacity(&loads, &SLO).unwrap().range, (2000.0, 4000.0));
    }

    #[test]
    fn a_sweep_that_never_misses_says_at_least() {
        let found = capacity(
            &[load(1000.0, &[10.0, 11.0]), load(2000.0, &[12.0, 12.0])],
            &SLO,
        );
        let found = found.unwrap();
        assert!(found.at_least);
        assert_eq!(found.rate.round(), 2000.0);
    }

    #[test]
    fn a_sweep_that_always_misses_has_a_capacity_of_0() {
        let found = capacity(&[load(1000.0, &[2000.0]), load(2000.0, &[9000.0])], &SLO).unwrap();
        assert_eq!((found.rate, found.range), (0.0, (0.0, 1000.0)));
    }

    #[test]
    fn rounds_that_the_generator_invalidated_are_left_out() {
        let mut loads = [load(1000.0, &[10.0]), load(2000.0, &[9000.0])];
        loads[1].rounds[0].invalidated = true;
        let found = capacity(&loads, &SLO).unwrap();
        assert!(found.at_least);
        assert_eq!(found.rate, 1000.0);
        assert!(capacity(&[], &SLO).is_none());
    }
}
