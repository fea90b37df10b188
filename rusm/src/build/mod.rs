//! Building an app's components: from a crate's sources to `wasm/<name>.wasm`.
//!
//! `<app>/components/<name>/` is a crate; a component without such a directory is prebuilt. The
//! way of a component that is stale:
//!
//! - `stamp` tells that it is, from contents, in milliseconds and without running anything;
//! - `toolchain` finds what compiles for `wasm32-wasip2`, `manifest` reads the author's settings,
//!   `sdk` provides the SDK's sources to a crate that names the registry's;
//! - `cargo` compiles and links a core module, with the memory that `layout` decides on;
//! - `trim` takes out the WASI that the component's capabilities do not grant, and `component`
//!   encodes and validates what is left.
//!
//! Only this module touches the app's directory.

mod cargo;
mod component;
mod layout;
mod manifest;
pub(crate) mod sdk;
mod stamp;
mod toolchain;
mod trim;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub use cargo::CargoError;
pub use component::{ComponentError, Shape};
pub use layout::MemoryLayout;
pub use manifest::ManifestError;
pub use toolchain::{TARGET, Toolchain, ToolchainError};

use component::Component;
use manifest::Manifest;
use stamp::{Key, Stamp};

/// What of WASI a component's capability profile grants it. What is not granted is not even
/// imported, where the SDK can answer in the host's place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Grants {
    /// Environment variables.
    pub env: bool,
    /// Standard input, output and error of the server's own.
    pub stdio: bool,
    /// Directories of the host.
    pub preopen: bool,
    /// Sockets.
    pub sockets: bool,
}

/// A component to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentSpec {
    /// Its name in `rusm.toml`, that of its directory and its artifact.
    pub name: String,
    /// What its capability profile grants.
    pub grants: Grants,
}

/// How to build.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuildOptions {
    /// Build what is fresh, too.
    pub force: bool,
    /// Say nothing about what goes well.
    pub quiet: bool,
}

/// What became of each component, in the order asked for.
#[derive(Debug, Default)]
pub struct Report {
    /// Name and outcome.
    pub components: Vec<(String, Outcome)>,
}

/// What became of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has no sources here.
    Prebuilt,
    /// It was there, made of what lies in the sources.
    Fresh,
    /// It was built.
    Built {
        /// What is in it.
        shape: Shape,
        /// How long that took.
        took: Duration,
    },
}

/// How a component stands, without building it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No sources; the artifact is there.
    Prebuilt,
    /// The artifact is made of what lies in the sources.
    Fresh,
    /// There are sources, and no artifact of them.
    Stale,
    /// Neither sources nor artifact.
    Missing,
}

/// Builds what is stale, one component after the other, each with all cores.
///
/// Cargo's own words go to standard error as they are, and a line for each component built.
/// Artifacts appear under their names only when they are complete.
pub fn build_app(
    app_dir: &Path,
    components: &[ComponentSpec],
    options: BuildOptions,
) -> Result<Report, BuildError> {
    let app_dir = absolute(app_dir)?;
    // One look for all, and none when nothing is stale.
    let mut toolchain = None;
    let identity = toolchain::identity();
    let mut report = Report::default();
    for spec in components {
        let place = Place::new(&app_dir, &spec.name);
        let outcome = match place.status(spec, identity.as_deref())? {
            Status::Missing => return Err(place.missing()),
            Status::Prebuilt => Outcome::Prebuilt,
            Status::Fresh if !options.force => Outcome::Fresh,
            Status::Fresh | Status::Stale => {
                let toolchain = match &toolchain {
                    Some(found) => found,
                    None => toolchain.insert(Toolchain::find()?),
                };
                place.build(spec, toolchain, identity.as_deref(), options)?
            }
        };
        report.components.push((spec.name.clone(), outcome));
    }
    Ok(report)
}

/// Tells how a component stands. Runs nothing.
pub fn status(app_dir: &Path, component: &ComponentSpec) -> Result<Status, BuildError> {
    let app_dir = absolute(app_dir)?;
    let place = Place::new(&app_dir, &component.name);
    place.status(component, toolchain::identity().as_deref())
}

/// Whether `build_app` would build this component.
pub fn is_stale(app_dir: &Path, component: &ComponentSpec) -> Result<bool, BuildError> {
    Ok(status(app_dir, component)? == Status::Stale)
}

/// Where a component's artifact lies: `<app_dir>/wasm/<name>.wasm`.
pub fn artifact_path(app_dir: &Path, name: &str) -> PathBuf {
    app_dir.join("wasm").join(format!("{name}.wasm"))
}

