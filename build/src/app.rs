//! Builds an app's components: from sources to `wasm/<name>.wasm`.
//!
//! `<app>/components/<name>/` has the sources, and `sources` determines their language; a component
//! without sources is prebuilt. `stamp` finds stale components by content, in milliseconds and
//! without running a tool.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::artifact_path;
use crate::component::{self, Component, Shape};
use crate::error::{BuildError, StepError};
use crate::grants::Grants;
use crate::rust::{self, CargoBuild, Fitted, Manifest, MemoryLayout, Toolchain, ToolchainError};
#[cfg(feature = "typescript")]
use crate::source_map;
use crate::sources::Sources;
use crate::stamp::{Key, Stamp};
#[cfg(feature = "typescript")]
use crate::typescript::{self, TypeCheck};

use crate::note;

/// A component to be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentSpec {
    /// Its name in `rusm.toml`, and that of its directory and artifact.
    pub name: String,
    /// The capabilities that its profile grants.
    pub grants: Grants,
}

/// Options of a build.
#[derive(Clone, Copy, Debug, Default)]
pub struct BuildOptions {
    /// Build fresh components, too.
    pub force: bool,
    /// Report only problems.
    pub quiet: bool,
    /// Do not check the types of TypeScript.
    pub unchecked: bool,
}

/// The outcome of each component, in the order of the request.
#[derive(Debug, Default)]
pub struct Report {
    /// Name and outcome.
    pub components: Vec<(String, Outcome)>,
}

/// The outcome of one component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has no sources.
    Prebuilt,
    /// It exists, and was built from the current sources.
    Fresh,
    /// It was built.
    Built {
        /// The properties of the component.
        shape: Shape,
        /// The duration of the build.
        took: Duration,
    },
}

/// The state of a component, without building it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It has no sources; the artifact exists.
    Prebuilt,
    /// The artifact was built from the current sources.
    Fresh,
    /// It has sources, and no artifact of them.
    Stale,
    /// It has neither sources nor an artifact.
    Missing,
}

/// Builds stale components, one after the other, each with all cores.
///
/// The output of cargo goes to standard error unchanged, with a line for each component built.
/// Artifacts appear under their names only when they are complete.
pub fn build_app(
    app_dir: &Path,
    components: &[ComponentSpec],
    options: BuildOptions,
) -> Result<Report, BuildError> {
    let app_dir = absolute(app_dir)?;
    let mut tools = Tools::new(options);
    let mut report = Report::default();
    for spec in components {
        let paths = Paths::new(&app_dir, &spec.name)?;
        let outcome = match paths.status(spec, &tools)? {
            Status::Missing => return Err(paths.missing()),
            Status::Prebuilt => Outcome::Prebuilt,
            Status::Fresh if !options.force => Outcome::Fresh,
            Status::Fresh | Status::Stale => paths.build(spec, &mut tools)?,
        };
        report.components.push((spec.name.clone(), outcome));
    }
    Ok(report)
}

/// Returns the state of a component, without running anything.
pub fn status(app_dir: &Path, component: &ComponentSpec) -> Result<Status, BuildError> {
    let app_dir = absolute(app_dir)?;
    let paths = Paths::new(&app_dir, &component.name)?;
    paths.status(component, &Tools::new(BuildOptions::default()))
}

/// Returns whether `build_app` would build this component.
pub fn is_stale(app_dir: &Path, component: &ComponentSpec) -> Result<bool, BuildError> {
    Ok(status(app_dir, component)? == Status::Stale)
}

/// Returns the inputs of a component's last build outside the app's directory: files, and
/// directories with everything in them.
pub fn outside_inputs(app_dir: &Path, component: &ComponentSpec) -> Vec<PathBuf> {
    let Ok(app_dir) = absolute(app_dir) else {
        return Vec::new();
    };
    let paths = Paths::new(&app_dir, &component.name).ok();
    let stamp = paths.and_then(|paths| Stamp::read(&paths.stamp));
    stamp.map_or_else(Vec::new, |stamp| stamp.outside_inputs())
}

/// The tools and findings that all components of one build share.
struct Tools {
    options: BuildOptions,
    /// See [`rust::identity`].
    identity: Option<String>,
    /// Looked up once for all crates, and only if a crate is stale.
    toolchain: Option<Toolchain>,
    #[cfg(feature = "typescript")]
    types: TypeCheck,
}

