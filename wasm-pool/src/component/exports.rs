//! The functions of a guest that the host calls, and their types.

use wasmtime::Store;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Instance, InstancePre, TypedFunc};

use crate::bindings::WebSocketFrame;
use crate::http::{Request, Response};
use crate::state::HostState;

/// What kind of connection a process holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionKind {
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
pub(super) struct WebSocketExports {
    open: ComponentExportIndex,
    message: ComponentExportIndex,
    close: ComponentExportIndex,
}

impl WebSocketExports {
    /// `None` if they are not there, or of another type.
    pub(super) fn find(component: &Component, pre: &InstancePre<HostState>) -> Option<Self> {
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
    pub(super) async unsafe fn enter(
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
pub(super) struct EventsExports {
    open: ComponentExportIndex,
    close: ComponentExportIndex,
}

impl EventsExports {
    /// `None` if they are not there, or of another type.
    pub(super) fn find(component: &Component, pre: &InstancePre<HostState>) -> Option<Self> {
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
    pub(super) async unsafe fn enter(
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
pub(super) type ActionParams<'a> = (&'a Request<'a>,);
pub(super) type ActionResults = (Response,);

/// `func(args: list<u8>) -> result<list<u8>, string>`
pub(super) type CallParams<'a> = (&'a [u8],);
pub(super) type CallResults = (Result<Vec<u8>, String>,);

const WEBSOCKET: &str = "rusm:runtime/websocket@0.1.0";
const SSE: &str = "rusm:runtime/sse@0.1.0";

pub(super) fn function(
    component: &Component,
    name: &str,
) -> Option<(ComponentFunc, ComponentExportIndex)> {
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
pub(super) unsafe fn typed<Params, Results>(
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

pub(super) fn gone(what: &str) -> wasmtime::Error {
    wasmtime::Error::msg(format!("{what} is gone"))
}
