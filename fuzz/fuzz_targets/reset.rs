//! A module with a reset does what it did without; an instance that was put back is a fresh one.

#![no_main]

mod smith;

use libfuzzer_sys::fuzz_target;
use rusm_wasm_reset::RESET;
use rusm_wasm_reset::module::{Surroundings, rewrite};
use wasm_smith::Config;
use wasmtime::{Engine, ExternType, Instance, Module, Store, Trap, Val};

fuzz_target!(|bytes: &[u8]| {
    let config = Config {
        allow_start_export: false,
        export_everything: true,
        max_imports: 0,
        max_memories: 1,
        ..smith::config()
    };
    let Some(core) = smith::module(bytes, config) else {
        return;
    };
    let Ok(with_reset) = rewrite(&core, &Surroundings::default()) else {
        return;
    };
    let engine = Engine::default();
    let plain = Module::new(&engine, &core).expect("wasm-smith makes valid modules");
    let with_reset = Module::new(&engine, &with_reset).expect("a reset leaves a module valid");
    let (Some(mut plain), Some(mut reused), Some(mut fresh)) = (
        Running::start(&engine, &plain),
        Running::start(&engine, &with_reset),
        Running::start(&engine, &with_reset),
    ) else {
        return;
    };
    let first = fresh.state();
    for function in plain.functions() {
        let expected = plain.call(&function);
        let found = reused.call(&function);
        assert_eq!(found, expected, "{function}");
        assert!(plain.state() == reused.state(), "{function}");
        if found.is_err() || !reused.reset() {
            return;
        }
        assert!(reused.state() == first, "{function}");
        // The plain one can't be put back: it begins anew.
        plain = match Running::start(&engine, &plain.module) {
            Some(plain) => plain,
            None => return,
        };
    }
});

struct Running {
    module: Module,
    store: Store<()>,
    instance: Instance,
}

impl Running {
    /// None if its segments do not fit, or it is too large.
    fn start(engine: &Engine, module: &Module) -> Option<Self> {
        let mut store = Store::new(engine, ());
        let instance = Instance::new(&mut store, module, &[]).ok()?;
        let module = module.clone();
        Some(Self {
            module,
            store,
            instance,
        })
    }

    fn functions(&self) -> Vec<String> {
        let exports = self.module.exports();
        let functions = exports.filter(|export| matches!(export.ty(), ExternType::Func(_)));
        functions.map(|export| export.name().to_owned()).collect()
    }

    /// The results of a function, of zeros.
    fn call(&mut self, name: &str) -> Result<Vec<String>, Option<Trap>> {
        let function = self
            .instance
            .get_func(&mut self.store, name)
            .expect("it is exported");
        let ty = function.ty(&self.store);
        let params: Vec<_> = ty
            .params()
            .map(|ty| Val::default_for_ty(&ty).expect("it has one"))
            .collect();
        let mut results = vec![Val::I32(0); ty.results().len()];
        match function.call(&mut self.store, &params, &mut results) {
            Ok(()) => Ok(results.iter().map(shown).collect()),
            Err(error) => Err(error.downcast_ref::<Trap>().copied()),
        }
    }

    fn reset(&mut self) -> bool {
        let reset = self
            .instance
            .get_typed_func::<(), i32>(&mut self.store, RESET);
        reset
            .expect("it was added")
            .call(&mut self.store, ())
            .expect("it never traps")
            == 1
    }

    /// Its memory, and its globals.
    fn state(&mut self) -> (Vec<u8>, Vec<String>) {
        let names: Vec<_> = self
            .module
            .exports()
            .map(|export| export.name().to_owned())
            .collect();
        let (mut bytes, mut globals) = (Vec::new(), Vec::new());
        for name in names {
            if let Some(memory) = self.instance.get_memory(&mut self.store, &name) {
                bytes = memory.data(&self.store).to_vec();
            }
            if let Some(global) = self.instance.get_global(&mut self.store, &name) {
                globals.push(shown(&global.get(&mut self.store)));
            }
        }
        (bytes, globals)
    }
}

/// A value as text: of floats the bits, of references whether they are null.
fn shown(value: &Val) -> String {
    match value {
        Val::FuncRef(function) => format!("function: {}", function.is_some()),
        value => format!("{value:?}"),
    }
}
