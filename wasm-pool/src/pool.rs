//! The instances of one shard.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use rusm_config::Capabilities;
use rusm_core::{ProcessHandle, ProcessTable, fairness};
use thiserror::Error;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{ComponentExportIndex, Instance, InstancePre, Linker, TypedFunc};
use wasmtime::{Engine, Store, StoreContextMut, Trap, UpdateDeadline, WasmBacktrace};

use crate::admission::Admission;
use crate::artifact::Artifact;
use crate::fault::Fault;
use crate::http::{Request, Response};
use crate::preempt::Activity;
use crate::sandbox::{self, HostState, link_diagnostics};
use crate::shape::Shape;

/// A component as a shard loads it.
#[derive(Clone)]
pub struct ComponentSource {
    /// Its name in the manifest.
    pub name: Arc<str>,
    /// Its machine code.
    pub artifact: Artifact,
    /// What it may do.
    pub capabilities: Arc<Capabilities>,
    /// The actions that routes name, in WIT's kebab-case.
    pub actions: Vec<Arc<str>>,
}

/// An action of a component, resolved: what a route holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActionRef {
    component: u16,
    action: u16,
}

/// The instances of one shard, and what they are made from.
pub struct ShardPool {
    engine: Engine,
    components: Vec<Loaded>,
    processes: ProcessTable,
    admission: Admission,
    pool_wait: Duration,
    activity: Arc<Activity>,
}

impl ShardPool {
    /// Load `components` into `engine`, whose pool has room for `instances`.
    ///
    /// # Errors
    /// When a component imports what the host doesn't have, or lacks an action that a route
    /// names, or has it with another type.
    pub fn load(
        engine: Engine,
        components: &[ComponentSource],
        processes: ProcessTable,
        instances: u32,
        pool_wait: Duration,
    ) -> Result<Self, LoadError> {
        let linkers = Linkers::new(&engine).map_err(LoadError::Host)?;
        let components = components
            .iter()
            .map(|source| Loaded::new(source, &engine, &linkers))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            engine,
            components,
            processes,
            admission: Admission::new(instances),
            pool_wait,
            activity: Arc::default(),
        })
    }

    /// The action of this name of the component of this name.
    pub fn resolve(&self, component: &str, action: &str) -> Option<ActionRef> {
        let index = self.components.iter().position(|c| &*c.name == component)?;
        let actions = &self.components[index].actions;
        let action = actions.iter().position(|(name, _)| &**name == action)?;
        Some(ActionRef {
            component: u16::try_from(index).ok()?,
            action: u16::try_from(action).ok()?,
        })
    }

    /// The processes alive on this shard. Whoever runs the shard calls its `expire`.
    pub fn processes(&self) -> &ProcessTable {
        &self.processes
    }

    /// The engine, to tick for.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What the ticker looks at.
    pub fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Answer `request` by a call of `action` in a fresh instance.
    ///
    /// # Errors
    /// Whatever keeps the guest from answering within `limit`; see [`Fault`].
    pub async fn call(
        &self,
        action: ActionRef,
        request: &Request<'_>,
        limit: Duration,
    ) -> Result<Response, Fault> {
        self.run(action, limit, async |component, export, store| {
            component.call(store, export, request).await
        })
        .await
    }

    /// Start a process that could run `action`, and end it: what a call costs without the call.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    pub async fn spawn(&self, action: ActionRef, limit: Duration) -> Result<(), Fault> {
        self.run(action, limit, async |component, _, store| {
            component.instantiate(store).await.map(drop)
        })
        .await
    }

    async fn run<T>(
        &self,
        action: ActionRef,
        limit: Duration,
        body: impl AsyncFnOnce(
            &Loaded,
            &ComponentExportIndex,
            &mut Store<HostState>,
        ) -> wasmtime::Result<T>,
    ) -> Result<T, Fault> {
        let Some(component) = self.components.get(action.component as usize) else {
            return Err(host_fault("no such component"));
        };
        let Some((_, export)) = component.actions.get(action.action as usize) else {
            return Err(host_fault("no such action"));
        };
        let started = Instant::now();
        let place = self
            .admission
            .enter(&self.processes, started + self.pool_wait);
        let Some(_place) = place.await else {
            return Err(Fault::PoolFull {
                waited: self.pool_wait,
            });
        };
        let deadline = started + limit;
        let Some(process) = self.processes.start(deadline) else {
            return Err(host_fault("the process table is full"));
        };
        let _running = Running::start(&self.activity);
        let mut store = component.store(&self.engine, &process, deadline)?;
        let outcome = {
            let mut call = pin!(body(component, export, &mut store));
            until_deadline(&process, |cx| {
                if component.imports_wasi {
                    sandbox::within_wasi_runtime(|| call.as_mut().poll(cx))
                } else {
                    call.as_mut().poll(cx)
                }
            })
            .await
        };
        match outcome {
            Some(Ok(output)) => Ok(output),
            Some(Err(error)) => Err(fault(&error, store.data(), limit)),
            None => Err(Fault::Timeout { limit }),
        }
    }
}

