//! The schema of `rusm.toml`, for editors.

/// The JSON schema of a manifest (draft 7, which the tools for TOML take).
///
/// Tests compare its tables and keys with what the reader takes, its texts and defaults with `docs/configuration.md`, and
/// its judgment with that of the reader.
pub const SCHEMA: &str = include_str!("schema.json");
