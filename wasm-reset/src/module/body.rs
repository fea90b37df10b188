//! Code that marks what it writes.

use std::collections::BTreeMap;

use wasm_encoder::{Encode, Instruction as I, ValType};
use wasmparser::{MemArg, Operator};

use super::coverage::Coverage;
use super::marks::Marks;
use super::read::Body;
use crate::Unsuited;

/// A function whose stores mark what they write, and whose calls go to the wrappers of imports.
pub(super) struct Instrumented<'m, 'a> {
    pub(super) body: &'m Body<'a>,
    pub(super) params: u32,
    pub(super) marks: Option<Marks>,
    /// Which function is called instead of which.
    pub(super) wrapped: &'m BTreeMap<u32, u32>,
}

impl Instrumented<'_, '_> {
    /// The body, encoded: locals and code.
    pub(super) fn encode(&self) -> Result<Vec<u8>, Unsuited> {
        if self.body.is_plain {
            return Ok(self.body.bytes.to_vec());
        }
        let mut out = Vec::with_capacity(self.body.bytes.len() * 2);
        let scratch = Scratch::add(self, &mut out)?;
        let code = || self.body.code.get_operators_reader();
        let mut coverage = Coverage::begin(scratch.address, code()?)?;
        let mut operators = code()?.into_iter_with_offsets().peekable();
        let start = self.body.code.range().start;
        while let Some(operator) = operators.next() {
            let (operator, at) = operator?;
            let end = match operators.peek() {
                Some(Ok((_, next))) => *next,
                Some(Err(error)) => return Err(error.clone().into()),
                None => self.body.code.range().end,
            };
            let bytes = self
                .body
                .bytes
                .get(at - start..end - start)
                .unwrap_or_default();
            let is_covered = !coverage.follow(&operator);
            self.operator(&operator, bytes, is_covered, scratch, &mut out);
        }
        Ok(out)
    }

    fn operator(
        &self,
        operator: &Operator<'_>,
        bytes: &[u8],
        is_covered: bool,
        scratch: Scratch,
        out: &mut Vec<u8>,
    ) {
        match (write_of(operator), self.marks) {
            (Some(Write::Store { value, offset }), Some(marks)) if !is_covered => {
                let (address, value) = (scratch.address, scratch.of(value));
                emit(
                    out,
                    [I::LocalSet(value), I::LocalTee(address), I::LocalGet(value)],
                );
                out.extend_from_slice(bytes);
                // After it: a store beyond the memory traps, and the instance is gone.
                marks.mark_store(out, address, offset);
            }
            (Some(Write::Range), Some(marks)) => {
                let Scratch {
                    address,
                    source,
                    length,
                    ..
                } = scratch;
                emit(
                    out,
                    [
                        I::LocalSet(length),
                        I::LocalSet(source),
                        I::LocalTee(address),
                    ],
                );
                emit(out, [I::LocalGet(source), I::LocalGet(length)]);
                out.extend_from_slice(bytes);
                emit(
                    out,
                    [
                        I::LocalGet(address),
                        I::LocalGet(length),
                        I::Call(marks.function),
                    ],
                );
            }
            _ => match operator {
                Operator::Call { function_index } => {
                    I::Call(self.instead(*function_index)).encode(out);
                }
                Operator::ReturnCall { function_index } => {
                    I::ReturnCall(self.instead(*function_index)).encode(out);
                }
                _ => out.extend_from_slice(bytes),
            },
        }
    }

    fn instead(&self, function: u32) -> u32 {
        self.wrapped.get(&function).copied().unwrap_or(function)
    }
}

/// Whether an instruction stays as it is.
pub(super) fn is_plain(operator: &Operator<'_>) -> bool {
    let calls = matches!(
        operator,
        Operator::Call { .. } | Operator::ReturnCall { .. }
    );
    !calls && write_of(operator).is_none()
}

/// What an instruction writes to memory.
#[derive(Clone, Copy)]
enum Write {
    /// A value of this type, at most 16 bytes, at an address and an offset from it.
    Store { value: ValType, offset: u64 },
    /// A range: its address comes first, its length last.
    Range,
}

/// The offset of a store.
pub(super) fn store_offset(operator: &Operator<'_>) -> Option<u64> {
    match write_of(operator)? {
        Write::Store { offset, .. } => Some(offset),
        Write::Range => None,
    }
}

fn write_of(operator: &Operator<'_>) -> Option<Write> {
    use Operator as O;
    let (value, memarg): (_, &MemArg) = match operator {
        O::I32Store { memarg } | O::I32Store8 { memarg } | O::I32Store16 { memarg } => {
            (ValType::I32, memarg)
        }
        O::I64Store { memarg }
        | O::I64Store8 { memarg }
        | O::I64Store16 { memarg }
        | O::I64Store32 { memarg } => (ValType::I64, memarg),
        O::F32Store { memarg } => (ValType::F32, memarg),
        O::F64Store { memarg } => (ValType::F64, memarg),
        O::V128Store { memarg }
        | O::V128Store8Lane { memarg, .. }
        | O::V128Store16Lane { memarg, .. }
        | O::V128Store32Lane { memarg, .. }
        | O::V128Store64Lane { memarg, .. } => (ValType::V128, memarg),
        O::MemoryFill { .. } | O::MemoryCopy { .. } | O::MemoryInit { .. } => {
            return Some(Write::Range);
        }
        _ => return None,
    };
    Some(Write::Store {
        value,
        offset: memarg.offset,
    })
}

/// Locals behind those of the function.
#[derive(Clone, Copy)]
struct Scratch {
    address: u32,
    source: u32,
    length: u32,
    /// Of each other type.
    i64: u32,
    f32: u32,
    f64: u32,
    v128: u32,
}

impl Scratch {
    /// Writes the locals of a function, and these.
    fn add(function: &Instrumented<'_, '_>, out: &mut Vec<u8>) -> Result<Self, Unsuited> {
        let mut locals = function.body.code.get_locals_reader()?;
        let groups = locals.get_count();
        let mut first = function.params;
        let start = locals.original_position();
        for _ in 0..groups {
            first = first.saturating_add(locals.read()?.0);
        }
        let code = function.body.code.range().start;
        let declared = start - code..locals.original_position() - code;
        (groups + 5).encode(out);
        out.extend_from_slice(function.body.bytes.get(declared).unwrap_or_default());
        for (count, ty) in [
            (3u32, ValType::I32),
            (1, ValType::I64),
            (1, ValType::F32),
            (1, ValType::F64),
            (1, ValType::V128),
        ] {
            count.encode(out);
            ty.encode(out);
        }
        let at = |place| first.saturating_add(place);
        Ok(Self {
            address: at(0),
            source: at(1),
            length: at(2),
            i64: at(3),
            f32: at(4),
            f64: at(5),
            v128: at(6),
        })
    }

    fn of(&self, value: ValType) -> u32 {
        match value {
            ValType::I64 => self.i64,
            ValType::F32 => self.f32,
            ValType::F64 => self.f64,
            ValType::V128 => self.v128,
            ValType::I32 | ValType::Ref(_) => self.source,
        }
    }
}

pub(super) fn emit<'i>(out: &mut Vec<u8>, instructions: impl IntoIterator<Item = I<'i>>) {
    for instruction in instructions {
        instruction.encode(out);
    }
}

/// The beginning of a body: its locals.
pub(super) fn locals(groups: &[(u32, ValType)]) -> Vec<u8> {
    let mut out = Vec::new();
    (groups.len() as u32).encode(&mut out);
    for (count, ty) in groups {
        count.encode(&mut out);
        ty.encode(&mut out);
    }
    out
}
