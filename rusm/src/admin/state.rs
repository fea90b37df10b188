//! The facts about the node that any thread may read.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rusm_config::RouteTable;
use rusm_store::Store;

use super::shards::ShardClient;

/// The state of the node, from before its shards start until the process ends.
#[derive(Default)]
pub(crate) struct NodeState {
    /// Set once the shards have threads.
    shards: OnceLock<Vec<ShardClient>>,
    services: OnceLock<Arc<[ServiceState]>>,
    draining: OnceLock<Box<dyn Fn() -> bool + Send + Sync>>,
    serving: AtomicBool,
    /// In the order of the manifest.
    listeners: OnceLock<Vec<ListenerFacts>>,
    store: OnceLock<Store>,
}

/// The facts about a listener that its metrics name.
pub(crate) struct ListenerFacts {
    pub(crate) addr: SocketAddr,
    pub(crate) routes: Arc<RouteTable>,
}

impl NodeState {
    /// Creates the state of a node that starts. `draining` says whether it was told to stop.
    pub(crate) fn new(draining: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let state = Self::default();
        let _ = state.draining.set(Box::new(draining));
        state
    }

    pub(crate) fn set_services(&self, services: Arc<[ServiceState]>) {
        let _ = self.services.set(services);
    }

    pub(crate) fn set_shards(&self, shards: Vec<ShardClient>) {
        let _ = self.shards.set(shards);
    }

    pub(crate) fn set_listeners(&self, listeners: Vec<ListenerFacts>) {
        let _ = self.listeners.set(listeners);
    }

    pub(crate) fn set_store(&self, store: Option<Store>) {
        let _ = store.map(|store| self.store.set(store));
    }

    /// Marks that the services are up, and that the listeners accept.
    pub(crate) fn set_serving(&self) {
        self.serving.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_serving(&self) -> bool {
        self.serving.load(Ordering::Relaxed)
    }

    pub(super) fn is_draining(&self) -> bool {
        self.draining.get().is_some_and(|draining| draining())
    }

    pub(super) fn shards(&self) -> &[ShardClient] {
        self.shards.get().map_or(&[], Vec::as_slice)
    }

    pub(super) fn listeners(&self) -> &[ListenerFacts] {
        self.listeners.get().map_or(&[], Vec::as_slice)
    }

    pub(super) fn store(&self) -> Option<&Store> {
        self.store.get()
    }

    /// Returns the services, for the threads of shards.
    pub(super) fn services_shared(&self) -> Option<Arc<[ServiceState]>> {
        self.services.get().cloned()
    }

    pub(super) fn services(&self) -> &[ServiceState] {
        self.services.get().map_or(&[], |services| services)
    }
}

/// The state of a resident service. Its shard writes it, any thread may read it.
#[derive(Debug)]
pub(crate) struct ServiceState {
    pub(crate) name: Arc<str>,
    pub(crate) shard: u16,
    phase: AtomicU8,
    restarts: AtomicU64,
}

/// The life of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ServicePhase {
    /// It has no process: not yet, or until it is started again.
    Down = 0,
    /// It has a process.
    Up = 1,
    /// It died too often, and is not started again.
    GivenUp = 2,
}

impl ServiceState {
    pub(crate) fn new(name: Arc<str>, shard: u16) -> Self {
        Self {
            name,
            shard,
            phase: AtomicU8::new(ServicePhase::Down as u8),
            restarts: AtomicU64::new(0),
        }
    }

    pub(crate) fn set(&self, phase: ServicePhase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    /// Counts a restart.
    pub(crate) fn count_restart(&self) {
        self.restarts.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn phase(&self) -> ServicePhase {
        match self.phase.load(Ordering::Relaxed) {
            1 => ServicePhase::Up,
            2 => ServicePhase::GivenUp,
            _ => ServicePhase::Down,
        }
    }

    pub(super) fn restarts(&self) -> u64 {
        self.restarts.load(Ordering::Relaxed)
    }
}
