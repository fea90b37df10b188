//! `${NAME}` and `${file:PATH}` in the strings of a manifest.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Fault, Faults};
use crate::file::read_bounded;

/// The values of variables and files that a manifest names.
pub trait Variables {
    /// Returns the value of `${NAME}`; `None` if it is not set.
    fn variable(&self, name: &str) -> Option<String>;

    /// Returns the content of `${file:PATH}`.
    ///
    /// # Errors
    /// If it can't be read, or is not UTF-8.
    fn file(&self, path: &Path) -> io::Result<String>;
}

/// The environment of the process, and files; their relative paths start at a directory.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The directory.
    pub dir: PathBuf,
}

impl Variables for Environment {
    fn variable(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        read_bounded(&self.dir.join(path))
    }
}

/// Wraps other variables, for commands that run before there are secrets: a variable that is not set is empty, and
/// so is a file that can't be read.
#[derive(Clone, Debug)]
pub struct Lenient<V>(pub V);

impl<V: Variables> Variables for Lenient<V> {
    fn variable(&self, name: &str) -> Option<String> {
        Some(self.0.variable(name).unwrap_or_default())
    }

    fn file(&self, path: &Path) -> io::Result<String> {
        Ok(self.0.file(path).unwrap_or_default())
    }
}

/// No variable is set, and no file is there.
pub(crate) struct NoVariables;

impl Variables for NoVariables {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, _path: &Path) -> io::Result<String> {
        Err(io::ErrorKind::NotFound.into())
    }
}

/// The values that contained variables, by where they begin: they may be numbers, though they are strings.
#[derive(Default)]
pub(crate) struct Expanded(BTreeMap<usize, ExpandedValue>);

/// A value that contained variables.
pub(crate) struct ExpandedValue {
    end: usize,
    /// The string before it was expanded.
    pub(crate) written: String,
    /// The contents of its variables, which may be secrets.
    pub(crate) contents: Vec<String>,
}

impl Expanded {
    pub(crate) fn contains(&self, value: usize) -> bool {
        self.0.contains_key(&value)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the value that this place is in, and where it begins.
    pub(crate) fn at(&self, place: &Range<usize>) -> Option<(usize, &ExpandedValue)> {
        let (start, value) = self.0.range(..=place.start).next_back()?;
        (place.start <= value.end).then_some((*start, value))
    }

    /// Iterates over the contents of all variables.
    pub(crate) fn contents(&self) -> impl Iterator<Item = &str> {
        let values = self.0.values();
        values.flat_map(|value| value.contents.iter().map(String::as_str))
    }

    /// Expands the variables in all strings of a table, keys aside.
    pub(crate) fn expand(
        tree: &mut DeTable<'_>,
        variables: &dyn Variables,
        faults: &Faults,
    ) -> Self {
        let mut this = Self::default();
        for (_, value) in tree.iter_mut() {
            this.value(value, variables, faults);
        }
        this
    }

    fn value(
        &mut self,
        value: &mut Spanned<DeValue<'_>>,
        variables: &dyn Variables,
        faults: &Faults,
    ) {
        let span = value.span();
        match value.get_mut() {
            DeValue::String(text) => match expanded(text, variables) {
                Ok(None) => {}
                Ok(Some(expansion)) => {
                    let written = std::mem::replace(text, expansion.text.into());
                    let value = ExpandedValue {
                        end: span.end,
                        written: written.into_owned(),
                        contents: expansion.contents,
                    };
                    self.0.insert(span.start, value);
                }
                Err(Mistake {
                    message,
                    label,
                    help,
                }) => {
                    faults.report(Fault::new(span, message, label).help(help));
                }
            },
            DeValue::Array(items) => {
                for item in items.iter_mut() {
                    self.value(item, variables, faults);
                }
            }
            DeValue::Table(table) => {
                for (_, value) in table.iter_mut() {
                    self.value(value, variables, faults);
                }
            }
            _ => {}
        }
    }
}

/// What keeps a string from being expanded. It never has a value of a variable.
struct Mistake {
    message: String,
    label: &'static str,
    help: String,
}

/// A string with its variables expanded.
struct Expansion {
    text: String,
    contents: Vec<String>,
}

/// Expands a string; `None` if it has no variables.
fn expanded(text: &str, variables: &dyn Variables) -> Result<Option<Expansion>, Mistake> {
    if !text.contains("${") {
        return Ok(None);
    }
    let mut out = String::new();
    let mut contents = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        let (reference, behind) = after.split_once('}').ok_or_else(|| Mistake {
            message: "`${` without a `}`".to_owned(),
            label: "not closed",
            help: "write `$${` for a `${` that is none of a variable".to_owned(),
        })?;
        out.push_str(before);
        let content = value_of(reference, variables)?;
        out.push_str(&content);
        contents.push(content);
        rest = behind;
    }
    out.push_str(rest);
    Ok(Some(Expansion {
        text: out,
        contents,
    }))
}

