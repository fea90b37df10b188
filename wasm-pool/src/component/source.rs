//! A component as a shard is given it, and why it can't load one.

use std::sync::Arc;
use std::time::Duration;

use rusm_config::Capabilities;
use rusm_core::MailboxLimit;
use thiserror::Error;

use super::id::Symbolicate;
use crate::pool::artifact::Artifact;

/// A component as a shard loads it.
#[derive(Clone)]
pub struct ComponentSource {
    /// Its name in the manifest.
    pub name: Arc<str>,
    /// Its machine code.
    pub artifact: Artifact,
    /// What it may do.
    pub capabilities: Arc<Capabilities>,
    /// The actions that routes name, in WIT's kebab-case.
    pub actions: Vec<Arc<str>>,
    /// What may wait in the mailbox of each of its processes.
    pub mailbox: MailboxLimit,
    /// How long one function of a service may take, and one message.
    pub function_timeout: Duration,
    /// What its lines in the log go through.
    pub symbolicate: Option<Symbolicate>,
}

/// Why a shard could not load a component.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The host's own side failed.
    #[error("the Wasm engine could not be set up: {0:#}")]
    Host(wasmtime::Error),
    /// The machine code doesn't fit this engine.
    #[error("component `{component}` could not be loaded: {error:#}")]
    Code {
        /// Its name.
        component: Arc<str>,
        /// What Wasmtime says.
        error: wasmtime::Error,
    },
    /// It imports something that the host doesn't have.
    #[error("component `{component}` imports what this host does not offer: {error:#}")]
    Import {
        /// Its name.
        component: Arc<str>,
        /// What Wasmtime says.
        error: wasmtime::Error,
    },
    /// It imports `wasi:http`, and this server has none.
    #[cfg(not(feature = "wasi-http"))]
    #[error(
        "component `{component}` imports wasi:http, and this rusm was compiled without the feature `wasi-http`"
    )]
    NoWasiHttp {
        /// Its name.
        component: Arc<str>,
    },
    /// A route names an action that isn't there.
    #[error("component `{component}` has no action `{action}`; it has {}", list(.actions))]
    UnknownAction {
        /// Its name.
        component: Arc<str>,
        /// What the route says.
        action: Arc<str>,
        /// What it has.
        actions: Vec<String>,
    },
    /// A route names a function that isn't an action.
    #[error(
        "`{component}#{action}` is no action: it has to be `func(request: request) -> response` \
         of rusm:runtime/http@0.1.0 ({error:#})"
    )]
    ActionType {
        /// The component's name.
        component: Arc<str>,
        /// The function's name.
        action: Arc<str>,
        /// What differs.
        error: wasmtime::Error,
    },
}

/// Names for people.
pub(super) fn list<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => "none".into(),
        _ => format!("`{}`", names.join("`, `")),
    }
}
