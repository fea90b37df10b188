//! The function that puts an instance back.

use wasm_encoder::{BlockType, HeapType, Instruction as I};
use wasmparser::RefType;

use super::body::emit;
use super::marked_runs::{self, END, FROM, MarkedRuns, START, TO, at_least, at_most};
use super::marks::{Marks, SHIFT};
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
    pub(super) fn begin() -> Self {
        Self(marked_runs::begin())
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
        let runs = MarkedRuns {
            marks,
            granules: I::I32Const((marks.size >> SHIFT) as i32),
            bytes: I::I32Const(marks.size as i32),
            clears: true,
        };
        runs.each(&mut self.0, |out| match image {
            None => clear(out),
            Some(image) => restore(out, image),
        });
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
}

/// Restores the bytes from `START` to `END`.
fn restore(out: &mut Vec<u8>, image: Image) {
    let (start, end) = (image.start as i32, image.end as i32);
    emit(
        out,
        [
            I::LocalGet(START),
            I::I32Const(start),
            I::I32LtU,
            I::LocalGet(END),
            I::I32Const(end),
            I::I32GtU,
            I::I32Or,
            I::If(BlockType::Empty),
        ],
    );
    clear(out);
    emit(out, [I::End, I::LocalGet(START), I::LocalSet(FROM)]);
    at_least(out, FROM, &I::I32Const(start));
    emit(out, [I::LocalGet(END), I::LocalSet(TO)]);
    at_most(out, TO, &I::I32Const(end));
    emit(
        out,
        [
            I::LocalGet(FROM),
            I::LocalGet(TO),
            I::I32LtU,
            I::If(BlockType::Empty),
            I::LocalGet(FROM),
            I::LocalGet(FROM),
            I::I32Const(start),
            I::I32Sub,
            I::LocalGet(TO),
            I::LocalGet(FROM),
            I::I32Sub,
            I::MemoryInit {
                mem: 0,
                data_index: image.segment,
            },
            I::End,
        ],
    );
}

/// Sets the bytes from `START` to `END` to 0.
fn clear(out: &mut Vec<u8>) {
    emit(
        out,
        [
            I::LocalGet(START),
            I::I32Const(0),
            I::LocalGet(END),
            I::LocalGet(START),
            I::I32Sub,
            I::MemoryFill(0),
        ],
    );
}
