//! The functions that mark and that put back.

use wasm_encoder::{BlockType, Encode, HeapType, Instruction as I, ValType};
use wasmparser::RefType;

use super::body::emit;
use super::read::Table;

/// Which granules of the memory were written to: one bit each, in a global.
#[derive(Clone, Copy)]
pub(super) struct Bitmap {
    global: u32,
    /// The function that marks a range.
    pub(super) mark: u32,
    /// Bytes of the memory.
    size: u32,
    /// A granule has `1 << shift` bytes.
    shift: u32,
}

/// What the module's data make of the memory: a passive segment, for the bytes from `start` to `end`.
#[derive(Clone, Copy)]
pub(super) struct Image {
    pub(super) segment: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

impl Bitmap {
    /// Of a memory of `size` bytes.
    pub(super) fn new(global: u32, mark: u32, size: u32) -> Self {
        let granule = size
            .div_ceil(GRANULES)
            .next_power_of_two()
            .max(SMALLEST_GRANULE);
        let shift = granule.ilog2();
        Self {
            global,
            mark,
            size,
            shift,
        }
    }

    /// Marks the granule of the first byte of a store: see [`LONGEST_STORE`] for the others.
    pub(super) fn mark_store(&self, out: &mut Vec<u8>, address: u32, offset: u64) {
        emit(
            out,
            [
                I::GlobalGet(self.global),
                I::I64Const(1),
                I::LocalGet(address),
            ],
        );
        if offset > 0 {
            // It did not trap, so the sum is within the memory.
            emit(out, [I::I32Const(offset as u32 as i32), I::I32Add]);
        }
        emit(
            out,
            [
                I::I32Const(self.shift as i32),
                I::I32ShrU,
                I::I64ExtendI32U,
                I::I64Shl,
                I::I64Or,
                I::GlobalSet(self.global),
            ],
        );
    }

    /// The body of the function `(address: i32, length: i32)` that marks a range. One that is not within the
    /// memory marks something: the host refuses it, and the instance is gone.
    pub(super) fn mark_function(&self) -> Vec<u8> {
        const ADDRESS: u32 = 0;
        const LENGTH: u32 = 1;
        const LAST: u32 = 2;
        let mut out = locals(&[(1, ValType::I64)]);
        emit(
            &mut out,
            [
                I::LocalGet(LENGTH),
                I::I32Eqz,
                I::If(BlockType::Empty),
                I::Return,
                I::End,
                // The last granule, at most 63.
                I::LocalGet(ADDRESS),
                I::I64ExtendI32U,
                I::LocalGet(LENGTH),
                I::I64ExtendI32U,
                I::I64Add,
                I::I64Const(1),
                I::I64Sub,
                I::I64Const(i64::from(self.shift)),
                I::I64ShrU,
                I::LocalTee(LAST),
                I::I64Const(63),
                I::LocalGet(LAST),
                I::I64Const(63),
                I::I64LtU,
                I::Select,
                I::LocalSet(LAST),
                // From the first on, up to the last.
                I::GlobalGet(self.global),
                I::I64Const(-1),
                I::LocalGet(ADDRESS),
                I::I32Const(self.shift as i32),
                I::I32ShrU,
                I::I64ExtendI32U,
                I::I64Shl,
                I::I64Const(-1),
                I::I64Const(63),
                I::LocalGet(LAST),
                I::I64Sub,
                I::I64ShrU,
                I::I64And,
                I::I64Or,
                I::GlobalSet(self.global),
                I::End,
            ],
        );
        out
    }

    /// The body of a function that calls `import`, which has `params` parameters, and marks what it may have
    /// written to where the last of them points.
    pub(super) fn import_wrapper(&self, import: u32, params: u32, written: u32) -> Vec<u8> {
        let mut out = locals(&[]);
        emit(&mut out, (0..params).map(I::LocalGet));
        emit(
            &mut out,
            [
                I::Call(import),
                I::LocalGet(params.saturating_sub(1)),
                I::I32Const(written as i32),
                I::Call(self.mark),
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
                I::Call(self.mark),
                I::LocalGet(BLOCK),
                I::End,
            ],
        );
        out
    }
}

/// The function that puts an instance back, `() -> i32`.
pub(super) struct ResetFunction(Vec<u8>);

impl ResetFunction {
    const BITS: u32 = 0;
    const START: u32 = 1;
    const END: u32 = 2;
    const FROM: u32 = 3;
    const TO: u32 = 4;

    pub(super) fn begin() -> Self {
        Self(locals(&[(1, ValType::I64), (4, ValType::I32)]))
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.emit([I::I32Const(1), I::End]);
        self.0
    }

    fn emit<'i>(&mut self, instructions: impl IntoIterator<Item = I<'i>>) {
        emit(&mut self.0, instructions);
    }

