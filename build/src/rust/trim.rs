//! Redirects WASI imports that a component is not granted, and drops unused code.
//!
//! Works on the linker's core module, before it becomes a component. Guests built with the SDK
//! contain replacements for WASI functions, exported as
//! `rusm-virtual:<interface without version>#<function>` (`sdk/rust/src/virtual_wasi.rs` explains
//! why). An import that the capabilities do not grant becomes a call of its replacement. A fresh
//! instance is cheaper without unused imports.

use std::collections::HashMap;

use walrus::ir::{Instr, VisitorMut, dfs_pre_order_mut};
use walrus::{ExportItem, FunctionId, FunctionKind, ImportKind, Module};

use super::guard::add_guards;
use crate::{BoxError, Grants};

/// The options of [`trim`].
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The WASI capabilities that stay imported.
    pub(crate) grants: Grants,
    /// The actions of a handler, `None` for another kind of component. Every instance of a handler
    /// lives for one call: only the exports for such a call stay, without those that free memory
    /// after it.
    pub(crate) actions: Option<Vec<String>>,
}

/// A trimmed module.
#[derive(Debug)]
pub(crate) struct Trimmed {
    /// The module.
    pub(crate) core: Vec<u8>,
    /// The capabilities that it imported and was not granted.
    pub(crate) withheld: Grants,
}

/// Trims a core module.
///
/// A module without an `rusm-virtual:` export was not built with the SDK, and is returned
/// unchanged.
pub(crate) fn trim(core: &[u8], options: &Options) -> Result<Trimmed, TrimError> {
    let mut module = Module::from_buffer(core).map_err(TrimError::parse)?;
    let answers = take_answers(&mut module);
    let mut withheld = Grants::default();
    if answers.is_empty() {
        return Ok(Trimmed {
            core: core.to_vec(),
            withheld,
        });
    }
    let reach = Reach::new(&module, options.grants);
    let mut detours = HashMap::new();
    for import in wasi_functions(&module) {
        if import.scheme == Scheme::Older && reach.is_redirected(&import.interface) {
            let answer = answers
                .get(&format!("{}#{}", import.interface, import.name))
                .copied();
            if let Some(answer) = answer {
                check_type(&module, &import, answer)?;
                withhold(&mut withheld, &import.interface);
                detours.insert(import.id, answer);
            }
        }
    }
    detour(&mut module, &detours);
    for import in wasi_functions(&module) {
        if let Some(answer) = detours.get(&import.id) {
            divert(&mut module, &import, *answer)?;
        } else if reach.is_cut(&import) {
            cut(&mut module, &import)?;
        }
    }
    drop_exports(&mut module, |name| {
        name == super::layout::HEAP_BASE
            || options
                .actions
                .as_ref()
                .is_some_and(|actions| !serves_an_action(name, actions))
    });
    drop_idle_initializers(&mut module);
    add_guards(&mut module);
    walrus::passes::gc::run(&mut module);
    Ok(Trimmed {
        core: module.emit_wasm(),
        withheld,
    })
}

/// Records the grant by which an interface would have stayed the host's. Streams have no grant of
/// their own.
fn withhold(withheld: &mut Grants, interface: &str) {
    match family(interface) {
        Family::Environment => withheld.env = true,
        Family::Streams if interface.starts_with("wasi:cli/std") => withheld.stdio = true,
        Family::Filesystem => withheld.preopen = true,
        Family::Sockets => withheld.sockets = true,
        Family::Always | Family::Streams | Family::Host => {}
    }
}

/// The reason why a module could not be trimmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrimError {
    /// The linker's output can't be read.
    #[error("reading the linked module")]
    Parse(#[source] BoxError),
    /// The SDK's replacement and the import have different types.
    #[error(
        "the SDK's stand-in for {0} has another type than the import: this version of the rusm \
         command does not fit the component's version of the SDK or of WASI"
    )]
    Mismatch(String),
}

impl TrimError {
    fn parse(error: impl Into<BoxError>) -> Self {
        Self::Parse(error.into())
    }
}

