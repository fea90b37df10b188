//! A component, compiled, linked, and its functions found.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use rusm_config::{ActionName, Capabilities};
use rusm_core::MailboxLimit;
use rusm_wasm_reset::difference::Image;
use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, Instance, InstancePre, Lift, Lower,
    TypedFunc,
};
use wasmtime::{Engine, Store};
#[cfg(feature = "wasi-http")]
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};

use super::actions::Actions;
use super::exports::{
    ActionParams, ActionResults, CallParams, CallResults, ConnectionEvent, ConnectionKind,
    EventsExports, WebSocketExports, function, gone, typed,
};
use super::id::ComponentInfo;
use super::kind::{ComponentKind, ComponentType};
use super::source::{ComponentSource, LoadError, list};
use crate::bindings::rusm::runtime::actor::Mail;
use crate::error::InstantiationError;
use crate::host::linker::Linkers;
use crate::http::{Request, Response};
use crate::pool::artifact::Artifact;
use crate::pool::preempt::NEVER;
use crate::state::HostState;

/// A component, ready for instances to be made of it.
pub(crate) struct LoadedComponent {
    pub(crate) info: Arc<ComponentInfo>,
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) mailbox: MailboxLimit,
    pub(crate) function_timeout: Duration,
    pub(crate) imports_wasi: bool,
    pre: InstancePre<HostState>,
    actions: Actions,
    /// Those that processes may call.
    functions: Vec<(Arc<str>, ComponentExportIndex)>,
    run: Option<ComponentExportIndex>,
    init: Option<ComponentExportIndex>,
    on_mail: Option<ComponentExportIndex>,
    websocket: Option<WebSocketExports>,
    events: Option<EventsExports>,
    /// That of `wasi:http/incoming-handler`.
    #[cfg(feature = "wasi-http")]
    pub(crate) http: Option<ProxyPre<HostState>>,
    pub(crate) kind: ComponentKind,
    /// Instantiation runs nothing of the guest's, and so can't be preempted; and Wasmtime lets it
    /// go without a fiber, because nothing that is imported waits.
    starts_without_fiber: bool,
    /// Nothing that is imported waits: its functions may be called without a fiber.
    never_waits: bool,
    /// What puts an instance back, if its instances can be.
    reset: Option<ComponentExportIndex>,
    /// What lets a process wait without an instance, if it can.
    saving: Option<Saving>,
    /// Instances that were put back, for the next processes under its own capabilities.
    warm: RefCell<Vec<Store<HostState>>>,
}

/// What lets a process wait without an instance.
struct Saving {
    save: ComponentExportIndex,
    restore: ComponentExportIndex,
    image: Arc<Image>,
}