    /// Restores the granules that are marked, if the memory has its first size.
    pub(super) fn memory(&mut self, bitmap: Bitmap, image: Option<Image>) {
        let size = bitmap.size as i32;
        self.emit([
            I::MemorySize(0),
            I::I32Const((u64::from(bitmap.size) / super::WASM_PAGE) as i32),
            I::I32Ne,
        ]);
        self.give_up_if();
        self.emit([
            I::GlobalGet(bitmap.global),
            I::LocalSet(Self::BITS),
            I::Block(BlockType::Empty),
            I::Loop(BlockType::Empty),
            I::LocalGet(Self::BITS),
            I::I64Eqz,
            I::BrIf(1),
            // The first granule that is marked.
            I::LocalGet(Self::BITS),
            I::I64Ctz,
            I::I32WrapI64,
            I::I32Const(bitmap.shift as i32),
            I::I32Shl,
            I::LocalTee(Self::START),
            // A bit beyond the memory: none follows it.
            I::I32Const(size),
            I::I32GeU,
            I::BrIf(1),
            I::LocalGet(Self::BITS),
            I::LocalGet(Self::BITS),
            I::I64Const(1),
            I::I64Sub,
            I::I64And,
            I::LocalSet(Self::BITS),
            I::LocalGet(Self::START),
            I::I32Const((1 << bitmap.shift) + LONGEST_STORE - 1),
            I::I32Add,
            I::LocalSet(Self::END),
        ]);
        self.at_most(Self::END, size);
        match image {
            None => self.clear(),
            Some(image) => self.restore(image),
        }
        self.emit([I::Br(0), I::End, I::End]);
        self.emit([I::I64Const(0), I::GlobalSet(bitmap.global)]);
    }

    /// Restores the bytes from `START` to `END`.
    fn restore(&mut self, image: Image) {
        let (start, end) = (image.start as i32, image.end as i32);
        self.emit([
            I::LocalGet(Self::START),
            I::I32Const(start),
            I::I32LtU,
            I::LocalGet(Self::END),
            I::I32Const(end),
            I::I32GtU,
            I::I32Or,
            I::If(BlockType::Empty),
        ]);
        self.clear();
        self.emit([I::End, I::LocalGet(Self::START), I::LocalSet(Self::FROM)]);
        self.at_least(Self::FROM, start);
        self.emit([I::LocalGet(Self::END), I::LocalSet(Self::TO)]);
        self.at_most(Self::TO, end);
        self.emit([
            I::LocalGet(Self::FROM),
            I::LocalGet(Self::TO),
            I::I32LtU,
            I::If(BlockType::Empty),
            I::LocalGet(Self::FROM),
            I::LocalGet(Self::FROM),
            I::I32Const(start),
            I::I32Sub,
            I::LocalGet(Self::TO),
            I::LocalGet(Self::FROM),
            I::I32Sub,
            I::MemoryInit {
                mem: 0,
                data_index: image.segment,
            },
            I::End,
        ]);
    }

    fn clear(&mut self) {
        self.emit([
            I::LocalGet(Self::START),
            I::I32Const(0),
            I::LocalGet(Self::END),
            I::LocalGet(Self::START),
            I::I32Sub,
            I::MemoryFill(0),
        ]);
    }

    /// Gives up if the table has grown.
    pub(super) fn check_table(&mut self, table: u32, initial: u32) {
        self.emit([I::TableSize(table), I::I32Const(initial as i32), I::I32Ne]);
        self.give_up_if();
    }

    /// Takes everything out of a table.
    pub(super) fn clear_table(&mut self, table: &Table) {
        let null = if table.ty == RefType::EXTERNREF {
            HeapType::EXTERN
        } else {
            HeapType::FUNC
        };
        self.emit([
            I::I32Const(0),
            I::RefNull(null),
            I::I32Const(table.initial as i32),
            I::TableFill(table.index),
        ]);
    }

    /// Puts `count` elements of a passive segment into a table, at a place that is computed.
    pub(super) fn fill_table(&mut self, table: u32, segment: u32, place: &[u8], count: u32) {
        self.0.extend_from_slice(place);
        self.emit([
            I::I32Const(0),
            I::I32Const(count as i32),
            I::TableInit {
                elem_index: segment,
                table,
            },
        ]);
    }

    /// Sets a global to its first value.
    pub(super) fn global(&mut self, global: u32, init: &[u8]) {
        self.0.extend_from_slice(init);
        self.emit([I::GlobalSet(global)]);
    }

    fn give_up_if(&mut self) {
        self.emit([I::If(BlockType::Empty), I::I32Const(0), I::Return, I::End]);
    }

    fn at_most(&mut self, local: u32, bound: i32) {
        self.bounded(local, bound, I::I32LtU);
    }

    fn at_least(&mut self, local: u32, bound: i32) {
        self.bounded(local, bound, I::I32GtU);
    }

    fn bounded(&mut self, local: u32, bound: i32, within: I<'static>) {
        self.emit([
            I::LocalGet(local),
            I::I32Const(bound),
            I::LocalGet(local),
            I::I32Const(bound),
            within,
            I::Select,
            I::LocalSet(local),
        ]);
    }
}

/// The beginning of a body: its locals.
fn locals(groups: &[(u32, ValType)]) -> Vec<u8> {
    let mut out = Vec::new();
    (groups.len() as u32).encode(&mut out);
    for (count, ty) in groups {
        count.encode(&mut out);
        ty.encode(&mut out);
    }
    out
}

/// Bits of the bitmap.
const GRANULES: u32 = 64;
/// A call for less costs as much as one for this.
const SMALLEST_GRANULE: u32 = 1 << 10;
/// Bytes of the longest store. A store marks the granule of its first byte, so of the granule behind it these many
/// less one may have changed too: they are restored with it.
const LONGEST_STORE: i32 = 16;