/// The interfaces that are redirected in one module.
struct Reach {
    grants: Grants,
    /// True if streams come from the host. All streams do or none: the guest's own streams do not
    /// know the host's handles, nor the other way round.
    host_streams: bool,
    /// True if the guest may wait for time, so that some of its pollables are the host's.
    host_time: bool,
}

impl Reach {
    fn new(module: &Module, grants: Grants) -> Self {
        let mut reach = Self {
            grants,
            host_streams: grants.stdio,
            host_time: false,
        };
        for import in module.imports.iter() {
            if !matches!(import.kind, ImportKind::Function(_)) {
                continue;
            }
            reach.host_streams |= reach.brings_streams(&import.module);
            reach.host_time |= wasi_interface(&import.module).is_some_and(|(interface, scheme)| {
                scheme == Scheme::Older && is_timer(&interface, &import.name)
            });
        }
        // With the streams, their pollables are the host's too.
        reach.host_time |= reach.host_streams;
        reach
    }

    fn is_redirected(&self, interface: &str) -> bool {
        match family(interface) {
            Family::Always => true,
            Family::Environment => !self.grants.env,
            Family::Streams => !self.host_streams,
            Family::Filesystem => !self.grants.preopen,
            Family::Sockets => !self.grants.sockets,
            Family::Host => false,
        }
    }

    /// Returns whether nothing remains for this import to act on: it is redirected and has no
    /// replacement, or it belongs to the host's pollables and there are none.
    fn is_cut(&self, import: &WasiFunction) -> bool {
        match import.scheme {
            Scheme::Older => self.is_redirected(&import.interface),
            Scheme::Answers => {
                !self.host_time
                    && (import.interface == "wasi:io/poll"
                        || is_timer(&import.interface, &import.name))
            }
        }
    }

    /// Returns whether this import can return a stream of the host.
    fn brings_streams(&self, module: &str) -> bool {
        let Some((interface, scheme)) = wasi_interface(module) else {
            // Our own interfaces use scalars and ids; others are unknown.
            return !module.starts_with("rusm:") && module != "$root";
        };
        match family(&interface) {
            Family::Always | Family::Environment | Family::Streams => false,
            Family::Filesystem | Family::Sockets => {
                scheme == Scheme::Answers || !self.is_redirected(&interface)
            }
            Family::Host => {
                !interface.starts_with("wasi:random/") && !interface.starts_with("wasi:clocks/")
            }
        }
    }
}

/// Returns whether a function makes a pollable that waits for time.
fn is_timer(interface: &str, name: &str) -> bool {
    interface == "wasi:clocks/monotonic-clock" && name.starts_with("subscribe-")
}

/// The interfaces of WASI 0.2, by the grant that decides about them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Family {
    /// Always redirected: the guest's replacement is equivalent and cheaper.
    Always,
    Environment,
    Streams,
    Filesystem,
    Sockets,
    /// Stays the host's: clocks, randomness, HTTP.
    Host,
}

fn family(interface: &str) -> Family {
    match interface.split_once('/') {
        Some(("wasi:cli", "exit")) | Some(("wasi:random", "insecure-seed")) => Family::Always,
        Some(("wasi:cli", "environment")) => Family::Environment,
        Some(("wasi:cli", name)) if name.starts_with("std") || name.starts_with("terminal-") => {
            Family::Streams
        }
        Some(("wasi:io", _)) => Family::Streams,
        Some(("wasi:filesystem", _)) => Family::Filesystem,
        Some(("wasi:sockets", _)) => Family::Sockets,
        _ => Family::Host,
    }
}

/// The scheme of an import's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scheme {
    /// The scheme of the standard library, the C library and bindings.
    Older,
    /// The scheme of the component model's `BuildTargets.md`. The SDK's replacements call the host
    /// by it, so that they never call themselves.
    Answers,
}

/// Converts `wasi:io/poll@0.2.6` or `cm32p2|wasi:io/poll@0.2` to `wasi:io/poll`; `None` if it is
/// not WASI 0.2.
fn wasi_interface(module: &str) -> Option<(String, Scheme)> {
    let (interface, version) = module.split_once('@')?;
    let (interface, scheme) = match interface.strip_prefix("cm32p2|") {
        Some(interface) if version == "0.2" => (interface, Scheme::Answers),
        None if version.starts_with("0.2.") => (interface, Scheme::Older),
        _ => return None,
    };
    interface
        .starts_with("wasi:")
        .then(|| (interface.to_owned(), scheme))
}

