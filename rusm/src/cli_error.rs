//! Why a command failed, and its exit code.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use miette::{Diagnostic, MietteHandlerOpts, ReportHandler};
use rusm_config::ConfigError;
use rusm_uring_net::{BindError, Driver};
use rusm_wasm_pool::LoadError;
use thiserror::Error;

use crate::log;
#[cfg(feature = "build")]
use rusm_build::{BuildError, scaffold::ScaffoldError};

/// Why a command failed.
#[derive(Debug, Error)]
pub enum CliError {
    /// The command line asks for what doesn't go together, or isn't there.
    #[error("{0}")]
    Usage(String),
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ConfigError),
    /// The manifest and the components don't agree.
    #[error("{0}")]
    App(String),
    /// A component can't be loaded.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A component could not be built.
    #[cfg(feature = "build")]
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A new app could not be made.
    #[cfg(feature = "build")]
    #[error(transparent)]
    Scaffold(#[from] ScaffoldError),
    /// The durable store can't be opened.
    #[error(transparent)]
    Store(#[from] rusm_store::OpenError),
    /// An operation on the durable store failed.
    #[error(transparent)]
    StoreOperation(#[from] rusm_store::StoreError),
    /// There is nothing of that name.
    #[error("{0}")]
    NotFound(String),
    /// An address could not be had.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The I/O driver isn't to be had.
    #[error("the kernel refuses {driver}, the driver that `--io` has or that was chosen: {error}")]
    Driver {
        /// Which.
        driver: Driver,
        /// What the kernel says.
        error: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}: {error}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The Wasm engine failed.
    #[error("{what}: {error:#}")]
    Engine {
        /// What was being done.
        what: String,
        /// What it says.
        error: wasmtime::Error,
    },
    /// The system lets the process open too few files.
    #[error(
        "the process may have {limit} files open, and a node of {shards} core(s) needs {needed}, clients not \
         counted: raise the limit (ulimit -n, LimitNOFILE= in a systemd unit, --ulimit nofile= in Docker)"
    )]
    OpenFiles {
        /// Its limit.
        limit: u64,
        /// How many shards it was to have.
        shards: usize,
        /// How many files they need.
        needed: u64,
    },
    /// The log could not be set up.
    #[error("the threads of the log could not be started: {0}")]
    Log(io::Error),
    /// A shard has panicked.
    #[error("a shard ended: this is a defect of the server, please report it")]
    ShardGone,
    /// The system refused something else.
    #[error("{what}: {error}")]
    System {
        /// What was being done.
        what: &'static str,
        /// What it says.
        error: io::Error,
    },
}

impl CliError {
    /// Say it on standard error.
    pub fn report(self) -> ExitCode {
        let code = self.exit_code();
        match self {
            Self::Manifest(error) => show(&error),
            // Its message leaves the error of the system to its source.
            Self::Store(error) => log::fail(format_args!("error: {}", WithSources(&error))),
            other => log::fail(format_args!("error: {other}")),
        }
        code
    }

    /// 2 where the command line or the manifest has to change, else 1.
    fn exit_code(&self) -> ExitCode {
        match self {
            // Code that this command has compiled itself: the system lacks what it takes.
            Self::Load(LoadError::Host(_) | LoadError::Code { .. }) => ExitCode::FAILURE,
            Self::Usage(_) | Self::Manifest(_) | Self::App(_) | Self::Load(_) => ExitCode::from(2),
            #[cfg(feature = "build")]
            Self::Build(BuildError::Missing { .. })
            | Self::Scaffold(ScaffoldError::Name { .. }) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Every problem of a manifest with its place in the file, each by itself.
fn show(error: &ConfigError) {
    if error.problems().next().is_none() {
        log::fail(format_args!("{:?}", Shown(error)));
    }
    for problem in error.problems() {
        log::fail(format_args!("{:?}", Shown(problem)));
    }
}

/// An error with its sources, as one line.
struct WithSources<'e>(&'e dyn std::error::Error);

impl fmt::Display for WithSources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            write!(f, ": {error}")?;
            source = error.source();
        }
        Ok(())
    }
}

/// As a [`miette::Report`] shows it, which takes only what it can own.
struct Shown<'d>(&'d dyn Diagnostic);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        MietteHandlerOpts::new().build().debug(self.0, f)
    }
}
