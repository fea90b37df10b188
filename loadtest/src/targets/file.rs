//! A file of targets.
//!
//! ```toml
//! [[target]]
//! url = "http://127.0.0.1:8080/items"
//! method = "POST"                            # GET if it is not said
//! headers = { content-type = "application/json" }
//! body = '{"name": "x"}'                     # or "@file", from where this file is
//! weight = 3                                 # 1 if it is not said
//! expect = ["201", "contains:x"]             # a status, a class, a text of the body; 2xx
//! ```

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use miette::{Diagnostic, NamedSource, SourceSpan};
use serde::Deserialize;
use thiserror::Error;
use toml::Spanned;

use crate::targets::{Expect, ListError, Target, Targets, Url, header, parse_body, parse_method};

/// The reason why a file of targets cannot be used.
#[derive(Debug, Error, Diagnostic)]
pub enum FileError {
    /// It cannot be read.
    #[error("cannot read the targets {}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        error: std::io::Error,
    },
    /// Its content is invalid.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Content(Box<Content>),
    /// Its targets cannot be loaded together.
    #[error(transparent)]
    #[diagnostic(transparent)]
    List(#[from] ListError),
}

/// An error in a file, with its place.
#[derive(Debug, Error, Diagnostic)]
#[error("{message}")]
pub struct Content {
    message: String,
    #[help]
    help: Option<String>,
    #[source_code]
    source_code: NamedSource<String>,
    #[label("here")]
    at: Option<SourceSpan>,
}

/// Reads a file of targets.
///
/// # Errors
/// If it cannot be read, is not TOML of this format, or its targets cannot be loaded together.
pub fn read(path: &Path) -> Result<Targets, FileError> {
    let text = std::fs::read_to_string(path).map_err(|error| FileError::Read {
        path: path.to_owned(),
        error,
    })?;
    let base = path.parent().unwrap_or(Path::new("."));
    parse(&text, &path.display().to_string(), base)
}

fn parse(text: &str, name: &str, base: &Path) -> Result<Targets, FileError> {
    let content = |problem: Problem, at: Option<std::ops::Range<usize>>| {
        FileError::Content(Box::new(Content {
            message: problem.message,
            help: problem.help,
            source_code: NamedSource::new(name, text.to_owned()),
            at: at.map(SourceSpan::from),
        }))
    };
    let file: File = toml::from_str(text)
        .map_err(|error| content(Problem::new(error.message()), error.span()))?;
    let mut all = Vec::with_capacity(file.target.len());
    for entry in file.target {
        all.push(
            entry
                .parse(base)
                .map_err(|(problem, at)| content(problem, at))?,
        );
    }
    Ok(Targets::new(all)?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    target: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    url: Spanned<String>,
    method: Option<Spanned<String>>,
    #[serde(default)]
    headers: BTreeMap<String, Spanned<String>>,
    body: Option<Spanned<String>>,
    weight: Option<f64>,
    expect: Option<Spanned<OneOrMore>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

struct Problem {
    message: String,
    help: Option<String>,
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
        }
    }

    fn of(error: &(impl Diagnostic + std::fmt::Display)) -> Self {
        Self {
            message: error.to_string(),
            help: error.help().map(|help| help.to_string()),
        }
    }
}

type LocatedProblem = (Problem, Option<std::ops::Range<usize>>);

impl Entry {
    fn parse(self, base: &Path) -> Result<Target, LocatedProblem> {
        let at = self.url.span();
        let url: Url = self
            .url
            .get_ref()
            .parse()
            .map_err(|error| (Problem::of(&error), Some(at)))?;
        let mut target = Target::get(url);
        if let Some(method) = self.method {
            target.method = located(&method, parse_method(method.get_ref()))?;
        }
        for (name, value) in &self.headers {
            let header = located(value, header(name, value.get_ref()))?;
            target.headers.push(header);
        }
        if let Some(body) = self.body {
            target.body = located(&body, parse_body(body.get_ref(), base))?;
        }
        if let Some(expect) = self.expect {
            let at = expect.span();
            target.expect = match expect.into_inner() {
                OneOrMore::One(one) => Expect::parse(&[one]),
                OneOrMore::More(more) => Expect::parse(&more),
            }
            .map_err(|error| (Problem::of(&error), Some(at)))?;
        }
        target.weight = self.weight.unwrap_or(target.weight);
        Ok(target)
    }
}

fn located<T, U>(at: &Spanned<T>, result: Result<U, String>) -> Result<U, LocatedProblem> {
    result.map_err(|message| (Problem::new(message), Some(at.span())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Targets, FileError> {
        super::parse(text, "targets.toml", Path::new(env!("CARGO_MANIFEST_DIR")))
    }

    #[test]
    fn a_file() {
        let targets = parse(
            r#"
            [[target]]
            url = "http://a:1/"
            [[target]]
            url = "http://a:1/items?x"
            method = "POST"
            headers = { content-type = "text/plain", x-a = "b" }
            body = "hello"
            weight = 2.5
            expect = ["201", "contains:he"]
            "#,
        )
        .unwrap();
        let [get, post] = targets.all() else {
            panic!("{targets:?}");
        };
        assert_eq!(get.encode(), b"GET / HTTP/1.1\r\nHost: a:1\r\n\r\n");
        assert_eq!(
            String::from_utf8(post.encode()).unwrap(),
            "POST /items?x HTTP/1.1\r\nHost: a:1\r\ncontent-type: text/plain\r\nx-a: b\r\n\
             Content-Length: 5\r\n\r\nhello"
        );
        assert!((post.weight - 2.5).abs() < 1e-9);
        assert!(post.expect.check(201, b"hello").is_ok());
        assert!(post.expect.check(200, b"hello").is_err());
    }

    #[test]
    fn errors_say_what_and_where() {
        let cases = [
            ("[[target]]\nurl = \"https://a/\"", "TLS", "https"),
            (
                "[[target]]\nurl = \"http://a/\"\nmethod = \"A B\"",
                "method",
                "A B",
            ),
            (
                "[[target]]\nurl = \"http://a/\"\nexpect = \"x\"",
                "expected",
                "\"x\"",
            ),
            (
                "[[target]]\nurl = \"http://a/\"\nbody = \"@none\"",
                "cannot read",
                "@none",
            ),
            (
                "[[target]]\nurl = \"http://a/\"\nverb = \"x\"",
                "verb",
                "verb",
            ),
        ];
        for (text, says, place) in cases {
            let error = parse(text).unwrap_err();
            let FileError::Content(content) = error else {
                panic!("{error}");
            };
            let Content { message, at, .. } = *content;
            assert!(message.contains(says), "{message}");
            let at = at.unwrap();
            let here = &text[at.offset()..at.offset() + at.len()];
            assert!(here.contains(place), "{here}");
        }
        assert!(matches!(parse(""), Err(FileError::List(ListError::Empty))));
    }
}
