//! Processes that live beyond a request: services, workers, and what guests spawn.

use std::cell::Cell;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use rusm_config::Capabilities;
use rusm_core::{Call, CallError, ExitReason, Mail, Pid, ProcessRef, SpawnOptions};
use rusm_store::Store as DurableStore;
use wasmtime::Store;
use wasmtime::component::Instance;

use crate::bindings::rusm::runtime::http::Response as WitResponse;
use crate::bindings::rusm::runtime::types::CallError as WitCallError;
use crate::component::id::ComponentRef;
use crate::component::loaded::Loaded;
use crate::connection::EncodeEvent;
use crate::error::{Exit, Fault, SpawnFailure};
use crate::host::mail::into_wit;
use crate::pool::ShardPool;
use crate::pool::semaphore::{Admission, Place};
use crate::runtime::{Fetch, Runtime};
use crate::state::HostState;
use crate::state::actor::Answering;

/// What guests ask of the pool.
impl Runtime for ShardPool {
    fn component(&self, name: &str) -> Option<ComponentRef> {
        Self::component(self, name)
    }

    fn spawn_for_guest(
        self: Rc<Self>,
        component: ComponentRef,
        spawner: &Capabilities,
        options: SpawnOptions,
        sound: Rc<Cell<bool>>,
    ) -> Result<Pid, SpawnFailure> {
        let loaded = self.process_component(component)?;
        let capabilities = Arc::new(loaded.capabilities.within(spawner));
        let places = self.places_for_guest()?;
        let progress = Progress {
            sound,
            started: None,
        };
        self.spawn_process(
            component,
            capabilities,
            options,
            progress,
            async move |_| places,
        )
    }

    fn supervisor_place(&self) -> Result<Place, SpawnFailure> {
        self.spawned.try_enter().ok_or(SpawnFailure::TooMany)
    }

    fn fetch(
        self: Rc<Self>,
        component: ComponentRef,
        action: &str,
        fetch: Fetch,
        spawner: &Capabilities,
    ) -> Result<oneshot::Receiver<Result<WitResponse, WitCallError>>, WitCallError> {
        self.fetch_action(component, action, fetch, spawner)
    }

    fn encode_event(&self) -> EncodeEvent {
        self.encode_event
    }

    fn store(&self) -> Option<DurableStore> {
        self.store.clone()
    }
}

