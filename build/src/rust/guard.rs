//! Distinguishes stack overflows of guests from other traps.
//!
//! The stack is at the bottom of the memory and grows down, so an overflow moves its pointer below
//! zero, and accesses there trap. For a single load or store the host learns the address, and
//! recognizes the overflow. A copy or fill of many bytes traps without an address, and large
//! variables are filled that way: functions with large frames check the stack pointer before they
//! use it.

use walrus::ir::{
    BinaryOp, Binop, Call, Const, GlobalGet, GlobalSet, IfElse, Instr, InstrLocId, LocalGet,
    LocalTee, Unreachable, Value,
};
use walrus::{FunctionBuilder, FunctionId, GlobalId, GlobalKind, LocalId, Module};

/// Adds the check to functions with large frames.
pub(crate) fn add_guards(module: &mut Module) {
    let framed: Vec<_> = module
        .funcs
        .iter_local()
        .filter_map(|(id, function)| {
            let entry = &function.block(function.entry_block()).instrs;
            let (after, frame) = entry
                .windows(5)
                .enumerate()
                .find_map(|(start, window)| Some((start + 5, frame_pointer(module, window)?)))?;
            Some((id, after, frame))
        })
        .collect();
    if framed.is_empty() {
        return;
    }
    let used_up = used_up(module);
    for (id, after, frame) in framed {
        insert(module, id, after, frame, used_up);
    }
}

/// Returns the local variable with the address of a large frame, if these five instructions
/// allocate one: `global.get; i32.const; i32.sub; local.tee; global.set`.
fn frame_pointer(module: &Module, instructions: &[(Instr, InstrLocId)]) -> Option<LocalId> {
    let [
        (Instr::GlobalGet(GlobalGet { global: from }), _),
        (
            Instr::Const(Const {
                value: Value::I32(size),
            }),
            _,
        ),
        (
            Instr::Binop(Binop {
                op: BinaryOp::I32Sub,
            }),
            _,
        ),
        (Instr::LocalTee(LocalTee { local }), _),
        (Instr::GlobalSet(GlobalSet { global: to }), _),
    ] = instructions
    else {
        return None;
    };
    (from == to && *size >= LARGE_FRAME && is_variable(module, *from)).then_some(*local)
}

fn is_variable(module: &Module, global: GlobalId) -> bool {
    let global = module.globals.get(global);
    global.mutable && matches!(global.kind, GlobalKind::Local(_))
}

/// Adds the function whose name the host recognizes.
fn used_up(module: &mut Module) -> FunctionId {
    let mut function = FunctionBuilder::new(&mut module.types, &[], &[]);
    function.name(USED_UP.to_owned());
    function.func_body().instr(Unreachable {});
    function.finish(Vec::new(), &mut module.funcs)
}

fn insert(module: &mut Module, id: FunctionId, after: usize, frame: LocalId, used_up: FunctionId) {
    let function = module.funcs.get_mut(id).kind.unwrap_local_mut();
    let builder = function.builder_mut();
    let entry = builder.func_body_id();
    let consequent = builder
        .dangling_instr_seq(None)
        .instr(Call { func: used_up })
        .id();
    let alternative = builder.dangling_instr_seq(None).id();
    builder
        .instr_seq(entry)
        .instr_at(after, LocalGet { local: frame })
        .instr_at(
            after + 1,
            Const {
                value: Value::I32(0),
            },
        )
        .instr_at(
            after + 2,
            Binop {
                op: BinaryOp::I32LtS,
            },
        )
        .instr_at(
            after + 3,
            IfElse {
                consequent,
                alternative,
            },
        );
}

/// The function that is called at a stack overflow. The host looks for it in the backtrace of a
/// trap (`wasm-pool/src/error.rs`).
pub(crate) const USED_UP: &str = "rusm:stack-used-up";

/// In bytes. Compilers fill less by single stores.
const LARGE_FRAME: i32 = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn guarded(frame: i32) -> String {
        let core = wat::parse_str(format!(
            r#"(module (memory 1) (global $sp (mut i32) (i32.const 1024))
                 (func (export "f") (result i32) (local $fp i32)
                   global.get $sp
                   i32.const {frame}
                   i32.sub
                   local.tee $fp
                   global.set $sp
                   local.get $fp
                   i32.const {frame}
                   i32.add
                   global.set $sp
                   local.get $fp))"#
        ))
        .unwrap();
        let mut module = Module::from_buffer(&core).unwrap();
        add_guards(&mut module);
        let core = module.emit_wasm();
        wasmparser::Validator::new().validate_all(&core).unwrap();
        String::from_utf8_lossy(&core).into_owned()
    }

    #[test]
    fn a_large_frame_is_checked_and_a_small_one_is_not() {
        assert!(guarded(4096).contains(USED_UP));
        assert!(!guarded(16).contains(USED_UP));
    }
}
