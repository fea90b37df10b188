//! The components of one shard: compiled, linked, and their functions found.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use rusm_config::{ActionName, Capabilities};
use rusm_core::MailboxLimit;
use thiserror::Error;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Instance, InstancePre, TypedFunc};
use wasmtime::{Engine, Store};
#[cfg(feature = "wasi-http")]
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyPre};

use crate::artifact::Artifact;
use crate::bindings::WebSocketFrame;
use crate::bindings::rusm::runtime::actor::Mail;
use crate::component::id::{ComponentInfo, ComponentRef, Locate};
use crate::error::NotStarted;
use crate::host::Linkers;
use crate::http::{Request, Response};
use crate::shape::Shape;
use crate::state::HostState;

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
    /// What may wait in the mailbox of each of its processes.
    pub mailbox: MailboxLimit,
    /// How long one function of a service may take, and one message.
    pub function_timeout: Duration,
    /// What its lines in the log go through.
    pub locate: Option<Locate>,
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
    /// It imports `wasi:http`, and this server has none.
    #[cfg(not(feature = "wasi-http"))]
    #[error(
        "component `{component}` imports wasi:http, and this rusm was compiled without the feature `wasi-http`"
    )]
    NoWasiHttp {
        /// Its name.
        component: Arc<str>,
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

/// All components of a shard.
///
/// A component that is replaced keeps its place for those who hold its [`ComponentRef`], and the new
/// one gets another, by which it is found from then on.
pub(crate) struct Catalog {
    components: RefCell<Vec<Option<Rc<Loaded>>>>,
}

impl Catalog {
    pub(crate) fn load(engine: &Engine, sources: &[ComponentSource]) -> Result<Self, LoadError> {
        let catalog = Self {
            components: RefCell::default(),
        };
        catalog.add(engine, sources)?;
        Ok(catalog)
    }

    /// Load components beside those that are there, or in the place of those of the same names.
    /// It is all of them or none.
    pub(crate) fn add(
        &self,
        engine: &Engine,
        sources: &[ComponentSource],
    ) -> Result<(), LoadError> {
        let linkers = Linkers::new(engine).map_err(LoadError::Host)?;
        let loaded = sources
            .iter()
            .map(|source| Loaded::new(source, engine, &linkers).map(|new| Some(Rc::new(new))));
        let loaded = loaded.collect::<Result<Vec<_>, _>>()?;
        self.components.borrow_mut().extend(loaded);
        Ok(())
    }

    /// Let go of components that others have replaced, except those in use.
    pub(crate) fn prune(&self) {
        let mut components = self.components.borrow_mut();
        let mut names = Vec::new();
        for place in components.iter_mut().rev() {
            let Some(loaded) = place else { continue };
            if !names.contains(&loaded.info.name) {
                names.push(loaded.info.name.clone());
            } else if Rc::strong_count(loaded) == 1 {
                *place = None;
            }
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<ComponentRef> {
        let components = self.components.borrow();
        let of_that_name =
            |c: &Option<Rc<Loaded>>| c.as_ref().is_some_and(|c| &*c.info.name == name);
        let index = components.iter().rposition(of_that_name)?;
        u16::try_from(index).ok().map(ComponentRef)
    }

    pub(crate) fn get(&self, component: ComponentRef) -> Option<Rc<Loaded>> {
        self.components.borrow().get(component.0 as usize)?.clone()
    }
}

/// A component, ready for instances to be made of it.
pub(crate) struct Loaded {
    pub(crate) info: Arc<ComponentInfo>,
    pub(crate) capabilities: Arc<Capabilities>,
    pub(crate) mailbox: MailboxLimit,
    pub(crate) function_timeout: Duration,
    pub(crate) imports_wasi: bool,
    pre: InstancePre<HostState>,
    /// Those that a route may call.
    actions: Vec<(Arc<str>, ComponentExportIndex)>,
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
    /// Whether an action may answer by a stream.
    pub(crate) may_stream: bool,
    /// Instantiation runs nothing of the guest's, and so can't be preempted; and Wasmtime lets it
    /// go without a fiber, because nothing that is imported waits.
    starts_without_fiber: bool,
}

impl Loaded {
    fn new(
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
        let shape = Shape::of(&component, engine);
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
        let linker = linkers.of(&shape);
        let pre = linker
            .instantiate_pre(&component)
            .map_err(|error| LoadError::Import {
                component: name.clone(),
                error,
            })?;
        let mut loaded = Self {
            info: Arc::new(ComponentInfo {
                name: name.clone(),
                locate: source.locate.clone(),
                stack: source.artifact.stack(),
            }),
            capabilities: source.capabilities.clone(),
            mailbox: source.mailbox,
            function_timeout: source.function_timeout,
            imports_wasi: shape.imports_wasi,
            starts_without_fiber: !shape.may_wait && !source.artifact.runs_code_at_start(),
            pre,
            actions: Vec::new(),
            functions: Vec::new(),
            run: None,
            init: None,
            on_mail: None,
            websocket: None,
            events: None,
            #[cfg(feature = "wasi-http")]
            http: None,
            may_stream: shape.imports_serve,
        };
        for name in &shape.functions {
            loaded.find_function(name, &component);
        }
        loaded.websocket = WebSocketExports::find(&component, &loaded.pre);
        loaded.events = EventsExports::find(&component, &loaded.pre);
        #[cfg(feature = "wasi-http")]
        if shape.handles_http() {
            let pre = ProxyPre::new(loaded.pre.clone());
            loaded.http = Some(pre.map_err(code_error)?);
        }
        loaded.check_actions(&source.actions, &component, &shape)?;
        Ok(loaded)
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
            self.actions.push((name.into(), export));
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
        shape: &Shape,
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
                    actions: shape.functions.clone(),
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
        let named = |wanted: &str| self.actions.iter().position(|(n, _)| &**n == wanted);
        let index = named(name).or_else(|| named(name.parse::<ActionName>().ok()?.as_str()))?;
        u16::try_from(index).ok()
    }

    /// `component#action`, for people.
    pub(crate) fn full_name(&self, action: u16) -> String {
        let action = self.actions.get(usize::from(action));
        format!(
            "{}#{}",
            self.info.name,
            action.map_or("?", |(name, _)| name)
        )
    }

    /// Whether processes can call it, or it runs by itself.
    pub(crate) fn is_process(&self) -> bool {
        self.run.is_some() || !self.functions.is_empty() || self.on_mail.is_some()
    }

    /// Whether its life is its own `run`; otherwise it lives for calls and messages.
    pub(crate) fn runs_by_itself(&self) -> bool {
        self.run.is_some()
    }

    /// The names of its functions, for a caller who got one wrong.
    pub(crate) fn function_names(&self) -> String {
        names(&self.functions)
    }

    /// The names of its actions, likewise.
    pub(crate) fn action_names(&self) -> String {
        names(&self.actions)
    }

    pub(crate) async fn instantiate(
        &self,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Instance> {
        let instantiated = if self.starts_without_fiber {
            self.pre.instantiate(store)
        } else {
            // Rare, and large: in a box it takes no room in every connection.
            Box::pin(self.pre.instantiate_async(store)).await
        };
        instantiated.map_err(|error| error.context(NotStarted))
    }

    /// Start an instance of a stock `wasi:http` component.
    #[cfg(feature = "wasi-http")]
    pub(crate) async fn instantiate_http(
        &self,
        pre: &ProxyPre<HostState>,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Proxy> {
        let instantiated = pre.instantiate_async(store).await;
        instantiated.map_err(|error| error.context(NotStarted))
    }

    /// Start an instance and call an action of it.
    pub(crate) async fn answer(
        &self,
        store: &mut Store<HostState>,
        action: u16,
        request: &Request<'_>,
    ) -> wasmtime::Result<Response> {
        let instance = self.instantiate(store).await?;
        let (_, export) = self
            .actions
            .get(action as usize)
            .ok_or_else(|| gone("the action"))?;
        // SAFETY: the type of this very export was checked when it was loaded.
        let func: TypedFunc<ActionParams<'_>, ActionResults> =
            unsafe { typed(&instance, store, export)? };
        let (response,) = func.call_async(store, (request,)).await?;
        Ok(response)
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

    /// Whether it can serve WebSockets.
    pub(crate) fn is_websocket(&self) -> bool {
        self.websocket.is_some()
    }

    /// Whether it can hold streams of Server-Sent Events.
    pub(crate) fn is_event_source(&self) -> bool {
        self.events.is_some()
    }

    /// Tell a process what happened to the connection that it holds.
    pub(crate) async fn connection_event(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
        held: Held,
        event: ConnectionEvent,
    ) -> wasmtime::Result<()> {
        match held {
            Held::WebSocket => {
                let exports = self.websocket.as_ref().ok_or_else(|| gone("websocket"))?;
                // SAFETY: the types of these very exports were checked when they were loaded.
                unsafe { exports.enter(store, instance, event).await }
            }
            Held::Events => {
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

/// What kind of connection a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    WebSocket,
    Events,
}

/// What happens to a connection, for the process that holds it.
pub(crate) enum ConnectionEvent {
    Open,
    /// Of a WebSocket.
    Frame(WebSocketFrame),
    Close {
        code: u16,
        reason: String,
    },
}

/// The functions of `rusm:runtime/websocket`.
struct WebSocketExports {
    open: ComponentExportIndex,
    message: ComponentExportIndex,
    close: ComponentExportIndex,
}

impl WebSocketExports {
    /// `None` if they are not there, or of another type.
    fn find(component: &Component, pre: &InstancePre<HostState>) -> Option<Self> {
        let function = |name| interface_function(component, WEBSOCKET, name);
        let types = pre.instance_type();
        let (open, message, close) = (function("open")?, function("message")?, function("close")?);
        open.0.typecheck::<(), ()>(&types).ok()?;
        message.0.typecheck::<(WebSocketFrame,), ()>(&types).ok()?;
        close.0.typecheck::<(u16, &str), ()>(&types).ok()?;
        Some(Self {
            open: open.1,
            message: message.1,
            close: close.1,
        })
    }

    /// # Safety
    /// The instance is of the component in which they were found.
    async unsafe fn enter(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
        event: ConnectionEvent,
    ) -> wasmtime::Result<()> {
        // SAFETY: `find` has checked the types.
        unsafe {
            match event {
                ConnectionEvent::Open => {
                    let func: TypedFunc<(), ()> = typed(instance, store, &self.open)?;
                    func.call_async(store, ()).await
                }
                ConnectionEvent::Frame(frame) => {
                    let func: TypedFunc<(WebSocketFrame,), ()> =
                        typed(instance, store, &self.message)?;
                    func.call_async(store, (frame,)).await
                }
                ConnectionEvent::Close { code, reason } => {
                    let func: TypedFunc<(u16, &str), ()> = typed(instance, store, &self.close)?;
                    func.call_async(store, (code, &reason)).await
                }
            }
        }
    }
}

/// The functions of `rusm:runtime/sse`.
struct EventsExports {
    open: ComponentExportIndex,
    close: ComponentExportIndex,
}

impl EventsExports {
    /// `None` if they are not there, or of another type.
    fn find(component: &Component, pre: &InstancePre<HostState>) -> Option<Self> {
        let function = |name| interface_function(component, SSE, name);
        let types = pre.instance_type();
        let (open, close) = (function("open")?, function("close")?);
        open.0.typecheck::<(), ()>(&types).ok()?;
        close.0.typecheck::<(), ()>(&types).ok()?;
        Some(Self {
            open: open.1,
            close: close.1,
        })
    }

    /// # Safety
    /// The instance is of the component in which they were found.
    async unsafe fn enter(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
        event: ConnectionEvent,
    ) -> wasmtime::Result<()> {
        let export = match event {
            ConnectionEvent::Open => &self.open,
            ConnectionEvent::Close { .. } => &self.close,
            // The client of such a stream sends none.
            ConnectionEvent::Frame(_) => return Ok(()),
        };
        // SAFETY: `find` has checked the types.
        let func: TypedFunc<(), ()> = unsafe { typed(instance, store, export)? };
        func.call_async(store, ()).await
    }
}

/// `func(request: request) -> response`
type ActionParams<'a> = (&'a Request<'a>,);
type ActionResults = (Response,);

/// `func(args: list<u8>) -> result<list<u8>, string>`
type CallParams<'a> = (&'a [u8],);
type CallResults = (Result<Vec<u8>, String>,);

const RUN: &str = "run";
const INIT: &str = "init";
const ON_MAIL: &str = "on-mail";
const WEBSOCKET: &str = "rusm:runtime/websocket@0.1.0";
const SSE: &str = "rusm:runtime/sse@0.1.0";

fn function(component: &Component, name: &str) -> Option<(ComponentFunc, ComponentExportIndex)> {
    match component.get_export(None, name)? {
        (ComponentItem::ComponentFunc(func), export) => Some((func, export)),
        _ => None,
    }
}

fn interface_function(
    component: &Component,
    interface: &str,
    name: &str,
) -> Option<(ComponentFunc, ComponentExportIndex)> {
    let (_, interface) = component.get_export(None, interface)?;
    match component.get_export(Some(&interface), name)? {
        (ComponentItem::ComponentFunc(func), export) => Some((func, export)),
        _ => None,
    }
}

/// The export as a function of this type.
///
/// # Safety
/// The export has this type.
unsafe fn typed<Params, Results>(
    instance: &Instance,
    store: &mut Store<HostState>,
    export: &ComponentExportIndex,
) -> wasmtime::Result<TypedFunc<Params, Results>>
where
    Params: wasmtime::component::ComponentNamedList + wasmtime::component::Lower,
    Results: wasmtime::component::ComponentNamedList + wasmtime::component::Lift,
{
    let func = instance
        .get_func(&mut *store, export)
        .ok_or_else(|| gone("the function"))?;
    // SAFETY: the caller's promise.
    Ok(unsafe { TypedFunc::new_unchecked(func) })
}

fn gone(what: &str) -> wasmtime::Error {
    wasmtime::Error::msg(format!("{what} is gone"))
}

fn names(exports: &[(Arc<str>, ComponentExportIndex)]) -> String {
    let names: Vec<_> = exports.iter().map(|(name, _)| name).collect();
    list(&names)
}

fn list<T: AsRef<str>>(names: &[T]) -> String {
    let names: Vec<_> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => "none".into(),
        _ => format!("`{}`", names.join("`, `")),
    }
}
