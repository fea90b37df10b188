//! Adds the exports of a component to the snapshot of a runner.

use std::collections::BTreeMap;
use std::fmt::Write;

use rusm_config::ActionName;
use walrus::{ExportItem, FunctionBuilder, FunctionId, ImportKind, Module, ValType};
use wit_component::{StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

use super::snapshot::BUILD;
use super::{Description, Kind};
use crate::BoxError;

/// Adds the described exports to a snapshot, and the WIT world with their types. `wit-component`
/// makes a component of the result.
///
/// # Errors
/// A function whose name can't be written in WIT, or two with the same name; a runner that lacks an
/// export.
pub(super) fn name_exports(
    snapshot: &[u8],
    description: &Description,
) -> Result<Vec<u8>, ExportsError> {
    let exports = Exports::of(description)?;
    let mut module = Module::from_buffer(snapshot).map_err(ExportsError::runner)?;
    let entries = take_entries(&mut module);
    let entry = |name: &str| {
        let found = entries.get(name).copied();
        found.ok_or_else(|| ExportsError::runner(format!("it has no export `{ENTRY}{name}`")))
    };
    for export in &exports.functions {
        let function = match export.index {
            Some(index) => with_index(&mut module, entry(export.entry)?, index)?,
            None => entry(export.entry)?,
        };
        module.exports.add(&export.name, function);
        if let Some(post) = export.post {
            let name = format!("cabi_post_{}", export.name);
            module.exports.add(&name, entry(post)?);
        }
    }
    cut_build_imports(&mut module)?;
    drop_metadata(&mut module);
    walrus::passes::gc::run(&mut module);
    let mut core = module.emit_wasm();
    embed_world(&mut core, &exports.world)?;
    Ok(core)
}

/// The reason why a snapshot could not be made a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportsError {
    /// No route and no other component could name the function.
    #[error(
        "the function `{name}` can't be exported: {reason}. Other components and the routes of \
         rusm.toml call it by its name in kebab-case; rename it, or do not export it"
    )]
    Name {
        /// The name in JavaScript.
        name: String,
        /// The reason.
        reason: String,
    },
    /// Two functions have the same name in WIT.
    #[error("the functions `{0}` and `{1}` have the same name, `{2}`, in kebab-case: rename one")]
    SameName(String, String, String),
    /// The runner is of another version.
    #[error("the TypeScript runner can't be used")]
    Runner(#[source] BoxError),
}

impl ExportsError {
    fn runner(error: impl Into<BoxError>) -> Self {
        Self::Runner(error.into())
    }
}

/// The exports of a component.
struct Exports {
    functions: Vec<Export>,
    /// The exports in WIT, as the body of a world.
    world: String,
}

/// An exported function, and the entry of the runner that it calls.
struct Export {
    /// The name of the core function for `wit-component`.
    name: String,
    /// The runner's entry, without [`ENTRY`].
    entry: &'static str,
    /// The runner's first argument, which the export does not have.
    index: Option<usize>,
    /// The runner's entry for when the host has read the result.
    post: Option<&'static str>,
}

impl Exports {
    fn of(description: &Description) -> Result<Self, ExportsError> {
        let mut exports = Self {
            functions: Vec::new(),
            world: String::new(),
        };
        let mut known = BTreeMap::new();
        for (index, name) in description.actions.iter().enumerate() {
            let wit = wit_name(name, &mut known)?;
            exports.declare(format_args!(
                "export %{wit}: func(request: request) -> response;"
            ));
            // An instance lives for one action: nothing has to be freed after it.
            exports.add(wit, "action", Some(index), None);
        }
        for (index, name) in description.functions.iter().enumerate() {
            let wit = wit_name(name, &mut known)?;
            exports.declare(format_args!(
                "export %{wit}: func(args: list<u8>) -> result<list<u8>, string>;"
            ));
            exports.add(wit, "function", Some(index), Some("function-post"));
        }
        match description.kind {
            Kind::Handler => {}
            Kind::Service => {
                exports.declare(format_args!("export init: func();"));
                exports.add("init".to_owned(), "service-init", None, None);
            }
            Kind::Websocket => {
                exports.declare(format_args!("export {WEBSOCKET};"));
                for (function, entry) in [
                    ("open", "websocket-open"),
                    ("message", "websocket-message"),
                    ("close", "websocket-close"),
                ] {
                    exports.add(format!("{WEBSOCKET}#{function}"), entry, None, None);
                }
            }
            Kind::Process => {
                exports.declare(format_args!("export run: func();"));
                exports.add("run".to_owned(), "run", None, None);
            }
        }
        if description.on_mail {
            exports.declare(format_args!("export on-mail: func(mail: mail);"));
            exports.add("on-mail".to_owned(), "on-mail", None, None);
        }
        Ok(exports)
    }

