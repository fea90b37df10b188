//! Errors of a build.

use std::io;
use std::path::PathBuf;

use crate::component::ComponentError;
use crate::rust::{CargoError, ManifestError, ToolchainError};
use crate::sources::SourcesError;
#[cfg(feature = "typescript")]
use crate::typescript::TypeScriptError;

/// Why an app could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A component is named in the manifest and nowhere else.
    #[error(
        "component `{name}`: neither its sources, {} (or {}.ts), nor its artifact, {}, exist",
        sources.display(), sources.display(), artifact.display()
    )]
    Missing {
        /// Its name.
        name: String,
        /// Where its directory would be.
        sources: PathBuf,
        /// Where its artifact would be.
        artifact: PathBuf,
    },
    /// Nothing here compiles guests.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// A step failed for one component.
    #[error("component `{name}`")]
    Component {
        /// Its name.
        name: String,
        /// The step's error.
        #[source]
        reason: StepError,
    },
    /// The app's directory is not accessible.
    #[error("cannot find the app's directory {dir}")]
    AppDir {
        /// As given.
        dir: PathBuf,
        /// The system's error.
        #[source]
        error: io::Error,
    },
}

/// Why a step of one component's build failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StepError {
    /// See [`ManifestError`].
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// See [`CargoError`].
    #[error(transparent)]
    Cargo(#[from] CargoError),
    /// See [`ComponentError`].
    #[error(transparent)]
    Encode(#[from] ComponentError),
    /// See [`SourcesError`].
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// See [`TypeScriptError`].
    #[cfg(feature = "typescript")]
    #[error(transparent)]
    TypeScript(#[from] TypeScriptError),
    /// This `rusm` has no bundler.
    #[cfg(not(feature = "typescript"))]
    #[error(
        "it is TypeScript, and this rusm was compiled without the feature `typescript`; \
         `make build` makes one with it"
    )]
    NoTypeScript,
    /// Reading sources, unpacking the SDK or writing the artifact.
    #[error("{doing}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The system's error.
        #[source]
        error: io::Error,
    },
}
