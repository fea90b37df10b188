//! The functions that read what differs from the first state out of an instance, and put it into another.
//!
//! What goes between them has the form of [`crate::difference`]. It passes through the memory of the marks, behind
//! those that the module's memory has: that way the host needs no place in the guest's own.

use wasm_encoder::{BlockType, Instruction as I, ValType};

use super::WASM_PAGE;
use super::body::{emit, locals};
use super::marked_runs::{self, ANOTHER, END, FROM, MarkedRuns, OTHER, START, TO};
use super::marks::{MOST_PAGES, Marks, RESULT, SHIFT};
use crate::difference::{GLOBAL, GLOBALS_AT, RECORD_HEAD};

/// The numbers and types of the mutable globals.
pub(super) type Globals = [(u32, ValType)];

pub(super) struct SaveFunctions<'g> {
    pub(super) marks: Marks,
    pub(super) globals: &'g Globals,
}

impl SaveFunctions<'_> {
    /// The body of `() -> i32`, which writes out the difference: where place and length of it are. The length is 0 if
    /// it is too much.
    pub(super) fn save(&self) -> Vec<u8> {
        /// Where the difference begins.
        const BASE: u32 = OTHER;
        const OUT: u32 = ANOTHER;
        /// Bytes of the memory, and its granules.
        const SIZE: u32 = FROM;
        const GRANULES: u32 = TO;
        let mut out = marked_runs::begin();
        emit(
            &mut out,
            [
                I::I32Const(RESULT),
                I::I32Const(0),
                I::I32Store(self.marks.at(4)),
                I::MemorySize(0),
                I::I32Const(MOST_PAGES),
                I::I32GtU,
                I::If(BlockType::Empty),
                I::I32Const(RESULT),
                I::Return,
                I::End,
                I::MemorySize(0),
                I::I32Const(WASM_PAGE.trailing_zeros() as i32),
                I::I32Shl,
                I::LocalTee(SIZE),
                I::I32Const(SHIFT as i32),
                I::I32ShrU,
                I::LocalTee(GRANULES),
                I::LocalTee(BASE),
                I::MemorySize(0),
                I::I32Store(self.marks.at(0)),
            ],
        );
        for ((global, ty), at) in self.places() {
            emit(&mut out, [I::LocalGet(BASE), I::GlobalGet(*global)]);
            emit(
                &mut out,
                [match ty {
                    ValType::I32 => I::I32Store(self.marks.at(at)),
                    ValType::F32 => I::F32Store(self.marks.at(at)),
                    ValType::F64 => I::F64Store(self.marks.at(at)),
                    _ => I::I64Store(self.marks.at(at)),
                }],
            );
        }
        emit(
            &mut out,
            [
                I::LocalGet(BASE),
                I::I32Const(self.head()),
                I::I32Add,
                I::LocalSet(OUT),
            ],
        );
        let runs = MarkedRuns {
            marks: self.marks,
            granules: I::LocalGet(GRANULES),
            bytes: I::LocalGet(SIZE),
            clears: false,
        };
        runs.each(&mut out, |out| {
            let length = || [I::LocalGet(END), I::LocalGet(START), I::I32Sub];
            emit(
                out,
                [I::LocalGet(OUT), I::I32Const(RECORD_HEAD as i32), I::I32Add],
            );
            emit(out, length());
            emit(
                out,
                [
                    I::I32Add,
                    // The place of what is restored is rounded.
                    I::I32Const(RESULT - 8),
                    I::I32GtU,
                    I::If(BlockType::Empty),
                    I::I32Const(RESULT),
                    I::Return,
                    I::End,
                    I::LocalGet(OUT),
                    I::LocalGet(START),
                    I::I32Store(self.marks.at(0)),
                    I::LocalGet(OUT),
                ],
            );
            emit(out, length());
            emit(
                out,
                [
                    I::I32Store(self.marks.at(4)),
                    I::LocalGet(OUT),
                    I::I32Const(RECORD_HEAD as i32),
                    I::I32Add,
                    I::LocalTee(OUT),
                    I::LocalGet(START),
                ],
            );
            emit(out, length());
            emit(
                out,
                [
                    I::MemoryCopy {
                        src_mem: 0,
                        dst_mem: self.marks.memory,
                    },
                    I::LocalGet(OUT),
                ],
            );
            emit(out, length());
            emit(out, [I::I32Add, I::LocalSet(OUT)]);
        });
        emit(
            &mut out,
            [
                I::I32Const(RESULT),
                I::LocalGet(BASE),
                I::I32Store(self.marks.at(0)),
                I::I32Const(RESULT),
                I::LocalGet(OUT),
                I::LocalGet(BASE),
                I::I32Sub,
                I::I32Store(self.marks.at(4)),
                I::I32Const(RESULT),
                I::End,
            ],
        );
        out
    }

    /// The body of `(i32)`, which takes away what `save` has written: there may be marks there next.
    pub(super) fn saved(&self) -> Vec<u8> {
        let mut out = locals(&[]);
        emit(
            &mut out,
            [
                I::I32Const(RESULT),
                I::I32Load(self.marks.at(0)),
                I::I32Const(0),
                I::I32Const(RESULT),
                I::I32Load(self.marks.at(4)),
                I::MemoryFill(self.marks.memory),
                I::End,
            ],
        );
        out
    }

    /// The body of the function of the type of `cabi_realloc` that says where a difference is to be written.
    pub(super) fn place(&self) -> Vec<u8> {
        const NEW_SIZE: u32 = 3;
        let mut out = locals(&[]);
        emit(
            &mut out,
            [
                I::LocalGet(NEW_SIZE),
                I::I32Const(RESULT - 8),
                I::MemorySize(0),
                I::I32Const((WASM_PAGE >> SHIFT).trailing_zeros() as i32),
                I::I32Shl,
                I::I32Sub,
                I::I32GtU,
                I::MemorySize(0),
                I::I32Const(MOST_PAGES),
                I::I32GtU,
                I::I32Or,
                I::If(BlockType::Empty),
                I::Unreachable,
                I::End,
                I::I32Const(RESULT),
                I::LocalGet(NEW_SIZE),
                I::I32Sub,
                I::I32Const(-8),
                I::I32And,
                I::End,
            ],
        );
        out
    }

    /// The body of `(place: i32, length: i32) -> i32`, which makes an instance in its first state the one that a
    /// difference is of. 0 if its memory can't grow that far.
    pub(super) fn restore(&self) -> Vec<u8> {
        const PLACE: u32 = 0;
        const LENGTH: u32 = 1;
        const AT: u32 = 2;
        const STOP: u32 = 3;
        /// Of a record.
        const START: u32 = 4;
        const SIZE: u32 = 5;
        let mut out = locals(&[(4, ValType::I32)]);
        emit(
            &mut out,
            [
                I::LocalGet(PLACE),
                I::I32Load(self.marks.at(0)),
                I::MemorySize(0),
                I::I32Sub,
                I::LocalTee(SIZE),
                I::If(BlockType::Empty),
                I::LocalGet(SIZE),
                I::MemoryGrow(0),
                I::I32Const(-1),
                I::I32Eq,
                I::If(BlockType::Empty),
                I::I32Const(0),
                I::Return,
                I::End,
                I::End,
            ],
        );
        for ((global, ty), at) in self.places() {
            emit(
                &mut out,
                [
                    I::LocalGet(PLACE),
                    match ty {
                        ValType::I32 => I::I32Load(self.marks.at(at)),
                        ValType::F32 => I::F32Load(self.marks.at(at)),
                        ValType::F64 => I::F64Load(self.marks.at(at)),
                        _ => I::I64Load(self.marks.at(at)),
                    },
                    I::GlobalSet(*global),
                ],
            );
        }
        emit(
            &mut out,
            [
                I::LocalGet(PLACE),
                I::LocalGet(LENGTH),
                I::I32Add,
                I::LocalSet(STOP),
                I::LocalGet(PLACE),
                I::I32Const(self.head()),
                I::I32Add,
                I::LocalSet(AT),
                I::Block(BlockType::Empty),
                I::Loop(BlockType::Empty),
                I::LocalGet(AT),
                I::LocalGet(STOP),
                I::I32GeU,
                I::BrIf(1),
                I::LocalGet(AT),
                I::I32Load(self.marks.at(0)),
                I::LocalTee(START),
                I::LocalGet(AT),
                I::I32Const(RECORD_HEAD as i32),
                I::I32Add,
                I::LocalGet(AT),
                I::I32Load(self.marks.at(4)),
                I::LocalTee(SIZE),
                I::MemoryCopy {
                    src_mem: self.marks.memory,
                    dst_mem: 0,
                },
                I::LocalGet(START),
                I::LocalGet(SIZE),
                I::Call(self.marks.function),
                I::LocalGet(AT),
                I::I32Const(RECORD_HEAD as i32),
                I::I32Add,
                I::LocalGet(SIZE),
                I::I32Add,
                I::LocalSet(AT),
                I::Br(0),
                I::End,
                I::End,
                I::LocalGet(PLACE),
                I::I32Const(0),
                I::LocalGet(LENGTH),
                I::MemoryFill(self.marks.memory),
                I::I32Const(1),
                I::End,
            ],
        );
        out
    }

    /// The globals, and how far behind the beginning of a difference they are.
    fn places(&self) -> impl Iterator<Item = (&(u32, ValType), u32)> {
        let places = (0u32..).map(|number| GLOBALS_AT + number * GLOBAL);
        self.globals.iter().zip(places)
    }

    /// Bytes of a difference before its records.
    fn head(&self) -> i32 {
        (GLOBALS_AT + self.globals.len() as u32 * GLOBAL) as i32
    }
}

/// The most globals that there may be: beyond, there is no room for memory.
pub(super) const MOST_GLOBALS: usize = 1024;
