//! The function that puts an instance back.

use wasm_encoder::{BlockType, HeapType, Instruction as I, MemArg, ValType};
use wasmparser::RefType;

use super::body::{emit, locals};
use super::marks::{BEFORE, BEHIND, Marks, SHIFT};
use super::read::Table;

/// What the module's data make of the memory: a passive segment, for the bytes from `start` to `end`.
#[derive(Clone, Copy)]
pub(super) struct Image {
    pub(super) segment: u32,
    pub(super) start: u32,
    pub(super) end: u32,
}

/// The function that puts an instance back, `() -> i32`.
pub(super) struct ResetFunction(Vec<u8>);

impl ResetFunction {
    /// The marks that are left to be treated.
    const MARKS: u32 = 0;
    /// Place and end of a run of them, in bits.
    const RUN: u32 = 1;
    const RUN_END: u32 = 2;
    /// The bytes of the run.
    const START: u32 = 3;
    const END: u32 = 4;
    const FROM: u32 = 5;
    const TO: u32 = 6;
    /// The number of the first granule in `MARKS`.
    const GRANULE: u32 = 7;

    pub(super) fn begin() -> Self {
        Self(locals(&[(3, ValType::I64), (5, ValType::I32)]))
    }

    pub(super) fn end(mut self) -> Vec<u8> {
        self.emit([I::I32Const(1), I::End]);
        self.0
    }

    fn emit<'i>(&mut self, instructions: impl IntoIterator<Item = I<'i>>) {
        emit(&mut self.0, instructions);
    }

    /// Restores the granules that are marked, if the memory has its first size.
    pub(super) fn memory(&mut self, marks: Marks, image: Option<Image>) {
        self.emit([
            I::MemorySize(0),
            I::I32Const((u64::from(marks.size) / super::WASM_PAGE) as i32),
            I::I32Ne,
        ]);
        self.give_up_if();
        let at = MemArg {
            offset: 0,
            align: 3,
            memory_index: marks.memory,
        };
        // Eight granules at a time.
        self.emit([
            I::Loop(BlockType::Empty),
            I::LocalGet(Self::GRANULE),
            I::I64Load(at),
            I::LocalTee(Self::MARKS),
            I::I64Eqz,
            I::I32Eqz,
            I::If(BlockType::Empty),
            I::LocalGet(Self::GRANULE),
            I::I64Const(0),
            I::I64Store(at),
        ]);
        self.runs(marks, image);
        self.emit([
            I::End,
            I::LocalGet(Self::GRANULE),
            I::I32Const(8),
            I::I32Add,
            I::LocalTee(Self::GRANULE),
            I::I32Const((marks.size >> SHIFT) as i32),
            I::I32LtU,
            I::BrIf(0),
            I::End,
        ]);
    }

    /// Restores the runs of granules in `MARKS`, a byte each, 0 or 1.
    fn runs(&mut self, marks: Marks, image: Option<Image>) {
        self.emit([
            I::Block(BlockType::Empty),
            I::Loop(BlockType::Empty),
            I::LocalGet(Self::MARKS),
            I::I64Eqz,
            I::BrIf(1),
            I::LocalGet(Self::MARKS),
            I::I64Ctz,
            I::LocalTee(Self::RUN),
            // The first that is not marked behind it.
            I::LocalGet(Self::MARKS),
            I::LocalGet(Self::RUN),
            I::I64ShrU,
            I::I64Const(-1),
            I::I64Xor,
            I::I64Const(0x0101_0101_0101_0101),
            I::I64And,
            I::I64Ctz,
            I::I64Add,
            I::LocalSet(Self::RUN_END),
            // What is left behind the run. A shift by 64 is one by 0.
            I::LocalGet(Self::MARKS),
            I::I64Const(-1),
            I::LocalGet(Self::RUN_END),
            I::I64Shl,
            I::I64And,
            I::I64Const(0),
            I::LocalGet(Self::RUN_END),
            I::I64Const(64),
            I::I64LtU,
            I::Select,
            I::LocalSet(Self::MARKS),
        ]);
        self.byte_at(Self::RUN);
        self.emit([I::LocalSet(Self::START)]);
        // Not below 0.
        self.at_least(Self::START, BEFORE as i32);
        self.emit([
            I::LocalGet(Self::START),
            I::I32Const(BEFORE as i32),
            I::I32Sub,
            I::LocalSet(Self::START),
        ]);
        self.byte_at(Self::RUN_END);
        self.emit([
            I::I32Const(BEHIND as i32),
            I::I32Add,
            I::LocalSet(Self::END),
        ]);
        self.at_most(Self::END, marks.size as i32);
        match image {
            None => self.clear(),
            Some(image) => self.restore(image),
        }
        self.emit([I::Br(0), I::End, I::End]);
    }

    /// The first byte of the granule at a place of `MARKS`.
    fn byte_at(&mut self, place: u32) {
        self.emit([
            I::LocalGet(place),
            I::I32WrapI64,
            I::I32Const(3),
            I::I32ShrU,
            I::LocalGet(Self::GRANULE),
            I::I32Add,
            I::I32Const(SHIFT as i32),
            I::I32Shl,
        ]);
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
