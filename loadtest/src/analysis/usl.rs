//! The fit of the Universal Scalability Law.
//!
//! `X(n) = lambda n / (1 + sigma (n - 1) + kappa n (n - 1))` (N. Gunther, "Guerrilla Capacity
//! Planning", 2007) is fitted to throughput by least squares, with `sigma` and `kappa` at least 0:
//! the linear problem `n / X = a + b (n - 1) + c n (n - 1)` gives the start, Gauss-Newton the rest.
//! The bounds are kept by trying each set of parameters fixed at 0: the best fit within the bounds
//! is the constrained optimum.

use crate::analysis::stats;
use crate::model::Usl;

/// One measurement: a number (of cores, connections, ...), and operations a second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// At least 1.
    pub n: f64,
    /// Operations a second.
    pub rate: f64,
}

/// Fits the law. The ranges are by a bootstrap of 1000 over the residuals, relative to the fitted
/// rate: this needs no rounds of a point, and preserves noise proportional to the rate. None unless
/// there are 4 measurements at 3 different `n`, all above 0: any curve would fit fewer.
#[must_use]
pub fn fit(samples: &[Sample]) -> Option<Usl> {
    if samples.iter().any(|s| s.n < 1.0 || s.rate <= 0.0) || !are_enough(samples) {
        return None;
    }
    let curve = Curve::fit(samples)?;
    let ranges = curve.ranges(samples);
    // If it may be that the curve never falls, the data show no maximum.
    let falls = ranges.last().is_some_and(|(min, _)| *min > 0.0);
    Some(Usl {
        lambda: curve.lambda,
        sigma: curve.sigma,
        kappa: curve.kappa,
        ranges,
        r2: curve.r2(samples),
        peak_n: curve.peak_n().filter(|_| falls),
    })
}

/// Returns the operations a second that the law predicts for `n`.
#[must_use]
pub fn rate(usl: &Usl, n: f64) -> f64 {
    Curve {
        lambda: usl.lambda,
        sigma: usl.sigma,
        kappa: usl.kappa,
    }
    .rate(n)
}

fn are_enough(samples: &[Sample]) -> bool {
    let mut places: Vec<f64> = samples.iter().map(|s| s.n).collect();
    places.sort_by(f64::total_cmp);
    places.dedup();
    samples.len() >= 4 && places.len() >= 3
}

#[derive(Clone, Copy, Debug)]
struct Curve {
    lambda: f64,
    sigma: f64,
    kappa: f64,
}

impl Curve {
    fn rate(&self, n: f64) -> f64 {
        self.lambda * n / (1.0 + self.sigma * (n - 1.0) + self.kappa * n * (n - 1.0))
    }

    /// Returns the constrained optimum.
    fn fit(samples: &[Sample]) -> Option<Curve> {
        [(true, true), (true, false), (false, true), (false, false)]
            .into_iter()
            .filter_map(|(sigma, kappa)| {
                Some(Curve::start(samples, sigma, kappa)?.refined(samples, sigma, kappa))
            })
            .filter(|curve| curve.lambda > 0.0 && curve.sigma >= 0.0 && curve.kappa >= 0.0)
            .min_by(|a, b| a.squares(samples).total_cmp(&b.squares(samples)))
    }

    /// Solves the linear problem by least squares.
    fn start(samples: &[Sample], sigma: bool, kappa: bool) -> Option<Curve> {
        let rows = samples.iter().map(|s| {
            let row = [
                1.0,
                if sigma { s.n - 1.0 } else { 0.0 },
                if kappa { s.n * (s.n - 1.0) } else { 0.0 },
            ];
            (row, s.n / s.rate)
        });
        let [a, b, c] = least_squares(rows)?;
        Some(Curve {
            lambda: 1.0 / a,
            sigma: b / a,
            kappa: c / a,
        })
    }

    /// Runs Gauss-Newton; each step is halved until it helps.
    fn refined(mut self, samples: &[Sample], sigma: bool, kappa: bool) -> Curve {
        for _ in 0..ITERATIONS {
            let rows = samples.iter().map(|s| {
                let rate = self.rate(s.n);
                let slope = rate * rate / (self.lambda * s.n);
                let row = [
                    rate / self.lambda,
                    if sigma { -slope * (s.n - 1.0) } else { 0.0 },
                    if kappa {
                        -slope * s.n * (s.n - 1.0)
                    } else {
                        0.0
                    },
                ];
                (row, s.rate - rate)
            });
            let Some(step) = least_squares(rows) else {
                break;
            };
            let before = self.squares(samples);
            let Some(better) = (0..HALVINGS)
                .map(|halvings| self.moved(step, 0.5f64.powi(halvings)))
                .find(|curve| curve.squares(samples) < before)
            else {
                break;
            };
            let gain = 1.0 - better.squares(samples) / before;
            self = better;
            if gain < 1e-10 {
                break;
            }
        }
        self
    }

