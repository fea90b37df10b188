//! The format of a line of the operator's log: text for people, or a JSON object.
//!
//! All JSON lines, including those of the access log and the banner, begin with `time`, `level`,
//! `kind` and `message`. Lines about a request have `request_id`.

use std::fmt::{self, Write};
use std::time::SystemTime;

use serde::ser::{SerializeMap, Serializer};
use tracing::Level;
use tracing::field::{Field, Visit};

/// The fields at the beginning of every JSON line.
#[derive(serde::Serialize)]
pub(crate) struct Head<'l> {
    pub(crate) time: String,
    pub(crate) level: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) message: &'l str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<&'l str>,
}

/// Returns the time of a line.
pub(crate) fn now() -> String {
    humantime::format_rfc3339_micros(SystemTime::now()).to_string()
}

/// A line of the operator's log.
pub(crate) struct Line {
    pub(crate) level: Level,
    /// The module that wrote it, or [`GUEST`].
    pub(crate) target: &'static str,
    pub(crate) fields: Fields,
}

/// The message and fields of an event.
#[derive(Default)]
pub(crate) struct Fields {
    pub(crate) message: String,
    request_id: Option<String>,
    others: Vec<(&'static str, Value)>,
}

enum Value {
    /// A string; it is quoted in text.
    Quoted(String),
    Plain(String),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
}

impl Fields {
    /// Creates fields with this message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            ..Self::default()
        }
    }

    /// Adds a number.
    pub(crate) fn with(mut self, name: &'static str, value: u64) -> Self {
        self.others.push((name, Value::Unsigned(value)));
        self
    }

    /// Returns the component, action or service that the line is about.
    pub(crate) fn subject(&self) -> Option<&str> {
        self.others.iter().find_map(|(name, value)| match value {
            Value::Quoted(text) | Value::Plain(text)
                if matches!(*name, "component" | "action" | "service") =>
            {
                Some(text.as_str())
            }
            _ => None,
        })
    }

    fn set(&mut self, field: &Field, value: Value) {
        match (field.name(), value) {
            ("message", Value::Quoted(text) | Value::Plain(text)) => {
                self.message = shortened(text, MAX_MESSAGE);
            }
            ("request_id", Value::Quoted(text) | Value::Plain(text)) => {
                self.request_id = Some(shortened(text, MAX_FIELD));
            }
            (name, Value::Quoted(text)) => {
                let text = shortened(text, MAX_FIELD);
                self.others.push((name, Value::Quoted(text)));
            }
            (name, Value::Plain(text)) => {
                let text = shortened(text, MAX_FIELD);
                self.others.push((name, Value::Plain(text)));
            }
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, Value::Plain(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, Value::Quoted(value.to_owned()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, Value::Unsigned(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, Value::Signed(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, Value::Float(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, Value::Bool(value));
    }
}

impl Line {
    /// Formats `time LEVEL target: message name=value ...`. Nothing in it ends the line or controls
    /// a terminal.
    pub(crate) fn text(&self, in_colour: bool) -> String {
        let mut line = now();
        let level = self.level;
        let _ = match in_colour {
            true => write!(line, " \x1b[{}m{level:>5}\x1b[0m ", colour(level)),
            false => write!(line, " {level:>5} "),
        };
        let _ = write!(line, "{}: {}", self.target, Printable(&self.fields.message));
        if let Some(id) = &self.fields.request_id {
            let _ = write!(line, " request_id={}", Printable(id));
        }
        for (name, value) in &self.fields.others {
            let _ = match value {
                Value::Quoted(text) => write!(line, " {name}={text:?}"),
                Value::Plain(text) => write!(line, " {name}={}", Printable(text)),
                Value::Unsigned(value) => write!(line, " {name}={value}"),
                Value::Signed(value) => write!(line, " {name}={value}"),
                Value::Float(value) => write!(line, " {name}={value}"),
                Value::Bool(value) => write!(line, " {name}={value}"),
            };
        }
        line.push('\n');
        line
    }

    /// Formats the line as one JSON object.
    pub(crate) fn json(&self) -> String {
        let mut line = Vec::new();
        // Every value can be JSON, and writes to memory do not fail.
        let _ = self.write_json(&mut serde_json::Serializer::new(&mut line));
        line.push(b'\n');
        String::from_utf8(line).unwrap_or_default()
    }

    fn write_json<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut line = out.serialize_map(None)?;
        line.serialize_entry("time", &now())?;
        line.serialize_entry("level", level_name(self.level))?;
        let is_guest = self.target == GUEST;
        line.serialize_entry("kind", if is_guest { GUEST } else { "log" })?;
        line.serialize_entry("message", &self.fields.message)?;
        if let Some(id) = &self.fields.request_id {
            line.serialize_entry("request_id", id)?;
        }
        for (name, value) in &self.fields.others {
            match value {
                Value::Quoted(text) | Value::Plain(text) => line.serialize_entry(name, text)?,
                Value::Unsigned(value) => line.serialize_entry(name, value)?,
                Value::Signed(value) => line.serialize_entry(name, value)?,
                Value::Float(value) => line.serialize_entry(name, value)?,
                Value::Bool(value) => line.serialize_entry(name, value)?,
            }
        }
        if !is_guest {
            line.serialize_entry("target", self.target)?;
        }
        line.end()
    }
}

/// Text without characters that end a line or control a terminal.
struct Printable<'t>(&'t str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '\t' => f.write_char(c)?,
                c if c.is_control() => write!(f, "{}", c.escape_default())?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

/// Truncates text to `max` bytes, with a note if it was longer.
fn shortened(mut text: String, max: usize) -> String {
    let len = text.len();
    if len > max {
        text.truncate(text.floor_char_boundary(max));
        let _ = write!(text, "… [truncated: {len} bytes]");
    }
    text
}

/// Returns the level as the manifest spells it.
fn level_name(level: Level) -> &'static str {
    match level {
        Level::ERROR => "error",
        Level::WARN => "warn",
        Level::INFO => "info",
        Level::DEBUG => "debug",
        Level::TRACE => "trace",
    }
}

/// Returns the color code of an ANSI terminal.
fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        _ => 34,
    }
}