/// How far a process is, for whoever supervises it.
#[derive(Debug, Default)]
pub struct Progress {
    /// Set whenever it has done what it was asked for.
    pub sound: Rc<Cell<bool>>,
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
                    let waiting = pool.admission.enter(&pool.shard, Instant::now() + PATIENCE);
                    match waiting.await {
                        Some(place) => return vec![place],
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

    fn process_component(&self, component: ComponentRef) -> Result<Rc<Loaded>, SpawnFailure> {
        let Some(loaded) = self.catalog.get(component) else {
            return Err(SpawnFailure::NotAProcess("?".into()));
        };
        if !loaded.is_process() {
            return Err(SpawnFailure::NotAProcess(loaded.info.name.clone()));
        }
        Ok(loaded)
    }

    pub(crate) fn places_for_guest(&self) -> Result<Vec<Place>, SpawnFailure> {
        let enter = |admission: &Admission, failure| admission.try_enter().ok_or(failure);
        Ok(vec![
            enter(&self.spawned, SpawnFailure::TooMany)?,
            enter(&self.admission, SpawnFailure::PoolFull)?,
        ])
    }

    fn spawn_process(
        self: &Rc<Self>,
        component: ComponentRef,
        capabilities: Arc<Capabilities>,
        mut options: SpawnOptions,
        progress: Progress,
        places: impl AsyncFnOnce(&Self) -> Vec<Place> + 'static,
    ) -> Result<Pid, SpawnFailure> {
        let loaded = self.process_component(component)?;
        options.mailbox = loaded.mailbox;
        options
            .label
            .get_or_insert_with(|| loaded.info.name.clone());
        let pool = self.clone();
        let pid = self.shard.spawn(options, move |me| async move {
            let _places = places(&pool).await;
            pool.live(component, &me, &capabilities, progress).await
        })?;
        Ok(pid)
    }

    /// The whole life of a process, and why it ended.
    async fn live(
        &self,
        component: ComponentRef,
        me: &ProcessRef,
        capabilities: &Arc<Capabilities>,
        progress: Progress,
    ) -> ExitReason {
        let Some(component) = self.catalog.get(component) else {
            return ExitReason::NoProcess;
        };
        let component = &*component;
        let mut store = match self.new_store(component, me.pid, None, capabilities) {
            Ok(store) => store,
            Err(fault) => return fault.exit_reason(),
        };
        let lived = {
            let mut life = pin!(live(component, me, &mut store, progress));
            poll_fn(|cx| self.poll_guest(component, || life.as_mut().poll(cx))).await
        };
        self.ended(component, me, &store, lived)
    }

    /// Why a process ended that was left to itself; the operator learns of a fault.
    pub(crate) fn ended(
        &self,
        component: &Loaded,
        me: &ProcessRef,
        store: &Store<HostState>,
        lived: wasmtime::Result<()>,
    ) -> ExitReason {
        let Err(error) = lived else {
            return ExitReason::Normal;
        };
        if let Some(Exit(reason)) = error.downcast_ref() {
            return reason.clone();
        }
        let fault = store.data().fault(&error, component.function_timeout);
        let fault = AtWork(&fault).to_string();
        tracing::warn!(
            request_id = store.data().request_id(),
            component = &*component.info.name,
            pid = %me.pid,
            "{fault}"
        );
        ExitReason::Failed(fault.into())
    }
}

async fn live(
    component: &Loaded,
    me: &ProcessRef,
    store: &mut Store<HostState>,
    mut progress: Progress,
) -> wasmtime::Result<()> {
    let instance = component.instantiate(store).await?;
    if component.runs_by_itself() {
        progress.has_started();
        return component.run(store, &instance).await;
    }
    Limit::start(component, me, store);
    component.init(store, &instance).await?;
    Limit::end(me, store);
    progress.has_started();
    loop {
        // Streams that were opened to it wait until a function accepts them.
        let not_stream = |mail: &Mail| !matches!(mail, Mail::Stream { .. });
        match me.shard.receive_where(me.pid, None, not_stream).await {
            Some(Mail::Call(call)) => answer(component, me, store, &instance, call).await?,
            Some(mail) => take_mail(component, me, store, &instance, mail).await?,
            None => return Ok(()),
        }
        Limit::end(me, store);
        progress.sound.set(true);
    }
}

/// Hand the guest a message, if it wants any.
pub(crate) async fn take_mail(
    component: &Loaded,
    me: &ProcessRef,
    store: &mut Store<HostState>,
    instance: &Instance,
    mail: Mail,
) -> wasmtime::Result<()> {
    store.data_mut().received(&mail);
    let Some(mail) = into_wit(mail) else {
        return Ok(());
    };
    Limit::start(component, me, store);
    component.take_mail(store, instance, mail).await
}

/// Answer one call. If the guest traps, its process ends, and that answers the call.
pub(crate) async fn answer(
    component: &Loaded,
    me: &ProcessRef,
    store: &mut Store<HostState>,
    instance: &Instance,
    call: Call,
) -> wasmtime::Result<()> {
    Limit::start(component, me, store);
    store.data_mut().actor.answering = Some(Answering {
        caller: call.from,
        stream: call.stream,
    });
    // If it fails at this, its line in the log is about this, too.
    let own = store.data_mut().works_on(*call.context);
    let result = component
        .call(store, instance, &call.function, &call.args)
        .await?;
    store.data_mut().works_on(own);
    store.data_mut().actor.answering = None;
    let result = match result {
        Some(Ok(answer)) => Ok(answer.into()),
        Some(Err(error)) => Err(CallError::Failed(error.into())),
        None => Err(CallError::NoFunction(component.function_names().into())),
    };
    me.shard.reply(me.pid, call.id, result);
    Ok(())
}

/// The time that one function may take: a service that is stuck is ended, and started again.
pub(crate) struct Limit;

impl Limit {
    pub(crate) fn start(component: &Loaded, me: &ProcessRef, store: &mut Store<HostState>) {
        let deadline = Instant::now().checked_add(component.function_timeout);
        store.data_mut().deadline = deadline;
        me.shard.set_deadline(me.pid, deadline);
    }

    pub(crate) fn end(me: &ProcessRef, store: &mut Store<HostState>) {
        store.data_mut().deadline = None;
        me.shard.set_deadline(me.pid, None);
    }
}

/// A fault of a process that answers no request: the limits have other names.
struct AtWork<'a>(&'a Fault);

impl fmt::Display for AtWork<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Fault::Timeout { limit } => write!(
                f,
                "a function took longer than {limit:?} (function-timeout-ms)"
            ),
            fault => fault.fmt(f),
        }
    }
}

/// How long a service waits for an instance before it says so.
const PATIENCE: Duration = Duration::from_secs(5);