    fn declare(&mut self, item: std::fmt::Arguments<'_>) {
        let _ = writeln!(self.world, "    {item}");
    }

    fn add(
        &mut self,
        name: String,
        entry: &'static str,
        index: Option<usize>,
        post: Option<&'static str>,
    ) {
        self.functions.push(Export {
            name,
            entry,
            index,
            post,
        });
    }
}

/// Returns the name in WIT. `known` has the names so far, with their names in JavaScript.
fn wit_name(name: &str, known: &mut BTreeMap<String, String>) -> Result<String, ExportsError> {
    let bad = |reason: String| ExportsError::Name {
        name: name.to_owned(),
        reason,
    };
    let parsed: ActionName = name.parse().map_err(|error| bad(format!("{error}")))?;
    let wit = parsed.as_str().to_owned();
    // WIT's words each begin with a letter (component-model, `WIT.md`, "Identifiers").
    if wit
        .split('-')
        .any(|word| word.starts_with(|c: char| c.is_ascii_digit()))
    {
        return Err(bad("a digit follows `_`".to_owned()));
    }
    match known.insert(wit.clone(), name.to_owned()) {
        Some(other) => Err(ExportsError::SameName(other, name.to_owned(), wit)),
        None => Ok(wit),
    }
}

/// Removes the runner's entries from the exports. Returns them by their names without [`ENTRY`].
fn take_entries(module: &mut Module) -> BTreeMap<String, FunctionId> {
    let mut entries = BTreeMap::new();
    let mut taken = Vec::new();
    for export in module.exports.iter() {
        if let (Some(name), &ExportItem::Function(id)) =
            (export.name.strip_prefix(ENTRY), &export.item)
        {
            entries.insert(name.to_owned(), id);
            taken.push(export.id());
        }
    }
    for export in taken {
        module.exports.delete(export);
    }
    entries
}

/// Adds a function that calls `entry` with `index` before its own arguments.
fn with_index(
    module: &mut Module,
    entry: FunctionId,
    index: usize,
) -> Result<FunctionId, ExportsError> {
    let index = i32::try_from(index).map_err(ExportsError::runner)?;
    let ty = module.types.get(module.funcs.get(entry).ty());
    let [ValType::I32, params @ ..] = ty.params() else {
        return Err(ExportsError::runner("an entry takes no index"));
    };
    let (params, results) = (params.to_vec(), ty.results().to_vec());
    let args: Vec<_> = params.iter().map(|ty| module.locals.add(*ty)).collect();
    let mut builder = FunctionBuilder::new(&mut module.types, &params, &results);
    let mut body = builder.func_body();
    body.i32_const(index);
    for arg in &args {
        body.local_get(*arg);
    }
    body.call(entry);
    Ok(builder.finish(args, &mut module.funcs))
}

/// Cuts imports that exist only at build time: no remaining function calls them, and other
/// references would trap.
fn cut_build_imports(module: &mut Module) -> Result<(), ExportsError> {
    let imports: Vec<_> = module
        .imports
        .iter()
        .filter(|import| import.module == BUILD)
        .filter_map(|import| match import.kind {
            ImportKind::Function(id) => Some(id),
            _ => None,
        })
        .collect();
    for import in imports {
        let cut = module.replace_imported_func(import, |(body, _)| {
            body.unreachable();
        });
        cut.map_err(ExportsError::runner)?;
    }
    Ok(())
}

/// Drops the world of the runner, which the component's replaces.
fn drop_metadata(module: &mut Module) {
    let sections: Vec<_> = module
        .customs
        .iter()
        .filter(|(_, section)| section.name().starts_with("component-type"))
        .map(|(id, _)| id)
        .collect();
    for section in sections {
        module.customs.delete(section);
    }
}

fn embed_world(core: &mut Vec<u8>, exports: &str) -> Result<(), ExportsError> {
    let wit = format!(
        "package rusm:author;\n\nworld component {{\n    include rusm:typescript/runner@0.1.0;\n    \
         use rusm:runtime/http@0.1.0.{{request, response}};\n    \
         use rusm:runtime/actor@0.1.0.{{mail}};\n{exports}}}\n"
    );
    let mut resolve = Resolve::default();
    let mut push = |name: &str, wit: &str| resolve.push_str(name, wit);
    let package = push("runtime.wit", include_str!("../../../wit/runtime.wit"))
        .and_then(|_| {
            let runner = include_str!("../../../sdk/typescript/runner/wit/runner.wit");
            push("runner.wit", runner)
        })
        .and_then(|_| push("component.wit", &wit))
        .map_err(ExportsError::runner)?;
    let world = resolve
        .select_world(&[package], Some("component"))
        .map_err(ExportsError::runner)?;
    embed_component_metadata(core, &resolve, world, StringEncoding::UTF8)
        .map_err(ExportsError::runner)
}