/// Why a shard could not load a component.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The host's own side failed.
    #[error("the Wasm engine could not be set up: {0:#}")]
    Host(wasmtime::Error),
    /// The machine code doesn't fit this engine.
    #[error("component `{component}` could not be loaded: {error:#}")]
    Code {
        /// Its name.
        component: Arc<str>,
        /// What Wasmtime says.
        error: wasmtime::Error,
    },
    /// It imports something that the host doesn't have.
    #[error("component `{component}` imports what this host does not offer: {error:#}")]
    Import {
        /// Its name.
        component: Arc<str>,
        /// What Wasmtime says.
        error: wasmtime::Error,
    },
    /// A route names an action that isn't there.
    #[error("component `{component}` has no action `{action}`; it has {}", list(.actions))]
    UnknownAction {
        /// Its name.
        component: Arc<str>,
        /// What the route says.
        action: Arc<str>,
        /// What it has.
        actions: Vec<String>,
    },
    /// A route names a function that isn't an action.
    #[error(
        "`{component}#{action}` is no action: it has to be `func(request: request) -> response` \
         of rusm:runtime/http@0.1.0 ({error:#})"
    )]
    ActionType {
        /// The component's name.
        component: Arc<str>,
        /// The function's name.
        action: Arc<str>,
        /// What differs.
        error: wasmtime::Error,
    },
}

struct Loaded {
    name: Arc<str>,
    pre: InstancePre<HostState>,
    actions: Vec<(Arc<str>, ComponentExportIndex)>,
    capabilities: Arc<Capabilities>,
    imports_wasi: bool,
    /// Instantiation runs nothing of the guest's, and so can't wait nor be preempted: it
    /// needs no fiber.
    starts_without_code: bool,
}

impl Loaded {
    fn new(
        source: &ComponentSource,
        engine: &Engine,
        linkers: &Linkers,
    ) -> Result<Self, LoadError> {
        let name = &source.name;
        let component = source
            .artifact
            .load(engine)
            .map_err(|error| LoadError::Code {
                component: name.clone(),
                error,
            })?;
        // Else the first request would wait for it.
        component
            .initialize_copy_on_write_image()
            .map_err(|error| LoadError::Code {
                component: name.clone(),
                error,
            })?;
        let shape = Shape::of(&component, engine);
        let linker = if shape.imports_wasi {
            &linkers.wasi
        } else {
            &linkers.lean
        };
        let import_error = |error| LoadError::Import {
            component: name.clone(),
            error,
        };
        let pre = linker.instantiate_pre(&component).map_err(import_error)?;
        let mut actions = Vec::with_capacity(source.actions.len());
        for action in &source.actions {
            let Some((ComponentItem::ComponentFunc(func), export)) =
                component.get_export(None, &**action)
            else {
                return Err(LoadError::UnknownAction {
                    component: name.clone(),
                    action: action.clone(),
                    actions: shape.functions,
                });
            };
            let typed = func.typecheck::<ActionParams<'_>, ActionResults>(&pre.instance_type());
            typed.map_err(|error| LoadError::ActionType {
                component: name.clone(),
                action: action.clone(),
                error,
            })?;
            actions.push((action.clone(), export));
        }
        Ok(Self {
            name: name.clone(),
            pre,
            actions,
            capabilities: source.capabilities.clone(),
            imports_wasi: shape.imports_wasi,
            starts_without_code: !shape.imports_wasi && !source.artifact.runs_code_at_start(),
        })
    }

