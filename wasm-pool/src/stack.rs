//! Telling a stack that is used up from other traps.
//!
//! A guest has two stacks: the host's, for its calls, and one of its own at the bottom of its
//! memory, for variables that have addresses. The latter grows down: where it ends, its pointer is
//! below zero, and what is done there is out of bounds, at the upper end of the 32-bit range.

use wasmparser::{GlobalSectionReader, Operator, ValType};
use wasmtime::{Trap, WasmBacktrace};

/// Which stack is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UsedUp {
    /// That of the host.
    Calls,
    /// That in the guest's memory.
    Memory,
}

impl UsedUp {
    /// Reads it off an error. `None` for other errors, and where it can't be known.
    pub(crate) fn of(error: &wasmtime::Error) -> Option<Self> {
        match error.downcast_ref::<Trap>()? {
            Trap::StackOverflow => Some(Self::Calls),
            Trap::MemoryOutOfBounds => is_below_zero(fault_address(error)?).then_some(Self::Memory),
            _ => is_guard(innermost(error)?).then_some(Self::Memory),
        }
    }
}

/// Whether a function is the one that a guest calls where it has found its stack used up
/// (`rust/guard.rs` of `rusm-build`).
pub(crate) fn is_guard(function: &str) -> bool {
    function == "rusm:stack-used-up"
}

/// Whether an error may be that of a used up stack, and nothing tells: accesses of many bytes at
/// once, and all where slots of memory are small, are checked without an address.
pub(crate) fn is_in_doubt(error: &wasmtime::Error) -> bool {
    matches!(error.downcast_ref::<Trap>(), Some(Trap::MemoryOutOfBounds))
        && fault_address(error).is_none()
}

fn innermost(error: &wasmtime::Error) -> Option<&str> {
    let trace = error.downcast_ref::<WasmBacktrace>()?;
    trace.frames().first()?.func_name()
}

/// The address in the guest's memory that could not be accessed. Wasmtime gives it as a text.
fn fault_address(error: &wasmtime::Error) -> Option<u64> {
    error.chain().find_map(|cause| {
        let cause = cause.to_string();
        let address = cause.strip_prefix("memory fault at wasm address 0x")?;
        let (address, _) = address.split_once(' ')?;
        u64::from_str_radix(address, 16).ok()
    })
}

/// Whether an address is one below zero that wrapped around, by no more than the largest stack.
fn is_below_zero(address: u64) -> bool {
    address >= (1 << 32) - LARGEST
}

/// The size of the stack of a core module whose globals these are: the linker makes the stack
/// pointer the first of them, and the stack begins at the bottom of the memory.
pub(crate) fn size(globals: GlobalSectionReader<'_>) -> Option<u64> {
    let first = globals.into_iter().next()?.ok()?;
    if !first.ty.mutable || first.ty.content_type != ValType::I32 {
        return None;
    }
    match first.init_expr.get_operators_reader().read().ok()? {
        Operator::I32Const { value } => {
            let size = u64::from(value.cast_unsigned());
            (1..=LARGEST).contains(&size).then_some(size)
        }
        _ => None,
    }
}

/// Bytes of a fiber's stack that are the guest's. JavaScript comes to the end of its own stack first, and gets
/// an exception (`sdk/typescript/runner/src/engine.rs`). Pages that nothing has touched cost nothing.
pub(crate) const CALL_STACK: usize = 2 << 20;
/// What `stack-kib` can be at most, in bytes.
const LARGEST: u64 = 64 << 20;

#[cfg(test)]
mod tests {
    use wasmtime::{Config, Engine, Instance, Module, Store};

    use super::*;

    /// What it is when this function of a module with a stack traps.
    fn trap(body: &str) -> Option<UsedUp> {
        let module = format!(
            r#"(module (memory 1) (global $sp (mut i32) (i32.const 1024))
                (func $guard (@name "rusm:stack-used-up") unreachable)
                (func $run (export "run") {body}))"#
        );
        let engine = Engine::new(&Config::new()).unwrap();
        let module = Module::new(&engine, wat::parse_str(module).unwrap()).unwrap();
        let mut store = Store::new(&engine, ());
        let instance = Instance::new(&mut store, &module, &[]).unwrap();
        let run = instance.get_typed_func::<(), ()>(&mut store, "run");
        UsedUp::of(&run.unwrap().call(&mut store, ()).unwrap_err())
    }

    #[test]
    fn a_stack_that_is_used_up_is_told_from_other_traps() {
        let below = "(i32.store (i32.sub (global.get $sp) (i32.const 4096)) (i32.const 1))";
        assert_eq!(trap(below), Some(UsedUp::Memory));
        assert_eq!(
            trap("(i32.store offset=64 (i32.const -32) (i32.const 1))"),
            Some(UsedUp::Memory)
        );
        assert_eq!(trap("(call $guard)"), Some(UsedUp::Memory));
        assert_eq!(trap("(call $run)"), Some(UsedUp::Calls));
        for other in [
            "(i32.store (i32.const 70000) (i32.const 1))",
            "(memory.fill (i32.const 65000) (i32.const 0) (i32.const 1000))",
            "unreachable",
        ] {
            assert_eq!(trap(other), None, "{other}");
        }
    }
}
