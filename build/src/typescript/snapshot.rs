//! Runs the runner's initialization once, and keeps its memory.

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use futures_executor::block_on;
use wasmtime::{
    Caller, Config, Engine, ExternType, Func, Instance, Linker, Memory, Module, Store, Trap,
    UpdateDeadline, Val,
};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

use super::{Description, TopLevel};

/// Evaluates `bundle`, an ES module, in the `runner`, and keeps the memory.
///
/// The runner is entered twice, in two instances: one compiles the modules, the other evaluates the
/// bytecode, and its memory is kept.
///
/// # Errors
/// A bundle that throws at its top level, does not end there, or exports nothing to serve; a runner
/// of another version.
pub(super) fn snapshot(
    runner: &[u8],
    bundle: &str,
    log: &TopLevel,
) -> Result<(Vec<u8>, Description), SnapshotError> {
    snapshot_within(LONGEST, runner, bundle, log)
}

fn snapshot_within(
    limit: Duration,
    runner: &[u8],
    bundle: &str,
    log: &TopLevel,
) -> Result<(Vec<u8>, Description), SnapshotError> {
    let mut wizer = Wizer::new();
    wizer.init_func(INIT);
    let (context, instrumented) = wizer.instrument(runner).map_err(SnapshotError::Runner)?;
    let module = compiled(instrumented).map_err(SnapshotError::Runner)?;
    let deadline = Instant::now() + limit;
    let alarm = interrupt_after(limit, module.engine()).map_err(SnapshotError::Thread)?;
    let sources = [bundle.as_bytes().into(), Arc::default()];
    let (_, compiled) = enter(&module, COMPILE, sources, log, deadline)?;
    let (mut state, report) = enter(&module, INIT, compiled.modules, log, deadline)?;
    drop(alarm);
    let json = report.description.ok_or(SnapshotError::Silent)?;
    let description = match serde_json::from_str(&json) {
        Ok(description) => description,
        Err(error) => return Err(SnapshotError::Description { json, error }),
    };
    let snapshot = block_on(wizer.snapshot(&context, &mut state)).map_err(SnapshotError::Runner)?;
    Ok((snapshot, description))
}

/// Returns the machine code of a runner. Compiling it takes nearly all the time of a snapshot, and
/// all components have the same runner, so the last one is kept: for the next component, and for
/// the next edit under `rusm dev`.
fn compiled(runner: Vec<u8>) -> wasmtime::Result<Module> {
    static LAST: Mutex<Option<(Vec<u8>, Module)>> = Mutex::new(None);
    // A second thread waits here, and finds it done.
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((of, module)) = &*last
        && *of == runner
    {
        return Ok(module.clone());
    }
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .async_stack_size(STACK)
        .max_wasm_stack(STACK / 2);
    let module = Module::new(&Engine::new(&config)?, &runner)?;
    *last = Some((runner, module.clone()));
    Ok(module)
}

/// The reason why there is no snapshot.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The author's top-level code failed: message and stack.
    #[error("{0}")]
    Bundle(String),
    /// The author's top-level code was stopped.
    #[error("code at the top level of a module has not come to an end in {LONGEST:?}")]
    Endless,
    /// The thread that would have stopped it could not be started.
    #[error("a thread could not be started")]
    Thread(#[source] std::io::Error),
    /// The runner can't be used.
    #[error("the TypeScript runner can't be used")]
    Runner(#[source] wasmtime::Error),
    /// The runner ended without a description.
    #[error("the TypeScript runner did not say what the module exports")]
    Silent,
    /// The description is invalid.
    #[error("the TypeScript runner says `{json}`")]
    Description {
        /// The description.
        json: String,
        /// The reason.
        #[source]
        error: serde_json::Error,
    },
}

/// Makes the code on the engine check its deadline when the time is over, unless the alarm is
/// dropped before. Other code on the engine checks its own, and continues.
fn interrupt_after(limit: Duration, engine: &Engine) -> std::io::Result<Sender<()>> {
    let (alarm, dropped) = channel();
    let engine = engine.clone();
    thread::Builder::new()
        .name("rusm-snapshot".into())
        .spawn(move || {
            // Repeatedly: an instance that is created later does not count earlier increments.
            let mut wait = limit;
            while dropped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                engine.increment_epoch();
                wait = Duration::from_millis(10);
            }
        })?;
    Ok(alarm)
}

/// The modules of the runner, by their numbers: the author's bundle, and its own runtime.
type Modules = [Arc<[u8]>; 2];

/// Reports of the runner about the bundle.
#[derive(Default)]
struct RunnerReport {
    /// Their bytecode.
    modules: Modules,
    description: Option<String>,
    failure: Option<String>,
}