/// Why an app could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A component is named in the manifest and nowhere else.
    #[error(
        "component `{name}`: neither its sources, {sources}, nor its artifact, {artifact}, exist"
    )]
    Missing {
        /// Its name.
        name: String,
        /// Where its crate would be.
        sources: PathBuf,
        /// Where its artifact would be.
        artifact: PathBuf,
    },
    /// Nothing here compiles guests.
    #[error(transparent)]
    Toolchain(#[from] ToolchainError),
    /// A step failed for one component.
    #[error("component `{name}`: {reason}")]
    Component {
        /// Its name.
        name: String,
        /// The step's error.
        reason: StepError,
    },
    /// The app's directory is not accessible.
    #[error("{dir}: {error}")]
    AppDir {
        /// As given.
        dir: PathBuf,
        /// The system's error.
        error: io::Error,
    },
}

/// Why a step of one component's build failed.
#[derive(Debug, thiserror::Error)]
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
    /// Reading sources, unpacking the SDK or writing the artifact.
    #[error("{doing}: {error}")]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The system's error.
        error: io::Error,
    },
}

/// Where one component lies.
struct Place<'a> {
    name: &'a str,
    app_dir: &'a Path,
    crate_dir: PathBuf,
    artifact: PathBuf,
    stamp: PathBuf,
}

impl<'a> Place<'a> {
    fn new(app_dir: &'a Path, name: &'a str) -> Self {
        let artifact = artifact_path(app_dir, name);
        Self {
            name,
            app_dir,
            crate_dir: app_dir.join("components").join(name),
            stamp: artifact.with_file_name(format!(".{name}.stamp")),
            artifact,
        }
    }

    fn status(&self, spec: &ComponentSpec, toolchain: Option<&str>) -> Result<Status, BuildError> {
        let artifact = match std::fs::read(&self.artifact) {
            Ok(artifact) => Some(artifact),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(self.error(io_error("reading the artifact")(error))),
        };
        if !self.crate_dir.is_dir() {
            return Ok(if artifact.is_some() {
                Status::Prebuilt
            } else {
                Status::Missing
            });
        }
        let (Some(artifact), Some(stamp)) = (artifact, Stamp::read(&self.stamp)) else {
            return Ok(Status::Stale);
        };
        let settings = settings(spec);
        let fresh = stamp.is_fresh(self.key(&settings, toolchain), &artifact);
        // An input that is gone or closed to us is for cargo to complain about.
        Ok(if fresh.unwrap_or(false) {
            Status::Fresh
        } else {
            Status::Stale
        })
    }

    fn build(
        &self,
        spec: &ComponentSpec,
        toolchain: &Toolchain,
        identity: Option<&str>,
        options: BuildOptions,
    ) -> Result<Outcome, BuildError> {
        let started = Instant::now();
        if !options.quiet {
            eprintln!("building component `{}`", self.name);
        }
        let shape = self
            .steps(spec, toolchain, identity)
            .map_err(|reason| self.error(reason))?;
        let took = started.elapsed();
        if !options.quiet {
            eprintln!(
                "built component `{}` in {:.1} s: {}",
                self.name,
                took.as_secs_f64(),
                summary(&shape)
            );
        }
        Ok(Outcome::Built { shape, took })
    }

    fn steps(
        &self,
        spec: &ComponentSpec,
        toolchain: &Toolchain,
        identity: Option<&str>,
    ) -> Result<Shape, StepError> {
        let manifest = Manifest::read(&self.crate_dir, self.app_dir)?;
        let sdk = manifest
            .wants_sdk
            .then(sdk::unpack)
            .transpose()
            .map_err(io_error("unpacking the SDK"))?;
        let cargo = cargo::CargoBuild {
            toolchain,
            crate_dir: &self.crate_dir,
            target_dir: &self.app_dir.join("target"),
            is_library: manifest.is_library,
            sdk: sdk.as_deref(),
        };
        let (core, inputs) = link(&cargo, manifest.layout)?;
        let Component { bytes, shape } = component::componentize(&core, spec.grants)?;

        // The stamp is taken after cargo, which may have written the lock file, and goes first:
        // together with another artifact than its own it says stale.
        let settings = settings(spec);
        let stamp = Stamp::new(self.key(&settings, identity), inputs, &bytes)
            .and_then(|stamp| stamp.to_text())
            .map_err(io_error("reading the sources"))?;
        write_whole(&self.stamp, stamp.as_bytes())
            .and_then(|()| write_whole(&self.artifact, &bytes))
            .map_err(io_error("writing the artifact"))?;
        Ok(shape)
    }

