//! `rusm dev`: builds changed components, checks them, and sends them to the shards.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use rusm_build::{BuildOptions, ComponentSpec, Outcome};
use rusm_wasm_pool::ComponentSource;
use rusm_wasm_pool::pool::limits::{Footprint, PoolSize};

use super::reload::Update;
use crate::app::{self, Application};
use crate::check;
use crate::cli::TypesArgs;
use crate::cli_error::WithSources;
use crate::log;
use crate::{AppError, CliError};

/// Capacity of the pools for components that grow during development: pools can't be resized.
pub(super) const SPARE: Footprint = Footprint {
    memories: 2,
    initial_memory: 16 << 20,
    tables: 2,
    table_elements: 16_384,
    max_memory: 16 << 20,
};

/// The parts of a development session.
pub(super) struct Session {
    pub(super) app: Application,
    pub(super) manifest: PathBuf,
    pub(super) types: TypesArgs,
    /// The size of each shard's pool.
    pub(super) pool: PoolSize,
    /// The channel to each shard.
    pub(super) shards: Vec<Sender<Update>>,
}

/// A running session.
struct Running {
    session: Session,
    /// Components that were built and are not served yet.
    waiting: BTreeSet<String>,
}

/// Watches the app's sources from its own thread, for the life of the process.
///
/// # Errors
/// If the kernel can't watch them.
pub(super) fn start(session: Session) -> Result<(), CliError> {
    let (changed, changes) = channel();
    let store = session.app.manifest.node.store.as_ref();
    let store = store.map(|store| absolute(&session.app.dir).join(store));
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        let is_change = |event| is_change(event, store.as_deref());
        if event.as_ref().map_or(true, is_change) {
            let _ = changed.send(());
        }
    });
    let mut sources = Sources {
        watcher: watcher.map_err(AppError::from)?,
        watched: BTreeSet::new(),
    };
    sources.watch(&session)?;
    let manifest = fs::read(&session.manifest).unwrap_or_default();
    let running = Running {
        session,
        waiting: BTreeSet::new(),
    };
    let run = move || running.run(sources, &changes, manifest);
    thread::Builder::new()
        .name("rusm-dev".into())
        .spawn(run)
        .map_err(|error| CliError::System {
            what: "the thread that watches the sources could not be started",
            error,
        })?;
    Ok(())
}

impl Running {
    fn run(mut self, mut sources: Sources, changes: &Receiver<()>, mut manifest: Vec<u8>) {
        while wait_for_change(changes) {
            let now = fs::read(&self.session.manifest).unwrap_or_default();
            if now != manifest {
                manifest = now;
                tracing::warn!(
                    "{} has changed: start `rusm dev` again to use it",
                    self.session.manifest.display()
                );
            }
            // A file created between two scans is found by its changes.
            if let Err(failure) = sources.watch(&self.session) {
                tracing::warn!("{}", WithSources(&failure));
            }
            self.refresh();
        }
    }

    /// Builds stale components one at a time, and swaps them in.
    fn refresh(&mut self) {
        let started = Instant::now();
        for spec in self.session.app.specs() {
            match self.session.build(&spec) {
                Ok(true) => drop(self.waiting.insert(spec.name)),
                Ok(false) => {}
                Err(failure) => {
                    log::note(format_args!("error: {}", WithSources(&failure)));
                    tracing::error!(component = spec.name, "the old one goes on serving");
                }
            }
        }
        if self.waiting.is_empty() {
            return;
        }
        match self.session.compile(&self.waiting) {
            Ok(components) => {
                let update = Update(components);
                for shard in &self.session.shards {
                    // A shard that ended is reported elsewhere.
                    let _ = shard.send(update.clone());
                }
                let names: Vec<_> = std::mem::take(&mut self.waiting).into_iter().collect();
                let took = started.elapsed();
                tracing::info!("swapped in: {} ({took:.1?})", names.join(", "));
            }
            Err(failure) => {
                let failure = WithSources(&failure);
                tracing::error!("the old components go on serving: {failure}");
            }
        }
    }
}

