//! An application on disk: its manifest, its components, and their machine code.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "build")]
use rusm_build::{BuildOptions, ComponentSpec};
use rusm_build::{Grants, artifact_path, source_map, withheld};
use rusm_config::{
    ActionName, App, Capabilities, ComponentName, Environment, Lenient, Network, Variables,
};
use rusm_core::MailboxLimit;
use rusm_store::Store;
use rusm_wasm_pool::pool::engine::{compiler_engine, shard_engine};
use rusm_wasm_pool::pool::limits::{FULL_RANGE, Footprint, PoolSize};
use rusm_wasm_pool::{Artifact, ArtifactCache, ComponentSource, ComponentType, Symbolicate};
use wasmtime::Engine;

use crate::app_error::EngineError;
use crate::cli::AppArgs;
#[cfg(feature = "build")]
use crate::cli::TypesArgs;
use crate::{AppError, CliError, admin, swap};

/// An application: a directory with a manifest.
#[derive(Clone)]
pub struct Application {
    /// Its directory.
    pub dir: PathBuf,
    /// Its manifest.
    pub manifest: App,
}

fn environment(args: &AppArgs) -> Environment {
    Environment {
        dir: args.app_dir.clone(),
    }
}

/// An application's components, compiled for the shards of this machine.
pub struct Compiled {
    /// The sizes of each shard's pool.
    pub pool: PoolSize,
    /// The components.
    pub components: Vec<ComponentSource>,
}

impl Application {
    /// Reads the manifest.
    ///
    /// # Errors
    /// If it can't be read, or is not valid.
    pub fn open(args: &AppArgs) -> Result<Self, CliError> {
        let environment = environment(args);
        Self::open_with(args, &environment)
    }

    /// The same for a command that needs no secrets: a variable that is not set is empty, and so is a file that is
    /// not there.
    ///
    /// # Errors
    /// As of [`Application::open`].
    pub fn open_without_secrets(args: &AppArgs) -> Result<Self, CliError> {
        Self::open_with(args, &Lenient(environment(args)))
    }

    fn open_with(args: &AppArgs, variables: &dyn Variables) -> Result<Self, CliError> {
        Ok(Self {
            dir: args.app_dir.clone(),
            manifest: rusm_config::load(&args.manifest(), &args.settings, variables)?,
        })
    }

    /// Builds stale components.
    #[cfg(feature = "build")]
    ///
    /// # Errors
    /// If a component has neither sources nor an artifact, or does not compile.
    pub fn build(&self, types: TypesArgs) -> Result<(), CliError> {
        rusm_build::build_app(&self.dir, &self.specs(), build_options(types))?;
        Ok(())
    }

    /// Returns the components as the build sees them.
    #[cfg(feature = "build")]
    pub fn specs(&self) -> Vec<ComponentSpec> {
        let components = self.manifest.components.iter();
        let specs = components.map(|(name, component)| ComponentSpec {
            name: name.as_str().to_owned(),
            grants: grants(&component.capabilities),
        });
        specs.collect()
    }

    /// Opens the durable store, if the manifest names one.
    ///
    /// # Errors
    /// If it can't be opened, for example because another server uses it.
    pub fn open_store(&self) -> Result<Option<Store>, CliError> {
        let path = self.manifest.node.store.as_ref();
        let store = path.map(|path| Store::open(&self.dir.join(path)));
        Ok(store.transpose()?)
    }

    /// Checks that this machine has what the manifest needs, before anything is compiled or
    /// started.
    ///
    /// # Errors
    /// If there is nothing to serve, or a directory or a key that the manifest names does not exist.
    pub fn check_ground(&self) -> Result<(), CliError> {
        let mut components = self.manifest.components.values();
        if self.manifest.listeners.is_empty() && components.all(|c| c.resident.is_none()) {
            return Err(AppError::NothingToServe.into());
        }
        for (name, component) in &self.manifest.components {
            for preopen in &resolved(&component.capabilities, &self.dir).preopens {
                if !preopen.host.is_dir() {
                    return Err(AppError::NoPreopen {
                        component: name.as_str().to_owned(),
                        dir: preopen.host.clone(),
                    }
                    .into());
                }
            }
        }
        if let Some(admin) = &self.manifest.admin {
            admin::check(admin, &self.dir)?;
        }
        let store = self.manifest.node.store.as_ref();
        let directory = store.map(|store| self.dir.join(store));
        match directory.as_deref().and_then(Path::parent) {
            Some(directory) if !directory.is_dir() => Err(AppError::NoStoreDirectory {
                dir: directory.to_owned(),
            }
            .into()),
            _ => Ok(()),
        }
    }