    fn moved(self, [lambda, sigma, kappa]: [f64; 3], share: f64) -> Curve {
        Curve {
            lambda: self.lambda + share * lambda,
            sigma: self.sigma + share * sigma,
            kappa: self.kappa + share * kappa,
        }
    }

    /// Returns the sum of the squared residuals.
    fn squares(&self, samples: &[Sample]) -> f64 {
        samples
            .iter()
            .map(|s| (s.rate - self.rate(s.n)).powi(2))
            .sum()
    }

    fn r2(&self, samples: &[Sample]) -> f64 {
        let rates: Vec<f64> = samples.iter().map(|s| s.rate).collect();
        let total = stats::variance(&rates) * (rates.len() - 1) as f64;
        if total == 0.0 {
            return 0.0;
        }
        1.0 - self.squares(samples) / total
    }

    fn peak_n(&self) -> Option<f64> {
        (self.kappa > 0.0).then(|| ((1.0 - self.sigma).max(0.0) / self.kappa).sqrt().max(1.0))
    }

    fn ranges(&self, samples: &[Sample]) -> [(f64, f64); 3] {
        // A fit absorbs some of the noise: three parameters' worth.
        let spread = (samples.len() as f64 / (samples.len() as f64 - 3.0)).sqrt();
        let residuals: Vec<f64> = samples
            .iter()
            .map(|s| spread * (s.rate / self.rate(s.n) - 1.0))
            .collect();
        let mut random = fastrand::Rng::with_seed(SEED);
        let curves: Vec<Curve> = (0..REPLICATES)
            .filter_map(|_| {
                let replicate: Vec<Sample> = samples
                    .iter()
                    .map(|s| {
                        let residual = random.choice(&residuals).copied().unwrap_or(0.0);
                        Sample {
                            n: s.n,
                            rate: self.rate(s.n) * (1.0 + residual).max(0.01),
                        }
                    })
                    .collect();
                Curve::fit(&replicate)
            })
            .collect();
        let range = |parameter: fn(&Curve) -> f64| {
            stats::middle_95(&curves.iter().map(parameter).collect::<Vec<_>>())
        };
        [
            range(|curve| curve.lambda),
            range(|curve| curve.sigma),
            range(|curve| curve.kappa),
        ]
    }
}

/// Returns the least squares of `row . x = value` by the normal equations. A column of zeros gives
/// 0. None if the rest is singular.
fn least_squares(rows: impl Iterator<Item = ([f64; 3], f64)>) -> Option<[f64; 3]> {
    let (mut matrix, mut right) = ([[0.0; 3]; 3], [0.0; 3]);
    for (row, value) in rows {
        for i in 0..3 {
            for j in 0..3 {
                matrix[i][j] += row[i] * row[j];
            }
            right[i] += row[i] * value;
        }
    }
    // Columns differ by many orders of magnitude: they are scaled to 1 to detect singular ones.
    let mut scale = [1.0; 3];
    for i in 0..3 {
        if matrix[i][i] == 0.0 {
            matrix[i][i] = 1.0;
        }
        scale[i] = matrix[i][i].sqrt();
    }
    for i in 0..3 {
        right[i] /= scale[i];
        for j in 0..3 {
            matrix[i][j] /= scale[i] * scale[j];
        }
    }
    let whole = determinant(&matrix);
    if whole.abs() < 1e-12 {
        return None;
    }
    let mut solution = [0.0; 3];
    for (i, place) in solution.iter_mut().enumerate() {
        let mut replaced = matrix;
        for (row, value) in replaced.iter_mut().zip(right) {
            row[i] = value;
        }
        *place = determinant(&replaced) / whole / scale[i];
    }
    Some(solution)
}

fn determinant(m: &[[f64; 3]; 3]) -> f64 {
    m[0][0] * (m[1][1] * m[2][2] - m[1][2] * m[2][1])
        - m[0][1] * (m[1][0] * m[2][2] - m[1][2] * m[2][0])
        + m[0][2] * (m[1][0] * m[2][1] - m[1][1] * m[2][0])
}

