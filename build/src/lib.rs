//! Builds components from an author's sources.
//!
//! - `app`: an app's components, from sources to `wasm/<name>.wasm`; the only module that writes to
//!   the app's directory. `sources` finds a component's sources and their language, `stamp` decides
//!   which are stale, and `component` encodes and validates the result of either language.
//! - `rust`: cargo, the SDK, the layout of a guest's memory, and trimming.
//! - `typescript`: the bundle, its snapshot in the runner, its exports, and the type check.
//! - [`scaffold`]: the files of a new app.
//! - Without the feature `components` only the parts for a server remain: [`source_map`], which
//!   maps positions of a bundle to an author's sources, and `grants`, the WASI capabilities that a
//!   component was built with. A component carries both in custom sections (`section`).

#![warn(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "they panic where the stream can't be written to"
)]

#[cfg(feature = "components")]
use std::io::{self, Write};
use std::path::{Path, PathBuf};

#[cfg(feature = "components")]
mod app;
#[cfg(feature = "components")]
mod component;
#[cfg(feature = "components")]
mod error;
mod grants;
#[cfg(feature = "components")]
mod rust;
#[cfg(feature = "components")]
pub mod scaffold;
mod section;
pub mod source_map;
#[cfg(feature = "components")]
mod sources;
#[cfg(feature = "components")]
mod stamp;
#[cfg(feature = "typescript")]
mod typescript;

#[cfg(feature = "components")]
pub use app::{
    BuildOptions, ComponentSpec, Outcome, Report, Status, build_app, is_stale, outside_inputs,
    status,
};
#[cfg(feature = "components")]
pub use component::{ComponentError, Shape};
#[cfg(feature = "components")]
pub use error::{BuildError, StepError};
pub use grants::{Grants, withheld};
/// Private functions, for the targets in `fuzz/`.
#[cfg(all(fuzzing, feature = "components"))]
pub use rust::fuzzing;
#[cfg(feature = "components")]
pub use rust::{
    CargoError, ManifestError, MemoryLayout, TARGET, Toolchain, ToolchainError, TrimError,
};
#[cfg(feature = "components")]
pub use sources::SourcesError;
#[cfg(feature = "typescript")]
pub use typescript::{BundleError, ExportsError, SnapshotError, TypeScriptError, TypesError};

/// Any error, as the source of another.
#[cfg(feature = "components")]
type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// An error with its sources, as one text.
#[cfg(any(test, fuzzing))]
fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<_> = sources.map(ToString::to_string).collect();
    texts.join(": ")
}

/// Writes a line to standard error, for the user who started the build.
#[cfg(feature = "components")]
fn note(line: std::fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Returns the path of a component's artifact: `<app_dir>/wasm/<name>.wasm`.
pub fn artifact_path(app_dir: &Path, name: &str) -> PathBuf {
    app_dir.join("wasm").join(format!("{name}.wasm"))
}
