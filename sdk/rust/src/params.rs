//! Path parameters that a route captured.

use std::str::FromStr;

use crate::BadRequest;

/// The parts of the path that the route captured, percent-decoded.
///
/// ```
/// # use rusm_rs::Params;
/// // What the route "GET /users/:id/files/*" captures from /users/7/files/a/b%20c
/// let params = Params::from([("id", "7"), ("*", "a/b c")]);
/// assert_eq!(params.get("id"), Some("7"));
/// assert_eq!(params.parse::<u32>("id"), Ok(7));
/// assert_eq!(params.rest(), Some("a/b c"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params(Vec<(String, String)>);

impl Params {
    pub(crate) fn from_wit(params: Vec<(String, String)>) -> Self {
        Self(params)
    }

    /// Returns what `:name` of the route captured.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns what the trailing `*` of the route captured, without a leading slash.
    pub fn rest(&self) -> Option<&str> {
        self.get("*")
    }

    /// Parses what `:name` of the route captured as a `T`.
    ///
    /// # Errors
    /// [`BadRequest`] if the route has no such parameter, or its value is not a `T`.
    pub fn parse<T: FromStr>(&self, name: &str) -> Result<T, BadRequest> {
        let parsed = self.get(name).and_then(|value| value.parse().ok());
        parsed.ok_or_else(|| BadRequest::new(["the path has no valid `", name, "`"].concat()))
    }
}

/// For tests of actions.
impl<N: Into<String>, V: Into<String>, const LEN: usize> From<[(N, V); LEN]> for Params {
    fn from(params: [(N, V); LEN]) -> Self {
        Self(
            params
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_captured_is_none() {
        assert_eq!(Params::default().get("id"), None);
        assert_eq!(Params::default().rest(), None);
    }

    #[test]
    fn an_unparsable_value_names_the_parameter() {
        let params = Params::from([("id", "seven")]);
        assert_eq!(
            params.parse::<u8>("id").unwrap_err().message(),
            "the path has no valid `id`"
        );
        assert!(params.parse::<u8>("page").is_err());
    }
}
