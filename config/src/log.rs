//! `[log]`: the settings of the log.

use crate::manifest::Section;

/// The settings of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Log {
    /// The least urgent lines that are written.
    pub level: LogLevel,
    /// The format of a line.
    pub format: LogFormat,
    /// True if every request is logged.
    pub access: bool,
}

/// The level of a line; each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the names say it")]
pub enum LogLevel {
    Off,
    Error,
    Warn,
    #[default]
    Info,
    Debug,
}

/// The format of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Text for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Log {
    pub(crate) fn read(mut section: Section<'_>) -> Self {
        let log = Self {
            level: (section.get("level", |v| v.one_of(&LEVELS))).unwrap_or_default(),
            format: (section.get("format", |v| v.one_of(&FORMATS))).unwrap_or_default(),
            access: (section.get("access", |v| v.boolean())).unwrap_or_default(),
        };
        section.finish();
        log
    }
}

const LEVELS: [(&str, LogLevel); 5] = [
    ("off", LogLevel::Off),
    ("error", LogLevel::Error),
    ("warn", LogLevel::Warn),
    ("info", LogLevel::Info),
    ("debug", LogLevel::Debug),
];

const FORMATS: [(&str, LogFormat); 2] = [("text", LogFormat::Text), ("json", LogFormat::Json)];
