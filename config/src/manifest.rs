//! Reads a TOML tree by hand, so that every key and value keeps its place in the file and every
//! unread key is an error.

use std::ops::{Range, RangeInclusive};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Fault, Faults};
use crate::variables::Expanded;
use crate::{size, suggest};

/// A table of the manifest, and the keys that it may have: those that were read.
pub(crate) struct Section<'a> {
    /// Its name in errors, such as `[node]`.
    name: String,
    span: Range<usize>,
    source: Source<'a>,
    /// The entries in the order of the file.
    entries: Vec<(Text<'a>, Value<'a>)>,
    asked: Vec<&'static str>,
}

impl<'a> Section<'a> {
    /// Creates the section of a whole manifest with this text.
    pub(crate) fn root(
        tree: &'a Spanned<DeTable<'a>>,
        text: &'a str,
        expanded: &'a Expanded,
        faults: &'a Faults,
    ) -> Self {
        let source = Source {
            text,
            expanded,
            faults,
        };
        Self::new("rusm.toml".to_owned(), tree.span(), tree.get_ref(), source)
    }

    /// Returns the value of `key`, if any.
    pub(crate) fn value(&mut self, key: &'static str) -> Option<Value<'a>> {
        self.asked.push(key);
        let mut entries = self.entries.iter();
        let (_, value) = entries.find(|(name, _)| name.text == key)?;
        Some(value.clone())
    }

    /// Returns whether `key` is given, with any value. The key does not count as read.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|(name, _)| name.text == key)
    }

    /// Returns the value of `key`, converted by `read`. A fault is reported and returns `None`.
    pub(crate) fn get<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&Value<'a>) -> Result<T, Fault>,
    ) -> Option<T> {
        let value = self.value(key)?;
        self.checked(read(&value))
    }

    /// Returns the table at `key`, which errors call `name`.
    pub(crate) fn section(&mut self, key: &'static str, name: &str) -> Option<Section<'a>> {
        self.get(key, |value| value.section(name))
    }

    /// Returns the entries of a table with arbitrary keys, such as `env`.
    pub(crate) fn into_entries(self) -> Vec<(Text<'a>, Value<'a>)> {
        self.entries
    }

    /// Returns the values of all its keys, in the order of the file. The keys do not count as read.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Value<'a>> {
        self.entries.iter().map(|(_, value)| value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Reports the keys that were not read. Call this last on every table.
    pub(crate) fn finish(self) {
        for (key, _) in &self.entries {
            let allowed = || self.asked.iter().copied();
            if allowed().any(|name| name == key.text) {
                continue;
            }
            let message = format!("unknown key `{}` in {}", key.text, self.name);
            let label = match suggest::nearest(key.text, allowed()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "not a key of this table".to_owned(),
            };
            let help = format!("{} takes {}", self.name, suggest::list(allowed()));
            self.report(Fault::new(key.span(), message, label).help(help));
        }
    }

    /// Returns the value of `result`, or reports its fault.
    pub(crate) fn checked<T>(&self, result: Result<T, Fault>) -> Option<T> {
        result.map_err(|fault| self.report(fault)).ok()
    }

    pub(crate) fn report(&self, fault: Fault) {
        self.source.faults.report(fault);
    }

    /// Returns the place of the table: its header, or all of an inline table.
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.clone()
    }

    fn new(name: String, span: Range<usize>, table: &'a DeTable<'a>, source: Source<'a>) -> Self {
        let mut entries: Vec<_> = (table.iter())
            .map(|(key, value)| {
                let key = Text {
                    text: key.get_ref(),
                    span: (key.span().start, key.span().end),
                    source,
                };
                let value = Value {
                    name: key.text,
                    value,
                    source,
                };
                (key, value)
            })
            .collect();
        entries.sort_by_key(|(key, _)| key.span);
        Self {
            name,
            span,
            source,
            entries,
            asked: Vec::new(),
        }
    }
}

/// A value of the manifest, of any type.
#[derive(Clone)]
pub(crate) struct Value<'a> {
    /// The key of the value.
    name: &'a str,
    value: &'a Spanned<DeValue<'a>>,
    source: Source<'a>,
}

