//! Makes a core module of a TypeScript component's modules, which are evaluated at build time.
//!
//! [`bundle()`] makes one ES module of the author's sources and npm packages. The runner
//! (`sdk/typescript/runner.wasm`) is QuickJS with RUSM's runtime: [`snapshot()`] runs its
//! initialization once, with the bundle, and keeps the memory, so that an instance starts with the
//! bundle evaluated. The exports of the author's module are its [`Description`], and
//! [`name_exports`] adds them to the snapshot, with their types in WIT. `types` runs TypeScript's
//! compiler, if it is installed.

mod bundle;
mod description;
mod exports;
mod node;
mod package;
#[cfg(test)]
mod runner_tests;
mod snapshot;
mod top_level;
mod types;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use bundle::BundleError;
use bundle::{Bundle, bundle};
use description::{Description, Kind};
pub use exports::ExportsError;
use exports::name_exports;
pub use snapshot::SnapshotError;
use snapshot::snapshot;
use top_level::TopLevel;
pub(crate) use types::TypeCheck;
pub use types::TypesError;

use crate::source_map::SourceMap;
use crate::sources::{self, SourcesError};

/// A core module, ready to be made a component.
pub(crate) struct Snapshot {
    pub(crate) core: Vec<u8>,
    pub(crate) source_map: String,
    /// The files that were read.
    pub(crate) inputs: BTreeSet<PathBuf>,
}

/// Makes the core module of the component in `sources`, a directory or a file of `app_dir`.
pub(crate) fn build(
    app_dir: &Path,
    sources: &Path,
    types: Option<&mut TypeCheck>,
) -> Result<Snapshot, TypeScriptError> {
    let entry = package::entry(sources)?;
    sources::check_is_no_crate(app_dir, sources)?;
    package::check_installed(app_dir, &entry)?;
    // The bundler reports syntax errors better than the compiler.
    let Bundle {
        code,
        source_map,
        inputs,
        warnings,
    } = bundle(app_dir, &entry)?;
    for warning in warnings {
        crate::note(format_args!("{warning}"));
    }
    if let Some(types) = types {
        types.check(app_dir, &entry)?;
    }
    let top_level = TopLevel::new(SourceMap::new(&*source_map));
    let (memory, description) =
        snapshot(RUNNER, &code, &top_level).map_err(|error| match error {
            SnapshotError::Bundle(why) => TypeScriptError::TopLevel(top_level.located(&why)),
            other => other.into(),
        })?;
    let core = name_exports(&memory, &description)?;
    Ok(Snapshot {
        core,
        source_map,
        inputs,
    })
}

/// Returns the version of the embedded runner: sixteen hexadecimal digits of its hash.
pub(crate) fn runner_version() -> &'static str {
    static VERSION: OnceLock<String> = OnceLock::new();
    VERSION.get_or_init(|| {
        let hash = blake3::hash(RUNNER).to_hex();
        hash.chars().take(16).collect()
    })
}

/// The reason why there is no core module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TypeScriptError {
    /// See [`SourcesError`].
    #[error(transparent)]
    Sources(#[from] SourcesError),
    /// See [`BundleError`].
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// See [`TypesError`].
    #[error(transparent)]
    Types(#[from] TypesError),
    /// The modules' own code failed during evaluation, or exports nothing to serve.
    #[error("its modules, which are evaluated once, at build time, failed:\n{0}")]
    TopLevel(String),
    /// See [`SnapshotError`].
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    /// See [`ExportsError`].
    #[error(transparent)]
    Exports(#[from] ExportsError),
}

/// Returns a message and its stack, without the lines of the runtime's own code.
fn told_by_author(why: &str) -> String {
    let lines = why.lines().filter(|line| {
        let is_own = line.trim_start().starts_with("at ") && line.contains("(runtime.js:");
        !is_own && !line.trim().is_empty()
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// QuickJS with RUSM's runtime, as a core module (`sdk/typescript/runner`).
const RUNNER: &[u8] = include_bytes!("../../../sdk/typescript/runner.wasm");
