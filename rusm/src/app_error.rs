//! Errors of an app whose manifest, components and machine do not fit together.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rusm_core::{ExitReason, RegisterError, SpawnError};
use rusm_uring_net::http1::InvalidHeader;
use rusm_wasm_pool::SpawnFailure;
use thiserror::Error;

/// The reason why an app can't be served as it is.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AppError {
    /// Nothing would ever run.
    #[error("the manifest has neither a [[serve]] nor a resident component: nothing to serve")]
    NothingToServe,
    /// A directory that a component may open does not exist.
    #[error(
        "component `{component}`: its `preopen` opens {}, and there is no such directory; create it first",
        dir.display()
    )]
    NoPreopen {
        /// The component.
        component: String,
        /// The missing directory.
        dir: PathBuf,
    },
    /// A route names what can't answer its requests.
    #[error("route \"{route}\": {reason}")]
    Route {
        /// Its method and its pattern.
        route: String,
        /// What it names, and why that can't answer.
        reason: String,
    },
    /// The directory of the store does not exist.
    #[error("the store: there is no directory {}; create it first", dir.display())]
    NoStoreDirectory {
        /// The missing directory.
        dir: PathBuf,
    },
    /// `rusm kv` needs a store.
    #[error("the app has no store: set `store = \"data.redb\"` under [node]")]
    NoStore,
    /// A component has neither sources nor an artifact.
    #[cfg(feature = "build")]
    #[error(
        "component `{component}`: neither components/{component} nor wasm/{component}.wasm is there"
    )]
    NoComponent {
        /// The component.
        component: String,
    },
    /// A component was not built.
    #[error("component `{component}`: {} is missing: run `rusm build`", path.display())]
    NoArtifact {
        /// The component.
        component: String,
        /// The missing file.
        path: PathBuf,
    },
    /// A component was built without a capability that it is granted.
    #[error(
        "component `{component}` is granted `{key}`, and was built without it: run `rusm build`"
    )]
    NotBuiltFor {
        /// The component.
        component: String,
        /// The key of the capability in the manifest.
        key: &'static str,
    },
    /// An artifact is not a component that the engine can run.
    #[error("component `{component}` is not one that can be run")]
    InvalidComponent {
        /// The component.
        component: Arc<str>,
        /// The error of the engine.
        #[source]
        error: EngineError,
    },
    /// A component starts with more memory than it may have.
    #[error(
        "component `{component}` starts with {} KiB of memory, which is more than its {} MiB (max-memory-mb)",
        initial >> 10, max >> 20
    )]
    InitialMemory {
        /// The component.
        component: Arc<str>,
        /// Its initial memory in bytes.
        initial: u64,
        /// Its limit in bytes.
        max: u64,
    },
    /// A component is pinned to a shard that does not exist.
    #[error(
        "component `{component}` is pinned to shard {shard}, but there are {shards}, counted from 0 \
         (cores under [node])"
    )]
    NoShard {
        /// The component.
        component: Arc<str>,
        /// The shard that the manifest names.
        shard: usize,
        /// The number of shards.
        shards: usize,
    },
    /// A resident service did not start.
    #[error("service `{service}` can't be started")]
    Service {
        /// The service.
        service: Arc<str>,
        /// The reason.
        #[source]
        error: ServiceError,
    },
    /// A file of TLS can't be used.
    #[error("[serve.tls] of {listener}: `{key}`: {error} ({})", error.problem.advice())]
    TlsFile {
        /// The address of the listener.
        listener: SocketAddr,
        /// The key of the manifest.
        key: &'static str,
        /// The problem.
        error: rusm_uring_net::tls::FileError,
    },
    /// The files of TLS don't make a whole.
    #[error("[serve.tls] of {listener}: {error}")]
    Tls {
        /// The address of the listener.
        listener: SocketAddr,
        /// The problem.
        error: rusm_uring_net::tls::ConfigError,
    },
    /// A header that is added to every response can't be sent.
    #[error("[serve.headers]")]
    Headers(#[from] InvalidHeader),
    /// The directory for compiled code can't be used.
    #[error("{} can't be used", dir.display())]
    CompiledDir {
        /// The directory.
        dir: PathBuf,
        /// The error of the system.
        #[source]
        error: io::Error,
    },
    /// The kernel does not watch the sources.
    #[cfg(feature = "build")]
    #[error("the sources can't be watched (sysctl fs.inotify.max_user_watches)")]
    Unwatchable(#[from] notify::Error),
}

/// The reason why a resident service did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// Its component is missing in the shard.
    #[error("it was not loaded")]
    NotLoaded,
    /// Its name was not reserved before the start.
    #[error("its name is not reserved")]
    NotReserved,
    /// Its name can't be reserved.
    #[error(transparent)]
    Name(#[from] RegisterError),
    /// Its component is not a process.
    #[error(transparent)]
    Component(#[from] SpawnFailure),
    /// Its supervisor was not spawned.
    #[error(transparent)]
    Supervisor(#[from] SpawnError),
    /// It ended before its `init` had returned.
    #[error("it ended at once: {0}")]
    Ended(ExitReason),
    /// It was not spawned.
    #[error("it could not be spawned")]
    NotSpawned,
}

/// An error of the engine with its causes, as one line: its text may show bytes of a file line by
/// line.
#[derive(Debug)]
pub struct EngineError(pub wasmtime::Error);

impl fmt::Display for EngineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = format!("{:#}", self.0);
        let words: Vec<_> = text.split_whitespace().collect();
        f.write_str(&words.join(" "))
    }
}

impl std::error::Error for EngineError {}
