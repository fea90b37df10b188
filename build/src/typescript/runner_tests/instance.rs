//! Instances of a bundle's snapshot, without a component around them.

use std::thread;
use std::time::{Duration, Instant};

use wasmtime::{
    Caller, Config, Engine, Extern, ExternType, InstancePre, Linker, Module, Store, StoreLimits,
    StoreLimitsBuilder, Val,
};

use crate::source_map::SourceMap;
use crate::typescript::RUNNER;
use crate::typescript::TopLevel;
use crate::typescript::snapshot::snapshot;

/// Makes instances of one snapshot.
pub(super) struct Instances {
    engine: Engine,
    ready: InstancePre<Host>,
}

/// The host side of an instance.
struct Host {
    log: String,
    limits: StoreLimits,
}

impl Instances {
    /// Of a bundle, with so many bytes of the machine's stack.
    pub(super) fn of(bundle: &str, stack: usize) -> Self {
        let (core, _) = snapshot(RUNNER, bundle, &TopLevel::new(SourceMap::new("{}"))).unwrap();
        let mut config = Config::new();
        config
            .async_stack_size(2 * stack)
            .max_wasm_stack(stack)
            .epoch_interruption(true);
        let engine = Engine::new(&config).unwrap();
        let module = Module::new(&engine, core).unwrap();
        let ready = host(&module).instantiate_pre(&module).unwrap();
        let ticker = engine.clone();
        thread::spawn(move || {
            loop {
                thread::sleep(Duration::from_secs(1));
                ticker.increment_epoch();
            }
        });
        Self { engine, ready }
    }

    /// The answer of the first action, in a fresh instance, to a POST of this body; or the trap, or
    /// what the log says of another status than 200.
    pub(super) fn act(&self, body: &str) -> Result<String, String> {
        // A thread of a test has less stack than an instance may take.
        thread::scope(|scope| {
            let thread = thread::Builder::new().stack_size(16 << 20);
            let acting = thread.spawn_scoped(scope, || self.act_here(body));
            acting.unwrap().join().unwrap()
        })
    }

    /// The arguments are lowered as the canonical ABI has it, and the result is lifted.
    fn act_here(&self, body: &str) -> Result<String, String> {
        let host = Host {
            log: String::new(),
            limits: StoreLimitsBuilder::new().memory_size(MEMORY).build(),
        };
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| &mut host.limits);
        store.set_epoch_deadline(LONGEST);
        let instance = self.ready.instantiate(&mut store).unwrap();
        let memory = instance.get_memory(&mut store, "memory").unwrap();
        let realloc = instance
            .get_typed_func::<(u32, u32, u32, u32), u32>(&mut store, "cabi_realloc")
            .unwrap();
        let mut lower = |bytes: &[u8]| {
            let len = u32::try_from(bytes.len()).unwrap();
            let at = realloc.call(&mut store, (0, 0, 1, len)).unwrap();
            memory.write(&mut store, at as usize, bytes).unwrap();
            [at.cast_signed(), len.cast_signed()]
        };
        let [method, target, body] = [b"POST", &b"/"[..], body.as_bytes()].map(&mut lower);
        let args = [[0].as_slice(), &method, &target, &[0; 4], &body].concat();
        let args: Vec<Val> = args.into_iter().map(Val::I32).collect();
        let mut result = [Val::I32(0)];
        let action = instance.get_func(&mut store, "rusm-js:action").unwrap();
        action
            .call(&mut store, &args, &mut result)
            .map_err(|trap| format!("a trap: {:#}", trap.root_cause()))?;
        let data = memory.data(&store);
        let word = |at: usize| u32::from_le_bytes(data[at..at + 4].try_into().unwrap()) as usize;
        let response = result[0].unwrap_i32().cast_unsigned() as usize;
        let (body, len) = (word(response + 12), word(response + 16));
        match word(response) & 0xffff {
            200 => Ok(String::from_utf8_lossy(&data[body..body + len]).into_owned()),
            _ => Err(store.data().log.clone()),
        }
    }
}

/// A clock, a log, timers, and nothing else.
fn host(module: &Module) -> Linker<Host> {
    let mut linker = Linker::new(module.engine());
    let began = Instant::now();
    let now = move || (1u64 << 50) + u64::try_from(began.elapsed().as_micros()).unwrap();
    linker.func_wrap(HOST, "now", now).unwrap();
    linker.func_wrap(HOST, "random", || 7u64).unwrap();
    linker.func_wrap(LOG, "log", log).unwrap();
    linker.func_wrap(ACTOR, "receive-mail", receive).unwrap();
    let there = [
        (HOST, "now"),
        (HOST, "random"),
        (LOG, "log"),
        (ACTOR, "receive-mail"),
    ];
    for import in module.imports() {
        let ExternType::Func(ty) = import.ty() else {
            continue;
        };
        let (from, name) = (import.module(), import.name());
        if !there.contains(&(from, name)) {
            let absent = |_: Caller<'_, Host>, _: &[Val], _: &mut [Val]| {
                Err(wasmtime::Error::msg("no host"))
            };
            linker.func_new(from, name, ty, absent).unwrap();
        }
    }
    linker
}

fn log(mut caller: Caller<'_, Host>, _level: u32, at: u32, len: u32) {
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    let line = &memory.unwrap().data(&caller)[at as usize..][..len as usize];
    let line = String::from_utf8_lossy(line).into_owned();
    caller.data_mut().log.push_str(&line);
}

/// It waits for a timer; no mail comes.
fn receive(
    mut caller: Caller<'_, Host>,
    is_limited: u32,
    timeout_ms: u64,
    to: u32,
) -> wasmtime::Result<()> {
    if is_limited == 0 {
        return Err(wasmtime::Error::msg("it waits for ever"));
    }
    thread::sleep(Duration::from_millis(timeout_ms.min(10_000)));
    let memory = caller.get_export("memory").and_then(Extern::into_memory);
    memory.unwrap().write(&mut caller, to as usize, &[0])?;
    Ok(())
}

const HOST: &str = "rusm:typescript/host@0.1.0";
const LOG: &str = "rusm:runtime/log@0.1.0";
const ACTOR: &str = "rusm:runtime/actor@0.1.0";
const MEMORY: usize = 256 << 20;
/// Seconds that an action may take.
const LONGEST: u64 = 60;
