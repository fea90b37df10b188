//! The actions of a component, and the two ways to call one.
//!
//! In one piece, if the component suits and the request is not too large: the request enters as one list of bytes, and
//! the code that was added to the component (`rusm_wasm_reset::CALL`) hands it to the action and puts the instance back.
//! Otherwise as the function that the action is.

use std::cell::Cell;
use std::sync::Arc;

use rusm_config::ActionName;
use rusm_wasm_reset::frame;
use rusm_wasm_reset::{CALL, RESPONSE};
use wasmtime::Store;
use wasmtime::component::{
    Component, ComponentExportIndex, Instance, InstancePre, TypedFunc, WasmList,
};

use super::exports::{ActionParams, ActionResults, function, gone, typed};
use crate::http::{Request, Response};
use crate::state::HostState;

/// Those that a route may call.
#[derive(Default)]
pub(super) struct Actions {
    all: Vec<ActionExport>,
    /// Gives the response of a call in one piece, if that was too large for it.
    response: Option<ComponentExportIndex>,
    /// For the next request in one piece.
    buffer: Cell<Vec<u8>>,
}

struct ActionExport {
    name: Arc<str>,
    export: ComponentExportIndex,
    /// Calls it in one piece.
    call: Option<ComponentExportIndex>,
}

type CallParams<'a> = (&'a [u8],);
type CallResults = (WasmList<u8>,);
type ResponseResults = ((u16, Vec<(String, Vec<u8>)>, Vec<u8>),);

impl Actions {
    pub(super) fn add(&mut self, name: &str, export: ComponentExportIndex) {
        self.all.push(ActionExport {
            name: name.into(),
            export,
            call: None,
        });
    }

    /// Finds what the host has added to call them in one piece. The caller knows that the component had none of these
    /// names before.
    pub(super) fn find_calls(&mut self, component: &Component, pre: &InstancePre<HostState>) {
        let types = pre.instance_type();
        let Some((response, export)) = function(component, RESPONSE) else {
            return;
        };
        if response.typecheck::<(), ResponseResults>(&types).is_err() {
            return;
        }
        self.response = Some(export);
        for action in &mut self.all {
            let call = function(component, &format!("{CALL}{}", action.name));
            let call = call.filter(|(call, _)| {
                call.typecheck::<CallParams<'_>, CallResults>(&types)
                    .is_ok()
            });
            action.call = call.map(|(_, export)| export);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The position of the action of this name: in WIT's kebab-case, or as the languages of guests spell it.
    pub(super) fn position(&self, name: &str) -> Option<u16> {
        let named = |wanted: &str| self.all.iter().position(|action| &*action.name == wanted);
        let index = named(name).or_else(|| named(name.parse::<ActionName>().ok()?.as_str()))?;
        u16::try_from(index).ok()
    }

    pub(super) fn name(&self, action: u16) -> Option<&str> {
        let action = self.all.get(usize::from(action))?;
        Some(&action.name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.all.iter().map(|action| &action.name)
    }

    /// Calls an action of an instance in its first state.
    pub(super) async fn call(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
        action: u16,
        request: &Request<'_>,
    ) -> wasmtime::Result<Response> {
        let action = self.all.get(usize::from(action));
        let action = action.ok_or_else(|| gone("the action"))?;
        if let Some(call) = &action.call {
            let mut buffer = self.buffer.take();
            buffer.clear();
            if frame_of(request).encode(&mut buffer) {
                let response = self.call_in_one_piece(store, instance, call, &buffer).await;
                self.buffer.set(buffer);
                return response;
            }
            self.buffer.set(buffer);
        }
        // SAFETY: the type of this very export was checked when it was loaded.
        let func: TypedFunc<ActionParams<'_>, ActionResults> =
            unsafe { typed(instance, store, &action.export)? };
        let (response,) = func.call_async(store, (request,)).await?;
        Ok(response)
    }

    async fn call_in_one_piece(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
        call: &ComponentExportIndex,
        request: &[u8],
    ) -> wasmtime::Result<Response> {
        // SAFETY: the type of this very export was checked when it was loaded.
        let func: TypedFunc<CallParams<'_>, CallResults> = unsafe { typed(instance, store, call)? };
        let (response,) = func.call_async(&mut *store, (request,)).await?;
        let response = response.as_le_slice(&*store);
        if response.is_empty() {
            return self.response_left(store, instance).await;
        }
        let response = frame::Response::decode(response)?;
        store.data_mut().is_reset = response.is_reset;
        Ok(Response {
            status: response.status,
            headers: response.headers,
            body: response.body,
        })
    }

    /// The response that the last call has left in the guest's memory.
    async fn response_left(
        &self,
        store: &mut Store<HostState>,
        instance: &Instance,
    ) -> wasmtime::Result<Response> {
        let export = self.response.as_ref();
        let export = export.ok_or_else(|| gone("the response"))?;
        // SAFETY: the type of this very export was checked when it was loaded.
        let func: TypedFunc<(), ResponseResults> = unsafe { typed(instance, store, export)? };
        let ((status, headers, body),) = func.call_async(store, ()).await?;
        Ok(Response {
            status,
            headers,
            body,
        })
    }
}

fn frame_of<'a>(request: &Request<'a>) -> frame::Request<'a> {
    frame::Request {
        method: request.method,
        target: request.target,
        headers: request.headers,
        params: request.params,
        body: request.body,
    }
}
