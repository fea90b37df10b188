//! Processes that live beyond a request: services, workers, and what guests spawn.

use std::cell::Cell;
use std::fmt;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusm_config::Capabilities;
use rusm_core::{Delivery, ExitReason, Pid, ProcessContext, SpawnOptions};
use wasmtime::Store;

use super::dispatch::{Limit, answer, take_mail};
use super::run_guest::{Guest, Ran};
use crate::component::id::ComponentRef;
use crate::component::loaded::LoadedComponent;
use crate::error::{Exit, ProcessError, SpawnFailure};
use crate::pool::ShardPool;
use crate::pool::semaphore::Permit;
use crate::state::HostState;

/// How far a process is, for whoever supervises it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Set whenever it has done what it was asked for.
    pub healthy: Rc<Cell<bool>>,
    /// Told when it has begun: its `init` has returned. Dropped if it ends before.
    pub started: Option<oneshot::Sender<()>>,
}

impl Progress {
    fn has_started(&mut self) {
        if let Some(started) = self.started.take() {
            // Nobody may wait for it.
            let _ = started.send(());
        }
    }
}

impl ShardPool {
    /// Start a process that the node itself wants: a resident service. It waits until an
    /// instance is free, and tells `progress` how far it is.
    ///
    /// # Errors
    /// When the component is no process, or its name is taken.
    pub fn spawn(
        self: &Rc<Self>,
        component: ComponentRef,
        options: SpawnOptions,
        progress: Progress,
    ) -> Result<Pid, SpawnFailure> {
        let loaded = self.process_component(component)?;
        let capabilities = loaded.capabilities.clone();
        let name = loaded.info.name.clone();
        self.spawn_process(
            component,
            capabilities,
            options,
            progress,
            async move |pool| {
                loop {
                    let waiting = pool
                        .instances
                        .acquire(&pool.shard, Instant::now() + WARN_AFTER);
                    match waiting.await {
                        Some(permit) => return vec![permit],
                        None => tracing::warn!(
                            component = &*name,
                            "still waits for a free instance (instances-per-core)"
                        ),
                    }
                }
            },
        )
    }

    /// Whether a component can be a process.
    ///
    /// # Errors
    /// When it can't.
    pub fn check_process(&self, component: ComponentRef) -> Result<(), SpawnFailure> {
        self.process_component(component).map(drop)
    }

    pub(super) fn process_component(
        &self,
        component: ComponentRef,
    ) -> Result<Rc<LoadedComponent>, SpawnFailure> {
        let Some(loaded) = self.registry.get(component) else {
            return Err(SpawnFailure::NotAProcess("?".into()));
        };
        if !loaded.is_process() {
            return Err(SpawnFailure::NotAProcess(loaded.info.name.clone()));
        }
        Ok(loaded)
    }

    pub(super) fn spawn_process(
        self: &Rc<Self>,
        component: ComponentRef,
        capabilities: Arc<Capabilities>,
        mut options: SpawnOptions,
        progress: Progress,
        permits: impl AsyncFnOnce(&Self) -> Vec<Permit> + 'static,
    ) -> Result<Pid, SpawnFailure> {
        let loaded = self.process_component(component)?;
        options.mailbox = loaded.mailbox;
        options
            .label
            .get_or_insert_with(|| loaded.info.name.clone());
        let pool = self.clone();
        let pid = self.shard.spawn(options, move |me| async move {
            let _permits = permits(&pool).await;
            pool.run_process(component, &me, &capabilities, progress)
                .await
        })?;
        Ok(pid)
    }

    /// The whole life of a process, and why it ended.
    async fn run_process(
        &self,
        component: ComponentRef,
        me: &ProcessContext,
        capabilities: &Arc<Capabilities>,
        progress: Progress,
    ) -> ExitReason {
        let Some(component) = self.registry.get(component) else {
            return ExitReason::NoProcess;
        };
        let component = &*component;
        let guest = Guest {
            component,
            pid: me.pid,
            deadline: None,
            capabilities,
        };
        let ran = self.run_guest(
            guest,
            |_| (),
            async move |store| run_service(component, me, store, progress).await,
        );
        match ran.await {
            Ok(ran) => self.report_exit(component, me, ran),
            Err(error) => error.exit_reason(),
        }
    }

    /// Why a process ended that was left to itself; the operator learns of an error.
    pub(super) fn report_exit(
        &self,
        component: &LoadedComponent,
        me: &ProcessContext,
        ran: Ran<()>,
    ) -> ExitReason {
        let Ran {
            outcome: Err(error),
            sandbox,
        } = ran
        else {
            return ExitReason::Normal;
        };
        if let Some(Exit(reason)) = error.downcast_ref() {
            return reason.clone();
        }
        let state = sandbox.state();
        let error = state.process_error(&error, component.function_timeout);
        error.count();
        let error = AtWork(&error).to_string();
        tracing::warn!(
            request_id = state.request_id(),
            component = &*component.info.name,
            pid = %me.pid,
            "{error}"
        );
        ExitReason::Failed(error.into())
    }
}

async fn run_service(
    component: &LoadedComponent,
    me: &ProcessContext,
    store: &mut Store<HostState>,
    mut progress: Progress,
) -> wasmtime::Result<()> {
    let instance = component.instantiate(store).await?;
    if component.kind.is_run {
        progress.has_started();
        return component.run(store, &instance).await;
    }
    Limit::start(component, me, store);
    component.init(store, &instance).await?;
    Limit::end(me, store);
    progress.has_started();
    loop {
        // Streams that were opened to it wait until a function accepts them.
        let not_stream = |delivery: &Delivery| !matches!(delivery, Delivery::Stream { .. });
        match me.shard.receive_where(me.pid, None, not_stream).await {
            Some(Delivery::Call(call)) => answer(component, me, store, &instance, call).await?,
            Some(delivery) => take_mail(component, me, store, &instance, delivery).await?,
            None => return Ok(()),
        }
        Limit::end(me, store);
        progress.healthy.set(true);
    }
}

/// An error of a process that answers no request: the limits have other names.
struct AtWork<'a>(&'a ProcessError);

impl fmt::Display for AtWork<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            ProcessError::Timeout { limit } => write!(
                f,
                "a function took longer than {limit:?} (function-timeout-ms)"
            ),
            error => error.fmt(f),
        }
    }
}

/// How long a service waits for an instance before it says so.
const WARN_AFTER: Duration = Duration::from_secs(5);
