//! Modules made of bytes: fitted and trimmed they are valid, have the exports and imports that they
//! should, and do what they did. A property test and a fuzz target run it.
#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "it is a test, wherever it is included"
)]

mod linked;
mod run;
mod shape;
mod text;

use walrus::ir::{BinaryOp, Value};
use walrus::{ConstExpr, FunctionKind, ValType};

use self::run::{Host, Outcome, observe};
use self::shape::ACTIONS;
use super::fuzzing::{Grants, MemoryLayout, fit, trim};

pub use self::linked::fits_as_linked;
pub use self::shape::{Body, Shape};
pub use self::text::body;

/// The construction and trimming of a module, in ten bytes.
#[derive(Clone, Copy)]
pub struct Options {
    imports: u32,
    exports: u32,
    grants: Grants,
    is_handler: bool,
    is_framed: bool,
}

impl Options {
    pub fn split(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let ([i0, i1, i2, i3, e0, e1, e2, e3, grants, kind], rest) = bytes.split_first_chunk()?;
        let options = Self {
            imports: u32::from_le_bytes([*i0, *i1, *i2, *i3]),
            exports: u32::from_le_bytes([*e0, *e1, *e2, *e3]),
            grants: Grants {
                env: grants & 1 != 0,
                stdio: grants & 2 != 0,
                preopen: grants & 4 != 0,
                sockets: grants & 8 != 0,
            },
            is_handler: kind & 1 != 0,
            is_framed: kind & 2 != 0,
        };
        Some((options, rest))
    }

    /// The imports and exports, and a module that has them and functions with these bodies.
    pub fn shape(self, body: Body<'_>) -> (Shape, Vec<u8>) {
        Shape::of(self.imports, self.exports, body)
    }
}

/// Trims a module that has the imports and exports of `shape`.
///
/// # Panics
/// If something does not hold.
pub fn trims_without_a_trace(shape: &Shape, core: &[u8], options: Options) {
    let Options {
        grants, is_handler, ..
    } = options;
    let core = match options.is_framed {
        true => framed(core),
        false => core.to_vec(),
    };
    let actions = is_handler.then(|| ACTIONS.map(str::to_owned).to_vec());
    let trimmed = trim(&core, grants, actions.clone()).unwrap();
    validate(&trimmed);
    assert_eq!(trimmed, trim(&core, grants, actions).unwrap());
    let hosts = shape.hosts(&run::imports(&trimmed), grants);
    let (before, after) = (run::exports(&core), run::exports(&trimmed));
    shape.check_exports(&before, &after, is_handler);

    let calls = shape.calls(&after);
    let original = observe(&core, &calls, &after, Host::standing_in(hosts.clone()));
    // A module that can't be instantiated is not the linker's.
    if !original.is_instance() {
        return;
    }
    let trimmed = observe(&trimmed, &calls, &after, Host::plain());
    assert_same(&original, &trimmed);

    // An initializer that was left out does nothing.
    for name in ["_initialize", "cm32p2_initialize"] {
        if before.contains(name) && !after.contains(name) && shape.serves(name, is_handler) {
            let state = |calls: &[&str]| {
                let host = Host::standing_in(hosts.clone());
                observe(&core, calls, &before, host).steps.pop()
            };
            assert_eq!(state(&[name]), state(&[]), "{name}");
        }
    }
}

/// Fits any module.
///
/// # Panics
/// If something does not hold.
pub fn fits_without_a_trace(core: &[u8], layout: MemoryLayout) {
    let Some(fitted) = fit(core, layout).unwrap() else {
        return;
    };
    validate(&fitted);
    let exports = run::exports(core);
    assert_eq!(run::exports(&fitted), exports);
    assert_eq!(run::imports(&fitted), run::imports(core));
    let calls: Vec<&str> = exports.iter().map(String::as_str).collect();
    let before = observe(core, &calls, &exports, Host::plain());
    // A module that can't be instantiated is not the linker's.
    if before.is_instance() {
        assert_same(&before, &observe(&fitted, &calls, &exports, Host::plain()));
    }
}

/// The module with a frame for each of its functions, as compilers begin those that have large
/// variables. The stack is large enough for all steps.
fn framed(core: &[u8]) -> Vec<u8> {
    let mut module = walrus::Module::from_buffer(core).unwrap();
    let end = ConstExpr::Value(Value::I32(i32::MAX));
    let pointer = module.globals.add_local(ValType::I32, true, false, end);
    let address = module.locals.add(ValType::I32);
    for function in module.funcs.iter_mut() {
        if let FunctionKind::Local(function) = &mut function.kind {
            let mut entry = function.builder_mut().func_body();
            entry
                .global_get_at(0, pointer)
                .const_at(1, Value::I32(FRAME))
                .binop_at(2, BinaryOp::I32Sub)
                .local_tee_at(3, address)
                .global_set_at(4, pointer);
        }
    }
    module.emit_wasm()
}

fn validate(core: &[u8]) {
    let mut validator = wasmparser::Validator::new();
    validator.validate_all(core).expect("it is valid");
}

fn assert_same(before: &Outcome, after: &Outcome) {
    let steps = before.steps.iter().zip(&after.steps);
    for (before, after) in steps {
        // How much stack and time a call takes is not kept.
        if before.is_exhausted() || after.is_exhausted() {
            return;
        }
        assert_eq!(before, after);
    }
    assert_eq!(before.steps.len(), after.steps.len());
}

const FRAME: i32 = 4096;
