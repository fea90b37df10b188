//! `--set KEY=VALUE`: values of the command line, laid over those of the file before anything is read.

use std::str::FromStr;

use thiserror::Error;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Fault, Faults, Sources};

/// A value of a manifest that the command line sets: `node.cores=2`, `serve.0.listen="127.0.0.1:8081"`.
///
/// The key is a path of TOML: names, in quotes if they have other characters than letters, digits, `_` and `-`, with dots
/// between them; a number is the place in a list, from 0. A value that is not of TOML is a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    text: String,
    steps: Vec<Step>,
    /// The place of the value in the text.
    value: usize,
}

/// A name on the way to a value, and its place in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    name: String,
    place: (usize, usize),
}

impl Setting {
    /// Returns the setting as it was written.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// Returns the key as it was written.
    pub(crate) fn key(&self) -> &str {
        let end = self.value.saturating_sub(1);
        self.text.get(..end).unwrap_or_default()
    }

    /// Returns a document whose only value is that of the setting, at the place that it has in the sources.
    fn document(&self, start: usize) -> String {
        let value = self.text.get(self.value..).unwrap_or_default();
        let before = (start + self.value).saturating_sub(KEY.len());
        format!("{}{KEY}{value}", "\n".repeat(before))
    }
}

impl FromStr for Setting {
    type Err = SettingError;

    fn from_str(text: &str) -> Result<Self, SettingError> {
        let mut steps = Vec::new();
        let mut at = 0;
        loop {
            let rest = &text[at..];
            let (name, end) = match rest.chars().next() {
                Some(quote @ ('"' | '\'')) => {
                    let (name, _) = rest[1..].split_once(quote).ok_or(SettingError::Quote)?;
                    (name, at + name.len() + 2)
                }
                _ => {
                    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
                    let len = rest.find(|c| !is_bare(c)).unwrap_or(rest.len());
                    (&rest[..len], at + len)
                }
            };
            if end == at {
                return Err(SettingError::Key);
            }
            steps.push(Step {
                name: name.to_owned(),
                place: (at, end),
            });
            match text[end..].chars().next() {
                Some('.') => at = end + 1,
                Some('=') => {
                    return Ok(Self {
                        text: text.to_owned(),
                        steps,
                        value: end + 1,
                    });
                }
                Some(_) => return Err(SettingError::Key),
                None => return Err(SettingError::Value),
            }
        }
    }
}

/// The error in the text of a [`Setting`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SettingError {
    /// There is no `=`.
    #[error("there is no value: write KEY=VALUE, such as `node.cores=2`")]
    Value,
    /// The key has characters that need quotes, or an empty name.
    #[error(
        "the key is names with dots between them, in quotes if they have other characters than letters, digits, `_` and \
         `-`: `node.cores=2`, `serve.0.headers.\"x-a\"=b`"
    )]
    Key,
    /// A quote in the key has no end.
    #[error("a quote in the key is not closed")]
    Quote,
}

/// Returns the documents that hold the values of the settings, for [`apply`].
pub(crate) fn documents(sources: &Sources, settings: &[Setting]) -> Vec<String> {
    let starts = sources.starts_of_settings();
    let documents = settings.iter().zip(starts);
    documents
        .map(|(setting, start)| setting.document(start))
        .collect()
}

/// Lays the settings over a tree, the last over the others.
pub(crate) fn apply<'t>(
    tree: &mut DeTable<'t>,
    sources: &Sources,
    settings: &[Setting],
    documents: &'t [String],
    faults: &Faults,
) {
    let starts = sources.starts_of_settings();
    for ((setting, document), start) in settings.iter().zip(documents).zip(starts) {
        let value = parse(document).unwrap_or_else(|| {
            let text = setting.text.get(setting.value..).unwrap_or_default();
            let span = start + setting.value..start + setting.text.len();
            Spanned::new(span, DeValue::String(text.to_owned().into()))
        });
        if let Err(fault) = set_in_table(tree, &setting.steps, value, start) {
            faults.report(fault);
        }
    }
}

