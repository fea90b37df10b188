//! Compiling components.

use rusm_wasm_reset::Added;
use wasmparser::{ComponentExternalKind, Parser, Payload, Validator, WasmFeatures};
use wasmtime::Engine;

use super::artifact::Artifact;

/// Compiles `wasm`, with what puts its instances back, so that one serves many, and saves them, so that processes wait
/// without one.
///
/// # Errors
/// When `wasm` isn't a component, or not one that this engine can compile.
pub(super) fn compile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Artifact> {
    let rewritten = added(wasm).map(|added| rusm_wasm_reset::rewrite(wasm, added));
    let to_compile = match &rewritten {
        Some(Ok(rewritten)) => rewritten,
        Some(Err(why)) => {
            tracing::debug!("each process of a component has an instance of its own: {why}");
            wasm
        }
        None => wasm,
    };
    Artifact::new(engine.precompile_component(to_compile)?.into(), wasm)
}

/// What a component is given: a reset, if its processes end with their requests; the means to wait without an
/// instance, if they hold a connection. In others, marking what is written would cost and bring nothing.
pub(super) fn added(wasm: &[u8]) -> Option<Added> {
    let exports = exports(wasm);
    let has = |names: &[&str]| {
        let is_one = |name: &str, one: &str| {
            name.strip_prefix(one)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('@'))
        };
        let mut all = names.iter();
        all.any(|one| exports.iter().any(|export| is_one(export.name, one)))
    };
    if has(&[RUN]) {
        return None;
    }
    if has(&CONNECTIONS) {
        return Some(Added::ResetAndSave);
    }
    (!has(&LIVE_ON) && has_action(wasm, &exports)).then_some(Added::Reset)
}

/// An export of a component.
struct Export<'a> {
    name: &'a str,
    kind: ComponentExternalKind,
    index: u32,
}

fn exports(wasm: &[u8]) -> Vec<Export<'_>> {
    let mut all = Vec::new();
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        match payload {
            Payload::ComponentSection { .. } | Payload::ModuleSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentExportSection(exports) if depth == 0 => {
                let exports = exports.into_iter().map_while(Result::ok);
                all.extend(exports.map(|export| Export {
                    name: export.name.name,
                    kind: export.kind,
                    index: export.index,
                }));
            }
            _ => {}
        }
    }
    all
}

/// Whether a component has actions.
fn has_action(wasm: &[u8], exports: &[Export<'_>]) -> bool {
    let Ok(types) = Validator::new_with_features(WasmFeatures::all()).validate_all(wasm) else {
        return false;
    };
    let types = types.as_ref();
    let functions = exports
        .iter()
        .filter(|export| export.kind == ComponentExternalKind::Func);
    functions
        .map(|export| &types[types.component_function_at(export.index)])
        .any(|ty| matches!(&*ty.params, [(name, _)] if name.as_str() == REQUEST))
}

// Exports of components whose processes wait for more than one message: see `wit/runtime.wit`.
const RUN: &str = "run";
const CONNECTIONS: [&str; 2] = ["rusm:runtime/websocket", "rusm:runtime/sse"];
const LIVE_ON: [&str; 2] = ["init", "on-mail"];
/// The parameter of an action.
const REQUEST: &str = "request";