impl LoadedComponent {
    pub(super) fn new(
        source: &ComponentSource,
        engine: &Engine,
        linkers: &Linkers,
    ) -> Result<Self, LoadError> {
        let name = &source.name;
        let code_error = |error| LoadError::Code {
            component: name.clone(),
            error,
        };
        let component = source.artifact.load(engine).map_err(code_error)?;
        // Else the first request would wait for it.
        component
            .initialize_copy_on_write_image()
            .map_err(code_error)?;
        let ty = ComponentType::of(&component, engine);
        #[cfg(not(feature = "wasi-http"))]
        if component
            .component_type()
            .imports(engine)
            .any(|(import, _)| import.starts_with("wasi:http/"))
        {
            return Err(LoadError::NoWasiHttp {
                component: name.clone(),
            });
        }
        let linker = linkers.of(&ty);
        let pre = linker
            .instantiate_pre(&component)
            .map_err(|error| LoadError::Import {
                component: name.clone(),
                error,
            })?;
        let mut loaded = Self {
            info: Arc::new(ComponentInfo {
                name: name.clone(),
                symbolicate: source.symbolicate.clone(),
                stack: source.artifact.stack(),
            }),
            capabilities: source.capabilities.clone(),
            mailbox: source.mailbox,
            function_timeout: source.function_timeout,
            imports_wasi: ty.imports_wasi,
            never_waits: !ty.may_wait,
            reset: None,
            saving: None,
            warm: RefCell::default(),
            starts_without_fiber: !ty.may_wait && !source.artifact.runs_code_at_start(),
            pre,
            actions: Actions::default(),
            functions: Vec::new(),
            run: None,
            init: None,
            on_mail: None,
            websocket: None,
            events: None,
            #[cfg(feature = "wasi-http")]
            http: None,
            kind: ComponentKind {
                may_stream: ty.imports_serve,
                ..ComponentKind::default()
            },
        };
        for name in &ty.functions {
            loaded.find_function(name, &component);
        }
        if !source.artifact.has_own_reset() {
            loaded.reset = loaded.find_reset(&component);
            loaded.actions.find_calls(&component, &loaded.pre);
            loaded.saving = loaded.find_saving(&component, &source.artifact);
        }
        loaded.websocket = WebSocketExports::find(&component, &loaded.pre);
        loaded.events = EventsExports::find(&component, &loaded.pre);
        #[cfg(feature = "wasi-http")]
        if ty.handles_http() {
            let pre = ProxyPre::new(loaded.pre.clone());
            loaded.http = Some(pre.map_err(code_error)?);
        }
        loaded.kind = ComponentKind {
            is_websocket: loaded.websocket.is_some(),
            is_event_source: loaded.events.is_some(),
            is_http_handler: ty.handles_http(),
            is_run: loaded.run.is_some(),
            ..loaded.kind
        };
        loaded.check_actions(&source.actions, &component, &ty)?;
        Ok(loaded)
    }

    /// The reset that the host has added. The caller knows that the component had none of this name before.
    fn find_reset(&self, component: &Component) -> Option<ComponentExportIndex> {
        let (func, export) = function(component, rusm_wasm_reset::RESET)?;
        let types = self.pre.instance_type();
        func.typecheck::<(), (bool,)>(&types)
            .is_ok()
            .then_some(export)
    }

    /// What the host has added for processes that wait, likewise.
    fn find_saving(&self, component: &Component, artifact: &Artifact) -> Option<Saving> {
        let (save, save_export) = function(component, rusm_wasm_reset::SAVE)?;
        let (restore, restore_export) = function(component, rusm_wasm_reset::RESTORE)?;
        let types = self.pre.instance_type();
        save.typecheck::<(), (Vec<u8>,)>(&types).ok()?;
        restore.typecheck::<(&[u8],), (bool,)>(&types).ok()?;
        Some(Saving {
            save: save_export,
            restore: restore_export,
            image: artifact.image()?.clone(),
        })
    }

    fn find_function(&mut self, name: &str, component: &Component) {
        let Some((func, export)) = function(component, name) else {
            return;
        };
        let types = self.pre.instance_type();
        if func
            .typecheck::<ActionParams<'_>, ActionResults>(&types)
            .is_ok()
        {
            self.actions.add(name, export);
        } else if func
            .typecheck::<CallParams<'_>, CallResults>(&types)
            .is_ok()
        {
            self.functions.push((name.into(), export));
        } else if name == RUN && func.typecheck::<(), ()>(&types).is_ok() {
            self.run = Some(export);
        } else if name == INIT && func.typecheck::<(), ()>(&types).is_ok() {
            self.init = Some(export);
        } else if name == ON_MAIL && func.typecheck::<(Mail,), ()>(&types).is_ok() {
            self.on_mail = Some(export);
        }
    }

    /// Every action that a route names is there, and is one.
    fn check_actions(
        &self,
        wanted: &[Arc<str>],
        component: &Component,
        ty: &ComponentType,
    ) -> Result<(), LoadError> {
        // Such a component knows its actions itself.
        if self.actions.is_empty() && self.run.is_some() {
            return Ok(());
        }
        for action in wanted {
            let Some((func, _)) = function(component, action) else {
                return Err(LoadError::UnknownAction {
                    component: self.info.name.clone(),
                    action: action.clone(),
                    actions: ty.functions.clone(),
                });
            };
            let types = self.pre.instance_type();
            let typed = func.typecheck::<ActionParams<'_>, ActionResults>(&types);
            typed.map_err(|error| LoadError::ActionType {
                component: self.info.name.clone(),
                action: action.clone(),
                error,
            })?;
        }
        Ok(())
    }

