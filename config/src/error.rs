//! Errors in a manifest, with their places and advice.

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource, SourceCode};
use thiserror::Error;

use crate::settings::Setting;

/// The reason why a manifest is not a valid [`App`](crate::App).
///
/// Its `Display` is one line: `file:line:column: message` of the first problem, or the file that could
/// not be read, with the error of the system as the source. As a [`Diagnostic`] it shows every problem,
/// with its line of the file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file could not be read, or is not UTF-8.
    #[error("cannot read {source_name}")]
    Unreadable {
        /// The path, as it was given.
        source_name: String,
        /// The error of the system.
        #[source]
        cause: io::Error,
    },
    /// The file was read, and is not valid.
    #[error("{first}")]
    Invalid {
        /// The problem nearest to the top of the file.
        first: Box<Problem>,
        /// The others, in the order of the file.
        others: Vec<Problem>,
    },
}

impl ConfigError {
    /// Iterates over the problems, in the order of the file; there are none if it could not be read.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        let (first, others) = match self {
            Self::Unreadable { .. } => (None, &[][..]),
            Self::Invalid { first, others } => (Some(&**first), &others[..]),
        };
        first.into_iter().chain(others)
    }
}

impl Diagnostic for ConfigError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        match self {
            Self::Unreadable { cause, .. } => match cause.kind() {
                io::ErrorKind::NotFound => {
                    Some(Box::new("an app is a directory with a rusm.toml in it"))
                }
                io::ErrorKind::FileTooLarge => Some(Box::new("a manifest has at most 1 MiB")),
                _ => None,
            },
            Self::Invalid { first, .. } => first.help(),
        }
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Invalid { first, .. } => first.source_code(),
        }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        match self {
            Self::Unreadable { .. } => None,
            Self::Invalid { first, .. } => first.labels(),
        }
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        match self {
            Self::Invalid { others, .. } if !others.is_empty() => Some(Box::new(
                others.iter().map(|problem| problem as &dyn Diagnostic),
            )),
            _ => None,
        }
    }
}

/// One problem of a manifest.
#[derive(Debug, Error, Diagnostic)]
#[error("{place}: {message}")]
pub struct Problem {
    /// `file:line:column`, or `--set` and the key.
    place: String,
    message: String,
    line: usize,
    column: usize,
    #[source_code]
    source_code: NamedSource<Arc<str>>,
    #[label(collection)]
    labels: Vec<LabeledSpan>,
    #[help]
    help: Option<String>,
}

impl Problem {
    /// Returns the message, without the place.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the line of the offending text, from 1: of the file, or of the value of a `--set`.
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the column of the offending text in characters, from 1.
    pub fn column(&self) -> usize {
        self.column
    }

    fn new(fault: Fault, sources: &Sources, file: &NamedSource<Arc<str>>) -> Self {
        let setting = sources.setting_at(fault.start());
        let (start, source_code) = match setting {
            Some(setting) => {
                let text = &sources.text[setting.start..setting.end];
                (setting.start, NamedSource::new("--set", Arc::from(text)))
            }
            None => (0, file.clone()),
        };
        let text = source_code.inner();
        // A label of another source can't be shown in this one.
        let in_text = |span: Range<usize>| {
            let span = span.start.checked_sub(start)?..span.end.checked_sub(start)?;
            (span.end <= text.len()).then_some(span)
        };
        let at = fault.start().saturating_sub(start);
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        let place = match setting {
            Some(setting) => format!("--set {}", setting.key),
            None => format!("{}:{line}:{column}", sources.name),
        };
        Self {
            place,
            message: fault.message,
            line,
            column,
            labels: (fault.labels.into_iter())
                .filter_map(|(span, label)| Some((in_text(span)?, label)))
                .map(|(span, label)| LabeledSpan::new_with_span(Some(label), span))
                .collect(),
            help: fault.help,
            source_code,
        }
    }
}

/// The text of a manifest: that of its file, and behind it the settings of the command line. So a range of bytes is the
/// place of anything.
pub(crate) struct Sources {
    /// The name of the file.
    name: String,
    text: String,
    /// Bytes of the file.
    file: usize,
    settings: Vec<SettingSource>,
}