    /// Compiles the components for `shards` shards, or takes them from the cache. The pools also
    /// have capacity for components of the size of `spare`.
    ///
    /// # Errors
    /// If an artifact is missing, or is not a component.
    pub fn compile(&self, shards: usize, spare: Option<Footprint>) -> Result<Compiled, CliError> {
        self.compile_with(&open_cache(&self.dir), shards, spare)
    }

    fn compile_with(
        &self,
        cache: &ArtifactCache,
        shards: usize,
        spare: Option<Footprint>,
    ) -> Result<Compiled, CliError> {
        let components = self.read_components()?;
        let mut compiled = compile_for(FULL_RANGE, &components, cache)?;
        let instances = self.manifest.node.instances_per_core;
        let shards = u32::try_from(shards).unwrap_or(u32::MAX);
        compiled.footprints.extend(spare);
        let mut pool = PoolSize::derive(instances, shards, &compiled.footprints);
        if swap::is_possible() {
            pool = pool.for_swapped_memory();
        }
        if pool.memory_reservation != FULL_RANGE {
            compiled = compile_for(pool.memory_reservation, &components, cache)?;
        }
        Ok(Compiled::new(pool, components, compiled))
    }

    /// Compiles the components again, for the existing pools.
    ///
    /// # Errors
    /// As for [`Application::compile`].
    pub fn recompile(&self, pool: PoolSize) -> Result<Compiled, CliError> {
        let components = self.read_components()?;
        let compiled = compile_for(pool.memory_reservation, &components, &open_cache(&self.dir))?;
        Ok(Compiled::new(pool, components, compiled))
    }

    /// Compiles the components for `shards` shards of a machine with this CPU into a directory from
    /// which they are served without compilation.
    ///
    /// # Errors
    /// As for [`Application::compile`], and if the directory can't be written to.
    pub fn compile_ahead(&self, shards: usize) -> Result<PathBuf, CliError> {
        let dir = compiled_dir(&self.dir);
        let unusable = |error| AppError::CompiledDir {
            dir: dir.clone(),
            error,
        };
        let cache = ArtifactCache::for_image(dir.clone()).map_err(unusable)?;
        self.compile_with(&cache, shards, None)?;
        cache.remove_others().map_err(unusable)?;
        Ok(dir)
    }

    fn read_components(&self) -> Result<Vec<ComponentFile>, CliError> {
        let mut actions = self.actions()?;
        let dir = absolute(&self.dir)?;
        let components = self.manifest.components.iter();
        let files = components.map(|(name, component)| {
            let path = artifact_path(&self.dir, name.as_str());
            let wasm = fs::read(&path).map_err(|error| match error.kind() {
                std::io::ErrorKind::NotFound => CliError::from(AppError::NoArtifact {
                    component: name.as_str().to_owned(),
                    path,
                }),
                _ => CliError::Read { path, error },
            })?;
            check_withheld(name, &component.capabilities, &wasm)?;
            Ok(ComponentFile {
                name: name.as_str().into(),
                capabilities: Arc::new(resolved(&component.capabilities, &dir)),
                actions: actions.remove(name).unwrap_or_default(),
                mailbox: MailboxLimit {
                    messages: component.mailbox.messages,
                    bytes: component.mailbox.bytes,
                },
                function_timeout: component.function_timeout,
                symbolicate: symbolicate(&wasm),
                wasm,
            })
        });
        files.collect()
    }

    /// Returns the actions that routes name, by component.
    fn actions(&self) -> Result<BTreeMap<ComponentName, Vec<Arc<str>>>, CliError> {
        let mut actions = BTreeMap::<_, Vec<Arc<str>>>::new();
        for listener in &self.manifest.listeners {
            for route in listener.routes.routes() {
                // Routes without an action are checked when the component is loaded.
                let Some(action) = &route.action else {
                    continue;
                };
                let known = actions.entry(route.component.clone()).or_default();
                let action = action_name(action);
                if !known.contains(&action) {
                    known.push(action);
                }
            }
        }
        Ok(actions)
    }
}

impl Compiled {
    fn new(pool: PoolSize, components: Vec<ComponentFile>, compiled: CompiledFor) -> Self {
        let components = components.into_iter().zip(compiled.artifacts);
        let components = components.map(|(component, artifact)| ComponentSource {
            name: component.name,
            artifact,
            capabilities: component.capabilities,
            actions: component.actions,
            mailbox: component.mailbox,
            function_timeout: component.function_timeout,
            symbolicate: component.symbolicate,
        });
        Self {
            pool,
            components: components.collect(),
        }
    }
}

/// Creates the engine of one shard.
///
/// # Errors
/// If the address space for the pool is not available.
pub fn engine(pool: &PoolSize) -> Result<Engine, CliError> {
    shard_engine(pool).map_err(|error| CliError::Engine {
        what: format!(
            "a pool of {} instances could not be set up (instances-per-core)",
            pool.instances
        ),
        error,
    })
}

