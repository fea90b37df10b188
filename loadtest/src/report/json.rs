//! The file: JSON as `docs/loadtest-schema.md` has it.

use std::io::{Read, Write};

use serde::Deserialize;

use crate::model::{Report, SCHEMA};

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written at all.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// It is not JSON, or not of this shape.
    #[error("this is no report of rusm-loadtest: {0}")]
    Shape(#[from] serde_json::Error),
    /// It is of another version of the format.
    #[error(
        "the report has schema {found}, and this rusm-loadtest reads {SCHEMA}: use the version that \
         wrote it, or measure again"
    )]
    Schema {
        /// The number in the file.
        found: u64,
    },
}

/// Reads a report.
///
/// # Errors
/// If it cannot be read, is no report, or has another schema number.
pub fn read(mut from: impl Read) -> Result<Report, Error> {
    let mut text = Vec::new();
    from.read_to_end(&mut text)?;
    // The number is looked at first: another version may have any other shape.
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
        for text in ["", "[]", "{}", r#"{"schema": 1}"#, "\u{7f}ELF"] {
            assert!(
                matches!(read(text.as_bytes()), Err(Error::Shape(_))),
                "{text}"
            );
        }
    }
}
