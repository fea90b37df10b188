//! The search for the highest rate that meets an objective.
//!
//! A trial is a sample, not a fact: near the edge the same rate meets the objective in one trial
//! and misses it in the next. So the peak is defined as the rate at which a trial meets the
//! objective with probability one half. The search has two parts:
//!
//! 1. **Bracket.** From the start the rate doubles until a trial misses, or falls (by 2, 4, 16,
//!    ...) until one is met.
//! 2. **Edge.** A trial at rate `x` meets the objective with probability
//!    `l + (1 - 2 l) / (1 + (x / peak)^(1 / width))`: a logistic curve in the logarithm of the
//!    rate, where `l` allows one bad trial at any rate. Bayes' rule gives the posterior of `peak`
//!    over a grid, with flat priors on the logarithms of `peak` and of `width`, from *all* trials.
//!    The next trial is made where the posterior places the edge, alternating between its middle
//!    and either side; the search ends when the 95 % range is narrow enough. (Watson and Pelli,
//!    "QUEST: a Bayesian adaptive psychometric method", 1983.)
//!
//! Unlike a bisection, the search recovers from one unlucky trial. Unlike that of a bootstrap over
//! trials, its range is valid with few trials, or with one at each rate. Trials are assumed to be
//! independent: a disturbance longer than a trial makes the range too narrow.

use crate::analysis::objective::Outcome;
use crate::model::{Peak, Slo, Trial};

/// The bounds of a search.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The first rate, in operations a second: the rate of a closed loop, or the user's guess.
    pub start: f64,
    /// The lowest rate: if it misses twice, no rate meets the objective.
    pub min_rate: f64,
    /// The highest rate to offer; infinite if only the generator limits it.
    pub max_rate: f64,
    /// The relative width of the range at which the search ends.
    pub precision: f64,
    /// The minimum number of trials once the edge is bracketed.
    pub min_trials: usize,
    /// The maximum number of trials.
    pub max_trials: usize,
}

impl Bounds {
    /// Returns bounds from one operation a second to the generator's maximum, to 5 %, with at most
    /// 30 trials.
    #[must_use]
    pub fn from(start: f64) -> Bounds {
        Bounds {
            start: start.max(1.0),
            min_rate: 1.0,
            max_rate: f64::INFINITY,
            precision: 0.05,
            min_trials: 8,
            max_trials: 30,
        }
    }
}

/// The next step of a search.
#[derive(Clone, Debug)]
pub enum Step {
    /// Run a trial at this rate, operations a second, and report it.
    Try(f64),
    /// The search is over.
    Done(Peak),
}

/// The search: it decides which rate to try, and runs nothing.
#[derive(Clone, Debug)]
pub struct Search {
    slo: Slo,
    bounds: Bounds,
    trials: Vec<Trial>,
    /// The rates that the generator could not offer. They count towards the maximum number of
    /// trials.
    invalidated: Vec<f64>,
}

impl Search {
    /// Creates a search without trials.
    #[must_use]
    pub fn new(slo: Slo, bounds: Bounds) -> Search {
        Search {
            slo,
            bounds,
            trials: Vec::new(),
            invalidated: Vec::new(),
        }
    }

    /// Returns the next step, which is the same until something is reported.
    #[must_use]
    pub fn next(&self) -> Step {
        if self.trials.len() + self.invalidated.len() >= self.bounds.max_trials {
            return Step::Done(self.peak());
        }
        match (self.highest_met(), self.lowest_missed()) {
            (None, None) => self.try_below_ceiling(self.bounds.start),
            (Some(met), None) => self.climb(met),
            (None, Some(missed)) => self.descend(missed),
            (Some(_), Some(_)) => self.refine(),
        }
    }

    /// Records the outcome of a trial. `run` is its index in the file's runs. A trial that the
    /// generator invalidated is made again; a second one limits later rates. Neither is evidence
    /// about the server.
    pub fn report(&mut self, run: usize, offered: f64, outcome: Outcome) {
        if outcome == Outcome::GeneratorLimit {
            self.invalidated.push(offered);
            return;
        }
        self.trials.push(Trial {
            run,
            offered,
            met: outcome == Outcome::Met,
        });
    }

    /// Returns the trials so far that are evidence about the server.
    #[must_use]
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    fn climb(&self, met: f64) -> Step {
        let reachable = self.bounds.max_rate.min(self.ceiling());
        if met >= self.bounds.max_rate || reachable <= met * (1.0 + self.bounds.precision) {
            return Step::Done(self.peak());
        }
        if self.ceiling().is_finite() {
            return Step::Try(rounded((met * reachable).sqrt()));
        }
        Step::Try(rounded(met * 2.0).min(self.bounds.max_rate))
    }

