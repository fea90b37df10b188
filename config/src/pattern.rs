//! The grammar of a route's path: `/users/:id`, `/files/*`.
//!
//! A pattern is a list of segments, each after a `/`:
//! - `:name` matches any non-empty segment, and captures it;
//! - `*`, as the last segment, matches the rest of the path, which may be empty, and captures it as
//!   `*`;
//! - anything else matches itself, with or without percent-encoding.

use std::ops::Range;

use crate::percent;

/// A path that a route matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    /// The text as written.
    pub(crate) text: String,
    /// The segments, at least one; [`Segment::Rest`] only at the end.
    pub(crate) segments: Vec<Segment>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    /// A normalized segment, see [`percent::normalise`].
    Literal(Box<str>),
    Param(Box<str>),
    Rest,
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Self, PatternError> {
        let Some(path) = text.strip_prefix('/') else {
            return Err(PatternError {
                message: format!("the path `{text}` does not start with `/`"),
                label: "no `/` here",
                part: 0..text.len(),
                help: Some(format!("did you mean `/{text}`?")),
            });
        };
        let mut segments = Vec::new();
        let mut at = 1;
        for segment in path.split('/') {
            let end = at + segment.len();
            let parsed = Segment::parse(segment, end == text.len())
                .and_then(|parsed| check_param_is_new(parsed, &segments))
                .map_err(|error| error.within(at))?;
            segments.push(parsed);
            at = end + 1;
        }
        if segments.len() > MAX_SEGMENTS {
            return Err(PatternError {
                message: format!("a route has {MAX_SEGMENTS} segments at most"),
                label: "more than that",
                part: 0..text.len(),
                help: None,
            });
        }
        Ok(Self {
            text: text.to_owned(),
            segments,
        })
    }

    /// Returns `/*`, which matches every path.
    pub(crate) fn any() -> Self {
        Self {
            text: "/*".to_owned(),
            segments: vec![Segment::Rest],
        }
    }

    /// Returns the names of its captures, in order; `*` is that of the rest.
    pub(crate) fn captures(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Param(name) => Some(&**name),
            Segment::Rest => Some("*"),
        })
    }
}

/// The reason why a path is not a pattern.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PatternError {
    pub(crate) message: String,
    pub(crate) label: &'static str,
    /// The offending bytes of the path.
    pub(crate) part: Range<usize>,
    pub(crate) help: Option<String>,
}

impl PatternError {
    fn within(mut self, start: usize) -> Self {
        self.part = start + self.part.start..start + self.part.end;
        self
    }
}

impl Segment {
    fn parse(text: &str, is_last: bool) -> Result<Self, PatternError> {
        let error = |message: String, label, part, help: Option<String>| PatternError {
            message,
            label,
            part,
            help,
        };
        let whole = 0..text.len();
        if let Some(name) = text.strip_prefix(':') {
            return match name.find(|c: char| !is_name_character(c)) {
                _ if name.is_empty() => Err(error(
                    "a parameter has a name".to_owned(),
                    "none here",
                    whole,
                    Some("write it as `:id`; for a colon itself write `%3A`".to_owned()),
                )),
                Some(at) => Err(error(
                    format!(
                        "`{text}` is not a parameter: it is a whole segment, with a name of letters, digits, `_` and `-`"
                    ),
                    "this does not belong to a name",
                    1 + at..text.len(),
                    Some(format!("did you mean `:{}`?", &name[..at])).filter(|_| at > 0),
                )),
                None => Ok(Self::Param(name.into())),
            };
        }
        if text == "*" && is_last {
            return Ok(Self::Rest);
        }
        if let Some(at) = text.find('*') {
            return Err(error(
                "`*` stands alone, as the last segment".to_owned(),
                "not here",
                at..at + 1,
                Some("`:name` captures one segment; for a star itself write `%2A`".to_owned()),
            ));
        }
        let brace = |text: &str| text.starts_with('{') && text.ends_with('}');
        if brace(text) {
            let name = text.trim_matches(['{', '}', '*']);
            return Err(error(
                format!("`{text}` is not a parameter"),
                "in braces",
                whole,
                Some(format!(
                    "write a parameter as `:{name}`; for the braces themselves write `%7B` and `%7D`"
                )),
            ));
        }
        if let Some(at) = text.find(['?', '#']) {
            return Err(error(
                "a route has no query and no fragment".to_owned(),
                "from here on",
                at..text.len(),
                Some("leave it out: routes match the path alone".to_owned()),
            ));
        }
        if let Some((at, c)) =
            (text.char_indices()).find(|(_, c)| c.is_whitespace() || c.is_control())
        {
            return Err(error(
                "a path has no space or control character in it".to_owned(),
                "this one",
                at..at + c.len_utf8(),
                Some("for a space itself write `%20`".to_owned()),
            ));
        }
        if let Some(part) = percent::malformed_escape(text) {
            return Err(error(
                "a `%` is followed by two hexadecimal digits".to_owned(),
                "not by these",
                part,
                Some("for a percent sign itself write `%25`".to_owned()),
            ));
        }
        Ok(Self::Literal(percent::normalise(text).into()))
    }
}