/// The place of a setting.
struct SettingSource {
    start: usize,
    end: usize,
    key: String,
}

impl Sources {
    pub(crate) fn new(name: &str, file: &str, settings: &[Setting]) -> Self {
        let mut text = file.to_owned();
        let mut places = Vec::new();
        for setting in settings {
            // An error may be at the end of the file, so that is no part of a setting.
            text.push('\n');
            let start = text.len();
            text.push_str(setting.text());
            places.push(SettingSource {
                start,
                end: text.len(),
                key: setting.key().to_owned(),
            });
        }
        Self {
            name: name.to_owned(),
            text,
            file: file.len(),
            settings: places,
        }
    }

    /// Returns the text of the file.
    pub(crate) fn file(&self) -> &str {
        self.text.get(..self.file).unwrap_or_default()
    }

    /// Returns all of the text.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns where the settings begin.
    pub(crate) fn starts_of_settings(&self) -> impl Iterator<Item = usize> {
        self.settings.iter().map(|setting| setting.start)
    }

    fn setting_at(&self, at: usize) -> Option<&SettingSource> {
        let mut settings = self.settings.iter();
        settings.find(|setting| (setting.start..=setting.end).contains(&at))
    }
}

/// A problem that was found while reading: it has byte ranges, but not yet the file.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) message: String,
    /// Byte ranges of the text. The first is the offending one.
    pub(crate) labels: Vec<(Range<usize>, String)>,
    pub(crate) help: Option<String>,
}

impl Fault {
    /// Creates a fault at `span`; `label` is written under the caret.
    pub(crate) fn new(
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            message: message.into(),
            labels: vec![(span, label.into())],
            help: None,
        }
    }

    /// Adds another place that the author has to know.
    pub(crate) fn also(mut self, span: Range<usize>, label: impl Into<String>) -> Self {
        self.labels.push((span, label.into()));
        self
    }

    /// Adds advice.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn has_help(&self) -> bool {
        self.help.is_some()
    }

    pub(crate) fn start(&self) -> usize {
        self.labels.first().map_or(0, |(span, _)| span.start)
    }
}

impl From<toml::de::Error> for Fault {
    fn from(error: toml::de::Error) -> Self {
        let span = error.span().unwrap_or_default();
        Self::new(span, error.message(), "here")
    }
}

/// The faults found so far, so that one run reports them all.
#[derive(Debug, Default)]
pub(crate) struct Faults(RefCell<Vec<Fault>>);

impl Faults {
    pub(crate) fn report(&self, fault: Fault) {
        self.0.borrow_mut().push(fault);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Returns `value` if no fault was reported.
    pub(crate) fn into_result<T>(self, sources: &Sources, value: T) -> Result<T, ConfigError> {
        let mut faults = self.into_inner();
        faults.sort_by_key(Fault::start);
        let file = NamedSource::new(&sources.name, Arc::<str>::from(sources.file()));
        let mut problems = (faults.into_iter()).map(|fault| Problem::new(fault, sources, &file));
        match problems.next() {
            None => Ok(value),
            Some(first) => Err(ConfigError::Invalid {
                first: Box::new(first),
                others: problems.collect(),
            }),
        }
    }

    pub(crate) fn into_inner(self) -> Vec<Fault> {
        self.0.into_inner()
    }
}

impl FromIterator<Fault> for Faults {
    fn from_iter<I: IntoIterator<Item = Fault>>(faults: I) -> Self {
        Self(RefCell::new(faults.into_iter().collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_problem_of_the_file_comes_first_and_knows_its_place() {
        let faults = Faults::default();
        faults.report(Fault::new(9..10, "second", ""));
        faults.report(Fault::new(5..6, "first", ""));
        let sources = Sources::new("app.toml", "é = 1\n a\n", &[]);
        let error = faults.into_result(&sources, ()).unwrap_err();
        assert_eq!(error.to_string(), "app.toml:1:5: first");
        let places: Vec<_> = (error.problems())
            .map(|problem| (problem.line(), problem.column(), problem.message()))
            .collect();
        assert_eq!(places, [(1, 5, "first"), (2, 3, "second")]);
        assert_eq!(error.related().unwrap().count(), 1);
    }
}
