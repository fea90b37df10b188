//! Which granules of a memory were written to, and the code that marks them.

use wasm_encoder::{BlockType, Instruction as I, MemArg, ValType};

use super::body::{emit, locals};

/// Which granules of a module's memory were written to.
#[derive(Clone, Copy)]
pub(super) struct Marks {
    pub(super) place: Place,
    /// The function that marks a range.
    pub(super) function: u32,
    /// Bytes of the memory.
    pub(super) size: u32,
    /// A granule has `1 << shift` bytes.
    pub(super) shift: u32,
}

/// Where marks are: in what no instruction of the module's own names.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// A bit for each granule, in a global of type `i64`.
    Bits { global: u32 },
    /// A byte for each granule, 0 or 1, in a memory of one page.
    Bytes { memory: u32 },
}

impl Place {
    /// How many granules there can be.
    const fn granules(self) -> u32 {
        match self {
            Self::Bits { .. } => 64,
            Self::Bytes { .. } => 1 << 16,
        }
    }
}

impl Marks {
    /// Of a memory of `size` bytes.
    pub(super) fn new(place: Place, function: u32, size: u32) -> Self {
        let granule = size.div_ceil(place.granules()).next_power_of_two();
        let shift = granule.max(SMALLEST_GRANULE).ilog2();
        Self {
            place,
            function,
            size,
            shift,
        }
    }

    /// Marks the granule of the first byte of a store: see [`LONGEST_STORE`] for the others.
    pub(super) fn mark_store(&self, out: &mut Vec<u8>, address: u32, offset: u64) {
        match self.place {
            Place::Bits { global } => {
                emit(out, [I::GlobalGet(global), I::I64Const(1)]);
                self.granule_of(out, address, offset);
                emit(
                    out,
                    [I::I64ExtendI32U, I::I64Shl, I::I64Or, I::GlobalSet(global)],
                );
            }
            Place::Bytes { memory } => {
                self.granule_of(out, address, offset);
                emit(out, [I::I32Const(1), I::I32Store8(byte_of(memory))]);
            }
        }
    }

    /// The number of the granule at an address, and an offset from it.
    fn granule_of(&self, out: &mut Vec<u8>, address: u32, offset: u64) {
        emit(out, [I::LocalGet(address)]);
        if offset > 0 {
            // The store did not trap, so the sum is within the memory.
            emit(out, [I::I32Const(offset as u32 as i32), I::I32Add]);
        }
        emit(out, [I::I32Const(self.shift as i32), I::I32ShrU]);
    }

    /// The body of the function `(address: i32, length: i32)` that marks a range, as far as it is within the memory:
    /// what is written may be shorter than it could be.
    pub(super) fn mark_function(&self) -> Vec<u8> {
        let mut out = locals(&[(1, ValType::I64)]);
        emit(
            &mut out,
            [
                I::LocalGet(LENGTH),
                I::I32Eqz,
                I::LocalGet(ADDRESS),
                I::I32Const(self.size as i32),
                I::I32GeU,
                I::I32Or,
                I::If(BlockType::Empty),
                I::Return,
                I::End,
                I::LocalGet(ADDRESS),
                I::I64ExtendI32U,
                I::LocalGet(LENGTH),
                I::I64ExtendI32U,
                I::I64Add,
                I::LocalTee(END),
                I::I64Const(i64::from(self.size)),
                I::LocalGet(END),
                I::I64Const(i64::from(self.size)),
                I::I64LtU,
                I::Select,
                I::LocalSet(END),
            ],
        );
        // The last granule.
        let last = [
            I::LocalGet(END),
            I::I64Const(1),
            I::I64Sub,
            I::I64Const(i64::from(self.shift)),
            I::I64ShrU,
        ];
        match self.place {
            Place::Bits { global } => {
                emit(&mut out, [I::GlobalGet(global), I::I64Const(-1)]);
                self.granule_of(&mut out, ADDRESS, 0);
                emit(
                    &mut out,
                    [
                        I::I64ExtendI32U,
                        I::I64Shl,
                        I::I64Const(-1),
                        I::I64Const(63),
                    ],
                );
                emit(&mut out, last);
                emit(
                    &mut out,
                    [
                        I::I64Sub,
                        I::I64ShrU,
                        I::I64And,
                        I::I64Or,
                        I::GlobalSet(global),
                    ],
                );
            }
            Place::Bytes { memory } => {
                self.granule_of(&mut out, ADDRESS, 0);
                emit(&mut out, [I::I32Const(1)]);
                emit(&mut out, last);
                emit(&mut out, [I::I32WrapI64, I::I32Const(1), I::I32Add]);
                self.granule_of(&mut out, ADDRESS, 0);
                emit(&mut out, [I::I32Sub, I::MemoryFill(memory)]);
            }
        }
        emit(&mut out, [I::End]);
        out
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
/// To restore less takes as long as to restore this.
const SMALLEST_GRANULE: u32 = 1 << 10;
/// Bytes of the longest store. A store marks the granule of its first byte, so of the granule behind it these many
/// less one may have changed too: they are restored with it.
pub(super) const LONGEST_STORE: u32 = 16;
