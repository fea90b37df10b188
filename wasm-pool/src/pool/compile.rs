//! Compiling components.

use wasmparser::{ComponentExternalKind, Parser, Payload, Validator, WasmFeatures};
use wasmtime::Engine;

use super::artifact::Artifact;

/// Compiles `wasm`. If it answers requests, it gets a function that puts its instances back, so that one serves many.
///
/// # Errors
/// When `wasm` isn't a component, or not one that this engine can compile.
pub(super) fn compile(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Artifact> {
    let with_reset = answers_requests(wasm)
        .then(|| rusm_wasm_reset::rewrite(wasm, rusm_wasm_reset::Added::Reset));
    let to_compile = match &with_reset {
        Some(Ok(with_reset)) => with_reset,
        Some(Err(why)) => {
            tracing::debug!("each request makes a new instance of a component: {why}");
            wasm
        }
        None => wasm,
    };
    Artifact::new(engine.precompile_component(to_compile)?.into(), wasm)
}

/// Whether it has actions, whose processes end with their requests. In one that lives on, marking what is written
/// would cost and bring nothing.
fn answers_requests(wasm: &[u8]) -> bool {
    let Ok(types) = Validator::new_with_features(WasmFeatures::all()).validate_all(wasm) else {
        return false;
    };
    let types = types.as_ref();
    let mut has_action = false;
    let mut depth = 0;
    for payload in Parser::new(0).parse_all(wasm).map_while(Result::ok) {
        match payload {
            Payload::ComponentSection { .. } | Payload::ModuleSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentExportSection(exports) if depth == 0 => {
                for export in exports.into_iter().map_while(Result::ok) {
                    let name = export.name.name;
                    if LIVE_ON
                        .iter()
                        .any(|one| name == *one || name.starts_with(&format!("{one}@")))
                    {
                        return false;
                    }
                    if export.kind == ComponentExternalKind::Func {
                        let ty = &types[types.component_function_at(export.index)];
                        has_action |=
                            matches!(&*ty.params, [(name, _)] if name.as_str() == REQUEST);
                    }
                }
            }
            _ => {}
        }
    }
    has_action
}

/// Exports of components whose processes wait for more than one message: see `wit/runtime.wit`.
const LIVE_ON: [&str; 5] = [
    "run",
    "init",
    "on-mail",
    "rusm:runtime/websocket",
    "rusm:runtime/sse",
];
/// The parameter of an action.
const REQUEST: &str = "request";
