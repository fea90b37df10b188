//! A weighted list of requests on one server.

use miette::Diagnostic;
use thiserror::Error;

use crate::targets::Target;

/// Requests on one server, each with its share. Never empty.
#[derive(Clone, Debug)]
pub struct Targets {
    all: Vec<Target>,
    /// The cumulative weight of each target, 1 for the last.
    upto: Vec<f64>,
}

/// The reason why targets cannot be loaded together.
#[derive(Clone, Debug, Error, Diagnostic, PartialEq)]
pub enum ListError {
    /// The list is empty.
    #[error("there is no target")]
    #[diagnostic(help("give a URL, or a file with [[target]] tables"))]
    Empty,
    /// They are on different servers.
    #[error("the targets are on two servers, `{0}` and `{1}`")]
    #[diagnostic(help("a run measures one server: give each its own run"))]
    Servers(String, String),
    /// A weight is not a positive number.
    #[error("the weight {0} is not a number above 0")]
    Weight(f64),
}

impl Targets {
    /// Creates a list.
    ///
    /// # Errors
    /// If it is empty, its servers differ, or a weight is not above 0.
    pub fn new(all: Vec<Target>) -> Result<Self, ListError> {
        let first = all.first().ok_or(ListError::Empty)?.url.authority.clone();
        let mut sum = 0.0;
        let mut upto = Vec::with_capacity(all.len());
        for target in &all {
            if target.url.authority != first {
                return Err(ListError::Servers(first, target.url.authority.clone()));
            }
            if !(target.weight > 0.0 && target.weight.is_finite()) {
                return Err(ListError::Weight(target.weight));
            }
            sum += target.weight;
            upto.push(sum);
        }
        upto.iter_mut().for_each(|weight| *weight /= sum);
        Ok(Self { all, upto })
    }

    /// Returns all targets.
    #[must_use]
    pub fn all(&self) -> &[Target] {
        &self.all
    }

    /// Returns the index of the target for a random number in [0, 1).
    #[must_use]
    pub fn pick(&self, draw: f64) -> usize {
        let place = self.upto.partition_point(|upto| *upto <= draw);
        place.min(self.all.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str, weight: f64) -> Target {
        Target {
            weight,
            ..Target::get(url.parse().unwrap())
        }
    }

    #[test]
    fn each_has_its_share() {
        let list = vec![target("http://a/1", 1.0), target("http://a/2", 3.0)];
        let targets = Targets::new(list).unwrap();
        let first = (0..1000)
            .filter(|n| targets.pick(f64::from(*n) / 1000.0) == 0)
            .count();
        assert_eq!(first, 250);
        assert_eq!(targets.pick(1.0), 1);
    }

    #[test]
    fn what_makes_no_list() {
        assert_eq!(Targets::new(vec![]).unwrap_err(), ListError::Empty);
        let two = vec![target("http://a/", 1.0), target("http://b/", 1.0)];
        assert!(matches!(Targets::new(two), Err(ListError::Servers(..))));
        for weight in [0.0, -1.0, f64::INFINITY] {
            let one = vec![target("http://a/", weight)];
            assert_eq!(Targets::new(one).unwrap_err(), ListError::Weight(weight));
        }
    }
}
