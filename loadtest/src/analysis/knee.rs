//! The knee of latency against load.
//!
//! The knee is the offered rate at which the 99th percentile passes [`FACTOR`] times its floor (the
//! minimum of the fitted points). The points are made non-decreasing first (isotonic regression of
//! the logarithm): more load is never faster, so a dip is noise, and there is one crossing. Between
//! two points the line is straight in logarithms. For one server with a queue (M/M/1) the knee at
//! twice the floor is at half of its capacity; with more servers for the queue it is closer to the
//! capacity.

use crate::analysis::isotonic;

/// The latency at the knee as a multiple of its floor.
pub const FACTOR: f64 = 2.0;

/// Returns the knee of `(offered rate, latency)` in ascending order of rates. None if latency never
/// passes it or does at the first point (so that the floor is unknown), or if there are fewer than
/// 3 points.
#[must_use]
pub fn knee(points: &[(f64, f64)]) -> Option<f64> {
    let (first, _) = points.first()?;
    let floor = fitted(points).first()?.1;
    let knee = crossing(points, FACTOR * floor)?;
    (points.len() >= 3 && knee > *first).then_some(knee)
}

/// Returns the rate at which fitted latency passes `threshold`: the first rate if it is above from
/// the start, none if it never is. A latency that is not finite or not above 0 (nothing was
/// answered) is above.
pub(super) fn crossing(points: &[(f64, f64)], threshold: f64) -> Option<f64> {
    let points = fitted(points);
    let over = points
        .iter()
        .position(|(_, latency)| *latency > threshold)?;
    let (high, above) = *points.get(over)?;
    let Some((low, below)) = over.checked_sub(1).and_then(|at| points.get(at)) else {
        return Some(high);
    };
    let share = (threshold.ln() - below.ln()) / (above.ln() - below.ln());
    Some((low.ln() + share * (high.ln() - low.ln())).exp())
}

fn fitted(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let logarithms: Vec<f64> = points
        .iter()
        .map(|(_, latency)| {
            if latency.is_finite() && *latency > 0.0 {
                latency.ln()
            } else {
                NEVER.ln()
            }
        })
        .collect();
    points
        .iter()
        .zip(isotonic::non_decreasing(&logarithms))
        .map(|((rate, _), latency)| (*rate, latency.exp()))
        .collect()
}

/// The latency of a missing answer: a day, in microseconds.
const NEVER: f64 = 86_400e6;

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(rate: f64) -> f64 {
        100.0 / (1.0 - rate / 10_000.0)
    }

    #[test]
    fn one_queue_has_its_knee_at_half() {
        let points: Vec<_> = (1..20)
            .map(f64::from)
            .map(|i| (i * 500.0, queue(i * 500.0)))
            .collect();
        let knee = knee(&points).unwrap();
        // The floor is the first point's, 105 us, so twice that is 210 us, at 5238.
        assert!((knee - 5238.0).abs() < 20.0, "{knee}");
    }

    #[test]
    fn a_bump_of_noise_is_no_knee() {
        let points = [
            (100.0, 10.0),
            (200.0, 25.0),
            (300.0, 9.0),
            (400.0, 11.0),
            (500.0, 10.0),
        ];
        assert_eq!(knee(&points), None);
    }

    #[test]
    fn flat_latency_and_too_few_points_have_none() {
        assert_eq!(knee(&[(1.0, 5.0), (2.0, 5.0), (3.0, 5.5)]), None);
        assert_eq!(knee(&[(1.0, 5.0), (2.0, 50.0)]), None);
        assert_eq!(knee(&[]), None);
    }

    #[test]
    fn what_is_never_answered_is_past_the_knee() {
        let at = knee(&[(1000.0, 5.0), (2000.0, 5.0), (4000.0, 0.0)]).unwrap();
        assert!((2000.0..4000.0).contains(&at), "{at}");
    }
}