struct WasiFunction {
    interface: String,
    scheme: Scheme,
    name: String,
    id: FunctionId,
}

impl WasiFunction {
    fn drops_a_resource(&self) -> bool {
        match self.scheme {
            Scheme::Older => self.name.starts_with("[resource-drop]"),
            Scheme::Answers => self.name.ends_with("_drop"),
        }
    }
}

fn wasi_functions(module: &Module) -> Vec<WasiFunction> {
    let wasi = |import: &walrus::Import| {
        let ImportKind::Function(id) = import.kind else {
            return None;
        };
        let (interface, scheme) = wasi_interface(&import.module)?;
        Some(WasiFunction {
            interface,
            scheme,
            name: import.name.clone(),
            id,
        })
    };
    module.imports.iter().filter_map(wasi).collect()
}

/// Removes the SDK's replacements from the exports, and returns them by `<interface>#<function>`.
fn take_answers(module: &mut Module) -> Answers {
    let answer = |export: &walrus::Export| match (export.name.strip_prefix(ANSWER), &export.item) {
        (Some(name), ExportItem::Function(id)) => Some((name.to_owned(), *id)),
        _ => None,
    };
    let answers = module.exports.iter().filter_map(answer).collect();
    drop_exports(module, |name| name.starts_with(ANSWER));
    answers
}

/// Returns whether the call of an action needs an export. Exports of a core module have two schemes
/// of names: the older one, and that of the component model's `BuildTargets.md`.
fn serves_an_action(export: &str, actions: &[String]) -> bool {
    match export.strip_prefix("cm32p2") {
        Some("_memory" | "_realloc" | "_initialize") => true,
        Some(name) => name
            .strip_prefix("||")
            .is_some_and(|name| actions.iter().any(|a| a == name)),
        None => {
            matches!(export, "memory" | "cabi_realloc" | "_initialize")
                || actions.iter().any(|action| action == export)
        }
    }
}

fn drop_exports(module: &mut Module, condemned: impl Fn(&str) -> bool) {
    let ids: Vec<_> = module
        .exports
        .iter()
        .filter(|e| condemned(&e.name))
        .map(|e| e.id())
        .collect();
    for id in ids {
        module.exports.delete(id);
    }
}

/// Drops the export that starts an instance if it does nothing: the call of it costs each instance
/// another core module.
fn drop_idle_initializers(module: &mut Module) {
    let mut idle = Vec::new();
    for export in module.exports.iter() {
        let is_initializer = matches!(&*export.name, "cm32p2_initialize" | "_initialize");
        if let (true, ExportItem::Function(function)) = (is_initializer, export.item)
            && is_idle(module, function, 0)
        {
            idle.push(export.id());
        }
    }
    for export in idle {
        module.exports.delete(export);
    }
}

/// Returns whether a function only calls functions that do nothing.
fn is_idle(module: &Module, function: FunctionId, depth: usize) -> bool {
    const DEEPEST: usize = 8;
    let FunctionKind::Local(local) = &module.funcs.get(function).kind else {
        return false;
    };
    depth < DEEPEST
        && local.block(local.entry_block()).instrs.iter().all(
            |(instruction, _)| match instruction {
                Instr::Call(call) => is_idle(module, call.func, depth + 1),
                _ => false,
            },
        )
}

/// Makes every function call the replacements instead of the imports.
fn detour(module: &mut Module, detours: &HashMap<FunctionId, FunctionId>) {
    struct Detour<'a>(&'a HashMap<FunctionId, FunctionId>);
    impl VisitorMut for Detour<'_> {
        fn visit_function_id_mut(&mut self, function: &mut FunctionId) {
            if let Some(answer) = self.0.get(function) {
                *function = *answer;
            }
        }
    }
    for (_, function) in module.funcs.iter_local_mut() {
        let entry = function.entry_block();
        dfs_pre_order_mut(&mut Detour(detours), function, entry);
    }
}