/// Returns the value of a document, if it is one value of TOML and nothing else.
fn parse(document: &str) -> Option<Spanned<DeValue<'_>>> {
    let table = DeTable::parse(document).ok()?.into_inner();
    let mut entries = table.into_iter();
    let (_, value) = entries.next()?;
    // What follows would be another key, or a comment.
    let is_all = entries.next().is_none() && value.span().end == document.trim_end().len();
    is_all.then_some(value)
}

fn set_in_table<'t>(
    table: &mut DeTable<'t>,
    steps: &[Step],
    value: Spanned<DeValue<'t>>,
    start: usize,
) -> Result<(), Fault> {
    let Some((step, rest)) = steps.split_first() else {
        return Ok(());
    };
    let key = || {
        let (from, to) = step.place;
        Spanned::new(start + from..start + to, step.name.clone().into())
    };
    if rest.is_empty() {
        // A key that is there keeps its place in the file.
        table.insert(key(), value);
        return Ok(());
    }
    if !table.contains_key(step.name.as_str()) {
        let key = key();
        let empty = Spanned::new(key.span(), DeValue::Table(DeTable::new()));
        table.insert(key, empty);
    }
    match table.get_mut(step.name.as_str()) {
        Some(inner) => set_in_value(inner, step, rest, value, start),
        None => Ok(()),
    }
}

/// Sets a value below `target`, to which `step` has led.
fn set_in_value<'t>(
    target: &mut Spanned<DeValue<'t>>,
    step: &Step,
    rest: &[Step],
    value: Spanned<DeValue<'t>>,
    start: usize,
) -> Result<(), Fault> {
    let place = |step: &Step| start + step.place.0..start + step.place.1;
    match target.get_mut() {
        DeValue::Table(table) => set_in_table(table, rest, value, start),
        DeValue::Array(items) => {
            let Some((index, rest)) = rest.split_first() else {
                return Ok(());
            };
            let count = items.len();
            let item = (index.name.parse().ok()).and_then(|at: usize| items.get_mut(at));
            let Some(item) = item else {
                let message = format!("`{}` has {count} entries, counted from 0", step.name);
                return Err(Fault::new(place(index), message, "none of them")
                    .help("an entry can be changed here; to add one, write it into the file"));
            };
            if rest.is_empty() {
                *item = value;
                return Ok(());
            }
            set_in_value(item, index, rest, value, start)
        }
        _ => {
            let message = format!("`{}` is a value, not a table", step.name);
            Err(Fault::new(place(step), message, "nothing is below it"))
        }
    }
}

/// The key of a document's value.
const KEY: &str = "x=";

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(text: &str) -> Result<Vec<String>, SettingError> {
        let setting: Setting = text.parse()?;
        Ok(setting.steps.into_iter().map(|step| step.name).collect())
    }

    #[test]
    fn a_key_is_a_path_of_toml() {
        for (text, wanted) in [
            ("node.cores=2", &["node", "cores"][..]),
            ("serve.0.listen=a=b", &["serve", "0", "listen"]),
            (
                "serve.0.routes.\"GET /a.b=c\"=x#y",
                &["serve", "0", "routes", "GET /a.b=c"],
            ),
            ("a.'b\"'.c=", &["a", "b\"", "c"]),
            ("a.\"\"=1", &["a", ""]),
        ] {
            assert_eq!(keys(text).unwrap(), wanted, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_told() {
        for (text, error) in [
            ("", SettingError::Key),
            ("=1", SettingError::Key),
            ("a.=1", SettingError::Key),
            ("a..b=1", SettingError::Key),
            ("a b=1", SettingError::Key),
            (" a=1", SettingError::Key),
            ("\u{e9}=1", SettingError::Key),
            ("a.\"b\"c=1", SettingError::Key),
            ("a.'b=1", SettingError::Quote),
            ("node.cores", SettingError::Value),
        ] {
            assert_eq!(keys(text), Err(error), "{text}");
        }
    }
}