/// Converts the options of the command line to those of the build.
#[cfg(feature = "build")]
pub fn build_options(types: TypesArgs) -> BuildOptions {
    BuildOptions {
        unchecked: types.no_check,
        ..BuildOptions::default()
    }
}

/// Returns the name of an action as WIT has it.
pub fn action_name(action: &ActionName) -> Arc<str> {
    action.as_str().into()
}

struct ComponentFile {
    name: Arc<str>,
    wasm: Vec<u8>,
    capabilities: Arc<Capabilities>,
    actions: Vec<Arc<str>>,
    mailbox: MailboxLimit,
    function_timeout: Duration,
    symbolicate: Option<Symbolicate>,
}

struct CompiledFor {
    artifacts: Vec<Artifact>,
    footprints: Vec<Footprint>,
}

fn compile_for(
    memory_reservation: u64,
    components: &[ComponentFile],
    cache: &ArtifactCache,
) -> Result<CompiledFor, CliError> {
    let engine = compiler_engine(memory_reservation).map_err(no_compiler)?;
    let mut compiled = CompiledFor {
        artifacts: Vec::new(),
        footprints: Vec::new(),
    };
    for component in components {
        let invalid_component = |error| AppError::InvalidComponent {
            component: component.name.clone(),
            error: EngineError(error),
        };
        let (artifact, origin) = cache
            .get(&engine, &component.wasm)
            .map_err(invalid_component)?;
        tracing::debug!(component = &*component.name, ?origin, "compiled");
        let loaded = artifact.load(&engine).map_err(invalid_component)?;
        if ComponentType::of(&loaded, &engine).needs_wasi_runtime() {
            rusm_wasm_pool::start_wasi_runtime();
        }
        let (initial, max) = (artifact.initial_memory(), component.capabilities.max_memory);
        let footprint = match loaded.resources_required() {
            Some(required) => Footprint::new(&required, initial, max),
            None => Footprint {
                max_memory: max,
                ..Footprint::default()
            },
        };
        if footprint.initial_memory > footprint.max_memory {
            return Err(AppError::InitialMemory {
                component: component.name.clone(),
                initial: footprint.initial_memory,
                max: footprint.max_memory,
            }
            .into());
        }
        compiled.artifacts.push(artifact);
        compiled.footprints.push(footprint);
    }
    Ok(compiled)
}

fn no_compiler(error: wasmtime::Error) -> CliError {
    CliError::Engine {
        what: "the Wasm compiler could not be set up".into(),
        error,
    }
}

/// Returns the function that maps lines of the component's log to its sources, if it carries a
/// source map.
fn symbolicate(wasm: &[u8]) -> Option<Symbolicate> {
    let map = source_map::of(wasm)?;
    Some(Arc::new(move |line| map.locate(&line).into_owned()))
}

/// Opens the cache of machine code: the app's own, beside its components, if `rusm compile` was
/// run, and the one that all apps of this user share.
fn open_cache(dir: &Path) -> ArtifactCache {
    let cache = ArtifactCache::disabled().with_ahead(&compiled_dir(dir));
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|dir| dir.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".cache")));
    match base {
        Some(base) => cache.with_own(base.join("rusm").join("compiled")),
        None => cache,
    }
}

/// The directory that `rusm compile` fills.
fn compiled_dir(dir: &Path) -> PathBuf {
    dir.join("wasm").join("compiled")
}

/// Checks that a component was built for the capabilities that it is granted.
fn check_withheld(
    name: &ComponentName,
    capabilities: &Capabilities,
    wasm: &[u8],
) -> Result<(), CliError> {
    let withheld = withheld(wasm);
    let granted: Vec<_> = grants(capabilities).keys().collect();
    match withheld.keys().find(|key| granted.contains(key)) {
        Some(key) => Err(AppError::NotBuiltFor {
            component: name.as_str().to_owned(),
            key,
        }
        .into()),
        None => Ok(()),
    }
}

fn grants(capabilities: &Capabilities) -> Grants {
    Grants {
        env: !capabilities.env.is_empty(),
        stdio: capabilities.stdio,
        preopen: !capabilities.preopens.is_empty(),
        sockets: capabilities.network == Network::Any,
    }
}

/// Resolves the directories of the manifest, which are relative to the app's.
fn resolved(capabilities: &Capabilities, dir: &Path) -> Capabilities {
    let mut capabilities = capabilities.clone();
    for preopen in &mut capabilities.preopens {
        preopen.host = dir.join(&preopen.host);
    }
    capabilities
}

fn absolute(dir: &Path) -> Result<PathBuf, CliError> {
    std::path::absolute(dir).map_err(|error| CliError::Read {
        path: dir.to_owned(),
        error,
    })
}
