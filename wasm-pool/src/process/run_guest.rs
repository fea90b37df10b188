//! A guest in a process with a task of its own.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusm_config::Capabilities;
use rusm_core::{ExitReason, Pid, ProcessContext, SpawnOptions};
use wasmtime::Store;

use super::hibernation::Sandbox;
use crate::component::loaded::LoadedComponent;
use crate::error::ProcessError;
use crate::pool::ShardPool;
use crate::state::HostState;

/// A guest, and the process that it is.
pub(super) struct Guest<'a> {
    pub(super) component: &'a LoadedComponent,
    pub(super) pid: Pid,
    /// Until when it has to be done, or has to have started its response.
    pub(super) deadline: Option<Instant>,
    pub(super) capabilities: &'a Arc<Capabilities>,
}

/// A guest that has run to its end.
pub(super) struct Ran<T> {
    pub(super) outcome: wasmtime::Result<T>,
    pub(super) sandbox: Sandbox,
}

impl ShardPool {
    /// Start the process of a request, whose life is `life`. It ends at `deadline`; if it is
    /// `awaited`, who waits for it sees that by itself.
    ///
    /// # Errors
    /// When the process table is full.
    pub(super) fn spawn_for_request<F>(
        self: &Rc<Self>,
        component: &LoadedComponent,
        deadline: Option<Instant>,
        awaited: bool,
        life: impl FnOnce(Rc<Self>, ProcessContext) -> F + 'static,
    ) -> Result<Pid, ProcessError>
    where
        F: Future<Output = ExitReason> + 'static,
    {
        let options = SpawnOptions {
            label: Some(component.info.name.clone()),
            mailbox: component.mailbox,
            deadline,
            awaited,
            ..SpawnOptions::default()
        };
        let pool = self.clone();
        let spawned = self.shard.spawn(options, move |me| life(pool, me));
        spawned.map_err(|error| ProcessError::host(&error.to_string()))
    }

    /// Run a guest: make its store, `prepare` its state, and let `body` start an instance and call
    /// it, until that returns or its process is ended.
    ///
    /// # Errors
    /// When there can be no store. Nothing was prepared then.
    pub(super) async fn run_guest<T>(
        &self,
        guest: Guest<'_>,
        prepare: impl FnOnce(&mut HostState),
        body: impl AsyncFnOnce(&mut Store<HostState>) -> wasmtime::Result<T>,
    ) -> Result<Ran<T>, ProcessError> {
        let component = guest.component;
        let mut store = self.start_guest(guest, prepare)?;
        let outcome = self.polled(component, body(&mut store)).await;
        let sandbox = Sandbox::Awake(store);
        Ok(Ran { outcome, sandbox })
    }

    /// The same for a guest that may hibernate.
    ///
    /// # Errors
    /// When there can be no store. Nothing was prepared then.
    pub(super) async fn run_waiting_guest<T>(
        &self,
        guest: Guest<'_>,
        prepare: impl FnOnce(&mut HostState),
        body: impl AsyncFnOnce(&mut Sandbox) -> wasmtime::Result<T>,
    ) -> Result<Ran<T>, ProcessError> {
        let component = guest.component;
        let mut sandbox = Sandbox::Awake(self.start_guest(guest, prepare)?);
        let outcome = self.polled(component, body(&mut sandbox)).await;
        Ok(Ran { outcome, sandbox })
    }

    fn start_guest(
        &self,
        guest: Guest<'_>,
        prepare: impl FnOnce(&mut HostState),
    ) -> Result<Store<HostState>, ProcessError> {
        let mut store = self.new_store(
            guest.component,
            guest.pid,
            guest.deadline,
            guest.capabilities,
        )?;
        prepare(store.data_mut());
        Ok(store)
    }

    async fn polled<T>(&self, component: &LoadedComponent, running: impl Future<Output = T>) -> T {
        let mut running = pin!(running);
        poll_fn(|cx| self.poll_guest(component, || running.as_mut().poll(cx))).await
    }
}

impl<T> Ran<T> {
    /// What came of it, where it was allowed `limit`.
    pub(super) fn within(self, limit: Duration) -> Result<T, ProcessError> {
        let state = self.sandbox.state();
        self.outcome
            .map_err(|error| state.process_error(&error, limit))
    }

    /// The same, and the instance is put back if its call has returned.
    pub(super) async fn recycled(
        self,
        pool: &ShardPool,
        component: &LoadedComponent,
        limit: Duration,
    ) -> Result<T, ProcessError> {
        match self.outcome {
            Ok(output) => {
                if let Sandbox::Awake(store) = self.sandbox {
                    pool.recycle(component, store).await;
                }
                Ok(output)
            }
            Err(error) => Err(self.sandbox.state().process_error(&error, limit)),
        }
    }
}
