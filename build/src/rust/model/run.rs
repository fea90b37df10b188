//! Runs a module and records what it did.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use wasmtime::{
    Caller, Config, Engine, Extern, ExternType, HeapType, Instance, Linker, Module, OptLevel, Ref,
    Store, StoreLimits, StoreLimitsBuilder, Trap, Val, ValType,
};

use super::shape::answer_to;

/// The calls and results of a module.
pub struct Outcome {
    pub steps: Vec<Step>,
}

#[derive(Debug, PartialEq)]
pub enum Step {
    /// It can't be instantiated.
    NoInstance(String),
    /// A call of an export, or the start, and what it asked of the host.
    Call {
        name: String,
        outcome: Result<Vec<String>, String>,
        asked: Vec<String>,
    },
    /// Memory and globals at the end.
    State(Vec<String>),
}

impl Step {
    pub fn is_exhausted(&self) -> bool {
        let (Self::NoInstance(why)
        | Self::Call {
            outcome: Err(why), ..
        }) = self
        else {
            return false;
        };
        EXHAUSTED.iter().any(|trap| *why == format!("{trap:?}"))
    }
}

impl Outcome {
    pub fn is_instance(&self) -> bool {
        !matches!(self.steps.first(), Some(Step::NoInstance(_)))
    }
}

/// The other side of the imports: it notes each call, and gives numbers of its own making.
pub struct Host {
    /// The imports that are the host's; in the others' place the module's own answers are called,
    /// or nothing is done. `None` if all stay.
    own: Option<BTreeSet<String>>,
    asked: Vec<String>,
    depth: u32,
    limits: StoreLimits,
}

impl Host {
    pub fn plain() -> Self {
        let limits = StoreLimitsBuilder::new()
            .memory_size(2 << 20)
            .table_elements(500);
        Self {
            own: None,
            asked: Vec::new(),
            depth: 0,
            limits: limits.build(),
        }
    }

    /// A host that does what trimming makes of the imports that are not its own.
    pub fn standing_in(own: BTreeSet<String>) -> Self {
        Self {
            own: Some(own),
            ..Self::plain()
        }
    }
}

/// Calls the exports in turn, with arguments that their names decide.
pub fn observe(core: &[u8], calls: &[&str], shown: &BTreeSet<String>, host: Host) -> Outcome {
    let module = Module::new(&ENGINE, core).unwrap();
    let mut store = Store::new(&ENGINE, host);
    store.limiter(|host| &mut host.limits);
    store.set_fuel(FUEL).unwrap();
    let mut steps = Vec::new();
    let instance = match instantiate(&module, &mut store) {
        Ok(instance) => instance,
        Err(error) => {
            let steps = vec![Step::NoInstance(why(&error))];
            return Outcome { steps };
        }
    };
    steps.push(Step::Call {
        name: String::new(),
        outcome: Ok(Vec::new()),
        asked: std::mem::take(&mut store.data_mut().asked),
    });
    for &name in calls {
        let Some(function) = instance.get_func(&mut store, name) else {
            continue;
        };
        let ty = function.ty(&store);
        let args: Vec<Val> = (0..)
            .zip(ty.params())
            .map(|(index, ty)| value(&ty, name, index))
            .collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        let called = function.call(&mut store, &args, &mut results);
        steps.push(Step::Call {
            name: name.to_owned(),
            outcome: called
                .map(|()| results.iter().map(show).collect())
                .map_err(|error| why(&error)),
            asked: std::mem::take(&mut store.data_mut().asked),
        });
    }
    steps.push(Step::State(state(&instance, &mut store, shown)));
    Outcome { steps }
}

fn instantiate(module: &Module, store: &mut Store<Host>) -> wasmtime::Result<Instance> {
    let mut linker = Linker::new(&ENGINE);
    linker.allow_shadowing(true);
    for import in module.imports() {
        let (from, name) = (import.module().to_owned(), import.name().to_owned());
        match import.ty() {
            ExternType::Func(ty) => {
                let results: Vec<ValType> = ty.results().collect();
                let (from_too, name_too) = (from.clone(), name.clone());
                linker.func_new(&from, &name, ty, move |caller, args, out| {
                    answer(caller, &from_too, &name_too, args, out, &results)
                })?;
            }
            other => {
                let thing = other.default_value(&mut *store)?;
                linker.define(&mut *store, &from, &name, thing)?;
            }
        }
    }
    linker.instantiate(store, module)
}

