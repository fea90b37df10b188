//! The names of components and actions.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use heck::ToKebabCase;
use thiserror::Error;

/// The name of a component, as it is written: its artifact is `wasm/<name>.wasm`.
///
/// The grammar is `[a-z][a-z0-9_-]*`, with separators between words only. Within one app, two names
/// that differ only by `_` and `-` are an error.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComponentName(Arc<str>);

impl ComponentName {
    /// Returns the name as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name in kebab-case, which is equal for all spellings.
    pub(crate) fn kebab(&self) -> String {
        kebab(&self.0)
    }
}

impl FromStr for ComponentName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        check(name)?;
        Ok(Self(name.into()))
    }
}

impl fmt::Display for ComponentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ComponentName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// Allows look-ups by `&str` in a map with `ComponentName` keys.
impl Borrow<str> for ComponentName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// The name of an action of a component, in WIT's kebab-case.
///
/// The grammar is that of a [`ComponentName`], with capitals. Rust authors write `get_user`,
/// TypeScript authors `getUser`, and WIT has `get-user`: all are the same action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ActionName(Arc<str>);

impl ActionName {
    /// Returns the name in kebab-case, as the component exports it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActionName {
    type Err = NameError;

    fn from_str(name: &str) -> Result<Self, NameError> {
        match objection(&name.to_ascii_lowercase()) {
            Some(reason) => Err(error(name, reason)),
            None => Ok(Self(name.to_kebab_case().into())),
        }
    }
}

impl fmt::Display for ActionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl AsRef<str> for ActionName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// An invalid name of a component or action.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{name}` is not a name: {reason}")]
pub struct NameError {
    name: String,
    reason: &'static str,
    suggestion: Option<String>,
}

impl NameError {
    /// Returns a similar valid name, if there is one.
    pub fn suggestion(&self) -> Option<&str> {
        self.suggestion.as_deref()
    }
}

pub(crate) fn check(name: &str) -> Result<(), NameError> {
    objection(name).map_or(Ok(()), |reason| Err(error(name, reason)))
}

fn error(name: &str, reason: &'static str) -> NameError {
    let suggestion = kebab(&name.trim().to_lowercase());
    NameError {
        name: name.to_owned(),
        reason,
        suggestion: Some(suggestion).filter(|near| objection(near).is_none()),
    }
}

fn objection(name: &str) -> Option<&'static str> {
    let letters = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || is_separator(c);
    if name.is_empty() {
        Some("it is empty")
    } else if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        Some("it does not start with a letter from a to z")
    } else if !name.chars().all(letters) {
        Some("it has more than lower-case letters, digits, `-` and `_`")
    } else if name.split(is_separator).any(str::is_empty) {
        // WIT can't express these, so a component can't export them.
        Some("a `-` or `_` stands between words")
    } else {
        None
    }
}

fn is_separator(c: char) -> bool {
    matches!(c, '-' | '_')
}

fn kebab(name: &str) -> String {
    name.replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_has_one_spelling() {
        let action = |name: &str| name.parse::<ActionName>().unwrap();
        assert_eq!(action("get_user"), action("get-user"));
        assert_eq!(action("getUser"), action("get-user"));
        assert_eq!(action("get_user").as_str(), "get-user");
        assert_eq!(action("getHTTPUser2").as_str(), "get-http-user2");
        assert_ne!(action("getuser"), action("get-user"));
    }

    #[test]
    fn a_component_keeps_its_spelling() {
        let name: ComponentName = "my_app2".parse().unwrap();
        assert_eq!(name.as_str(), "my_app2");
        assert_eq!(name.kebab(), "my-app2");
    }

    #[test]
    fn refuses_what_is_no_name() {
        for (name, reason) in [
            ("", "empty"),
            ("1st", "letter"),
            ("-a", "letter"),
            ("Hello", "letter"),
            ("helLo", "lower-case"),
            ("a.b", "lower-case"),
            ("../a", "letter"),
            ("a/b", "lower-case"),
            ("é", "letter"),
            ("a-", "between"),
            ("a__b", "between"),
        ] {
            let error = name.parse::<ComponentName>().unwrap_err();
            assert!(error.to_string().contains(reason), "{error}");
            let capitals = name.contains(|c: char| c.is_ascii_uppercase());
            assert_eq!(name.parse::<ActionName>().is_ok(), capitals, "{name}");
        }
    }

    #[test]
    fn suggests_the_name_that_was_meant() {
        let near = |name: &str| name.parse::<ActionName>().unwrap_err().suggestion;
        assert_eq!(near(" Get_User").as_deref(), Some("get-user"));
        assert_eq!(near("a/b"), None);
    }
}
