//! The points of a sweep, and conclusions from them.

use crate::analysis::capacity::{self, Load, Round};
use crate::analysis::{distribution, knee, objective, stats, usl};
use crate::model::{Point, Run, Slo, Sweep};

/// The variable of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepVariable {
    /// The offered rate: gives knee and capacity.
    Rate,
    /// The server's cores: gives the Universal Scalability Law.
    Cores,
}

impl SweepVariable {
    /// Returns the value of [`Sweep::over`].
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SweepVariable::Rate => "rate",
            SweepVariable::Cores => "cores",
        }
    }
}

/// Draws the conclusions of a sweep. `groups` are the rounds of each point: the offered rate (or
/// the number of cores), and indices into `runs`, in the order of the rounds; indices out of range
/// are ignored. The capacity needs an objective.
#[must_use]
pub fn sweep(
    variable: SweepVariable,
    groups: &[(f64, Vec<usize>)],
    runs: &[Run],
    slo: Option<Slo>,
) -> Sweep {
    let mut groups: Vec<&(f64, Vec<usize>)> = groups.iter().collect();
    groups.sort_by(|a, b| a.0.total_cmp(&b.0));
    let points: Vec<Point> = groups
        .iter()
        .map(|(x, places)| point(*x, places, runs))
        .collect();
    let (mut fit, mut bend, mut at_objective) = (None, None, None);
    match variable {
        SweepVariable::Cores => fit = usl::fit(&samples(&points, runs)),
        SweepVariable::Rate => {
            let latencies: Vec<(f64, f64)> = points.iter().map(|at| (at.x, at.p99)).collect();
            bend = knee::knee(&latencies);
            at_objective =
                slo.and_then(|slo| capacity::capacity(&loads(&points, runs, &slo), &slo));
        }
    }
    Sweep {
        over: variable.name().into(),
        points,
        usl: fit,
        knee: bend,
        capacity: at_objective,
    }
}

fn point(x: f64, places: &[usize], runs: &[Run]) -> Point {
    let rounds: Vec<&Run> = places.iter().filter_map(|at| runs.get(*at)).collect();
    let median = |figure: &dyn Fn(&Run) -> f64| {
        stats::median(&rounds.iter().map(|run| figure(run)).collect::<Vec<_>>())
    };
    // Rounds without an answer are the slowest; if they are the majority, there is no figure.
    let latency = |percentile: f64| {
        let middle = median(&|run| {
            distribution::percentile(&run.latency, percentile).unwrap_or(f64::INFINITY)
        });
        if middle.is_finite() { middle } else { 0.0 }
    };
    Point {
        x,
        runs: places.to_vec(),
        rate: median(&|run| run.rate),
        p50: latency(50.0),
        p99: latency(99.0),
        errors: median(&objective::error_share),
    }
}

/// Returns every round of every point: the fit weighs them equally.
fn samples(points: &[Point], runs: &[Run]) -> Vec<usl::Sample> {
    points
        .iter()
        .flat_map(|point| point.runs.iter().map(|at| (point.x, at)))
        .filter_map(|(n, at)| {
            let rate = runs.get(*at)?.rate;
            Some(usl::Sample { n, rate })
        })
        .collect()
}

fn loads(points: &[Point], runs: &[Run], slo: &Slo) -> Vec<Load> {
    points
        .iter()
        .map(|point| Load {
            offered: point.x,
            rounds: point
                .runs
                .iter()
                .filter_map(|at| runs.get(*at))
                .map(|run| Round::of(run, slo))
                .collect(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Arrivals;
    use crate::report::sample;

    const SLO: Slo = Slo {
        percentile: 99.0,
        latency: 5000.0,
        errors: 0.001,
    };

    #[test]
    fn a_sweep_over_rates_has_points_knee_and_capacity() {
        let mut runs = Vec::new();
        let mut groups = Vec::new();
        for step in (1..=9).rev() {
            let rate = f64::from(step) * 1000.0;
            groups.push((rate, vec![runs.len(), runs.len() + 1]));
            for noise in [0.99, 1.01] {
                let p99 = 500.0 * noise / (1.0 - rate / 9900.0);
                runs.push(sample::run(Arrivals::Constant { rate }, rate, p99));
            }
        }
        let sweep = sweep(SweepVariable::Rate, &groups, &runs, Some(SLO));
        assert_eq!(sweep.over, "rate");
        assert!(sweep.points.is_sorted_by(|a, b| a.x < b.x));
        assert_eq!(sweep.points[0].rate, 1000.0);
        let capacity = sweep.capacity.unwrap();
        assert!((8700.0..9000.0).contains(&capacity.rate), "{capacity:?}");
        assert!(
            (5000.0..6000.0).contains(&sweep.knee.unwrap()),
            "{:?}",
            sweep.knee
        );
        assert!(sweep.usl.is_none());
    }

    #[test]
    fn rounds_without_an_answer_are_not_quick_ones() {
        let arrivals = Arrivals::Constant { rate: 1000.0 };
        let mut runs = vec![sample::run(arrivals, 1000.0, 500.0); 3];
        runs[0].latency = sample::latency(&[]);
        let groups = [(1000.0, vec![0, 1, 2])];
        assert_eq!(
            sweep(SweepVariable::Rate, &groups, &runs, None).points[0].p99,
            500.0
        );
        runs[1].latency = sample::latency(&[]);
        assert_eq!(
            sweep(SweepVariable::Rate, &groups, &runs, None).points[0].p99,
            0.0
        );
    }

    #[test]
    fn a_sweep_over_cores_has_a_fit() {
        let runs: Vec<Run> = [1000.0, 1900.0, 2700.0, 3400.0]
            .map(|rate| sample::run(Arrivals::Closed, rate, 1000.0))
            .to_vec();
        let groups: Vec<_> = (0..4).map(|at| (at as f64 + 1.0, vec![at])).collect();
        let sweep = sweep(SweepVariable::Cores, &groups, &runs, None);
        assert!((sweep.usl.unwrap().lambda - 1000.0).abs() < 20.0);
        assert!(sweep.knee.is_none() && sweep.capacity.is_none());
    }
}