    fn store(
        &self,
        engine: &Engine,
        process: &ProcessHandle,
        deadline: Instant,
    ) -> Result<Store<HostState>, Fault> {
        let max_memory = self.capabilities.max_memory;
        let mut state = HostState::new(&self.name, process.pid(), deadline, max_memory);
        if self.imports_wasi {
            state
                .grant_wasi(&self.capabilities)
                .map_err(|error| host_fault(&format!("{error:#}")))?;
        }
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        store.epoch_deadline_callback(preempted);
        store.set_epoch_deadline(1);
        Ok(store)
    }

    async fn instantiate(&self, store: &mut Store<HostState>) -> wasmtime::Result<Instance> {
        if self.starts_without_code {
            self.pre.instantiate(store)
        } else {
            // Rare, and large: in a box it takes no room in every connection.
            Box::pin(self.pre.instantiate_async(store)).await
        }
    }

    async fn call(
        &self,
        store: &mut Store<HostState>,
        export: &ComponentExportIndex,
        request: &Request<'_>,
    ) -> wasmtime::Result<Response> {
        let instance = self.instantiate(store).await?;
        let Some(func) = instance.get_func(&mut *store, export) else {
            return Err(wasmtime::Error::msg("the action is gone"));
        };
        // SAFETY: the type of this very export was checked when it was loaded.
        let func = unsafe { TypedFunc::<ActionParams<'_>, ActionResults>::new_unchecked(func) };
        let (response,) = func.call_async(store, (request,)).await?;
        Ok(response)
    }
}

/// The type of an action: `func(request: request) -> response`.
type ActionParams<'a> = (&'a Request<'a>,);
type ActionResults = (Response,);

/// One linker for components that import WASI, one for those that don't.
struct Linkers {
    lean: Linker<HostState>,
    wasi: Linker<HostState>,
}

impl Linkers {
    fn new(engine: &Engine) -> wasmtime::Result<Self> {
        let mut lean = Linker::new(engine);
        link_diagnostics(&mut lean)?;
        let mut wasi = Linker::new(engine);
        link_diagnostics(&mut wasi)?;
        wasmtime_wasi::p2::add_to_linker_async(&mut wasi)?;
        Ok(Self { lean, wasi })
    }
}

/// Counts a process for the ticker for as long as it lives.
struct Running<'a>(&'a Activity);

impl<'a> Running<'a> {
    fn start(activity: &'a Activity) -> Self {
        activity.process_started();
        Self(activity)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.process_ended();
    }
}

/// Poll a call until it ends, or until its process is found to be past its deadline while it
/// waits. Dropping the call then unwinds the guest's fiber.
async fn until_deadline<T>(
    process: &ProcessHandle,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>,
) -> Option<T> {
    poll_fn(|cx| match poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if process.park(cx.waker()) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// A guest has run for a tick: end it if its time is over, else let the others run first.
fn preempted(store: StoreContextMut<'_, HostState>) -> wasmtime::Result<UpdateDeadline> {
    if Instant::now() >= store.data().deadline {
        return Err(wasmtime::Error::new(DeadlinePassed));
    }
    Ok(UpdateDeadline::YieldCustom(
        1,
        Box::pin(fairness::yield_to_io()),
    ))
}

#[derive(Debug, Error)]
#[error("the process is past its deadline")]
struct DeadlinePassed;

fn fault(error: &wasmtime::Error, state: &HostState, limit: Duration) -> Fault {
    if error.is::<DeadlinePassed>() {
        return Fault::Timeout { limit };
    }
    if state.memory.refused && error.is::<Trap>() {
        return Fault::MemoryLimit {
            limit: state.memory.max,
        };
    }
    let cause = error.root_cause().to_string();
    let place = error
        .downcast_ref::<WasmBacktrace>()
        .and_then(|trace| trace.frames().iter().find_map(|frame| frame.func_name()))
        .map(|name| format!(" in `{}`", name))
        .unwrap_or_default();
    Fault::Trap {
        reason: format!("{cause}{place}"),
    }
}

fn host_fault(reason: &str) -> Fault {
    Fault::Host {
        reason: reason.to_owned(),
    }
}

fn list(actions: &[String]) -> String {
    match actions {
        [] => "none".into(),
        _ => format!("`{}`", actions.join("`, `")),
    }
}