fn answer(
    mut caller: Caller<'_, Host>,
    module: &str,
    name: &str,
    args: &[Val],
    out: &mut [Val],
    results: &[ValType],
) -> wasmtime::Result<()> {
    let import = format!("{module}#{name}");
    let host = caller.data_mut();
    if host.own.as_ref().is_some_and(|own| !own.contains(&import)) {
        let own = (!module.starts_with("cm32p2|")).then(|| answer_to(module, name));
        let own = own.and_then(|own| caller.get_export(&own));
        if let Some(Extern::Func(own)) = own {
            let host = caller.data_mut();
            host.depth += 1;
            if host.depth > DEEPEST {
                return Err(Trap::StackOverflow.into());
            }
            let called = own.call(&mut caller, args, out);
            caller.data_mut().depth -= 1;
            return called;
        }
        return match name.starts_with("[resource-drop]") || name.ends_with("_drop") {
            true => Ok(()),
            false => Err(Trap::UnreachableCodeReached.into()),
        };
    }
    let args: Vec<String> = args.iter().map(show).collect();
    let seed = format!("{} {import} {args:?}", host.asked.len());
    host.asked.push(seed.clone());
    for (index, (place, ty)) in out.iter_mut().zip(results).enumerate() {
        *place = value(ty, &seed, index);
    }
    Ok(())
}

fn state(instance: &Instance, store: &mut Store<Host>, shown: &BTreeSet<String>) -> Vec<String> {
    let mut state = Vec::new();
    for name in shown {
        match instance.get_export(&mut *store, name) {
            Some(Extern::Global(global)) => {
                let value = global.get(&mut *store);
                state.push(format!("{name}: {}", show(&value)));
            }
            Some(Extern::Memory(memory)) => {
                let data = memory.data(&*store);
                state.push(format!("{name}: {} bytes, {:x}", data.len(), hash(data, 0)));
            }
            Some(Extern::Table(table)) => {
                state.push(format!("{name}: {} elements", table.size(&*store)));
            }
            _ => {}
        }
    }
    state
}

/// The names of what a module exports.
pub fn exports(core: &[u8]) -> BTreeSet<String> {
    let module = walrus::Module::from_buffer(core);
    let module = module.expect("it is a module that the build can read");
    module
        .exports
        .iter()
        .map(|export| export.name.clone())
        .collect()
}

/// `<module>#<name>` of what a module imports.
pub fn imports(core: &[u8]) -> BTreeSet<String> {
    let module = walrus::Module::from_buffer(core);
    let module = module.expect("it is a module that the build can read");
    let imports = module.imports.iter();
    imports
        .map(|import| format!("{}#{}", import.module, import.name))
        .collect()
}

fn why(error: &wasmtime::Error) -> String {
    match error.downcast_ref::<Trap>() {
        Some(trap) => format!("{trap:?}"),
        None => "an error of the host".to_owned(),
    }
}

/// A value that is the same wherever it is asked for.
fn value(ty: &ValType, seed: &str, index: usize) -> Val {
    let bits = hash(seed.as_bytes(), index as u64 + 1);
    // Small numbers are addresses and indices.
    let bits = bits >> (bits % 64);
    match ty {
        ValType::I32 => Val::I32(bits as u32 as i32),
        ValType::I64 => Val::I64(bits as i64),
        ValType::F32 => Val::F32((bits as f32).to_bits()),
        ValType::F64 => Val::F64((bits as f64).to_bits()),
        ValType::V128 => Val::V128(u128::from(bits).into()),
        ValType::Ref(ty) => match ty.heap_type() {
            HeapType::Func => Val::null_func_ref(),
            HeapType::Extern => Val::null_extern_ref(),
            _ => Val::null_any_ref(),
        },
    }
}

fn show(value: &Val) -> String {
    match value {
        Val::I32(_) | Val::I64(_) | Val::F32(_) | Val::F64(_) | Val::V128(_) => {
            format!("{value:?}")
        }
        other => format!(
            "null: {}",
            other
                .ref_()
                .is_none_or(|reference: Ref| reference.is_null())
        ),
    }
}

/// FNV-1a.
fn hash(bytes: &[u8], seed: u64) -> u64 {
    let fold = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325 ^ seed, fold)
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| {
    let mut config = Config::new();
    config
        .consume_fuel(true)
        .cranelift_nan_canonicalization(true)
        .cranelift_opt_level(OptLevel::None)
        .max_wasm_stack(256 << 10)
        .memory_guard_size(0)
        .memory_init_cow(false)
        .memory_reservation(0)
        // Else memory that is allocated has two gigabytes to grow.
        .memory_reservation_for_growth(0)
        .signals_based_traps(false)
        .wasm_extended_const(true)
        .wasm_multi_memory(true);
    Engine::new(&config).unwrap()
});

const EXHAUSTED: [Trap; 2] = [Trap::OutOfFuel, Trap::StackOverflow];
const FUEL: u64 = 1_000_000;
/// Answers that call one another by way of the host.
const DEEPEST: u32 = 100;