/// The target of lines that guests write.
pub(crate) const GUEST: &str = "guest";
/// Maximum bytes of a message.
const MAX_MESSAGE: usize = 8 * 1024;
/// Maximum bytes of another field.
const MAX_FIELD: usize = 2 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn line(message: &str) -> Line {
        Line {
            level: Level::WARN,
            target: "rusm::test",
            fields: Fields {
                request_id: Some("7".into()),
                others: vec![
                    ("path", Value::Quoted("/a\"b\n".into())),
                    ("status", Value::Unsigned(500)),
                ],
                ..Fields::new(message)
            },
        }
    }

    #[test]
    fn nothing_ends_a_line_but_its_end() {
        let line = line("one\r\ntwo\u{1b}[31m\u{85}");
        let text = line.text(false);
        let (_, text) = text.split_once(' ').unwrap();
        assert_eq!(
            text,
            " WARN rusm::test: one\\r\\ntwo\\u{1b}[31m\\u{85} request_id=7 path=\"/a\\\"b\\n\" status=500\n"
        );
        let json = line.json();
        assert_eq!(json.find('\n'), Some(json.len() - 1));
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["message"], "one\r\ntwo\u{1b}[31m\u{85}");
        let field = |name: &str| json[name].clone();
        assert_eq!(
            (field("level"), field("kind")),
            ("warn".into(), "log".into())
        );
        assert_eq!(
            (field("request_id"), field("status")),
            ("7".into(), 500.into())
        );
        assert_eq!(field("target"), "rusm::test");
    }

    #[test]
    fn a_long_text_is_truncated_with_a_note() {
        assert_eq!(shortened("abc".into(), 3), "abc");
        let long = shortened("é".repeat(50_000), 8191);
        assert!(long.starts_with("éé") && long.ends_with("é… [truncated: 100000 bytes]"));
        assert!(long.len() < 8300, "{}", long.len());
    }
}
