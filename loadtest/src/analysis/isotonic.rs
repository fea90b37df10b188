//! Isotonic regression: the closest non-decreasing sequence to noisy values.

/// Pools adjacent violators (Ayer et al., 1955): the least-squares non-decreasing fit with equal
/// weights. The result is as long as `values`.
pub(super) fn non_decreasing(values: &[f64]) -> Vec<f64> {
    let mut pools: Vec<Pool> = Vec::with_capacity(values.len());
    for &value in values {
        let mut pool = Pool {
            mean: value,
            count: 1,
        };
        while let Some(before) = pools.pop_if(|before| before.mean > pool.mean) {
            pool = before.joined(pool);
        }
        pools.push(pool);
    }
    pools
        .iter()
        .flat_map(|pool| std::iter::repeat_n(pool.mean, pool.count))
        .collect()
}

/// Neighbors with the same fitted value.
struct Pool {
    mean: f64,
    count: usize,
}

impl Pool {
    fn joined(self, other: Pool) -> Pool {
        let count = self.count + other.count;
        let sum = self.mean * self.count as f64 + other.mean * other.count as f64;
        Pool {
            mean: sum / count as f64,
            count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn violators_are_pooled_and_the_rest_is_kept() {
        assert_eq!(non_decreasing(&[1.0, 3.0, 2.0, 4.0]), [1.0, 2.5, 2.5, 4.0]);
        assert_eq!(non_decreasing(&[3.0, 2.0, 1.0]), [2.0, 2.0, 2.0]);
        assert!(non_decreasing(&[]).is_empty());
    }
}
