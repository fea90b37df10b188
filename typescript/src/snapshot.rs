//! The runner's initialisation, run once, and its memory kept.

use std::sync::{Arc, Mutex, PoisonError};

use futures_executor::block_on;
use wasmtime::{Caller, Engine, ExternType, Func, Instance, Linker, Memory, Module, Store, Val};
use wasmtime_wizer::{InstanceState, SnapshotVal, ValType, Wizer};

use crate::Description;

/// Evaluate `bundle`, an ES module, in the `runner`, and keep what came of it.
///
/// # Errors
/// A bundle that throws at its top level, or exports nothing that can be run; a runner of another
/// making.
pub fn snapshot(runner: &[u8], bundle: &str) -> Result<(Vec<u8>, Description), SnapshotError> {
    let mut wizer = Wizer::new();
    wizer.init_func(INIT);
    let (context, instrumented) = wizer.instrument(runner).map_err(SnapshotError::runner)?;
    let engine = Engine::default();
    let module = Module::new(&engine, &instrumented).map_err(SnapshotError::runner)?;
    let mut store = Store::new(&engine, ());
    let told = Arc::new(Mutex::new(Told::Nothing));
    let linker = imports(&mut store, &module, bundle, &told).map_err(SnapshotError::runner)?;
    let instance = linker
        .instantiate(&mut store, &module)
        .map_err(SnapshotError::runner)?;
    let ran = instance
        .get_typed_func::<(), ()>(&mut store, INIT)
        .map_err(SnapshotError::runner)?
        .call(&mut store, ());
    let told = std::mem::replace(
        &mut *told.lock().unwrap_or_else(PoisonError::into_inner),
        Told::Nothing,
    );
    let description = match (ran, told) {
        (_, Told::Failed(why)) => return Err(SnapshotError::Bundle(why)),
        (Err(trap), _) => return Err(SnapshotError::Bundle(format!("{trap:#}"))),
        (Ok(()), Told::Nothing) => return Err(SnapshotError::Silent),
        (Ok(()), Told::Description(json)) => serde_json::from_str(&json)
            .map_err(|error| SnapshotError::Description { json, error })?,
    };
    let mut state = State { store, instance };
    let snapshot = block_on(wizer.snapshot(&context, &mut state)).map_err(SnapshotError::runner)?;
    Ok((snapshot, description))
}

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The author's top-level code has failed: message and stack.
    #[error("{0}")]
    Bundle(String),
    /// The runner can't be used.
    #[error("the TypeScript runner: {0}")]
    Runner(String),
    /// The runner has ended without a word.
    #[error("the TypeScript runner did not say what the module exports")]
    Silent,
    /// What it said is not understood.
    #[error("the TypeScript runner says `{json}`: {error}")]
    Description {
        /// What it said.
        json: String,
        /// What is wrong with it.
        error: serde_json::Error,
    },
}

impl SnapshotError {
    fn runner(error: wasmtime::Error) -> Self {
        Self::Runner(format!("{error:#}"))
    }
}

/// What the runner has told of the bundle.
enum Told {
    Nothing,
    Description(String),
    Failed(String),
}

/// The runner's imports while it is initialised: those of the build; a clock that stands still, which
/// QuickJS reads when it starts; a log; and no other, for there is no host yet.
fn imports(
    store: &mut Store<()>,
    module: &Module,
    bundle: &str,
    told: &Arc<Mutex<Told>>,
) -> wasmtime::Result<Linker<()>> {
    let mut linker = Linker::new(module.engine());
    let source: Arc<[u8]> = bundle.as_bytes().into();
    let len = u32::try_from(source.len())?;
    linker.func_wrap(BUILD, "source-len", move || len)?;
    linker.func_wrap(
        BUILD,
        "source",
        move |mut caller: Caller<'_, ()>, to: u32| {
            memory(&mut caller)?.write(&mut caller, to as usize, &source)?;
            wasmtime::Result::Ok(())
        },
    )?;
    for (name, case) in [
        ("describe", Told::Description as fn(String) -> Told),
        ("fail", Told::Failed),
    ] {
        let told = told.clone();
        linker.func_wrap(
            BUILD,
            name,
            move |mut caller: Caller<'_, ()>, at: u32, len: u32| {
                let mut text = vec![0; len as usize];
                memory(&mut caller)?.read(&caller, at as usize, &mut text)?;
                *told.lock().unwrap_or_else(PoisonError::into_inner) =
                    case(String::from_utf8_lossy(&text).into_owned());
                wasmtime::Result::Ok(())
            },
        )?;
    }
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

fn memory(caller: &mut Caller<'_, ()>) -> wasmtime::Result<Memory> {
    caller
        .get_export("memory")
        .and_then(wasmtime::Extern::into_memory)
        .ok_or_else(|| wasmtime::Error::msg("it exports no memory"))
}

/// What Wizer reads of an instance.
struct State {
    store: Store<()>,
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

const INIT: &str = "rusm-js:init";
pub(crate) const BUILD: &str = "rusm-js:build";

#[cfg(test)]
mod tests {
    use super::*;

    /// A runner that copies the bundle to 1024, with `init` doing more.
    fn runner(init: &str) -> Vec<u8> {
        wat::parse_str(format!(
            r#"(module
                (import "rusm-js:build" "source-len" (func $len (result i32)))
                (import "rusm-js:build" "source" (func $source (param i32)))
                (import "rusm-js:build" "describe" (func $describe (param i32 i32)))
                (import "rusm-js:build" "fail" (func $fail (param i32 i32)))
                (import "rusm:runtime/kv@0.1.0" "get" (func $get (param i32 i32 i32 i32 i32)))
                (memory (export "memory") 1)
                (global $count (mut i32) (i32.const 0))
                (data (i32.const 0) "{{\"kind\":\"process\"}}")
                (func (export "rusm-js:init")
                    (call $source (i32.const 1024))
                    (global.set $count (call $len))
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
        assert_eq!(description.kind, crate::Kind::Process);
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
        let failing = runner("(call $fail (i32.const 1024) (call $len))");
        let error = snapshot(&failing, "Error: no").unwrap_err();
        assert!(matches!(error, SnapshotError::Bundle(_)), "{error:?}");
        assert_eq!(error.to_string(), "Error: no");
    }

    #[test]
    fn the_host_is_not_there_yet() {
        let asking = runner(&format!(
            "(call $get (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)) {DESCRIBE}"
        ));
        let error = snapshot(&asking, "").unwrap_err().to_string();
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