    /// The position of an action among those of the component.
    pub(crate) fn action(&self, name: &str) -> Option<u16> {
        self.actions.position(name)
    }

    /// `component#action`, for people.
    pub(crate) fn full_name(&self, action: u16) -> String {
        let action = self.actions.name(action).unwrap_or("?");
        format!("{}#{action}", self.info.name)
    }

    /// Whether processes can call it, or it runs by itself.
    pub(crate) fn is_process(&self) -> bool {
        self.run.is_some() || !self.functions.is_empty() || self.on_mail.is_some()
    }

    /// The names of its functions, for a caller who got one wrong.
    pub(crate) fn function_names(&self) -> String {
        names(self.functions.iter().map(|(name, _)| name))
    }

    /// The names of its actions, likewise.
    pub(crate) fn action_names(&self) -> String {
        names(self.actions.names())
    }

    /// The instance of a store: the one that it has, or a new one.
    pub(crate) async fn instantiate(
        &self,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Instance> {
        if let Some(instance) = store.data().instance {
            return Ok(instance);
        }
        let instantiated = if self.starts_without_fiber {
            // What Wasmtime itself runs, to initialise memories, can't be preempted without a fiber either.
            store.set_epoch_deadline(NEVER);
            let instantiated = self.pre.instantiate(&mut *store);
            store.set_epoch_deadline(1);
            instantiated
        } else {
            // Rare, and large: in a box it takes no room in every connection.
            Box::pin(self.pre.instantiate_async(&mut *store)).await
        };
        let instance = instantiated.map_err(|error| error.context(InstantiationError))?;
        store.data_mut().instance = Some(instance);
        Ok(instance)
    }

    /// A store with an instance that was put back, if there is one.
    pub(crate) fn take_warm(&self) -> Option<Store<HostState>> {
        self.warm.borrow_mut().pop()
    }

    /// Keeps the store of an instance that was put back.
    pub(crate) fn keep_warm(&self, store: Store<HostState>) {
        self.warm.borrow_mut().push(store);
    }

    /// How many instances are kept.
    pub(crate) fn warm(&self) -> usize {
        self.warm.borrow().len()
    }

    /// Whether its instances can be put back.
    pub(crate) fn can_reset(&self) -> bool {
        self.reset.is_some()
    }

    /// Puts the instance of a store back to what it was right after instantiation. False if it can't be, or has none:
    /// it has to be thrown away then.
    pub(crate) async fn reset(&self, store: &mut Store<HostState>) -> bool {
        if store.data().is_reset {
            return true;
        }
        let (Some(export), Some(instance)) = (&self.reset, store.data().instance) else {
            return false;
        };
        // SAFETY: the type of this very export was checked when it was loaded.
        let func: wasmtime::Result<TypedFunc<(), (bool,)>> =
            unsafe { typed(&instance, store, export) };
        let Ok(func) = func else { return false };
        matches!(self.call_own(store, func, ()).await, Ok((true,)))
    }

    /// Whether its processes can wait without an instance.
    pub(crate) fn can_hibernate(&self) -> bool {
        self.saving.is_some() && !self.kind.is_run
    }

    /// What the instance of a store differs in from its first state, if that can be kept. It is only to be asked for
    /// after a call that has returned.
    pub(crate) async fn save(&self, store: &mut Store<HostState>) -> Option<Box<[u8]>> {
        let saving = self.saving.as_ref()?;
        let instance = store.data().instance?;
        // SAFETY: the type of this very export was checked when it was loaded.
        let func: TypedFunc<(), (Vec<u8>,)> =
            unsafe { typed(&instance, store, &saving.save) }.ok()?;
        // As a reset, it runs nothing of the guest's.
        store.set_epoch_deadline(NEVER);
        let saved = self.call_own(store, func, ()).await;
        store.set_epoch_deadline(1);
        let (saved,) = saved.ok()?;
        saving.image.shrink(&saved)
    }

    /// Makes the instance of a store, which is in its first state, the one that a difference was saved of.
    pub(crate) async fn restore(
        &self,
        store: &mut Store<HostState>,
        difference: &[u8],
    ) -> wasmtime::Result<()> {
        let saving = self.saving.as_ref().ok_or_else(|| gone("restore"))?;
        let instance = store.data().instance.ok_or_else(|| gone("the instance"))?;
        // SAFETY: the type of this very export was checked when it was loaded.
        let func: TypedFunc<(&[u8],), (bool,)> =
            unsafe { typed(&instance, store, &saving.restore)? };
        store.set_epoch_deadline(NEVER);
        let restored = self.call_own(store, func, (difference,)).await;
        store.set_epoch_deadline(1);
        match restored? {
            (true,) => Ok(()),
            (false,) => Err(gone("the memory that the process had")),
        }
    }

    /// Calls a function that the host has added.
    async fn call_own<Params, Results>(
        &self,
        store: &mut Store<HostState>,
        func: TypedFunc<Params, Results>,
        params: Params,
    ) -> wasmtime::Result<Results>
    where
        Params: ComponentNamedList + Lower,
        Results: ComponentNamedList + Lift + 'static,
    {
        if self.never_waits {
            func.call(store, params)
        } else {
            func.call_async(store, params).await
        }
    }

    /// Start an instance of a stock `wasi:http` component.
    #[cfg(feature = "wasi-http")]
    pub(crate) async fn instantiate_http(
        &self,
        pre: &ProxyPre<HostState>,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Proxy> {
        let instantiated = pre.instantiate_async(store).await;
        instantiated.map_err(|error| error.context(InstantiationError))
    }

    /// Start an instance and call an action of it.
    pub(crate) async fn answer(
        &self,
        store: &mut Store<HostState>,
        action: u16,
        request: &Request<'_>,
    ) -> wasmtime::Result<Response> {
        let instance = self.instantiate(store).await?;
        self.actions.call(store, &instance, action, request).await
    }

    /// A function by its name: in WIT's kebab-case, or as the languages of guests spell it.
    fn function(&self, name: &str) -> Option<&ComponentExportIndex> {
        let named = |wanted: &str| {
            let mut functions = self.functions.iter();
            functions.find(|(name, _)| &**name == wanted)
        };
        let (_, export) =
            named(name).or_else(|| named(name.parse::<ActionName>().ok()?.as_str()))?;
        Some(export)
    }

    /// Call a function. `None` if there is none of this name; the inner error is the function's
    /// own.
    pub(crate) async fn call(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
        function: &str,
        args: &[u8],
    ) -> wasmtime::Result<Option<Result<Vec<u8>, String>>> {
        let Some(export) = self.function(function) else {
            return Ok(None);
        };
        // SAFETY: the type of this very export was checked when it was loaded.
        let func: TypedFunc<CallParams<'_>, CallResults> =
            unsafe { typed(instance, store, export)? };
        let (result,) = func.call_async(store, (args,)).await?;
        Ok(Some(result))
    }

    /// Let it begin: make its state, set its timers.
    pub(crate) async fn init(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
    ) -> wasmtime::Result<()> {
        let Some(export) = &self.init else {
            return Ok(());
        };
        // SAFETY: the type of this very export was checked when it was loaded.
        let func: TypedFunc<(), ()> = unsafe { typed(instance, store, export)? };
        func.call_async(store, ()).await
    }

    /// Hand it a message, if it wants any.
    pub(crate) async fn take_mail(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
        mail: Mail,
    ) -> wasmtime::Result<()> {
        let Some(export) = &self.on_mail else {
            return Ok(());
        };
        // SAFETY: the type of this very export was checked when it was loaded.
        let func: TypedFunc<(Mail,), ()> = unsafe { typed(instance, store, export)? };
        func.call_async(store, (mail,)).await
    }

    /// Tell a process what happened to the connection that it holds.
    pub(crate) async fn connection_event(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
        connection: ConnectionKind,
        event: ConnectionEvent,
    ) -> wasmtime::Result<()> {
        match connection {
            ConnectionKind::WebSocket => {
                let exports = self.websocket.as_ref().ok_or_else(|| gone("websocket"))?;
                // SAFETY: the types of these very exports were checked when they were loaded.
                unsafe { exports.enter(store, instance, event).await }
            }
            ConnectionKind::Events => {
                let exports = self.events.as_ref().ok_or_else(|| gone("sse"))?;
                // SAFETY: as above.
                unsafe { exports.enter(store, instance, event).await }
            }
        }
    }

    /// Live the life of a `process` component.
    pub(crate) async fn run(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
    ) -> wasmtime::Result<()> {
        let Some(export) = &self.run else {
            return Ok(());
        };
        // SAFETY: the type of this very export was checked when it was loaded.
        let func: TypedFunc<(), ()> = unsafe { typed(instance, store, export)? };
        func.call_async(store, ()).await
    }
}

const RUN: &str = "run";
const INIT: &str = "init";
const ON_MAIL: &str = "on-mail";

fn names<'a>(names: impl Iterator<Item = &'a Arc<str>>) -> String {
    let names: Vec<_> = names.collect();
    list(&names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pool::cache::ArtifactCache;
    use crate::pool::engine::compiler_engine;
    use crate::pool::limits::FULL_RANGE;

    /// A component with an action, and whatever else.
    fn loaded(exports: &str) -> LoadedComponent {
        let wat = format!(
            r#"(component
              (type $types (instance
                (type $h (tuple string (list u8)))
                (export "header" (type $header (eq $h)))
                (type $headers (list $header))
                (type $params (list (tuple string string)))
                (type $bytes (list u8))
                (type $req (record (field "method" string) (field "target" string)
                  (field "headers" $headers) (field "params" $params) (field "body" $bytes)))
                (export "request" (type (eq $req)))
                (type $res (record
                  (field "status" u16) (field "headers" $headers) (field "body" $bytes)))
                (export "response" (type (eq $res)))))
              (import "rusm:runtime/http@0.1.0" (instance $http (type $types)))
              (alias export $http "request" (type $request))
              (alias export $http "response" (type $response))
              (core module $main
                (memory (export "memory") 1)
                (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1000))
                (func (export "act")
                  (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 0))
                (func (export "true") (result i32) (i32.const 1)))
              (core instance $main (instantiate $main))
              (func (export "act") (param "request" $request) (result $response)
                (canon lift (core func $main "act")
                  (memory (core memory $main "memory")) (realloc (core func $main "realloc"))))
              {exports})"#
        );
        let wasm = wat::parse_str(wat).unwrap();
        let engine = compiler_engine(FULL_RANGE).unwrap();
        let (artifact, _) = ArtifactCache::disabled().get(&engine, &wasm).unwrap();
        assert_eq!(artifact.initial_memory(), 64 << 10);
        let source = ComponentSource {
            name: "one".into(),
            artifact,
            capabilities: Arc::new(Capabilities::default()),
            actions: vec!["act".into()],
            mailbox: MailboxLimit::default(),
            function_timeout: Duration::from_secs(1),
            symbolicate: None,
        };
        let linkers = Linkers::new(&engine).unwrap();
        LoadedComponent::new(&source, &engine, &linkers).unwrap()
    }

    /// A reset runs without preemption, and what it leaves reaches the next request: it must be the host's.
    #[test]
    fn a_reset_that_the_component_brings_is_none() {
        assert!(loaded("").can_reset());
        let own =
            r#"(func (export "rusm-reset") (result bool) (canon lift (core func $main "true")))"#;
        assert!(!loaded(own).can_reset());
    }
}