/// Calls an entry of the runner in a new instance, on a thread with enough stack.
fn enter(
    module: &Module,
    entry: &str,
    modules: Modules,
    log: &TopLevel,
    deadline: Instant,
) -> Result<(State, RunnerReport), SnapshotError> {
    thread::scope(|scope| {
        let entering = thread::Builder::new()
            .name("rusm-snapshot".into())
            .stack_size(STACK)
            .spawn_scoped(scope, || enter_here(module, entry, modules, log, deadline));
        let entered = entering.map_err(SnapshotError::Thread)?.join();
        entered.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn enter_here(
    module: &Module,
    entry: &str,
    modules: Modules,
    log: &TopLevel,
    deadline: Instant,
) -> Result<(State, RunnerReport), SnapshotError> {
    let mut store = Store::new(module.engine(), RunnerReport::default());
    store.set_epoch_deadline(1);
    store.epoch_deadline_callback(move |_| match Instant::now() < deadline {
        true => Ok(UpdateDeadline::Continue(1)),
        false => Err(Trap::Interrupt.into()),
    });
    let linker =
        imports(&mut store, module, modules, log.clone()).map_err(SnapshotError::Runner)?;
    let instance = linker
        .instantiate(&mut store, module)
        .map_err(SnapshotError::Runner)?;
    let ran = instance
        .get_typed_func::<(), ()>(&mut store, entry)
        .map_err(SnapshotError::Runner)?
        .call(&mut store, ());
    let mut report = std::mem::take(store.data_mut());
    match (ran, report.failure.take()) {
        (_, Some(why)) => Err(SnapshotError::Bundle(why)),
        (Err(trap), None) if trap.downcast_ref() == Some(&Trap::Interrupt) => {
            Err(SnapshotError::Endless)
        }
        (Err(trap), None) => Err(SnapshotError::Bundle(format!("{trap:#}"))),
        (Ok(()), None) => Ok((State { store, instance }, report)),
    }
}

/// Provides the runner's imports during initialization: those of the build, and a stopped clock,
/// which QuickJS reads when it starts. There is no host yet, so there are no others.
fn imports(
    store: &mut Store<RunnerReport>,
    module: &Module,
    modules: Modules,
    log: TopLevel,
) -> wasmtime::Result<Linker<RunnerReport>> {
    let mut linker = Linker::new(module.engine());
    let lens = modules.clone().map(|module| module.len());
    linker.func_wrap(BUILD, "source-len", move |module: u32| {
        let len = lens.get(module as usize).ok_or_else(no_module)?;
        wasmtime::Result::Ok(u32::try_from(*len)?)
    })?;
    linker.func_wrap(
        BUILD,
        "source",
        move |mut caller: Caller<'_, RunnerReport>, module: u32, to: u32| {
            let source = modules.get(module as usize).ok_or_else(no_module)?;
            memory(&mut caller)?.write(&mut caller, to as usize, source)?;
            wasmtime::Result::Ok(())
        },
    )?;
    linker.func_wrap(
        BUILD,
        "compiled",
        |mut caller: Caller<'_, RunnerReport>, module: u32, at: u32, len: u32| {
            let bytecode = bytes(&mut caller, at, len)?;
            let modules = &mut caller.data_mut().modules;
            *modules.get_mut(module as usize).ok_or_else(no_module)? = bytecode.into();
            wasmtime::Result::Ok(())
        },
    )?;
    let describe = |report: &mut RunnerReport, text| report.description = Some(text);
    let fail = |report: &mut RunnerReport, text| report.failure = Some(text);
    for (name, tell) in [
        ("describe", describe as fn(&mut RunnerReport, String)),
        ("fail", fail),
    ] {
        linker.func_wrap(
            BUILD,
            name,
            move |mut caller: Caller<'_, RunnerReport>, at: u32, len: u32| {
                let text = text(&mut caller, at, len)?;
                tell(caller.data_mut(), text);
                wasmtime::Result::Ok(())
            },
        )?;
    }
    let packages = log.clone();
    linker.func_wrap(
        BUILD,
        "is-package",
        move |mut caller: Caller<'_, RunnerReport>,
              what: u32,
              what_len: u32,
              stack: u32,
              stack_len: u32| {
            let what = text(&mut caller, what, what_len)?;
            let stack = text(&mut caller, stack, stack_len)?;
            wasmtime::Result::Ok(u32::from(packages.is_package(&what, &stack)))
        },
    )?;
    linker.func_wrap(
        "rusm:runtime/log@0.1.0",
        "log",
        move |mut caller: Caller<'_, RunnerReport>, _level: u32, at: u32, len: u32| {
            let line = text(&mut caller, at, len)?;
            log.print(&line);
            wasmtime::Result::Ok(())
        },
    )?;
    linker.func_wrap("rusm:typescript/host@0.1.0", "now", || 0u64)?;
    for import in module.imports() {
        let ExternType::Func(ty) = import.ty() else {
            continue;
        };
        if linker
            .get(&mut *store, import.module(), import.name())
            .is_ok()
        {
            continue;
        }
        let what = format!("{}#{}", import.module(), import.name());
        let absent = Func::new(&mut *store, ty, move |_, _, _| {
            Err(wasmtime::Error::msg(format!(
                "{what} was called at the top level of a module, which runs once, at build time"
            )))
        });
        linker.define(&mut *store, import.module(), import.name(), absent)?;
    }
    Ok(linker)
}