impl Tools {
    fn new(options: BuildOptions) -> Self {
        Self {
            options,
            identity: rust::identity(),
            toolchain: None,
            #[cfg(feature = "typescript")]
            types: TypeCheck::default(),
        }
    }

    fn toolchain(&mut self) -> Result<&Toolchain, ToolchainError> {
        match &mut self.toolchain {
            Some(found) => Ok(found),
            none => Ok(none.insert(Toolchain::find()?)),
        }
    }
}

/// The paths of one component.
struct Paths<'a> {
    name: &'a str,
    app_dir: &'a Path,
    sources: Sources,
    artifact: PathBuf,
    stamp: PathBuf,
}

/// A core module built from sources.
struct Made {
    core: Vec<u8>,
    /// The source map of TypeScript.
    #[cfg(feature = "typescript")]
    source_map: Option<String>,
    /// The files and directories that were read.
    inputs: BTreeSet<PathBuf>,
}

impl<'a> Paths<'a> {
    fn new(app_dir: &'a Path, name: &'a str) -> Result<Self, BuildError> {
        let artifact = artifact_path(app_dir, name);
        let sources = Sources::find(app_dir, name).map_err(|error| BuildError::Component {
            name: name.to_owned(),
            reason: error.into(),
        })?;
        Ok(Self {
            name,
            app_dir,
            sources,
            stamp: artifact.with_file_name(format!(".{name}.stamp")),
            artifact,
        })
    }

    fn status(&self, spec: &ComponentSpec, tools: &Tools) -> Result<Status, BuildError> {
        let artifact = match std::fs::read(&self.artifact) {
            Ok(artifact) => Some(artifact),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(self.error(io_error("reading the artifact")(error))),
        };
        let settings = self.settings(spec, tools.options);
        let Some(key) = self.key(&settings, tools) else {
            return Ok(if artifact.is_some() {
                Status::Prebuilt
            } else {
                Status::Missing
            });
        };
        let (Some(artifact), Some(stamp)) = (artifact, Stamp::read(&self.stamp)) else {
            return Ok(Status::Stale);
        };
        let fresh = stamp.is_fresh(key, &artifact);
        // A missing or unreadable input is for the tools to report.
        Ok(if fresh.unwrap_or(false) {
            Status::Fresh
        } else {
            Status::Stale
        })
    }

    fn build(&self, spec: &ComponentSpec, tools: &mut Tools) -> Result<Outcome, BuildError> {
        let started = Instant::now();
        let quiet = tools.options.quiet;
        if !quiet {
            note(format_args!("building component `{}`", self.name));
        }
        let made = match &self.sources {
            Sources::None => return Err(self.missing()),
            Sources::Rust(dir) => self.compile(dir, tools.toolchain()?),
            Sources::TypeScript(sources) => self.snapshot(sources, tools),
        };
        let shape = made
            .and_then(|made| self.write(spec, made, tools))
            .map_err(|reason| self.error(reason))?;
        let took = started.elapsed();
        if !quiet {
            note(format_args!(
                "built component `{}` in {:.1} s: {}",
                self.name,
                took.as_secs_f64(),
                summary(&shape)
            ));
        }
        Ok(Outcome::Built { shape, took })
    }

    fn compile(&self, crate_dir: &Path, toolchain: &Toolchain) -> Result<Made, StepError> {
        let manifest = Manifest::read(crate_dir, self.app_dir)?;
        let sdk = manifest
            .wants_sdk
            .then(rust::unpack_sdk)
            .transpose()
            .map_err(io_error("unpacking the SDK"))?;
        if sdk.is_some() {
            rust::show_sdk_to_cargo(self.app_dir);
        }
        let cargo = CargoBuild {
            toolchain,
            crate_dir,
            target_dir: &self.app_dir.join("target"),
            is_library: manifest.is_library,
            sdk: sdk.as_deref(),
        };
        let (core, inputs) = link(&cargo, manifest.layout)?;
        Ok(Made {
            core,
            #[cfg(feature = "typescript")]
            source_map: None,
            inputs,
        })
    }