    fn key<'k>(&'k self, settings: &'k str, toolchain: Option<&'k str>) -> Key<'k> {
        Key {
            app_dir: self.app_dir,
            crate_dir: &self.crate_dir,
            settings,
            toolchain,
        }
    }

    fn missing(&self) -> BuildError {
        BuildError::Missing {
            name: self.name.to_owned(),
            sources: self.crate_dir.clone(),
            artifact: self.artifact.clone(),
        }
    }

    fn error(&self, reason: StepError) -> BuildError {
        BuildError::Component {
            name: self.name.to_owned(),
            reason,
        }
    }
}

/// Links, and links once more if the linker, which takes heaps in whole pages, came out above what
/// the layout wants.
fn link(
    cargo: &cargo::CargoBuild<'_>,
    layout: MemoryLayout,
) -> Result<(Vec<u8>, std::collections::BTreeSet<PathBuf>), StepError> {
    let read = |linked: &cargo::Linked| {
        std::fs::read(&linked.core_module).map_err(io_error("reading the linked module"))
    };
    let linked = cargo.run(&layout.link_args())?;
    let core = read(&linked)?;
    if let Some(memory) = component::linked_memory(&core)? {
        let wanted = layout.initial_memory(memory.heap_base);
        if wanted < memory.initial {
            let linked = cargo.run(&layout.exact_link_args(wanted))?;
            return Ok((read(&linked)?, linked.inputs));
        }
    }
    Ok((core, linked.inputs))
}

/// Everything about a build that is in no file of the app.
fn settings(spec: &ComponentSpec) -> String {
    format!(
        "{} {:?} {:?} sdk {}",
        env!("CARGO_PKG_VERSION"),
        spec.grants,
        MemoryLayout::default(),
        sdk::version()
    )
}

fn summary(shape: &Shape) -> String {
    let wasi: Vec<&str> = shape
        .imports
        .iter()
        .filter(|i| i.starts_with("wasi:"))
        .map(String::as_str)
        .collect();
    let wasi = if wasi.is_empty() {
        "no WASI".to_owned()
    } else {
        wasi.join(", ")
    };
    format!(
        "{} KiB, {} KiB of memory at the start, imports {wasi}",
        shape.bytes.div_ceil(1024),
        shape.initial_memory / 1024
    )
}

fn io_error(doing: &'static str) -> impl Fn(io::Error) -> StepError {
    move |error| StepError::Io { doing, error }
}

fn absolute(app_dir: &Path) -> Result<PathBuf, BuildError> {
    app_dir.canonicalize().map_err(|error| BuildError::AppDir {
        dir: app_dir.to_owned(),
        error,
    })
}

/// Writes a file that is never seen half-written.
fn write_whole(file: &Path, content: &[u8]) -> io::Result<()> {
    let dir = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mut temporary = tempfile::NamedTempFile::new_in(dir)?;
    temporary.write_all(content)?;
    // A temporary file is its owner's alone; an artifact is as any other file.
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        temporary
            .as_file()
            .set_permissions(std::fs::Permissions::from_mode(0o644))?;
    }
    temporary.persist(file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(name: &str) -> ComponentSpec {
        ComponentSpec {
            name: name.to_owned(),
            grants: Grants::default(),
        }
    }

    #[test]
    fn a_component_without_sources_needs_its_artifact() {
        let app = tempfile::tempdir().unwrap();
        let build = || build_app(app.path(), &[spec("hello")], BuildOptions::default());
        let error = build().unwrap_err().to_string();
        assert!(
            error.contains("components/hello") && error.contains("wasm/hello.wasm"),
            "{error}"
        );

        write_whole(&artifact_path(app.path(), "hello"), b"anything").unwrap();
        assert_eq!(
            build().unwrap().components,
            [("hello".to_owned(), Outcome::Prebuilt)]
        );
    }

    #[test]
    fn sources_without_an_artifact_are_stale() {
        let app = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(app.path().join("components/hello")).unwrap();
        assert!(is_stale(app.path(), &spec("hello")).unwrap());
        // An artifact that no build has stamped is of unknown sources.
        write_whole(&artifact_path(app.path(), "hello"), b"anything").unwrap();
        assert!(is_stale(app.path(), &spec("hello")).unwrap());
    }
}
