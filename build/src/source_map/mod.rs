//! Maps positions in a bundle to an author's sources. A component carries its source map in a
//! custom section, for the log of the server that runs it.

mod section;

use std::borrow::Cow;
use std::fmt::Write;
use std::sync::OnceLock;

use oxc_sourcemap::SourceMap as Parsed;

#[cfg(feature = "typescript")]
pub(crate) use section::attach;
pub use section::of;

/// The file name of a bundle in stack traces.
pub(crate) const BUNDLE_FILE: &str = "bundle.js";

/// A bundle's source map, which is parsed at its first use.
#[derive(Debug)]
pub struct SourceMap {
    json: String,
    parsed: OnceLock<Option<Parsed<'static>>>,
}

impl SourceMap {
    /// Creates a map from ECMA-426 JSON. An invalid one maps nothing.
    pub fn new(json: impl Into<String>) -> Self {
        Self {
            json: json.into(),
            parsed: OnceLock::new(),
        }
    }

    /// Replaces each known position `bundle.js:LINE:COLUMN` (counted from 1) in a text, for example
    /// a stack trace, by the position in the author's file.
    pub fn locate<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !text.contains(BUNDLE_FILE) {
            return Cow::Borrowed(text);
        }
        let parsed = self.parsed.get_or_init(|| {
            Parsed::from_json_string(&self.json)
                .ok()
                .map(|map| map.into_owned())
        });
        match parsed {
            Some(map) => Cow::Owned(located(map, text)),
            None => Cow::Borrowed(text),
        }
    }
}

fn located(map: &Parsed<'_>, text: &str) -> String {
    let table = map.generate_lookup_table();
    let mut located = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(BUNDLE_FILE) {
        let (before, position) = rest.split_at(at);
        located.push_str(before);
        let original = Position::parse(position).and_then(|found| {
            let token =
                map.lookup_source_view_token_approx(&table, found.line - 1, found.column - 1)?;
            Some((token.get_source()?.to_owned(), token, found.len))
        });
        match original {
            Some((source, token, len)) => {
                let (line, column) = (token.get_src_line() + 1, token.get_src_col() + 1);
                let _ = write!(located, "{source}:{line}:{column}");
                rest = &position[len..];
            }
            None => {
                located.push_str(BUNDLE_FILE);
                rest = &position[BUNDLE_FILE.len()..];
            }
        }
    }
    located.push_str(rest);
    located
}

/// `bundle.js:LINE:COLUMN` at the start of a text.
struct Position {
    /// The line and column, from 1.
    line: u32,
    column: u32,
    /// Its length in the text, in bytes.
    len: usize,
}

impl Position {
    fn parse(text: &str) -> Option<Self> {
        let numbers = text.strip_prefix(BUNDLE_FILE)?.strip_prefix(':')?;
        let (line, rest) = number(numbers)?;
        let (column, rest) = number(rest.strip_prefix(':')?)?;
        Some(Self {
            line,
            column,
            len: text.len() - rest.len(),
        })
    }
}

/// Parses the number from 1 at the start of a text. Also returns the rest.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let number = digits.parse().ok().filter(|number| *number > 0)?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line 2, column 5 of the bundle is line 4, column 3 of `src/index.ts`.
    fn map() -> SourceMap {
        SourceMap::new(r#"{"version":3,"sources":["src/index.ts"],"names":[],"mappings":";IAGE"}"#)
    }

    #[test]
    fn a_stack_names_the_authors_places() {
        assert_eq!(
            map().locate("Error: x\n    at f (bundle.js:2:5)\n    at g (bundle.js:2:9)"),
            "Error: x\n    at f (src/index.ts:4:3)\n    at g (src/index.ts:4:3)"
        );
    }

    #[test]
    fn what_is_no_known_place_stays() {
        for text in [
            "no place",
            "bundle.js",
            "bundle.js:",
            "bundle.js:2",
            "bundle.js:0:1",
            "bundle.js:1:1",
            "bundle.js:99999999999:1",
            "bundle.js:9:1 and bundle.js",
        ] {
            assert_eq!(map().locate(text), text);
        }
        let wrong = SourceMap::new("{");
        assert_eq!(wrong.locate("bundle.js:2:5"), "bundle.js:2:5");
    }
}