    #[cfg(feature = "typescript")]
    fn snapshot(&self, sources: &Path, tools: &mut Tools) -> Result<Made, StepError> {
        let types = (!tools.options.unchecked).then_some(&mut tools.types);
        let snapshot = typescript::build(self.app_dir, sources, types)?;
        let mut inputs = snapshot.inputs;
        inputs.retain(|file| !is_below(file, sources));
        Ok(Made {
            core: snapshot.core,
            source_map: Some(snapshot.source_map),
            inputs,
        })
    }

    #[cfg(not(feature = "typescript"))]
    #[expect(clippy::unused_self, reason = "as with the feature")]
    fn snapshot(&self, _sources: &Path, _tools: &mut Tools) -> Result<Made, StepError> {
        Err(StepError::NoTypeScript)
    }

    fn write(&self, spec: &ComponentSpec, made: Made, tools: &Tools) -> Result<Shape, StepError> {
        #[cfg_attr(
            not(feature = "typescript"),
            expect(unused_mut, reason = "a source map is added")
        )]
        let Component { mut bytes, shape } = component::componentize(&made.core, spec.grants)?;
        #[cfg(feature = "typescript")]
        if let Some(map) = &made.source_map {
            source_map::attach(&mut bytes, map);
        }
        // The stamp is taken after the tools ran, since they may write lock files. It is written
        // first: with another artifact than its own it means stale.
        let settings = self.settings(spec, tools.options);
        if let Some(key) = self.key(&settings, tools) {
            let stamp = Stamp::new(key, made.inputs, &bytes)
                .and_then(|stamp| stamp.to_text())
                .map_err(io_error("reading the sources"))?;
            write_whole(&self.stamp, stamp.as_bytes())
                .map_err(io_error("writing the artifact's stamp"))?;
        }
        write_whole(&self.artifact, &bytes).map_err(io_error("writing the artifact"))?;
        Ok(shape)
    }

    /// Returns the key of its build, if it has sources.
    fn key<'k>(&'k self, settings: &'k str, tools: &'k Tools) -> Option<Key<'k>> {
        let (sources, toolchain) = match &self.sources {
            Sources::None => return None,
            Sources::Rust(dir) => (dir, tools.identity.as_deref()),
            Sources::TypeScript(sources) => (sources, None),
        };
        Some(Key {
            app_dir: self.app_dir,
            sources,
            settings,
            toolchain,
        })
    }

    /// Returns the settings of its build that are in no file of the app.
    #[cfg_attr(
        not(feature = "typescript"),
        expect(unused_variables, reason = "options are of TypeScript")
    )]
    fn settings(&self, spec: &ComponentSpec, options: BuildOptions) -> String {
        let version = env!("CARGO_PKG_VERSION");
        match &self.sources {
            #[cfg(feature = "typescript")]
            Sources::TypeScript(_) => format!(
                "{version} {:?} typescript {} unchecked {}",
                spec.grants,
                typescript::runner_version(),
                options.unchecked,
            ),
            _ => format!(
                "{version} {:?} {:?} sdk {}",
                spec.grants,
                MemoryLayout::default(),
                rust::sdk_version()
            ),
        }
    }

    fn missing(&self) -> BuildError {
        BuildError::Missing {
            name: self.name.to_owned(),
            sources: self.app_dir.join("components").join(self.name),
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

/// Returns whether the stamp finds a file among `sources` anyway.
#[cfg(feature = "typescript")]
fn is_below(file: &Path, sources: &Path) -> bool {
    let below = file.strip_prefix(sources);
    below.is_ok_and(|below| below.iter().all(|part| part != "node_modules"))
}

/// Links the crate, and fits its memory to the layout.
fn link(
    cargo: &CargoBuild<'_>,
    layout: MemoryLayout,
) -> Result<(Vec<u8>, BTreeSet<PathBuf>), StepError> {
    let linked = cargo.run(&layout.link_args())?;
    match rust::fit(&linked.core_module, layout)? {
        Fitted::Module(core) => Ok((core, linked.inputs)),
        Fitted::LinkAgain(initial_memory) => {
            let linked = cargo.run(&layout.exact_link_args(initial_memory))?;
            Ok((linked.core_module, linked.inputs))
        }
    }
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

/// Writes a file atomically.
pub(crate) fn write_whole(file: &Path, content: &[u8]) -> io::Result<()> {
    let dir = file.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    let mut temporary = tempfile::NamedTempFile::new_in(dir)?;
    temporary.write_all(content)?;
    // A temporary file is readable by its owner only; an artifact has the mode of other files.
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