impl Session {
    /// Builds a component. Returns whether it has changed.
    fn build(&self, spec: &ComponentSpec) -> Result<bool, CliError> {
        let options: BuildOptions = app::build_options(self.types);
        let report = rusm_build::build_app(&self.app.dir, std::slice::from_ref(spec), options)?;
        let mut outcomes = report.components.iter();
        Ok(outcomes.any(|(_, outcome)| matches!(outcome, Outcome::Built { .. })))
    }

    /// Compiles all components, and returns the built ones if the app can be served with them.
    fn compile(&self, built: &BTreeSet<String>) -> Result<Vec<ComponentSource>, CliError> {
        let compiled = self.app.recompile(self.pool)?;
        check::load(&self.app, &compiled)?;
        let mut components = compiled.components;
        components.retain(|component| built.contains(&*component.name));
        Ok(components)
    }
}

/// The watched directories. Each is watched by itself, since packages and build outputs contain too
/// many.
struct Sources {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
}

impl Sources {
    /// Watches the app's new directories, the inputs of its components outside of it, and the
    /// directory of the manifest.
    fn watch(&mut self, session: &Session) -> Result<(), AppError> {
        let app = &session.app;
        let specs = app.specs();
        let outside = specs
            .iter()
            .flat_map(|spec| rusm_build::outside_inputs(&app.dir, spec));
        let (mut dirs, files): (Vec<_>, Vec<_>) = outside.partition(|input| input.is_dir());
        dirs.push(absolute(&app.dir));
        let mut found = BTreeSet::new();
        while let Some(dir) = dirs.pop() {
            if found.insert(dir.clone()) {
                dirs.extend(subdirectories(&dir));
            }
        }
        // Other files in the same directory do not matter.
        let files = files.into_iter().chain([absolute(&session.manifest)]);
        found.extend(files.filter_map(|file| Some(file.parent()?.to_owned())));
        for dir in found.difference(&self.watched) {
            match self.watcher.watch(dir, RecursiveMode::NonRecursive) {
                Ok(()) => {}
                // The directory was removed in the meantime.
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        for gone in self.watched.difference(&found) {
            let _ = self.watcher.unwatch(gone);
        }
        self.watched = found;
        Ok(())
    }
}

/// Lists subdirectories, without hidden ones, build outputs and npm's packages.
fn subdirectories(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_source =
        |name: &str| !name.starts_with('.') && !matches!(name, "target" | "wasm" | "node_modules");
    entries
        .filter(|entry| entry.file_type().is_ok_and(|ty| ty.is_dir()))
        .filter(|entry| is_source(&entry.file_name().to_string_lossy()))
        .map(|entry| entry.path())
        .collect()
}

fn absolute(dir: &Path) -> PathBuf {
    dir.canonicalize().unwrap_or_else(|_| dir.to_owned())
}

/// Builds read the sources, and the app writes to its store: neither is a change by the author.
fn is_change(event: &Event, store: Option<&Path>) -> bool {
    let is_stores = |path: &PathBuf| Some(path.as_path()) == store;
    let is_of_store = !event.paths.is_empty() && event.paths.iter().all(is_stores);
    !is_of_store && !matches!(event.kind, EventKind::Access(_))
}

/// Waits for a change, and then for a pause, since an editor writes several files in several steps.
/// Returns false if there will be no more changes.
fn wait_for_change(changes: &Receiver<()>) -> bool {
    if changes.recv().is_err() {
        return false;
    }
    let first = Instant::now();
    while first.elapsed() < LONGEST {
        match changes.recv_timeout(PAUSE) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) => break,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}

const PAUSE: Duration = Duration::from_millis(30);
const LONGEST: Duration = Duration::from_secs(1);