    fn descend(&self, missed: f64) -> Step {
        let min_rate = self.bounds.min_rate;
        let at_minimum = self.trials.iter().filter(|t| t.offered <= min_rate).count();
        if at_minimum >= 2 {
            return Step::Done(self.peak());
        }
        let misses = i32::try_from(self.trials.len()).unwrap_or(i32::MAX);
        let factor = 2f64.powi(1 << (misses - 1).clamp(0, 4));
        Step::Try(rounded(missed / factor).max(min_rate))
    }

    fn refine(&self) -> Step {
        let edge = Edge::of(&self.trials);
        let (low, high) = edge.range();
        let narrow = high / low <= 1.0 + self.bounds.precision;
        let beyond = edge.quantile(0.5) >= self.bounds.max_rate.min(self.ceiling());
        if self.trials.len() >= self.bounds.min_trials && (narrow || beyond) {
            return Step::Done(self.peak());
        }
        let place = PLACES[self.trials.len() % PLACES.len()];
        self.try_below_ceiling(edge.quantile(place))
    }

    fn try_below_ceiling(&self, rate: f64) -> Step {
        let max_rate = self.bounds.max_rate.min(self.ceiling() / BELOW_CEILING);
        // With a ceiling of nothing there is nothing left to try.
        if max_rate < self.bounds.min_rate {
            return Step::Done(self.peak());
        }
        Step::Try(rounded(rate).clamp(self.bounds.min_rate, max_rate))
    }

    /// Returns the estimate from the trials so far.
    #[must_use]
    pub fn peak(&self) -> Peak {
        let reachable = self.bounds.max_rate.min(self.ceiling());
        let (rate, range, at_least) = match (self.highest_met(), self.lowest_missed()) {
            (None, missed) => (0.0, (0.0, missed.unwrap_or(0.0)), missed.is_none()),
            (Some(met), None) => (met, (met, self.highest_reachable(met)), true),
            (Some(met), Some(_)) => {
                let edge = Edge::of(&self.trials);
                let median = edge.quantile(0.5);
                if median >= reachable {
                    (
                        met,
                        (edge.range().0.min(met), self.highest_reachable(met)),
                        true,
                    )
                } else {
                    (median, edge.range(), false)
                }
            }
        };
        Peak {
            slo: self.slo,
            rate,
            range,
            at_least,
            trials: self.trials.clone(),
        }
    }

    /// Returns the lowest rate that the generator could not offer twice: once may have been an
    /// accident, so the same rate is tried again.
    fn ceiling(&self) -> f64 {
        let mut invalidated = self.invalidated.clone();
        invalidated.sort_by(f64::total_cmp);
        invalidated.get(1).copied().unwrap_or(f64::INFINITY)
    }

    /// Returns the upper end of a range of which only the lower end is known.
    fn highest_reachable(&self, met: f64) -> f64 {
        let reachable = self.bounds.max_rate.min(self.ceiling());
        if reachable.is_finite() {
            reachable.max(met)
        } else {
            met
        }
    }

    fn highest_met(&self) -> Option<f64> {
        self.offered(true).max_by(f64::total_cmp)
    }

    fn lowest_missed(&self) -> Option<f64> {
        self.offered(false).min_by(f64::total_cmp)
    }

    fn offered(&self, met: bool) -> impl Iterator<Item = f64> {
        self.trials
            .iter()
            .filter(move |trial| trial.met == met)
            .map(|trial| trial.offered)
    }
}

/// The posterior of the peak's logarithm: ascending places, each with its probability.
struct Edge(Vec<(f64, f64)>);

impl Edge {
    /// Computes it first over all tried rates and a margin, then on a finer grid where the
    /// probability is.
    fn of(trials: &[Trial]) -> Edge {
        let trials: Vec<(f64, bool)> = trials
            .iter()
            .map(|trial| (trial.offered.ln(), trial.met))
            .collect();
        let offered = trials.iter().map(|(offered, _)| *offered);
        let low = offered.clone().fold(f64::INFINITY, f64::min) - MARGIN;
        let high = offered.fold(f64::NEG_INFINITY, f64::max) + MARGIN;
        let mut edge = Edge::over(&trials, low, high);
        for _ in 0..CLOSER {
            let (low, high) = edge.support();
            edge = Edge::over(&trials, low, high);
        }
        edge
    }

    fn over(trials: &[(f64, bool)], low: f64, high: f64) -> Edge {
        let step = (high - low) / CELLS as f64;
        let mut grid: Vec<(f64, f64)> = (0..=CELLS)
            .map(|cell| low + step * cell as f64)
            .map(|place| (place, likelihood(trials, place)))
            .collect();
        let sum: f64 = grid.iter().map(|(_, weight)| weight).sum();
        for (_, weight) in &mut grid {
            *weight /= sum;
        }
        Edge(grid)
    }