/// Puts a call of the replacement into an import, for references other than calls: a table of
/// functions, an export.
fn divert(module: &mut Module, import: &WasiFunction, answer: FunctionId) -> Result<(), TrimError> {
    let divert = module.replace_imported_func(import.id, |(body, arguments)| {
        for argument in arguments {
            body.local_get(*argument);
        }
        body.call(answer);
    });
    divert.map(drop).map_err(TrimError::parse)
}

/// Replaces an imported function that has nothing to act on: dropping a resource does nothing,
/// everything else traps.
fn cut(module: &mut Module, import: &WasiFunction) -> Result<(), TrimError> {
    let cut = module.replace_imported_func(import.id, |(body, _)| {
        if !import.drops_a_resource() {
            body.unreachable();
        }
    });
    cut.map(drop).map_err(TrimError::parse)
}

fn check_type(module: &Module, import: &WasiFunction, answer: FunctionId) -> Result<(), TrimError> {
    let signature = |function| {
        let ty = module.types.get(module.funcs.get(function).ty());
        (ty.params(), ty.results())
    };
    if signature(answer) == signature(import.id) {
        Ok(())
    } else {
        Err(TrimError::Mismatch(format!(
            "{}#{}",
            import.interface, import.name
        )))
    }
}

/// The replacements by `<interface>#<function>`.
type Answers = HashMap<String, FunctionId>;

