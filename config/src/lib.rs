//! `rusm.toml`, parsed into a validated application.
//!
//! Pure: nothing here opens a socket or starts a guest, and only [`load`] reads a file. An [`App`] needs
//! no further checks: addresses are parsed, profiles resolved, routes compiled, limits in range. Errors
//! are collected into a [`ConfigError`], which shows the places in the file and what to write instead.
//!
//! # Modules
//!
//! - `app`: the whole manifest, [`App`].
//! - `node`, `cores`, `log`, `admin`: the settings of the process: `[node]`, `[log]` and `[admin]`.
//! - `listener`, `header`, `limits`, `tls`, `websocket`: a `[[serve]]` table.
//! - `routes`: the table that a request is looked up in, over `pattern` (the grammar of
//!   `/users/:id`), `trie` (which route wins) and `percent` (RFC 3986 escapes).
//! - `component`, `resident`, `mailbox`, `name`: `[components.<name>]` and the names of components
//!   and actions.
//! - `capability`: `[capabilities.<name>]` and the built-in profiles.
//! - `settings`: `--set KEY=VALUE`; `variables`: `${NAME}` in strings; `secrets`: what keeps their contents out of
//!   errors; `file`: bounds what is read.
//! - `manifest`: reads a TOML tree by hand, so that every value keeps its place in the file;
//!   `size` and `suggest` help it.
//! - `schema`: the schema for editors, [`SCHEMA`].
//! - `error`: problems, with their places and advice.
//!
//! The reference of every key is `docs/configuration.md`.
//!
//! # Example
//!
//! ```
//! let app = rusm_config::parse(
//!     "rusm.toml",
//!     r#"
//!         [[serve]]
//!         listen = "127.0.0.1:8080"
//!
//!         [serve.routes]
//!         "GET /users/:id" = "users#show"
//!     "#,
//! )?;
//! assert_eq!(app.listeners[0].addr.port(), 8080);
//! assert!(app.components.contains_key("users"));
//!
//! let error = rusm_config::parse("rusm.toml", "[node]\ncors = 2").unwrap_err();
//! assert!(error.to_string().starts_with("rusm.toml:2:1: "));
//! # Ok::<(), rusm_config::ConfigError>(())
//! ```

#![forbid(unsafe_code)]

mod admin;
mod app;
mod capability;
mod component;
mod cores;
mod error;
mod file;
mod header;
mod limits;
mod listener;
mod log;
mod mailbox;
mod manifest;
mod name;
mod network;
mod node;
mod pattern;
mod percent;
mod resident;
mod routes;
mod schema;
mod secrets;
mod settings;
mod size;
mod suggest;
mod tls;
mod trie;
mod variables;
mod websocket;

use std::path::Path;

use variables::NoVariables;

pub use admin::{Admin, AdminAddr};
pub use app::App;
pub use capability::{Capabilities, Preopen};
pub use component::Component;
pub use cores::{CoreId, Cores, CoresError};
pub use error::{ConfigError, Problem};
pub use limits::Limits;
pub use listener::{AddrError, Listener, Protocol, parse_addr};
pub use log::{Log, LogFormat, LogLevel};
pub use mailbox::Mailbox;
pub use name::{ActionName, ComponentName, NameError};
pub use network::{Hosts, Network};
pub use node::Node;
pub use resident::{Intensity, Resident};
pub use routes::{ANY_METHOD, Lookup, Match, Params, Route, RouteId, RouteTable};
pub use schema::SCHEMA;
pub use settings::{Setting, SettingError};
pub use tls::{CertificateFiles, ClientCertificates, Tls};
pub use variables::{Environment, Lenient, Variables};
pub use websocket::WebSocketSettings;

/// Reads and validates the manifest at `path`, with these settings laid over it, and these variables.
///
/// Errors name the file as `path` does: give it as the operator wrote it.
///
/// # Errors
/// If it can't be read, has more than 1 MiB, or is not valid.
pub fn load(
    path: &Path,
    settings: &[Setting],
    variables: &dyn Variables,
) -> Result<App, ConfigError> {
    let source_name = path.display().to_string();
    match file::read_bounded(path) {
        Ok(text) => app::parse(&source_name, &text, settings, variables),
        Err(cause) => Err(ConfigError::Unreadable { source_name, cause }),
    }
}

/// Validates the text of a manifest, where no variable is set; errors call it `source_name`.
///
/// # Errors
/// If it is not valid.
pub fn parse(source_name: &str, text: &str) -> Result<App, ConfigError> {
    parse_with(source_name, text, &NoVariables)
}

/// Validates the text of a manifest, with these variables; errors call it `source_name`.
///
/// # Errors
/// If it is not valid.
pub fn parse_with(
    source_name: &str,
    text: &str,
    variables: &dyn Variables,
) -> Result<App, ConfigError> {
    parse_with_settings(source_name, text, &[], variables)
}

/// Validates the text of a manifest with these settings laid over it, and these variables; errors call it
/// `source_name`.
///
/// # Errors
/// If it is not valid.
pub fn parse_with_settings(
    source_name: &str,
    text: &str,
    settings: &[Setting],
    variables: &dyn Variables,
) -> Result<App, ConfigError> {
    app::parse(source_name, text, settings, variables)
}