    /// Returns the range of places with a considerable probability.
    fn support(&self) -> (f64, f64) {
        let likely = |(_, weight): &&(f64, f64)| *weight > NEGLIGIBLE / CELLS as f64;
        let first = self.0.iter().find(likely).map_or(0.0, |cell| cell.0);
        let last = self.0.iter().rfind(likely).map_or(0.0, |cell| cell.0);
        let step = match self.0.as_slice() {
            [a, b, ..] => b.0 - a.0,
            _ => 0.0,
        };
        (first - step, last + step)
    }

    /// Returns the rate below which the peak is with this probability.
    fn quantile(&self, q: f64) -> f64 {
        let mut sum = 0.0;
        for &(place, weight) in &self.0 {
            sum += weight;
            if sum >= q {
                return place.exp();
            }
        }
        self.0.last().map_or(0.0, |(place, _)| place.exp())
    }

    fn range(&self) -> (f64, f64) {
        (self.quantile(0.025), self.quantile(0.975))
    }
}

/// Returns the likelihood of the trials (logarithm of the rate, and whether it met the objective)
/// if the peak's logarithm is `place`, over all widths.
fn likelihood(trials: &[(f64, bool)], place: f64) -> f64 {
    WIDTHS
        .iter()
        .map(|width| {
            trials
                .iter()
                .map(|(offered, met)| {
                    let logistic = 1.0 / (1.0 + ((offered - place) / width).exp());
                    let likely = LAPSE + (1.0 - 2.0 * LAPSE) * logistic;
                    if *met { likely } else { 1.0 - likely }
                })
                .product::<f64>()
        })
        .sum()
}

/// Rounds a rate to four figures, for people.
fn rounded(rate: f64) -> f64 {
    if rate < 1000.0 {
        return (rate * 10.0).round() / 10.0;
    }
    let unit = 10f64.powf(rate.log10().floor() - 3.0);
    (rate / unit).round() * unit
}

/// The quantiles of the posterior at which trials are made, in turn.
const PLACES: [f64; 3] = [0.5, 0.2, 0.8];
/// The distance of the next rate to one that the generator could not offer.
const BELOW_CEILING: f64 = 1.03;
/// The assumed widths of the edge, in logarithms of the rate: 0.3 % to 40 %.
const WIDTHS: [f64; 8] = [0.003, 0.006, 0.012, 0.025, 0.05, 0.1, 0.2, 0.4];
/// The probability of a wrong outcome at any rate.
const LAPSE: f64 = 0.02;
/// The margin around the tried rates in which the peak may be, in logarithms: a factor of 8.
const MARGIN: f64 = 2.08;
/// Cells of the grid.
const CELLS: usize = 128;
/// The number of times that the grid is refined to its support.
const CLOSER: usize = 2;
/// The share of an even cell's probability below which a cell is dropped.
const NEGLIGIBLE: f64 = 1e-3;

#[cfg(test)]
mod tests {
    use super::*;

    const SLO: Slo = Slo {
        percentile: 99.0,
        latency: 5000.0,
        errors: 0.001,
    };

    /// Runs a search to its end against `outcome` of an offered rate.
    fn search(bounds: Bounds, mut outcome: impl FnMut(f64) -> Outcome) -> (Peak, usize) {
        let mut search = Search::new(SLO, bounds);
        for tried in 0..1000 {
            match search.next() {
                Step::Try(rate) => search.report(tried, rate, outcome(rate)),
                Step::Done(peak) => return (peak, tried),
            }
        }
        panic!("the search does not end");
    }

    fn outcome(met: bool) -> Outcome {
        if met { Outcome::Met } else { Outcome::Missed }
    }

    #[test]
    fn a_server_without_noise_is_found_from_below_and_from_above() {
        for start in [10.0, 900.0, 12_000.0, 3_000_000.0] {
            let (peak, trials) = search(Bounds::from(start), |rate| outcome(rate <= 12_345.0));
            let (low, high) = peak.range;
            assert!(low <= 12_345.0 && 12_345.0 <= high, "{start}: {peak:?}");
            assert!(high / low <= 1.05 + 1e-9, "{start}: {low} {high}");
            assert!(low <= peak.rate && peak.rate <= high);
            assert!(!peak.at_least);
            assert!(trials <= 30, "{start}: {trials}");
        }
    }

