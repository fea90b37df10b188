//! The instances of one shard.

pub mod artifact;
pub mod cache;
mod compile;
pub mod engine;
pub mod limits;
pub mod preempt;
pub mod semaphore;
pub mod stats;
mod store;
pub(crate) mod waiting;

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use rusm_core::{ExitReason, Shard};
use rusm_store::Store as DurableStore;
use wasmtime::Engine;

use preempt::Activity;
use semaphore::{Permit, Semaphore};
use stats::PoolCounts;
use waiting::Waiting;

use crate::component::id::{ActionRef, ComponentRef};
use crate::component::kind::ComponentKind;
use crate::component::loaded::LoadedComponent;
use crate::component::registry::ComponentRegistry;
use crate::component::source::{ComponentSource, LoadError};
use crate::connection::EncodeEvent;
use crate::error::ProcessError;
use crate::runtime;
use crate::state::wasi::{WasiLimits, within_wasi_runtime};

/// What a pool is made of, besides its components.
pub struct PoolSetup {
    /// The engine, whose own pool has room for `instances`.
    pub engine: Engine,
    /// The shard, which has the processes.
    pub shard: Shard,
    /// How many instances there may be at once.
    pub instances: u32,
    /// How many of them may be of processes that guests have spawned.
    pub spawned: u32,
    /// How many of them may hold a connection that waits.
    pub connections: u32,
    /// Bytes that processes that wait without an instance may take, before no more connections are let in.
    pub process_memory: u64,
    /// How long a request may wait for an instance.
    pub pool_wait: Duration,
    /// The durable store of the node, if it has one.
    pub store: Option<DurableStore>,
    /// How Server-Sent Events look on the wire.
    pub encode_event: EncodeEvent,
    /// What components that import WASI are given.
    pub wasi: WasiLimits,
}

/// The instances of one shard, and what they are made from.
pub struct ShardPool {
    pub(crate) registry: ComponentRegistry,
    pub(crate) shard: Shard,
    pub(crate) instances: Semaphore,
    /// Those of guests' processes, which take one of `instances` too: what is left is always
    /// there for requests.
    pub(crate) spawned: Semaphore,
    /// Those that hold a connection, and keep their instance while they wait, likewise.
    pub(crate) connections: Semaphore,
    /// What processes that wait take.
    pub(crate) waiting: Waiting,
    /// Bytes that processes that wait without an instance may take, before no more connections are let in.
    pub(crate) process_memory: u64,
    pub(crate) engine: Engine,
    pub(crate) encode_event: EncodeEvent,
    pub(crate) store: Option<DurableStore>,
    pool_wait: Duration,
    wasi: WasiLimits,
    activity: Arc<Activity>,
    /// Whether all processes were ended because the server stops.
    stopping: Cell<bool>,
    counts: PoolCounts,
}

impl ShardPool {
    /// Load `components`.
    ///
    /// # Errors
    /// When a component imports what the host doesn't have, or lacks an action that a route
    /// names, or has it with another type.
    pub fn load(setup: PoolSetup, components: &[ComponentSource]) -> Result<Self, LoadError> {
        Ok(Self {
            registry: ComponentRegistry::load(&setup.engine, components)?,
            shard: setup.shard,
            instances: Semaphore::new(setup.instances),
            spawned: Semaphore::new(setup.spawned),
            connections: Semaphore::new(setup.connections),
            waiting: Waiting::default(),
            process_memory: setup.process_memory,
            engine: setup.engine,
            encode_event: setup.encode_event,
            store: setup.store,
            pool_wait: setup.pool_wait,
            wasi: setup.wasi,
            activity: Arc::default(),
            stopping: Cell::new(false),
            counts: PoolCounts::default(),
        })
    }

    /// End all processes of the shard: the server stops. Requests that wait for one of them are
    /// told so.
    pub fn stop(&self) {
        self.stopping.set(true);
        self.shard.end_all(ExitReason::Shutdown);
    }

    /// Why a process that has ended gave no answer, of which nothing else is known.
    pub fn unanswered(&self) -> ProcessError {
        match self.stopping.get() {
            true => ProcessError::Stopping,
            false => ProcessError::Answer {
                reason: "it ended without one".into(),
            },
        }
    }

    /// Load components in the place of those of the same names: all of them, or none. Whoever
    /// asks for [`ShardPool::component`] or [`ShardPool::resolve`] from here on gets the new ones;
    /// what is running, and who holds what these have given before, keeps the old.
    ///
    /// # Errors
    /// As of [`ShardPool::load`], and when one does not fit the pool that there is.
    pub fn replace(&self, components: &[ComponentSource]) -> Result<(), LoadError> {
        self.registry.prune();
        self.registry.add(&self.engine, components)
    }

    /// Make it what guests of this thread find when they spawn.
    pub fn enter(self: &Rc<Self>) {
        runtime::enter(self.clone());
    }

    /// The component of this name.
    pub fn component(&self, name: &str) -> Option<ComponentRef> {
        self.registry.find(name)
    }

    /// What a component can do. One that is gone can do nothing.
    pub fn kind(&self, component: ComponentRef) -> ComponentKind {
        let component = self.registry.get(component);
        component.map_or_else(ComponentKind::default, |component| component.kind)
    }

    /// The action of this name of the component of this name.
    pub fn resolve(&self, component: &str, action: &str) -> Option<ActionRef> {
        let component = self.registry.find(component)?;
        let action = self.registry.get(component)?.action(action)?;
        Some(ActionRef { component, action })
    }

    /// The shard that its processes live on.
    pub fn shard(&self) -> &Shard {
        &self.shard
    }

    /// The engine, to tick for.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What the ticker looks at.
    pub fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }

    /// Whether all processes were ended because the server stops.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// A component.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn loaded(
        &self,
        component: ComponentRef,
    ) -> Result<Rc<LoadedComponent>, ProcessError> {
        self.registry
            .get(component)
            .ok_or_else(|| ProcessError::host("no such component"))
    }

    /// A permit for the process of a request.
    pub(crate) async fn acquire_permit(&self, started: Instant) -> Result<Permit, ProcessError> {
        let permit = self
            .instances
            .acquire(&self.shard, started + self.pool_wait);
        permit.await.ok_or(ProcessError::PoolFull {
            waited: self.pool_wait,
        })
    }

    /// A permit for a process that holds a connection, besides the one that it has.
    ///
    /// # Errors
    /// When there are as many as may be.
    pub fn acquire_connection_permit(&self) -> Result<Permit, ProcessError> {
        self.connections
            .try_acquire()
            .ok_or(ProcessError::ConnectionLimitReached)
    }

    /// Poll what runs a guest: the ticker has to know, and so has Tokio if it uses WASI.
    pub(crate) fn poll_guest<T>(
        &self,
        component: &LoadedComponent,
        poll: impl FnOnce() -> Poll<T>,
    ) -> Poll<T> {
        let _running = Running::start(&self.activity);
        if component.imports_wasi {
            within_wasi_runtime(poll)
        } else {
            poll()
        }
    }
}

/// Counts a guest for the ticker for as long as it runs.
struct Running<'a>(&'a Activity);

impl<'a> Running<'a> {
    fn start(activity: &'a Activity) -> Self {
        activity.guest_entered();
        Self(activity)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.guest_left();
    }
}