fn value_of(reference: &str, variables: &dyn Variables) -> Result<String, Mistake> {
    if let Some(path) = reference.strip_prefix(FILE) {
        let read = variables.file(Path::new(path));
        // An editor ends a file with a newline, which is not part of a secret.
        return match read {
            Ok(content) => Ok(content.trim_end_matches(['\n', '\r']).to_owned()),
            Err(error) => Err(Mistake {
                message: format!("cannot read `{path}`: {error}"),
                label: "this file",
                help: "a relative path starts at the directory of rusm.toml".to_owned(),
            }),
        };
    }
    let (name, default) = match reference.split_once(DEFAULT) {
        Some((name, default)) => (name, Some(default)),
        None => (reference, None),
    };
    let is_name = |name: &str| {
        let mut bytes = name.bytes();
        let first = bytes.next();
        first.is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_')
            && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !is_name(name) {
        return Err(Mistake {
            message: format!("`{name}` is no name of an environment variable"),
            label: "letters, digits and `_`",
            help: "write `${NAME}`, `${NAME:-default}` or `${file:PATH}`; `$${` is a `${` as it is"
                .to_owned(),
        });
    }
    let set = variables
        .variable(name)
        .filter(|value| default.is_none() || !value.is_empty());
    set.or_else(|| default.map(str::to_owned))
        .ok_or_else(|| Mistake {
            message: format!("the environment variable `{name}` is not set"),
            label: "needed here",
            help: format!("set it, or give it a default: `${{{name}:-default}}`"),
        })
}

const FILE: &str = "file:";
/// As in a shell: for a variable that is not set, or empty.
const DEFAULT: &str = ":-";

#[cfg(test)]
mod tests {
    use super::*;

    struct Fake;

    impl Variables for Fake {
        fn variable(&self, name: &str) -> Option<String> {
            let set = [("PORT", "9000"), ("KEY", "a}b ${PORT}"), ("EMPTY", "")];
            let found = set.iter().find(|(set, _)| *set == name);
            found.map(|(_, value)| (*value).to_owned())
        }

        fn file(&self, path: &Path) -> io::Result<String> {
            match path.to_str() {
                Some("secret") => Ok("hunter2\n".to_owned()),
                _ => Err(io::ErrorKind::NotFound.into()),
            }
        }
    }

    #[test]
    fn a_string_is_expanded_once() {
        for (text, wanted) in [
            ("plain $PORT", None),
            ("${PORT}", Some("9000")),
            ("[::]:${PORT}", Some("[::]:9000")),
            ("${PORT}${PORT}", Some("90009000")),
            ("${UNSET:-80}:${PORT:-80}", Some("80:9000")),
            ("<${EMPTY}${EMPTY:-x}${UNSET:-}>", Some("<x>")),
            ("${KEY}", Some("a}b ${PORT}")),
            ("$${PORT} ${file:secret}", Some("${PORT} hunter2")),
        ] {
            let expanded = expanded(text, &Fake).ok().expect(text);
            let expanded = expanded.map(|expansion| expansion.text);
            assert_eq!(expanded.as_deref(), wanted, "{text}");
        }
    }

    #[test]
    fn a_mistake_has_its_place_and_says_what_to_write() {
        for (listen, message) in [
            ("${UNSET}", "the environment variable `UNSET` is not set"),
            ("${PORT", "`${` without a `}`"),
            ("${}", "`` is no name of an environment variable"),
            ("${A B}", "`A B` is no name"),
            ("${file:missing}", "cannot read `missing`: "),
        ] {
            let manifest = format!("[[serve]]\nlisten = \"{listen}\"\ncomponent = \"a\"\n");
            let error = crate::parse_with("rusm.toml", &manifest, &Fake).unwrap_err();
            let problems: Vec<_> = error.problems().map(ToString::to_string).collect();
            assert!(problems[0].starts_with("rusm.toml:2:10: "), "{problems:?}");
            assert!(problems[0].contains(message), "{problems:?}");
            assert_eq!(problems.len(), 1, "{problems:?}");
        }
    }

    #[test]
    fn numbers_and_switches_may_be_variables() {
        let manifest = "[node]\ninstances-per-core = \"${PORT}\"\npool-wait-ms = \"${WAIT:-5}\"\n\
                        [log]\naccess = \"${ACCESS:-true}\"\n\
                        [capabilities.a]\nallow-stdio = \"${file:secret}\"\nenv = { ZIP = \"${PORT}\" }\n";
        let error = crate::parse_with("rusm.toml", manifest, &Fake)
            .unwrap_err()
            .to_string();
        assert_eq!(error, "rusm.toml:7:15: `allow-stdio` must be true or false");
        let manifest = manifest.replace("allow-stdio = \"${file:secret}\"\n", "");
        let app = crate::parse_with("rusm.toml", &manifest, &Fake).unwrap();
        assert_eq!((app.node.instances_per_core, app.log.access), (9000, true));
        // What is written as a string is none of them.
        assert!(crate::parse("rusm.toml", "[log]\naccess = \"true\"\n").is_err());
    }

    #[test]
    fn a_file_without_an_end_is_refused() {
        let dir = "/dev".into();
        let error = Environment { dir }.file(Path::new("zero")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }

    #[test]
    fn the_lenient_go_on_without_a_secret() {
        let manifest =
            "[capabilities.a]\nenv = { KEY = \"${UNSET}\", TOKEN = \"${file:missing}\" }\n";
        assert!(crate::parse_with("rusm.toml", manifest, &Fake).is_err());
        assert!(crate::parse_with("rusm.toml", manifest, &Lenient(Fake)).is_ok());
    }
}