    /// Searches 150 servers of known capacity, with noisy edges of several widths and a hiccup in 1
    /// trial of 50: the claimed 95 % must hold within three standard errors, which are 5 %.
    #[test]
    fn the_range_covers_the_truth_as_often_as_it_claims() {
        let mut random = fastrand::Rng::with_seed(7);
        let (mut covered, mut searches, mut worst) = (0, 0, 0.0f64);
        for _ in 0..50 {
            for width in [0.01, 0.04, 0.12] {
                let truth = 1000.0 * 100f64.powf(random.f64());
                let start = truth * 4f64.powf(random.f64() * 2.0 - 1.0);
                let (peak, _) = search(Bounds::from(start), |rate| {
                    let met = 1.0 / (1.0 + ((rate / truth).ln() / width).exp());
                    let hiccup = random.f64() < 0.02;
                    outcome(random.f64() < met && !hiccup)
                });
                searches += 1;
                covered += usize::from(peak.range.0 <= truth && truth <= peak.range.1);
                worst = worst.max((peak.rate / truth).ln().abs());
            }
        }
        let share = f64::from(covered as u32) / f64::from(searches);
        assert!((0.90..=1.0).contains(&share), "{share}");
        assert!(worst < 0.5, "{worst}");
    }

    /// Tests with the latency of a queue, with log-normal noise on the percentile: not the model's
    /// own curve.
    #[test]
    fn it_covers_the_truth_of_a_queue_too() {
        let mut random = fastrand::Rng::with_seed(11);
        let normal = |random: &mut fastrand::Rng| (0..12).map(|_| random.f64()).sum::<f64>() - 6.0;
        let covered = (0..100)
            .filter(|_| {
                let max_rate = 20_000.0 * (1.0 + random.f64());
                // 500 us when idle, 5 ms at nine tenths of the capacity.
                let truth = 0.9 * max_rate;
                let (peak, _) = search(Bounds::from(max_rate), |rate| {
                    let free = (1.0 - rate / max_rate).max(1e-3);
                    let noise = (0.2 * normal(&mut random)).exp();
                    outcome(500.0 / free * noise <= SLO.latency)
                });
                peak.range.0 <= truth && truth <= peak.range.1
            })
            .count();
        assert!((89..=100).contains(&covered), "{covered}");
    }

    #[test]
    fn where_nothing_meets_the_objective_the_rate_is_0() {
        let (peak, trials) = search(Bounds::from(50_000.0), |_| Outcome::Missed);
        assert_eq!(peak.rate, 0.0);
        assert_eq!(peak.range, (0.0, 1.0));
        assert!(!peak.at_least);
        assert!(trials <= 8, "{trials}");
    }

    #[test]
    fn the_generators_limit_is_told_from_the_servers() {
        let (peak, _) = search(Bounds::from(1000.0), |rate| {
            if rate < 30_000.0 {
                Outcome::Met
            } else {
                Outcome::GeneratorLimit
            }
        });
        assert!(peak.at_least);
        assert!((27_000.0..30_000.0).contains(&peak.rate), "{peak:?}");
        assert!(peak.range.1 >= peak.rate && peak.range.1.is_finite());
    }

    #[test]
    fn one_hiccup_of_the_generator_is_no_limit() {
        let mut tried = 0;
        let (peak, _) = search(Bounds::from(1000.0), |rate| {
            tried += 1;
            if tried == 3 {
                return Outcome::GeneratorLimit;
            }
            outcome(rate <= 20_000.0)
        });
        assert!(!peak.at_least);
        assert!((19_000.0..21_000.0).contains(&peak.rate), "{peak:?}");
    }

    #[test]
    fn a_generator_that_can_offer_nothing_is_said_so() {
        let (peak, trials) = search(Bounds::from(1000.0), |_| Outcome::GeneratorLimit);
        assert!(peak.at_least);
        assert_eq!(peak.rate, 0.0);
        assert!(trials <= 30);
    }

    #[test]
    fn the_users_limit_is_not_passed() {
        let bounds = Bounds {
            max_rate: 5000.0,
            ..Bounds::from(900.0)
        };
        let (peak, _) = search(bounds, |rate| {
            assert!(rate <= 5000.0);
            Outcome::Met
        });
        assert_eq!(peak.rate, 5000.0);
        assert!(peak.at_least);
    }

    #[test]
    fn one_unlucky_trial_far_below_does_not_lead_it_astray() {
        let mut tried = 0;
        let (peak, _) = search(Bounds::from(1000.0), |rate| {
            tried += 1;
            outcome(rate <= 20_000.0 && tried != 2)
        });
        assert!(
            peak.range.0 <= 20_000.0 && 20_000.0 <= peak.range.1,
            "{:?}",
            peak.range
        );
        // A curve without lapses would have to be a wide one.
        assert!(peak.range.1 / peak.range.0 < 1.06, "{:?}", peak.range);
    }
}