/// The prefix of each entry that the runner exports.
const ENTRY: &str = "rusm-js:";
const WEBSOCKET: &str = "rusm:runtime/websocket@0.1.0";

#[cfg(test)]
mod tests {
    use super::*;

    /// A runner with the shape of ours.
    fn runner() -> Vec<u8> {
        let ten = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)";
        wat::parse_str(format!(
            r#"(module
                (import "rusm-js:build" "source-len" (func $len (result i32)))
                (import "rusm:typescript/host@0.1.0" "random" (func $random (result i64)))
                (memory (export "memory") 1)
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 8))
                (func (export "rusm-js:action") {ten} (result i32)
                    (drop (call $random)) (drop (call $len)) (local.get 0))
                (func (export "rusm-js:action-post") (param i32))
                (func (export "rusm-js:function") (param i32 i32 i32) (result i32) (local.get 0))
                (func (export "rusm-js:function-post") (param i32))
                (func (export "rusm-js:service-init"))
                (func (export "rusm-js:websocket-open"))
                (func (export "rusm-js:websocket-message") (param i32 i32 i32))
                (func (export "rusm-js:websocket-close") (param i32 i32 i32))
                (func (export "rusm-js:on-mail") (param i32 i64 i32 i32))
                (func (export "rusm-js:run")))"#
        ))
        .unwrap()
    }

    fn described(json: &str) -> Description {
        serde_json::from_str(json).unwrap()
    }

    /// The exports of the component that is made of it, which is valid then.
    fn exports(json: &str) -> Vec<String> {
        let core = name_exports(&runner(), &described(json)).unwrap();
        let module = Module::from_buffer(&core).unwrap();
        assert!(module.imports.iter().all(|import| import.module != BUILD));
        let component = wit_component::ComponentEncoder::default()
            .validate(true)
            .module(&core)
            .unwrap()
            .encode()
            .unwrap();
        let decoded = wit_component::decode(&component).unwrap();
        let (resolve, world) = match decoded {
            wit_component::DecodedWasm::Component(resolve, world) => (resolve, world),
            other => panic!("{:?}", other.package()),
        };
        let exports = resolve.worlds[world].exports.keys();
        exports.map(|key| resolve.name_world_key(key)).collect()
    }

    fn name_error(actions: &[&str]) -> String {
        let description = Description {
            kind: Kind::Handler,
            actions: actions.iter().map(|&name| name.to_owned()).collect(),
            functions: Vec::new(),
            on_mail: false,
        };
        name_exports(&runner(), &description)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn each_kind_has_its_exports() {
        for (json, expected) in [
            (
                r#"{"kind":"handler","actions":["fetch","listAll"],"functions":["get"]}"#,
                &["fetch", "list-all", "get"][..],
            ),
            (
                r#"{"kind":"service","functions":["add_one"]}"#,
                &["add-one", "init"],
            ),
            (
                r#"{"kind":"service","functions":["list"],"onMail":true}"#,
                &["list", "init", "on-mail"],
            ),
            (
                r#"{"kind":"websocket","onMail":false}"#,
                &["rusm:runtime/websocket@0.1.0"],
            ),
            (
                r#"{"kind":"websocket","onMail":true}"#,
                &["rusm:runtime/websocket@0.1.0", "on-mail"],
            ),
            (r#"{"kind":"process"}"#, &["run"]),
        ] {
            let mut exports = exports(json);
            let mut expected = expected.to_vec();
            exports.sort();
            expected.sort();
            assert_eq!(exports, expected, "{json}");
        }
    }

    #[test]
    fn an_export_calls_its_entry_with_its_place() {
        let description = described(r#"{"kind":"service","functions":["zero","one","two"]}"#);
        let core = name_exports(&runner(), &description).unwrap();
        let engine = wasmtime::Engine::default();
        let module = wasmtime::Module::new(&engine, &core).unwrap();
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = wasmtime::Instance::new(&mut store, &module, &[]).unwrap();
        let two = instance
            .get_typed_func::<(i32, i32), i32>(&mut store, "two")
            .unwrap();
        // The runner above answers with the place that it was given.
        assert_eq!(two.call(&mut store, (7, 7)).unwrap(), 2);
        for export in ["rusm-js:function", "rusm-js:run", "zero", "cabi_post_zero"] {
            let is_there = instance.get_func(&mut store, export).is_some();
            assert_eq!(is_there, !export.contains(':'), "{export}");
        }
    }

    #[test]
    fn a_name_without_a_spelling_in_wit_is_refused() {
        for name in ["$", "a$", "_private", "né", "v1_2"] {
            let error = name_error(&[name]);
            assert!(
                error.contains(&format!("`{name}`")) && error.contains("rename"),
                "{error}"
            );
        }
        let error = name_error(&["listAll", "list_all"]);
        assert!(error.contains("`listAll` and `list_all`"), "{error}");
    }
}