/// The prefix of each replacement that the SDK exports.
const ANSWER: &str = "rusm-virtual:";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::rust::model;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_trimmed_module_does_what_it_did(
            head in prop::collection::vec(any::<u8>(), 10),
            bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 30),
        ) {
            let (options, _) = model::Options::split(&head).unwrap();
            let mut bodies = bodies.iter();
            let (shape, core) = options.shape(&mut |imported, ty| {
                model::body(bodies.next().unwrap(), imported, ty)
            });
            model::trims_without_a_trace(&shape, &core, options);
        }
    }

    const NOTHING: Grants = Grants {
        env: false,
        stdio: false,
        preopen: false,
        sockets: false,
    };

    /// A module in the text format with a memory, an action that calls `$a` and the answers.
    fn module(imports: &str, rest: &str) -> Vec<u8> {
        wat::parse_str(format!(
            "(module {imports} (memory (export \"memory\") 1) {rest})"
        ))
        .unwrap()
    }

    fn handler(grants: Grants, actions: &[&str]) -> Options {
        let actions = Some(actions.iter().map(|&action| action.to_owned()).collect());
        Options { grants, actions }
    }

    fn trimmed(core: &[u8], grants: Grants) -> Module {
        let core = trim(core, &handler(grants, &["index"])).unwrap().core;
        Module::from_buffer(&core).unwrap()
    }

    fn imports(module: &Module) -> Vec<String> {
        module
            .imports
            .iter()
            .map(|i| format!("{}#{}", i.module, i.name))
            .collect()
    }

    fn exports(module: &Module) -> Vec<&str> {
        module.exports.iter().map(|e| &*e.name).collect()
    }

    const ENVIRONMENT: &str =
        r#"(import "wasi:cli/environment@0.2.3" "get-environment" (func $a (param i32)))"#;
    const ANSWERED: &str = r#"
        (func (export "index") (call $a (i32.const 8)))
        (func (export "cabi_post_index") (param i32))
        (func (export "malloc") (param i32))
        (func (export "rusm-virtual:wasi:cli/environment#get-environment") (param i32))"#;

    #[test]
    fn an_ungranted_import_becomes_the_sdks_answer() {
        let module = trimmed(&module(ENVIRONMENT, ANSWERED), NOTHING);
        assert!(imports(&module).is_empty());
        assert_eq!(exports(&module), ["memory", "index"]);
    }

    #[test]
    fn a_granted_import_stays() {
        let module = trimmed(
            &module(ENVIRONMENT, ANSWERED),
            Grants {
                env: true,
                ..NOTHING
            },
        );
        assert_eq!(
            imports(&module),
            ["wasi:cli/environment@0.2.3#get-environment"]
        );
    }

    #[test]
    fn what_frees_after_a_call_stays_with_an_instance_that_lives_on() {
        let core = module(ENVIRONMENT, ANSWERED);
        let core = trim(
            &core,
            &Options {
                grants: NOTHING,
                actions: None,
            },
        )
        .unwrap()
        .core;
        let module = Module::from_buffer(&core).unwrap();
        assert_eq!(
            exports(&module),
            ["memory", "index", "cabi_post_index", "malloc"]
        );
    }

    #[test]
    fn both_schemes_of_export_names_are_known() {
        let actions = ["index".to_owned()];
        for (export, serves) in [
            ("cm32p2||index", true),
            ("cm32p2||index_post", false),
            ("cm32p2||cabi_post_index", false),
            ("cm32p2_realloc", true),
            ("cm32p2_memory", true),
            ("index", true),
            ("cabi_post_index", false),
            ("malloc", false),
        ] {
            assert_eq!(serves_an_action(export, &actions), serves, "{export}");
        }
    }

    #[test]
    fn a_module_without_answers_is_left_alone() {
        let core = module(
            ENVIRONMENT,
            r#"(func (export "index") (call $a (i32.const 8)))"#,
        );
        let trimmed = trim(&core, &handler(NOTHING, &["index"])).unwrap();
        assert_eq!(trimmed.core, core);
        assert_eq!(trimmed.withheld, NOTHING);
    }

    #[test]
    fn what_was_imported_and_not_granted_is_withheld() {
        let env = Grants {
            env: true,
            ..NOTHING
        };
        let core = module(ENVIRONMENT, ANSWERED);
        for (granted, withheld) in [(NOTHING, env), (env, NOTHING)] {
            let trimmed = trim(&core, &handler(granted, &["index"])).unwrap();
            assert_eq!(trimmed.withheld, withheld);
        }
    }

    /// An action that writes to a stream, waits for `$s` and calls `$more` as well. The answer asks
    /// the host.
    fn waiting(more: &str) -> Vec<String> {
        let core = module(
            &format!(
                r#"(import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
                   (import "cm32p2|wasi:io/poll@0.2" "[method]pollable.block" (func $host (param i32)))
                   (import "wasi:io/streams@0.2.0" "[resource-drop]output-stream" (func $drop (param i32)))
                   {more}"#
            ),
            r#"(func (export "index")
                 (call $block (i32.const 1)) (call $drop (i32.const 1)) (drop (call $s (i64.const 1))))
               (func (export "rusm-virtual:wasi:io/poll#[method]pollable.block") (param i32)
                 (call $host (local.get 0)))"#,
        );
        let mut imports = imports(&trimmed(&core, NOTHING));
        imports.sort();
        imports
    }

    #[test]
    fn an_answer_reaches_the_host_only_if_the_guest_waits_for_time() {
        let clock = |name: &str| {
            waiting(&format!(
                r#"(import "wasi:clocks/monotonic-clock@0.2.0" "{name}" (func $s (param i64) (result i32)))"#
            ))
        };
        assert_eq!(
            clock("resolution"),
            ["wasi:clocks/monotonic-clock@0.2.0#resolution"]
        );
        assert_eq!(
            clock("subscribe-duration"),
            [
                "cm32p2|wasi:io/poll@0.2#[method]pollable.block",
                "wasi:clocks/monotonic-clock@0.2.0#subscribe-duration",
            ]
        );
    }

    /// The functions that a function calls, and those that they call, by the names of imports.
    fn reached(module: &Module, from: FunctionId, found: &mut Vec<FunctionId>) {
        if found.contains(&from) {
            return;
        }
        found.push(from);
        if let FunctionKind::Local(local) = &module.funcs.get(from).kind {
            for (instruction, _) in &local.block(local.entry_block()).instrs {
                if let Instr::Call(call) = instruction {
                    assert_ne!(call.func, from, "it calls itself");
                    reached(module, call.func, found);
                }
            }
        }
    }

    /// The linker wraps the exports of what it takes for a command, and the compiler splits large
    /// functions: where an answer calls the host is not where it is exported.
    #[test]
    fn an_answer_in_several_functions_does_not_call_itself() {
        let core = module(
            r#"(import "wasi:io/poll@0.2.0" "[method]pollable.block" (func $block (param i32)))
               (import "wasi:clocks/monotonic-clock@0.2.0" "subscribe-duration" (func $s (param i64) (result i32)))
               (import "cm32p2|wasi:io/poll@0.2" "[method]pollable.block" (func $host (param i32)))"#,
            r#"(func (export "index") (call $block (call $s (i64.const 1))))
               (func $answer (param i32) (call $part (local.get 0)))
               (func $part (param i32) (call $host (local.get 0)))
               (func $dtors)
               (func (export "rusm-virtual:wasi:io/poll#[method]pollable.block") (param i32)
                 (call $answer (local.get 0)) (call $dtors))"#,
        );
        let module = trimmed(&core, NOTHING);
        let index = module.exports.get_func("index").unwrap();
        let mut found = Vec::new();
        reached(&module, index, &mut found);
        let host = module
            .imports
            .find("cm32p2|wasi:io/poll@0.2", "[method]pollable.block");
        let ImportKind::Function(host) = module.imports.get(host.unwrap()).kind else {
            panic!("no function");
        };
        assert!(found.contains(&host));
        assert_eq!(module.imports.iter().count(), 2);
    }

    #[test]
    fn a_table_of_functions_has_the_answer_too() {
        let core = module(
            ENVIRONMENT,
            r#"(table 1 funcref) (elem (i32.const 0) $a) (type $t (func (param i32)))
               (func (export "index") (call_indirect (type $t) (i32.const 8) (i32.const 0)))
               (func (export "rusm-virtual:wasi:cli/environment#get-environment") (param i32))"#,
        );
        let module = trimmed(&core, NOTHING);
        assert!(imports(&module).is_empty());
        let bodies: Vec<u64> = module.funcs.iter_local().map(|(_, f)| f.size()).collect();
        // The action, the empty answer, and the call of it.
        assert_eq!(bodies.len(), 3, "{bodies:?}");
    }

    #[test]
    fn an_initializer_stays_where_it_has_something_to_do() {
        let initialized = |constructors: &str| {
            let core = module(
                ENVIRONMENT,
                &format!(
                    r#"{ANSWERED} (global $g (mut i32) (i32.const 0))
                       (func $constructors {constructors}) (func $none)
                       (func (export "cm32p2_initialize") (call $none) (call $constructors))"#
                ),
            );
            let module = trimmed(&core, NOTHING);
            exports(&module).contains(&"cm32p2_initialize")
        };
        assert!(!initialized(""));
        assert!(!initialized("(call $none)"));
        assert!(initialized("(global.set $g (i32.const 1))"));
    }

    #[test]
    fn streams_stay_the_hosts_when_something_else_hands_them_out() {
        let other =
            waiting(r#"(import "acme:queue/api" "next" (func $s (param i64) (result i32)))"#);
        assert_eq!(other.len(), 3, "{other:?}");
    }

    #[test]
    fn without_an_answer_a_drop_does_nothing_and_the_rest_traps() {
        let core = module(
            r#"(import "wasi:filesystem/types@0.2.0" "[resource-drop]descriptor" (func $a (param i32)))
               (import "wasi:filesystem/types@0.2.0" "[method]descriptor.sync" (func $b (param i32 i32)))"#,
            r#"(func (export "drop") (call $a (i32.const 1)))
               (func (export "sync") (call $b (i32.const 1) (i32.const 8)))
               (func (export "rusm-virtual:handler"))"#,
        );
        let core = trim(&core, &handler(NOTHING, &["drop", "sync"])).unwrap();
        let module = Module::from_buffer(&core.core).unwrap();
        assert!(imports(&module).is_empty());
        let mut traps: Vec<usize> = module
            .funcs
            .iter_local()
            .map(|(_, f)| f.size() as usize)
            .collect();
        traps.sort_unstable();
        // The empty body, the trap, and the two that call them.
        assert_eq!(traps, [0, 1, 2, 3]);
    }

    #[test]
    fn an_answer_of_another_type_is_refused() {
        let core = module(
            ENVIRONMENT,
            r#"(func (export "index") (call $a (i32.const 8)))
               (func (export "rusm-virtual:wasi:cli/environment#get-environment") (param i64))"#,
        );
        let error = trim(&core, &handler(NOTHING, &["index"])).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("wasi:cli/environment#get-environment"),
            "{error}"
        );
    }
}
