//! Code that looks through the marks of a memory.

use wasm_encoder::{BlockType, Instruction as I, MemArg, ValType};

use super::body::{emit, locals};
use super::marks::{BEFORE, BEHIND, Marks, SHIFT};

// Locals of a function without parameters that looks through marks.
/// The marks that are left to be treated.
const MARKS: u32 = 0;
/// Place and end of a run of them, in bits.
const RUN: u32 = 1;
const RUN_END: u32 = 2;
/// The bytes of the run.
pub(super) const START: u32 = 3;
pub(super) const END: u32 = 4;
/// For what is done with them.
pub(super) const FROM: u32 = 5;
pub(super) const TO: u32 = 6;
/// The number of the first granule in `MARKS`.
const GRANULE: u32 = 7;
/// Two more.
pub(super) const OTHER: u32 = 8;
pub(super) const ANOTHER: u32 = 9;

/// The beginning of such a function.
pub(super) fn begin() -> Vec<u8> {
    locals(&[(3, ValType::I64), (7, ValType::I32)])
}

/// Runs of granules that are marked.
pub(super) struct MarkedRuns {
    pub(super) marks: Marks,
    /// Gives the number of granules that the memory has.
    pub(super) granules: I<'static>,
    /// Gives the number of its bytes.
    pub(super) bytes: I<'static>,
    /// Whether the marks are taken away.
    pub(super) clears: bool,
}

impl MarkedRuns {
    /// Does `each` for the bytes from `START` to `END` of each run.
    pub(super) fn each(&self, out: &mut Vec<u8>, each: impl FnOnce(&mut Vec<u8>)) {
        let at = MemArg {
            offset: 0,
            align: 3,
            memory_index: self.marks.memory,
        };
        // Eight granules at a time.
        emit(
            out,
            [
                I::I32Const(0),
                I::LocalSet(GRANULE),
                I::Loop(BlockType::Empty),
                I::LocalGet(GRANULE),
                I::I64Load(at),
                I::LocalTee(MARKS),
                I::I64Eqz,
                I::I32Eqz,
                I::If(BlockType::Empty),
            ],
        );
        if self.clears {
            emit(out, [I::LocalGet(GRANULE), I::I64Const(0), I::I64Store(at)]);
        }
        self.runs(out, each);
        emit(
            out,
            [
                I::End,
                I::LocalGet(GRANULE),
                I::I32Const(8),
                I::I32Add,
                I::LocalTee(GRANULE),
                self.granules.clone(),
                I::I32LtU,
                I::BrIf(0),
                I::End,
            ],
        );
    }

    /// Treats the runs of granules in `MARKS`, a byte each, 0 or 1.
    fn runs(&self, out: &mut Vec<u8>, each: impl FnOnce(&mut Vec<u8>)) {
        emit(
            out,
            [
                I::Block(BlockType::Empty),
                I::Loop(BlockType::Empty),
                I::LocalGet(MARKS),
                I::I64Eqz,
                I::BrIf(1),
                I::LocalGet(MARKS),
                I::I64Ctz,
                I::LocalTee(RUN),
                // The first that is not marked behind it.
                I::LocalGet(MARKS),
                I::LocalGet(RUN),
                I::I64ShrU,
                I::I64Const(-1),
                I::I64Xor,
                I::I64Const(0x0101_0101_0101_0101),
                I::I64And,
                I::I64Ctz,
                I::I64Add,
                I::LocalSet(RUN_END),
                // What is left behind the run. A shift by 64 is one by 0.
                I::LocalGet(MARKS),
                I::I64Const(-1),
                I::LocalGet(RUN_END),
                I::I64Shl,
                I::I64And,
                I::I64Const(0),
                I::LocalGet(RUN_END),
                I::I64Const(64),
                I::I64LtU,
                I::Select,
                I::LocalSet(MARKS),
            ],
        );
        byte_at(out, RUN);
        emit(out, [I::LocalSet(START)]);
        // Not below 0.
        at_least(out, START, &I::I32Const(BEFORE as i32));
        emit(
            out,
            [
                I::LocalGet(START),
                I::I32Const(BEFORE as i32),
                I::I32Sub,
                I::LocalSet(START),
            ],
        );
        byte_at(out, RUN_END);
        emit(
            out,
            [I::I32Const(BEHIND as i32), I::I32Add, I::LocalSet(END)],
        );
        at_most(out, END, &self.bytes);
        each(out);
        emit(out, [I::Br(0), I::End, I::End]);
    }
}

/// The first byte of the granule at a place of `MARKS`.
fn byte_at(out: &mut Vec<u8>, place: u32) {
    emit(
        out,
        [
            I::LocalGet(place),
            I::I32WrapI64,
            I::I32Const(3),
            I::I32ShrU,
            I::LocalGet(GRANULE),
            I::I32Add,
            I::I32Const(SHIFT as i32),
            I::I32Shl,
        ],
    );
}

/// Lowers a local to a bound.
pub(super) fn at_most(out: &mut Vec<u8>, local: u32, bound: &I<'static>) {
    bounded(out, local, bound, I::I32LtU);
}

/// Raises a local to a bound.
pub(super) fn at_least(out: &mut Vec<u8>, local: u32, bound: &I<'static>) {
    bounded(out, local, bound, I::I32GtU);
}

fn bounded(out: &mut Vec<u8>, local: u32, bound: &I<'static>, within: I<'static>) {
    emit(
        out,
        [
            I::LocalGet(local),
            bound.clone(),
            I::LocalGet(local),
            bound.clone(),
            within,
            I::Select,
            I::LocalSet(local),
        ],
    );
}