impl<'a> Value<'a> {
    /// Returns the key of the value.
    pub(crate) fn name(&self) -> &'a str {
        self.name
    }

    pub(crate) fn boolean(&self) -> Result<bool, Fault> {
        match self.value.get_ref() {
            DeValue::Boolean(value) => Ok(*value),
            DeValue::String(text) if self.is_expanded() => {
                let value = text.parse();
                value.map_err(|_| self.fault("true or false", "its variable has another value"))
            }
            _ => Err(self.mismatch("true or false")),
        }
    }

    pub(crate) fn text(&self) -> Result<Text<'a>, Fault> {
        match self.value.get_ref() {
            DeValue::String(text) => Ok(Text {
                text,
                span: (self.value.span().start, self.value.span().end),
                source: self.source,
            }),
            _ => Err(self.mismatch("a string")),
        }
    }

    /// Returns whether it is a string that had variables, which may be for a number.
    fn is_expanded(&self) -> bool {
        self.source.expanded.contains(self.value.span().start)
    }

    /// Returns whether it is written as a number.
    pub(crate) fn is_integer(&self) -> bool {
        self.value.get_ref().is_integer()
    }

    /// Returns whether it is written as a string.
    pub(crate) fn is_text(&self) -> bool {
        self.value.get_ref().is_str()
    }

    pub(crate) fn integer(&self, allowed: RangeInclusive<u64>) -> Result<u64, Fault> {
        let (least, most) = (allowed.start(), allowed.end());
        let expected = format!("a whole number from {least} to {most}");
        match self.value.get_ref() {
            // An integer that is not a u64 is out of range: negative, or too large.
            DeValue::Integer(integer) => u64::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .filter(|number| allowed.contains(number))
                .ok_or_else(|| self.fault(&expected, "out of range")),
            DeValue::String(text) if self.is_expanded() => {
                let number = text.parse().ok();
                number
                    .filter(|number| allowed.contains(number))
                    .ok_or_else(|| self.fault(&expected, "its variable has another value"))
            }
            _ => Err(self.mismatch(&expected)),
        }
    }

    /// Reads a size in bytes, from 1 to `most`: a number, or a string with a unit.
    pub(crate) fn size(&self, most: u64) -> Result<u64, Fault> {
        let allowed = 1..=most;
        let expected = format!("a size from 1 byte to {}", size::display(most));
        match self.value.get_ref() {
            DeValue::Integer(_) => self.integer(allowed),
            DeValue::String(text) => {
                let bytes = (size::parse(text))
                    .map_err(|advice| self.fault(&expected, "not a size").help(advice))?;
                Some(bytes)
                    .filter(|bytes| allowed.contains(bytes))
                    .ok_or_else(|| self.fault(&expected, "out of range"))
            }
            _ => Err(self.mismatch("a number of bytes, or a size such as \"8KiB\"")),
        }
    }

    /// Reads one of a few names.
    pub(crate) fn one_of<T: Copy>(&self, choices: &[(&str, T)]) -> Result<T, Fault> {
        let names = || choices.iter().map(|(name, _)| *name);
        let expected = format!("one of {}", suggest::list(names()));
        let text = self.text().map_err(|_| self.mismatch(&expected))?;
        (choices.iter())
            .find(|(name, _)| *name == text.text)
            .map(|(_, choice)| *choice)
            .ok_or_else(|| {
                let label = match suggest::nearest(text.text, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "not one of these".to_owned(),
                };
                self.fault(&expected, label)
            })
    }

    pub(crate) fn list(&self) -> Result<Vec<Value<'a>>, Fault> {
        match self.value.get_ref() {
            DeValue::Array(items) => Ok((items.iter())
                .map(|value| Value {
                    value,
                    ..self.clone()
                })
                .collect()),
            _ => Err(self.mismatch("a list")),
        }
    }

    /// Reads a table, which errors call `name`.
    pub(crate) fn section(&self, name: &str) -> Result<Section<'a>, Fault> {
        match self.value.get_ref() {
            DeValue::Table(table) => Ok(Section::new(
                name.to_owned(),
                self.span(),
                table,
                self.source,
            )),
            _ => Err(self.mismatch("a table")),
        }
    }

    /// Returns the fault "`key` must be {expected}", with the type of the actual value.
    pub(crate) fn mismatch(&self, expected: &str) -> Fault {
        let found = match self.value.get_ref().type_str() {
            kind @ ("integer" | "array") => format!("this is an {kind}"),
            kind => format!("this is a {kind}"),
        };
        self.fault(expected, found)
    }

    /// Returns the fault "`key` must be {expected}".
    pub(crate) fn fault(&self, expected: &str, label: impl Into<String>) -> Fault {
        let message = format!("`{}` must be {expected}", self.name);
        Fault::new(self.span(), message, label)
    }

    pub(crate) fn span(&self) -> Range<usize> {
        self.value.span()
    }

    pub(crate) fn report(&self, fault: Fault) {
        self.source.faults.report(fault);
    }
}

/// A key or a string, and its place.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) text: &'a str,
    span: (usize, usize),
    source: Source<'a>,
}

impl<'a> Text<'a> {
    pub(crate) fn span(&self) -> Range<usize> {
        self.span.0..self.span.1
    }

    /// Returns a part of the text, in bytes. Its place is exact unless the text contains TOML
    /// escapes.
    pub(crate) fn slice(&self, part: Range<usize>) -> Text<'a> {
        let text = self.text.get(part.clone()).unwrap_or_default();
        // The content comes after quotes, so a content without escapes can be found.
        let written = self.source.text.get(self.span()).unwrap_or_default();
        let span = match written.find(self.text) {
            Some(quotes) => {
                let start = self.span.0 + quotes + part.start;
                (start, start + part.len())
            }
            None => self.span,
        };
        Text {
            text,
            span,
            source: self.source,
        }
    }

    pub(crate) fn fault(&self, message: impl Into<String>, label: impl Into<String>) -> Fault {
        Fault::new(self.span(), message, label)
    }
}

#[derive(Clone, Copy)]
struct Source<'a> {
    text: &'a str,
    expanded: &'a Expanded,
    faults: &'a Faults,
}