fn no_module() -> wasmtime::Error {
    wasmtime::Error::msg("it asks for a module that there is not")
}

fn text(caller: &mut Caller<'_, RunnerReport>, at: u32, len: u32) -> wasmtime::Result<String> {
    let text = bytes(caller, at, len)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn bytes(caller: &mut Caller<'_, RunnerReport>, at: u32, len: u32) -> wasmtime::Result<Vec<u8>> {
    let mut bytes = vec![0; len as usize];
    memory(caller)?.read(&caller, at as usize, &mut bytes)?;
    Ok(bytes)
}

fn memory(caller: &mut Caller<'_, RunnerReport>) -> wasmtime::Result<Memory> {
    caller
        .get_export("memory")
        .and_then(wasmtime::Extern::into_memory)
        .ok_or_else(|| wasmtime::Error::msg("it exports no memory"))
}

/// The state of an instance that Wizer reads.
struct State {
    store: Store<RunnerReport>,
    instance: Instance,
}

impl InstanceState for State {
    async fn global_get(&mut self, name: &str, _: ValType) -> SnapshotVal {
        let global = self.instance.get_global(&mut self.store, name);
        match global.map(|global| global.get(&mut self.store)) {
            Some(Val::I32(value)) => SnapshotVal::I32(value),
            Some(Val::I64(value)) => SnapshotVal::I64(value),
            Some(Val::F32(value)) => SnapshotVal::F32(value),
            Some(Val::F64(value)) => SnapshotVal::F64(value),
            Some(Val::V128(value)) => SnapshotVal::V128(value.as_u128()),
            other => {
                unreachable!("Wizer asks for globals of numbers that it has exported: {other:?}")
            }
        }
    }

    async fn memory_contents(&mut self, name: &str, contents: impl FnOnce(&[u8]) + Send) {
        match self.instance.get_memory(&mut self.store, name) {
            Some(memory) => contents(memory.data(&self.store)),
            None => unreachable!("Wizer asks for memories that it has exported"),
        }
    }
}

/// The stack of a thread that enters the runner: half for the guest, which reaches its own limit
/// long before (`sdk/typescript/runner/src/engine.rs`), and half for the host. Without Cranelift's
/// optimization it would take more than 16 MiB.
const STACK: usize = 8 << 20;
/// The time limit of top-level code: bundled packages take milliseconds.
const LONGEST: Duration = Duration::from_secs(20);

const COMPILE: &str = "rusm-js:compile";
const INIT: &str = "rusm-js:init";
pub(crate) const BUILD: &str = "rusm-js:build";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source_map::SourceMap;

    fn top_level() -> TopLevel {
        TopLevel::new(SourceMap::new("{}"))
    }

    fn snapshot(runner: &[u8], bundle: &str) -> Result<(Vec<u8>, Description), SnapshotError> {
        super::snapshot(runner, bundle, &top_level())
    }

    /// A runner that copies the bundle to 1024, with `init` doing more.
    fn runner(init: &str) -> Vec<u8> {
        wat::parse_str(format!(
            r#"(module
                (import "rusm-js:build" "source-len" (func $len (param i32) (result i32)))
                (import "rusm-js:build" "source" (func $source (param i32 i32)))
                (import "rusm-js:build" "compiled" (func $compiled (param i32 i32 i32)))
                (import "rusm-js:build" "describe" (func $describe (param i32 i32)))
                (import "rusm-js:build" "fail" (func $fail (param i32 i32)))
                (import "rusm:runtime/kv@0.1.0" "get" (func $get (param i32 i32 i32 i32 i32)))
                (memory (export "memory") 1)
                (global $count (mut i32) (i32.const 0))
                (data (i32.const 0) "{{\"kind\":\"process\"}}")
                (func (export "rusm-js:compile")
                    (call $source (i32.const 0) (i32.const 1024))
                    (call $compiled (i32.const 0) (i32.const 1024) (call $len (i32.const 0))))
                (func (export "rusm-js:init")
                    (call $source (i32.const 0) (i32.const 1024))
                    (global.set $count (call $len (i32.const 0)))
                    {init})
                (func (export "count") (result i32) (global.get $count))
                (func (export "first") (result i32) (i32.load8_u (i32.const 1024))))"#
        ))
        .unwrap()
    }

    const DESCRIBE: &str = "(call $describe (i32.const 0) (i32.const 18))";

    #[test]
    fn an_instance_starts_where_the_initialisation_ended() {
        let (core, description) = snapshot(&runner(DESCRIBE), "export {}").unwrap();
        assert_eq!(description.kind, crate::typescript::Kind::Process);
        let engine = Engine::default();
        let module = Module::new(&engine, &core).unwrap();
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        linker.define_unknown_imports_as_traps(&module).unwrap();
        let instance = linker.instantiate(&mut store, &module).unwrap();
        let mut call = |name: &str| {
            let func = instance
                .get_typed_func::<(), i32>(&mut store, name)
                .unwrap();
            func.call(&mut store, ()).unwrap()
        };
        assert_eq!(call("count"), 9);
        assert_eq!(call("first"), i32::from(b'e'));
        assert!(module.get_export(INIT).is_none());
    }

    #[test]
    fn what_the_bundle_throws_is_told() {
        let failing = runner("(call $fail (i32.const 1024) (call $len (i32.const 0)))");
        let error = snapshot(&failing, "Error: no").unwrap_err();
        assert!(matches!(error, SnapshotError::Bundle(_)), "{error:?}");
        assert_eq!(error.to_string(), "Error: no");
    }

    #[test]
    fn what_comes_to_no_end_is_stopped() {
        let limit = Duration::from_millis(20);
        let error = snapshot_within(limit, &runner("(loop (br 0))"), "", &top_level()).unwrap_err();
        assert!(matches!(error, SnapshotError::Endless), "{error:?}");
    }

    /// They have one engine, and so one epoch.
    #[test]
    fn one_that_is_stopped_does_not_stop_another() {
        // It counts for a tenth of a second or more, and without a bundle for ever.
        let count = "(i64.load (i32.const 2048))";
        let runner = runner(&format!(
            "(loop
                (i64.store (i32.const 2048) (i64.add {count} (i64.const 1)))
                (br_if 0 (i64.lt_u {count} (i64.const 50000000)))
                (br_if 0 (i32.eqz (call $len (i32.const 0)))))
            {DESCRIBE}"
        ));
        thread::scope(|scope| {
            let fine = scope.spawn(|| snapshot(&runner, "export {}"));
            while !fine.is_finished() {
                let endless = snapshot_within(Duration::from_millis(1), &runner, "", &top_level());
                assert!(matches!(endless, Err(SnapshotError::Endless)));
            }
            assert!(fine.join().unwrap().is_ok());
        });
    }

    #[test]
    fn recursion_at_the_top_level_ends_in_an_exception() {
        let bundle = r#"
            const ends = (recursion) => {
                try { recursion(); } catch (error) { if (error instanceof RangeError) return; throw error; }
                throw new Error("it has no end");
            };
            ends(function f() { f(); });
            ends(function f() { [1].map(f); });
            ends(function f() { JSON.stringify({ toJSON: f }); });
            ends(function f() { "x".replace(/x/, f); });
            export default () => new Response();
        "#;
        snapshot(super::super::RUNNER, bundle).unwrap();
    }

    #[test]
    fn the_host_is_not_there_yet() {
        let asking = runner(&format!(
            "(call $get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) {DESCRIBE}"
        ));
        let error = crate::with_sources(&snapshot(&asking, "").unwrap_err());
        assert!(
            error.contains("rusm:runtime/kv@0.1.0#get") && error.contains("build time"),
            "{error}"
        );
    }

    #[test]
    fn a_runner_of_another_making_is_refused() {
        assert!(matches!(
            snapshot(&runner(""), "").unwrap_err(),
            SnapshotError::Silent
        ));
        for other in ["(module)", r#"(module (memory (import "a" "b") 1))"#] {
            let other = wat::parse_str(other).unwrap();
            assert!(matches!(
                snapshot(&other, "").unwrap_err(),
                SnapshotError::Runner(_)
            ));
        }
        let wrong = snapshot(&runner("(call $describe (i32.const 0) (i32.const 3))"), "");
        assert!(matches!(
            wrong.unwrap_err(),
            SnapshotError::Description { .. }
        ));
    }
}