fn check_param_is_new(segment: Segment, before: &[Segment]) -> Result<Segment, PatternError> {
    match &segment {
        Segment::Param(name) if before.contains(&segment) => Err(PatternError {
            message: format!("the parameter `:{name}` is there twice"),
            label: "again",
            part: 0..name.len() + 1,
            help: Some("give it another name".to_owned()),
        }),
        _ => Ok(segment),
    }
}

fn is_name_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-')
}

/// Limits the recursion of a lookup.
const MAX_SEGMENTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn segments(text: &str) -> Vec<Segment> {
        Pattern::parse(text).unwrap().segments
    }

    fn literal(text: &str) -> Segment {
        Segment::Literal(text.into())
    }

    #[test]
    fn parses_each_kind_of_segment() {
        assert_eq!(segments("/"), [literal("")]);
        assert_eq!(segments("/a/"), [literal("a"), literal("")]);
        assert_eq!(segments("/*"), [Segment::Rest]);
        assert_eq!(
            segments("/u/:id/f/*"),
            [
                literal("u"),
                Segment::Param("id".into()),
                literal("f"),
                Segment::Rest
            ]
        );
        assert_eq!(segments("/a:b/{x"), [literal("a:b"), literal("%7Bx")]);
        assert_eq!(segments("/%7e/café"), [literal("~"), literal("caf%C3%A9")]);
    }

    #[test]
    fn points_at_what_is_wrong() {
        for (text, wrong, words) in [
            ("a", "a", "does not start with `/`"),
            ("", "", "does not start with `/`"),
            ("/a/:", ":", "has a name"),
            ("/:id.json", ".json", "whole segment"),
            ("/:é", "é", "whole segment"),
            ("/:id/x/:id", ":id", "twice"),
            ("/a/*/b", "*", "last segment"),
            ("/a/b*", "*", "last segment"),
            ("/**", "*", "last segment"),
            ("/*rest", "*", "last segment"),
            ("/u/{id}", "{id}", "not a parameter"),
            ("/a?b=c", "?b=c", "no query"),
            ("/a b", " ", "no space"),
            ("/a\n", "\n", "no space"),
            ("/é/a%2", "%2", "hexadecimal"),
            ("/%zz", "%zz", "hexadecimal"),
        ] {
            let error = Pattern::parse(text).unwrap_err();
            assert_eq!(&text[error.part.clone()], wrong, "{text}");
            assert!(error.message.contains(words), "{text}: {}", error.message);
        }
        assert!(Pattern::parse(&"/a".repeat(64)).is_ok());
        assert!(Pattern::parse(&"/a".repeat(65)).is_err());
    }

    #[test]
    fn suggests_the_parameter_in_our_form() {
        let help = |text: &str| Pattern::parse(text).unwrap_err().help.unwrap();
        assert!(help("/u/{id}").contains("`:id`"));
        assert!(help("/u/{*rest}").contains("`:name`"));
        assert!(help("/:id.json").contains("`:id`"));
    }
}
