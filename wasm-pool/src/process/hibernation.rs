//! Processes that wait without an instance.
//!
//! A process whose guest has returned, and that has nothing to do, gives its instance back: what the instance differs
//! in from its first state is kept, a few hundred bytes for a small guest. The next thing that happens to the process
//! puts that onto an instance of the same component. The guest can't tell.
//!
//! A process keeps its instance while it waits if more than half of `held-per-core` are free, if its component does not
//! suit (see `rusm_wasm_reset`), or if what is to be kept is too much.

use std::time::{Duration, Instant};

use wasmtime::Store;

use crate::component::loaded::LoadedComponent;
use crate::pool::ShardPool;
use crate::pool::semaphore::Permit;
use crate::pool::waiting::Tally;
use crate::state::HostState;

/// The sandbox of a process.
pub(crate) enum Sandbox {
    /// The store, with the instance.
    Awake(Store<HostState>),
    /// What is kept of it while the process waits.
    Asleep {
        state: Box<HostState>,
        difference: Box<[u8]>,
        _bytes: Tally,
    },
}

impl Sandbox {
    pub(crate) fn state(&self) -> &HostState {
        match self {
            Self::Awake(store) => store.data(),
            Self::Asleep { state, .. } => state,
        }
    }

    pub(crate) fn state_mut(&mut self) -> &mut HostState {
        match self {
            Self::Awake(store) => store.data_mut(),
            Self::Asleep { state, .. } => state,
        }
    }
}

/// The permits of a process that may hibernate.
pub(super) struct Hibernation<'a> {
    pool: &'a ShardPool,
    component: &'a LoadedComponent,
    /// For its instance, while it has one.
    instance: Option<Permit>,
    /// For keeping it while it waits.
    kept: Option<Permit>,
    /// It keeps one without a permit for that.
    overdrawn: Option<Tally>,
}

impl<'a> Hibernation<'a> {
    pub(super) fn new(
        pool: &'a ShardPool,
        component: &'a LoadedComponent,
        permits: Permits,
    ) -> Self {
        Self {
            pool,
            component,
            instance: Some(permits.instance),
            kept: permits.kept,
            overdrawn: None,
        }
    }

    /// The process has nothing to do: it hibernates, if it can and should.
    pub(super) async fn rest(&mut self, sandbox: &mut Sandbox) {
        if self.kept.is_none() {
            self.kept = self.pool.connections.try_acquire_spare();
        }
        let Sandbox::Awake(store) = sandbox else {
            return;
        };
        if self.kept.is_some() {
            self.overdrawn = None;
            return;
        }
        let Some(difference) = self.component.save(store).await else {
            if self.overdrawn.is_none() {
                let pid = store.data().pid;
                let component = &*self.component.info.name;
                tracing::debug!(component, %pid, "keeps its instance while it waits: its state is too large");
                self.overdrawn = Some(Tally::add(&self.pool.waiting.overdrawn, 1));
            }
            return;
        };
        let info = &self.component.info;
        let instance = store.data().instance;
        let idle = HostState::idle(info, &self.component.capabilities, instance);
        let mut state = std::mem::replace(store.data_mut(), idle);
        state.instance = None;
        let bytes = (size_of::<HostState>() + difference.len()) as u64;
        let asleep = Sandbox::Asleep {
            state: Box::new(state),
            difference,
            _bytes: Tally::add(&self.pool.waiting.bytes, bytes),
        };
        if let Sandbox::Awake(store) = std::mem::replace(sandbox, asleep) {
            self.pool.recycle(self.component, store).await;
        }
        self.overdrawn = None;
        self.instance = None;
    }

    /// The store of the process, which gets an instance again, if it had none.
    pub(super) async fn wake<'s>(
        &mut self,
        sandbox: &'s mut Sandbox,
    ) -> wasmtime::Result<&'s mut Store<HostState>> {
        if let Sandbox::Asleep {
            state, difference, ..
        } = sandbox
        {
            // Who holds a connection waits for its turn: that is back-pressure for its client.
            while self.instance.is_none() {
                let deadline = Instant::now() + LOOK_AGAIN;
                let instances = &self.pool.instances;
                self.instance = instances.acquire(&self.pool.shard, deadline).await;
            }
            let difference = std::mem::take(difference);
            let info = &self.component.info;
            let idle = HostState::idle(info, &self.component.capabilities, None);
            let state = std::mem::replace(&mut **state, idle);
            *sandbox = Sandbox::Awake(self.pool.store_of(self.component, state));
            if let Sandbox::Awake(store) = sandbox {
                self.component.instantiate(store).await?;
                self.component.restore(store, &difference).await?;
            }
        }
        match sandbox {
            Sandbox::Awake(store) => Ok(store),
            Sandbox::Asleep { .. } => Err(wasmtime::Error::msg("the process has no instance")),
        }
    }
}

/// What a process takes before it starts.
pub(super) struct Permits {
    pub(super) instance: Permit,
    pub(super) kept: Option<Permit>,
}

/// How long a process that is to go on waits for an instance before it joins the queue again.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
