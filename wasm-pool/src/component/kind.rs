//! What a component is follows from what it exports.

use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::ComponentItem;

/// The exports and imports of a component that decide how it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComponentType {
    /// The functions that it exports by themselves, in WIT's kebab-case.
    pub functions: Vec<String>,
    /// The interfaces that it exports, with their versions.
    pub interfaces: Vec<String>,
    /// Whether it imports any interface of WASI.
    pub imports_wasi: bool,
    /// Whether it imports functions of the host that may wait.
    pub may_wait: bool,
    /// Whether it imports what sends requests: `rusm:runtime/client`.
    pub imports_client: bool,
    /// Whether it imports what streams answers: `rusm:runtime/serve`.
    pub imports_serve: bool,
}

impl ComponentType {
    /// Read what it is off the component's type.
    pub fn of(component: &Component, engine: &Engine) -> Self {
        let ty = component.component_type();
        let mut found = Self {
            functions: Vec::new(),
            interfaces: Vec::new(),
            imports_wasi: ty
                .imports(engine)
                .any(|(name, _)| name.starts_with("wasi:")),
            may_wait: ty
                .imports(engine)
                .any(|(name, _)| !NEVER_WAIT.iter().any(|prefix| name.starts_with(prefix))),
            imports_client: ty
                .imports(engine)
                .any(|(name, _)| name.starts_with("rusm:runtime/client@")),
            imports_serve: ty
                .imports(engine)
                .any(|(name, _)| name.starts_with("rusm:runtime/serve@")),
        };
        for (name, item) in ty.exports(engine) {
            match item.ty {
                // The host's own.
                ComponentItem::ComponentFunc(_) if rusm_wasm_reset::is_added(name) => {}
                ComponentItem::ComponentFunc(_) => found.functions.push(name.to_owned()),
                ComponentItem::ComponentInstance(_) => found.interfaces.push(name.to_owned()),
                _ => {}
            }
        }
        found
    }
}

impl ComponentType {
    /// Whether some of what it imports is done by WASI's threads.
    pub fn needs_wasi_runtime(&self) -> bool {
        self.imports_wasi || self.imports_client
    }

    /// Whether it is a stock component that answers HTTP.
    pub fn handles_http(&self) -> bool {
        let mut interfaces = self.interfaces.iter();
        interfaces.any(|name| name.starts_with("wasi:http/incoming-handler@0.2."))
    }
}

/// What a component can do, by what it exports and imports. It is read once, when the component is loaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComponentKind {
    /// It exports `rusm:runtime/websocket`: a process of it holds a WebSocket.
    pub is_websocket: bool,
    /// It exports `rusm:runtime/sse`: a process of it holds a stream of Server-Sent Events.
    pub is_event_source: bool,
    /// It exports `wasi:http/incoming-handler`.
    pub is_http_handler: bool,
    /// It exports `run`: the life of its process is that function, which receives messages itself.
    pub is_run: bool,
    /// It imports `rusm:runtime/serve`: an action of it may answer by a stream.
    pub may_stream: bool,
}

/// Interfaces that have types alone, or no function that waits.
const NEVER_WAIT: [&str; 4] = [
    "rusm:runtime/types@",
    "rusm:runtime/http@",
    "rusm:runtime/diagnostics@",
    "rusm:typescript/host@",
];
