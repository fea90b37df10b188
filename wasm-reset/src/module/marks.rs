//! Which granules of a memory were written to, and the code that marks them.

use wasm_encoder::{BlockType, Instruction as I, MemArg, ValType};

use super::WASM_PAGE;
use super::body::{emit, locals};
use super::coverage::REACH;

/// Which granules of a module's memory were written to: a byte for each, 0 or 1, in a memory that no instruction
/// of the module's own names. (A bit for each, in a global, makes a loop of stores wait for itself.)
#[derive(Clone, Copy)]
pub(super) struct Marks {
    /// The memory that they are in.
    pub(super) memory: u32,
    /// The function that marks a range.
    pub(super) function: u32,
    /// Bytes of the module's memory at first.
    pub(super) size: u32,
    /// Whether what is written beyond them is marked, too.
    pub(super) of_all: bool,
}

impl Marks {
    /// A place in the memory of the marks, behind an address.
    pub(super) fn at(&self, offset: u32) -> MemArg {
        MemArg {
            offset: u64::from(offset),
            align: 0,
            memory_index: self.memory,
        }
    }

    /// Marks the granule of the first byte of a store: see [`BEHIND`] for the others.
    pub(super) fn mark_store(&self, out: &mut Vec<u8>, address: u32, offset: u64) {
        granule_of(out, address, offset);
        emit(out, [I::I32Const(1), I::I32Store8(byte_of(self.memory))]);
    }

    /// The body of the function `(address: i32, length: i32)` that marks a range, as far as it is within the memory:
    /// what is written may be shorter than it could be.
    pub(super) fn mark_function(&self) -> Vec<u8> {
        let mut out = locals(&[(1, ValType::I64)]);
        emit(
            &mut out,
            [
                I::LocalGet(ADDRESS),
                I::I64ExtendI32U,
                I::LocalGet(LENGTH),
                I::I64ExtendI32U,
                I::I64Add,
                I::LocalTee(END),
            ],
        );
        self.size(&mut out);
        emit(&mut out, [I::LocalGet(END)]);
        self.size(&mut out);
        emit(
            &mut out,
            [
                I::I64LtU,
                I::Select,
                I::LocalTee(END),
                I::LocalGet(ADDRESS),
                I::I64ExtendI32U,
                I::I64LeU,
                I::If(BlockType::Empty),
                I::Return,
                I::End,
            ],
        );
        granule_of(&mut out, ADDRESS, 0);
        emit(
            &mut out,
            [
                I::LocalSet(ADDRESS),
                // The last granule.
                I::LocalGet(END),
                I::I64Const(1),
                I::I64Sub,
                I::I64Const(i64::from(SHIFT)),
                I::I64ShrU,
                I::I32WrapI64,
                I::LocalSet(LENGTH),
                // One after the other: most ranges are short, and a `memory.fill` is a call of the host.
                I::Loop(BlockType::Empty),
                I::LocalGet(ADDRESS),
                I::I32Const(1),
                I::I32Store8(byte_of(self.memory)),
                I::LocalGet(ADDRESS),
                I::LocalGet(LENGTH),
                I::I32LtU,
                I::If(BlockType::Empty),
                I::LocalGet(ADDRESS),
                I::I32Const(1),
                I::I32Add,
                I::LocalSet(ADDRESS),
                I::Br(1),
                I::End,
                I::End,
                I::End,
            ],
        );
        out
    }

    /// The size of the part of the memory that is marked, in bytes.
    fn size(&self, out: &mut Vec<u8>) {
        if self.of_all {
            emit(
                out,
                [
                    I::MemorySize(0),
                    I::I64ExtendI32U,
                    I::I64Const(i64::from(WASM_PAGE.trailing_zeros())),
                    I::I64Shl,
                ],
            );
        } else {
            emit(out, [I::I64Const(i64::from(self.size))]);
        }
    }

    /// The body of a function that calls `import`, which has `params` parameters, and marks the `written` bytes
    /// that it may have written to where the last of them points.
    pub(super) fn import_wrapper(&self, import: u32, params: u32, written: u32) -> Vec<u8> {
        let mut out = locals(&[]);
        emit(&mut out, (0..params).map(I::LocalGet));
        emit(
            &mut out,
            [
                I::Call(import),
                I::LocalGet(params.saturating_sub(1)),
                I::I32Const(written as i32),
                I::Call(self.function),
                I::End,
            ],
        );
        out
    }

    /// The body of a function `(old, old size, align, new size) -> address` that calls `realloc`, and marks the
    /// block that it gives.
    pub(super) fn realloc_wrapper(&self, realloc: u32) -> Vec<u8> {
        const NEW_SIZE: u32 = 3;
        const BLOCK: u32 = 4;
        let mut out = locals(&[(1, ValType::I32)]);
        emit(&mut out, (0..=NEW_SIZE).map(I::LocalGet));
        emit(
            &mut out,
            [
                I::Call(realloc),
                I::LocalTee(BLOCK),
                I::LocalGet(NEW_SIZE),
                I::Call(self.function),
                I::LocalGet(BLOCK),
                I::End,
            ],
        );
        out
    }
}

/// The number of the granule at an address, and an offset from it.
fn granule_of(out: &mut Vec<u8>, address: u32, offset: u64) {
    emit(out, [I::LocalGet(address)]);
    if offset > 0 {
        // The store did not trap, so the sum is within the memory.
        emit(out, [I::I32Const(offset as u32 as i32), I::I32Add]);
    }
    emit(out, [I::I32Const(SHIFT as i32), I::I32ShrU]);
}

/// The byte at an address of a memory.
fn byte_of(memory: u32) -> MemArg {
    MemArg {
        offset: 0,
        align: 0,
        memory_index: memory,
    }
}

// Locals of the function that marks a range.
const ADDRESS: u32 = 0;
const LENGTH: u32 = 1;
const END: u32 = 2;
/// A granule has `1 << SHIFT` bytes. Smaller ones take longer to look through, larger ones longer to restore.
pub(super) const SHIFT: u32 = 12;
/// Pages of marks: a mark for each granule of the largest memory that a module may grow to, so that no address is
/// beyond them. Those that are not used take no room.
pub(super) const PAGES: u8 = 16;
const _: () = assert!((PAGES as u64 * WASM_PAGE) << SHIFT == 1 << 32);
/// Where functions that are added say the place and the length of a result, behind all marks.
pub(super) const RESULT: i32 = (PAGES as i32) * (WASM_PAGE as i32) - 8;
/// Pages of the largest memory whose marks leave half of theirs to other use.
pub(super) const MOST_PAGES: i32 = 1 << 15;
/// Bytes of the longest store.
const LONGEST_STORE: u32 = 16;
/// How many bytes before a granule that is marked are restored with it, and how many behind it: a mark is that of the
/// first byte of a store, and stores near it have none of their own.
pub(super) const BEFORE: u32 = REACH;
pub(super) const BEHIND: u32 = REACH + LONGEST_STORE - 1;
