//! The JSON file, described in `docs/loadtest-schema.md`.

use std::io::{Read, Write};

use serde::Deserialize;

use crate::model::{Report, SCHEMA};

/// The reason why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is not JSON of this format.
    #[error("this is no report of rusm-loadtest: {0}")]
    Shape(#[from] serde_json::Error),
    /// It has another version of the format.
    #[error(
        "the report has schema {found}, and this rusm-loadtest reads {SCHEMA}: use the version that \
         wrote it, or measure again"
    )]
    Schema {
        /// The version of the file.
        found: u64,
    },
}

/// Reads a report.
///
/// # Errors
/// If it cannot be read, is not a report, or has another schema number.
pub fn read(mut from: impl Read) -> Result<Report, Error> {
    let mut text = Vec::new();
    from.read_to_end(&mut text)?;
    // Check the number first: another version may have any format.
    let Versioned { schema } = serde_json::from_slice(&text)?;
    if schema != u64::from(SCHEMA) {
        return Err(Error::Schema { found: schema });
    }
    Ok(serde_json::from_slice(&text)?)
}

/// Writes a report, indented, with a line feed at its end.
///
/// # Errors
/// If it cannot be written.
pub fn write(report: &Report, mut to: impl Write) -> Result<(), Error> {
    serde_json::to_writer_pretty(&mut to, report)?;
    to.write_all(b"\n")?;
    Ok(to.flush()?)
}

#[derive(Deserialize)]
struct Versioned {
    schema: u64,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;
    use crate::report::sample;

    fn text(report: &Report) -> String {
        let mut bytes = Vec::new();
        write(report, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn what_is_written_reads_back_the_same() {
        for report in [
            sample::http_report(),
            sample::peak_report(),
            sample::sweep_report(),
        ] {
            let written = text(&report);
            assert_eq!(text(&read(written.as_bytes()).unwrap()), written);
        }
    }

    #[test]
    fn another_schema_is_refused_whatever_else_it_holds() {
        let error = read(r#"{"schema": 7, "results": []}"#.as_bytes()).unwrap_err();
        assert!(matches!(error, Error::Schema { found: 7 }));
        assert!(error.to_string().contains("schema 7"), "{error}");
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for text in ["", "[]", "{}", r#"{"schema": 2}"#, "\u{7f}ELF"] {
            assert!(
                matches!(read(text.as_bytes()), Err(Error::Shape(_))),
                "{text}"
            );
        }
    }

    /// Returns the paths of all leaves: `runs[].latency.count`; of a map's values
    /// `runs[].errors.*`.
    fn paths(value: &Value, path: &str, all: &mut BTreeSet<String>) {
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let map = ["errors", "statuses", "percentiles", "connections"]
                        .iter()
                        .any(|map| {
                            path.ends_with(&format!("[].{map}"))
                                || path.ends_with(&format!(".latency.{map}"))
                        });
                    let name = if map { "*" } else { name.as_str() };
                    let dot = if path.is_empty() { "" } else { "." };
                    paths(value, &format!("{path}{dot}{name}"), all);
                }
            }
            Value::Array(items) => {
                for item in items {
                    paths(item, &format!("{path}[]"), all);
                }
            }
            _ => {
                all.insert(path.to_owned());
            }
        }
    }

    /// Returns the rows of the guide's tables: their first cells, without backquotes.
    fn documented() -> BTreeSet<String> {
        include_str!("../../../docs/loadtest-schema.md")
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn every_field_is_documented_and_every_documented_field_is_there() {
        let mut written = BTreeSet::new();
        for report in [
            sample::http_report(),
            sample::peak_report(),
            sample::sweep_report(),
            sample::cores_report(),
        ] {
            let value = serde_json::to_value(report).unwrap();
            paths(&value, "", &mut written);
        }
        let documented = documented();
        let missing: Vec<_> = written.symmetric_difference(&documented).collect();
        assert!(
            missing.is_empty(),
            "only in the file or only in the guide: {missing:?}"
        );
        assert!(
            include_str!("../../../docs/loadtest-schema.md").contains(&format!("schema {SCHEMA}"))
        );
    }
}