const ITERATIONS: usize = 50;
const HALVINGS: i32 = 20;
const REPLICATES: usize = 1000;
const SEED: u64 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: Curve = Curve {
        lambda: 1000.0,
        sigma: 0.03,
        kappa: 0.0004,
    };

    fn samples(curve: Curve, mut noise: impl FnMut() -> f64) -> Vec<Sample> {
        [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0]
            .into_iter()
            .flat_map(|n| [n; 3])
            .map(|n| Sample {
                n,
                rate: curve.rate(n) * (1.0 + noise()),
            })
            .collect()
    }

    #[test]
    fn exact_data_give_the_law_back() {
        let usl = fit(&samples(TRUTH, || 0.0)).unwrap();
        assert!((usl.lambda - 1000.0).abs() < 1e-3, "{usl:?}");
        assert!((usl.sigma - 0.03).abs() < 1e-6);
        assert!((usl.kappa - 0.0004).abs() < 1e-8);
        assert!(usl.r2 > 0.999_999);
        assert!((usl.peak_n.unwrap() - (0.97f64 / 0.0004).sqrt()).abs() < 1e-3);
        assert!((rate(&usl, 8.0) - TRUTH.rate(8.0)).abs() < 1e-3);
    }

    #[test]
    fn what_scales_linearly_has_no_contention_and_no_peak() {
        let linear = Curve {
            lambda: 500.0,
            sigma: 0.0,
            kappa: 0.0,
        };
        let usl = fit(&samples(linear, || 0.0)).unwrap();
        assert!((usl.lambda - 500.0).abs() < 1e-3);
        assert!(usl.sigma < 1e-9 && usl.kappa < 1e-12);
        assert!(usl.peak_n.is_none_or(|n| n > 1e4));
    }

    /// A fit better than linear would have a negative sigma, which is fixed at 0.
    #[test]
    fn the_bounds_hold() {
        let better: Vec<Sample> = [1.0, 2.0, 3.0, 4.0, 8.0]
            .map(|n: f64| Sample {
                n,
                rate: 100.0 * n.powf(1.1),
            })
            .to_vec();
        let usl = fit(&better).unwrap();
        assert!(usl.sigma >= 0.0 && usl.kappa >= 0.0);
        assert_eq!(usl.sigma, 0.0);
    }

    #[test]
    fn the_ranges_cover_the_truth_about_as_often_as_they_claim() {
        let mut random = fastrand::Rng::with_seed(3);
        let mut covered = [0; 3];
        for _ in 0..100 {
            let noisy = samples(TRUTH, || {
                0.03 * ((0..12).map(|_| random.f64()).sum::<f64>() - 6.0)
            });
            let ranges = fit(&noisy).unwrap().ranges;
            let truth = [TRUTH.lambda, TRUTH.sigma, TRUTH.kappa];
            for ((count, (low, high)), truth) in covered.iter_mut().zip(ranges).zip(truth) {
                *count += usize::from(low <= truth && truth <= high);
            }
        }
        assert!(
            covered.iter().all(|count| (86..=100).contains(count)),
            "{covered:?}"
        );
    }

    #[test]
    fn a_range_of_coherency_that_holds_0_names_no_maximum() {
        let noise = [0.04, -0.05, 0.06, -0.03, -0.06, 0.05, -0.04, 0.03];
        let straight = Curve {
            kappa: 1e-6,
            ..TRUTH
        };
        let samples: Vec<Sample> = [1.0, 2.0, 3.0, 4.0, 1.0, 2.0, 3.0, 4.0]
            .into_iter()
            .zip(noise)
            .map(|(n, noise)| Sample {
                n,
                rate: straight.rate(n) * (1.0 + noise),
            })
            .collect();
        let usl = fit(&samples).unwrap();
        assert_eq!(usl.ranges[2].0, 0.0, "{usl:?}");
        assert_eq!(usl.peak_n, None);
    }

    #[test]
    fn too_little_is_no_fit() {
        assert!(fit(&samples(TRUTH, || 0.0)[..6]).is_none());
        assert!(fit(&[]).is_none());
        let mut dead = samples(TRUTH, || 0.0);
        dead[0].rate = 0.0;
        assert!(fit(&dead).is_none());
    }
}
