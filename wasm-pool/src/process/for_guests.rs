//! What guests ask of the pool.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use futures_channel::oneshot;
use rusm_config::Capabilities;
use rusm_core::{Pid, SpawnOptions};
use rusm_store::Store as DurableStore;

use super::service::Progress;
use crate::bindings::rusm::runtime::http::Response;
use crate::bindings::rusm::runtime::types::CallError;
use crate::component::id::ComponentRef;
use crate::connection::EncodeEvent;
use crate::error::SpawnFailure;
use crate::pool::ShardPool;
use crate::pool::semaphore::{Permit, Semaphore};
use crate::runtime::{Fetch, Runtime};

impl Runtime for ShardPool {
    fn component(&self, name: &str) -> Option<ComponentRef> {
        Self::component(self, name)
    }

    fn spawn_for_guest(
        self: Rc<Self>,
        component: ComponentRef,
        spawner: &Capabilities,
        options: SpawnOptions,
        healthy: Rc<Cell<bool>>,
    ) -> Result<Pid, SpawnFailure> {
        let loaded = self.process_component(component)?;
        let capabilities = Arc::new(loaded.capabilities.within(spawner));
        let permits = self.permits_for_guest()?;
        let progress = Progress {
            healthy,
            started: None,
        };
        self.spawn_process(
            component,
            capabilities,
            options,
            progress,
            async move |_| permits,
        )
    }

    fn supervisor_permit(&self) -> Result<Permit, SpawnFailure> {
        self.spawned.try_acquire().ok_or(SpawnFailure::TooMany)
    }

    fn fetch(
        self: Rc<Self>,
        component: ComponentRef,
        action: &str,
        fetch: Fetch,
        spawner: &Capabilities,
    ) -> Result<oneshot::Receiver<Result<Response, CallError>>, CallError> {
        self.fetch_action(component, action, fetch, spawner)
    }

    fn encode_event(&self) -> EncodeEvent {
        self.encode_event
    }

    fn store(&self) -> Option<DurableStore> {
        self.store.clone()
    }
}

impl ShardPool {
    /// The permits of a process that a guest wants: one of those of guests, and an instance.
    pub(crate) fn permits_for_guest(&self) -> Result<Vec<Permit>, SpawnFailure> {
        let acquire = |semaphore: &Semaphore, failure| semaphore.try_acquire().ok_or(failure);
        Ok(vec![
            acquire(&self.spawned, SpawnFailure::TooMany)?,
            acquire(&self.instances, SpawnFailure::PoolFull)?,
        ])
    }
}
