//! Errors of a command, and their exit codes.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use miette::{Diagnostic, MietteHandlerOpts, ReportHandler};
use rusm_config::ConfigError;
use rusm_uring_net::{BindError, Driver};
use rusm_wasm_pool::LoadError;
use thiserror::Error;

use crate::{AdminError, AppError, log};
#[cfg(feature = "build")]
use rusm_build::{BuildError, scaffold::ScaffoldError};

/// The reason why a command failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CliError {
    /// The command line asks for what does not go together, or does not exist.
    #[error("{0}")]
    Usage(String),
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ConfigError),
    /// The manifest, the components and this machine do not fit together.
    #[error(transparent)]
    Application(#[from] AppError),
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
    /// The durable store does not have this key.
    #[error("bucket `{bucket}` has no key `{key}`")]
    NoKey {
        /// The bucket.
        bucket: String,
        /// The missing key.
        key: String,
    },
    /// An address can't be listened on.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The admin listener can't be started.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The kernel does not have the I/O driver.
    #[error("the kernel refuses {driver}, the driver that `--io` has or that was chosen")]
    Driver {
        /// The driver.
        driver: Driver,
        /// The error of the system.
        #[source]
        error: io::Error,
    },
    /// A file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        error: io::Error,
    },
    /// The Wasm engine failed.
    #[error("{what}")]
    Engine {
        /// The failed step, as a sentence.
        what: String,
        /// The error of the engine.
        #[source]
        error: wasmtime::Error,
    },
    /// The system lets the process open too few files.
    #[error(
        "the process may have {limit} files open, and a node of {shards} core(s) needs {needed}, clients not \
         counted: raise the limit (ulimit -n, LimitNOFILE= in a systemd unit, --ulimit nofile= in Docker)"
    )]
    OpenFiles {
        /// The limit of the process.
        limit: u64,
        /// The number of shards.
        shards: usize,
        /// The number of files that they need.
        needed: u64,
    },
    /// The log could not be set up.
    #[error("the threads of the log could not be started")]
    Log(#[source] io::Error),
    /// A shard has panicked.
    #[error("a shard ended: this is a defect of the server, please report it")]
    ShardGone,
    /// The system refused something else.
    #[error("{what}")]
    System {
        /// The failed step, as a sentence.
        what: &'static str,
        /// The error of the system.
        #[source]
        error: io::Error,
    },
}

impl CliError {
    /// Writes the error and its sources to standard error. Returns the exit code of the command.
    pub fn report(self) -> ExitCode {
        let code = self.exit_code();
        match self {
            Self::Manifest(error) => show(&error),
            other => log::fail(format_args!("error: {}", WithSources(&other))),
        }
        code
    }

    /// Returns 2 if the command line or the manifest has to change, else 1.
    fn exit_code(&self) -> ExitCode {
        match self {
            // The command has compiled this code itself, so the system lacks what it needs.
            Self::Load(LoadError::Host(_) | LoadError::Code { .. }) => ExitCode::FAILURE,
            Self::Usage(_) | Self::Manifest(_) | Self::Application(_) | Self::Load(_) => {
                ExitCode::from(2)
            }
            Self::Admin(
                AdminError::Key { .. }
                | AdminError::KeyFile { .. }
                | AdminError::NoDirectory { .. },
            ) => ExitCode::from(2),
            #[cfg(feature = "build")]
            Self::Build(BuildError::Missing { .. })
            | Self::Scaffold(ScaffoldError::Name { .. }) => ExitCode::from(2),
            _ => ExitCode::FAILURE,
        }
    }
}

/// Prints every problem of a manifest with its place in the file, one at a time.
fn show(error: &ConfigError) {
    if error.problems().next().is_none() {
        log::fail(format_args!("{:?}", Shown(error)));
    }
    for problem in error.problems() {
        log::fail(format_args!("{:?}", Shown(problem)));
    }
}

/// An error with its sources, as one line. A source is left out if it is a part of its error's text
/// already, as it may be with errors of dependencies.
pub(crate) struct WithSources<'e>(pub(crate) &'e dyn std::error::Error);

impl fmt::Display for WithSources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let text = error.to_string();
            if !format!(": {last}: ").contains(&format!(": {text}: ")) {
                write!(f, ": {text}")?;
                last = text;
            }
            source = error.source();
        }
        Ok(())
    }
}

/// A diagnostic as [`miette::Report`] shows it; a report takes only errors that it can own.
struct Shown<'d>(&'d dyn Diagnostic);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        MietteHandlerOpts::new().build().debug(self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app_error::{EngineError, ServiceError};

    #[test]
    fn a_source_is_printed_once_after_its_error() {
        let io = || io::Error::other("no luck");
        let invalid = || wasmtime::Error::msg("line 1\n  line 2").context("not a module");
        for (error, text) in [
            (
                CliError::Read {
                    path: "a/rusm.toml".into(),
                    error: io(),
                },
                "cannot read a/rusm.toml: no luck",
            ),
            (
                CliError::Log(io()),
                "the threads of the log could not be started: no luck",
            ),
            (
                CliError::Engine {
                    what: "the Wasm compiler could not be set up".into(),
                    error: wasmtime::Error::msg("no luck").context("for x86"),
                },
                "the Wasm compiler could not be set up: for x86: no luck",
            ),
            (
                rusm_store::OpenError::Thread(io()).into(),
                "cannot start a thread of the store: no luck",
            ),
            (
                AppError::InvalidComponent {
                    component: "a".into(),
                    error: EngineError(invalid()),
                }
                .into(),
                "component `a` is not one that can be run: not a module: line 1 line 2",
            ),
            (
                AppError::Service {
                    service: "a".into(),
                    error: ServiceError::NotSpawned,
                }
                .into(),
                "service `a` can't be started: it could not be spawned",
            ),
        ] {
            let source = std::error::Error::source(&error).expect("it has a source");
            assert!(!error.to_string().contains(&source.to_string()), "{error}");
            assert_eq!(WithSources(&error).to_string(), text);
        }
    }

    #[test]
    fn a_source_that_its_error_tells_is_left_out() {
        #[derive(Debug, Error)]
        #[error("it failed: {0}")]
        struct Repeats(#[source] io::Error);
        let error = Repeats(io::Error::other("no luck"));
        assert_eq!(WithSources(&error).to_string(), "it failed: no luck");
    }
}
