//! Errors of a build.

use std::io;
use std::path::PathBuf;

use crate::component::ComponentError;
use crate::rust::{CargoError, ManifestError, ToolchainError};
use crate::sources::SourcesError;
#[cfg(feature = "typescript")]
use crate::typescript::TypeScriptError;

/// The reason why an app could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The manifest names a component that has neither sources nor an artifact.
    #[error(
        "component `{name}`: neither its sources, {} (or {}.ts), nor its artifact, {}, exist",
        sources.display(), sources.display(), artifact.display()
    )]
    Missing {
        /// The name of the component.
        name: String,
        /// The directory where its sources would be.
        sources: PathBuf,
        /// The file where its artifact would be.
        artifact: PathBuf,
    },
    /// No toolchain compiles guests.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// A step failed for one component.
    #[error("component `{name}`")]
    Component {
        /// The name of the component.
        name: String,
        /// The step's error.
        #[source]
        reason: StepError,
    },
    /// The app's directory is not accessible.
    #[error("cannot find the app's directory {dir}")]
    AppDir {
        /// The directory as given.
        dir: PathBuf,
        /// The system's error.
        #[source]
        error: io::Error,
    },
}

/// The reason why a step of one component's build failed.
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
    /// Sources could not be read, the SDK not unpacked, or the artifact not written.
    #[error("{doing}")]
    Io {
        /// The failed step.
        doing: &'static str,
        /// The system's error.
        #[source]
        error: io::Error,
    },
}
