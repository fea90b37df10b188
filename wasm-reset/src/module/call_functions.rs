//! The functions that call actions: a request comes in one piece, and the response leaves in one.
//!
//! They do what the canonical ABI does for `func(request: request) -> response`, with the same calls of the guest's
//! allocator in the same order, but from within: a call of the allocator from the host is a hundred times as dear.

use wasm_encoder::{BlockType, Instruction as I, MemArg, ValType};

use super::WASM_PAGE;
use super::body::{emit, locals};
use super::marks::{MOST_PAGES, Marks, PAGES, RESULT};
use crate::frame::{MAX, PAIR, REQUEST_HEAD, RESPONSE_HEAD};

/// What the functions that call actions need.
#[derive(Clone, Copy)]
pub(super) struct CallFunctions {
    pub(super) marks: Marks,
    /// The guest's allocator, with marks.
    pub(super) realloc: u32,
    /// The function that puts the instance back.
    pub(super) reset: u32,
}

/// The numbers of the functions within.
#[derive(Clone, Copy)]
pub(super) struct Within {
    pub(super) block: u32,
    pub(super) take: u32,
    pub(super) pairs: u32,
    pub(super) lower: u32,
    pub(super) respond: u32,
}

impl CallFunctions {
    /// The body of the function of the type of `cabi_realloc` that says where a request is to be written.
    pub(super) fn place() -> Vec<u8> {
        const NEW_SIZE: u32 = 3;
        let mut out = locals(&[]);
        emit(
            &mut out,
            [
                I::LocalGet(NEW_SIZE),
                I::I32Const(MAX as i32),
                I::I32GtU,
                I::If(BlockType::Empty),
                I::Unreachable,
                I::End,
                I::I32Const(FRAME),
                I::End,
            ],
        );
        out
    }

    /// The body of `(align: i32, size: i32) -> address`, which gets a block from the guest's allocator.
    pub(super) fn block(&self) -> Vec<u8> {
        const ALIGN: u32 = 0;
        const SIZE: u32 = 1;
        const BLOCK: u32 = 2;
        let mut out = locals(&[(1, ValType::I32)]);
        emit(
            &mut out,
            [
                I::I32Const(0),
                I::I32Const(0),
                I::LocalGet(ALIGN),
                I::LocalGet(SIZE),
                I::Call(self.realloc),
                I::LocalTee(BLOCK),
                I::LocalGet(ALIGN),
                I::I32Const(1),
                I::I32Sub,
                I::I32And,
                // The marks of a memory larger than this reach into the request.
                I::MemorySize(0),
                I::I32Const(MOST_PAGES),
                I::I32GtU,
                I::I32Or,
                I::If(BlockType::Empty),
                I::Unreachable,
                I::End,
                I::LocalGet(BLOCK),
                I::End,
            ],
        );
        out
    }

    /// The body of `(from: i32, length: i32) -> address`, which copies bytes of the request to a block of their own.
    pub(super) fn take(&self, within: Within) -> Vec<u8> {
        const FROM: u32 = 0;
        const LENGTH: u32 = 1;
        const BLOCK: u32 = 2;
        let mut out = locals(&[(1, ValType::I32)]);
        emit(
            &mut out,
            [
                I::I32Const(1),
                I::LocalGet(LENGTH),
                I::Call(within.block),
                I::LocalTee(BLOCK),
                I::LocalGet(FROM),
                I::LocalGet(LENGTH),
                I::MemoryCopy {
                    src_mem: self.marks.memory,
                    dst_mem: 0,
                },
                I::LocalGet(BLOCK),
                I::End,
            ],
        );
        out
    }

    /// The body of `(lengths: i32, count: i32, from: i32) -> (address, from)`, which makes a list of pairs, and says
    /// where the bytes behind theirs begin.
    pub(super) fn pairs(&self, within: Within) -> Vec<u8> {
        const LENGTHS: u32 = 0;
        const COUNT: u32 = 1;
        const FROM: u32 = 2;
        const LIST: u32 = 3;
        const AT: u32 = 4;
        const LENGTH: u32 = 5;
        let mut out = locals(&[(3, ValType::I32)]);
        emit(
            &mut out,
            [
                I::I32Const(4),
                I::LocalGet(COUNT),
                I::I32Const(GUEST_PAIR.trailing_zeros() as i32),
                I::I32Shl,
                I::Call(within.block),
                I::LocalTee(LIST),
                I::LocalSet(AT),
                I::Block(BlockType::Empty),
                I::Loop(BlockType::Empty),
                I::LocalGet(COUNT),
                I::I32Eqz,
                I::BrIf(1),
            ],
        );
        for half in [0, 1] {
            emit(
                &mut out,
                [
                    I::LocalGet(AT),
                    I::LocalGet(FROM),
                    I::LocalGet(LENGTHS),
                    I::I32Load(self.marks.at(half * 4)),
                    I::LocalTee(LENGTH),
                    I::Call(within.take),
                    I::I32Store(in_guest(half * 8)),
                    I::LocalGet(AT),
                    I::LocalGet(LENGTH),
                    I::I32Store(in_guest(half * 8 + 4)),
                    I::LocalGet(FROM),
                    I::LocalGet(LENGTH),
                    I::I32Add,
                    I::LocalSet(FROM),
                ],
            );
        }
        step(&mut out, LENGTHS, PAIR as i32);
        step(&mut out, AT, GUEST_PAIR as i32);
        step(&mut out, COUNT, -1);
        emit(
            &mut out,
            [
                I::Br(0),
                I::End,
                I::End,
                I::LocalGet(LIST),
                I::LocalGet(FROM),
                I::End,
            ],
        );
        out
    }

    /// The body of `(request: i32) -> [i32; 10]`, which gives the parameters of an action: address and length, or
    /// count, of method, target, headers, params and body.
    pub(super) fn lower(&self, within: Within) -> Vec<u8> {
        const REQUEST: u32 = 0;
        const LENGTHS: u32 = 1;
        const FROM: u32 = 2;
        const FIRST: u32 = 3;
        const PIECES: u32 = 5;
        let mut out = locals(&[(2 + PIECES, ValType::I32)]);
        let number = |piece: u32| [I::LocalGet(REQUEST), I::I32Load(self.marks.at(piece * 4))];
        emit(
            &mut out,
            [
                I::LocalGet(REQUEST),
                I::I32Const(REQUEST_HEAD as i32),
                I::I32Add,
                I::LocalTee(LENGTHS),
            ],
        );
        emit(&mut out, number(2));
        emit(&mut out, number(3));
        emit(
            &mut out,
            [
                I::I32Add,
                I::I32Const(PAIR.trailing_zeros() as i32),
                I::I32Shl,
                I::I32Add,
                I::LocalSet(FROM),
            ],
        );
        for piece in 0..PIECES {
            match piece {
                2 | 3 => {
                    emit(&mut out, [I::LocalGet(LENGTHS)]);
                    emit(&mut out, number(piece));
                    emit(
                        &mut out,
                        [
                            I::LocalGet(FROM),
                            I::Call(within.pairs),
                            I::LocalSet(FROM),
                            I::LocalSet(FIRST + piece),
                            I::LocalGet(LENGTHS),
                        ],
                    );
                    emit(&mut out, number(piece));
                    emit(
                        &mut out,
                        [
                            I::I32Const(PAIR.trailing_zeros() as i32),
                            I::I32Shl,
                            I::I32Add,
                            I::LocalSet(LENGTHS),
                        ],
                    );
                }
                _ => {
                    emit(&mut out, [I::LocalGet(FROM)]);
                    emit(&mut out, number(piece));
                    emit(
                        &mut out,
                        [
                            I::Call(within.take),
                            I::LocalSet(FIRST + piece),
                            I::LocalGet(FROM),
                        ],
                    );
                    emit(&mut out, number(piece));
                    emit(&mut out, [I::I32Add, I::LocalSet(FROM)]);
                }
            }
        }
        for piece in 0..PIECES {
            emit(&mut out, [I::LocalGet(FIRST + piece)]);
            emit(&mut out, number(piece));
        }
        emit(&mut out, [I::End]);
        out
    }

    /// The body of `(response: i32) -> i32`, which writes the response that is at an address of the guest's, puts the
    /// instance back, and gives the place of the result. A response that is too large, or one of a guest whose
    /// memory has grown, is left where it is, and the result is empty.
    pub(super) fn respond(&self) -> Vec<u8> {
        const RESPONSE: u32 = 0;
        const HEADERS: u32 = 1;
        const COUNT: u32 = 2;
        const BODY: u32 = 3;
        const LENGTHS: u32 = 4;
        const TO: u32 = 5;
        const LENGTH: u32 = 6;
        let mut out = locals(&[(6, ValType::I32)]);
        let field = |offset: u32| [I::LocalGet(RESPONSE), I::I32Load(in_guest(offset))];
        // Copies `LENGTH` bytes from the address that is at one, or leaves the block around if there is no room.
        let copy = |out: &mut Vec<u8>, address: [I<'static>; 2], depth: u32| {
            emit(
                out,
                [
                    I::LocalGet(LENGTH),
                    I::I32Const(FRAME + MAX as i32),
                    I::LocalGet(TO),
                    I::I32Sub,
                    I::I32GtU,
                    I::BrIf(depth),
                    I::LocalGet(TO),
                ],
            );
            emit(out, address);
            emit(
                out,
                [
                    I::LocalGet(LENGTH),
                    I::MemoryCopy {
                        src_mem: 0,
                        dst_mem: self.marks.memory,
                    },
                    I::LocalGet(TO),
                    I::LocalGet(LENGTH),
                    I::I32Add,
                    I::LocalSet(TO),
                ],
            );
        };
        emit(
            &mut out,
            [
                I::I32Const(RESULT - 8),
                I::LocalGet(RESPONSE),
                I::I32Store(self.marks.at(0)),
                I::I32Const(RESULT),
                I::I32Const(FRAME),
                I::I32Store(self.marks.at(0)),
                I::I32Const(RESULT),
                I::I32Const(0),
                I::I32Store(self.marks.at(4)),
            ],
        );
        emit(&mut out, field(4));
        emit(
            &mut out,
            [I::LocalTee(HEADERS), I::LocalGet(RESPONSE), I::I32Or],
        );
        emit(
            &mut out,
            [
                I::I32Const(3),
                I::I32And,
                I::If(BlockType::Empty),
                I::Unreachable,
                I::End,
                I::Block(BlockType::Empty),
                I::MemorySize(0),
                I::I32Const((u64::from(self.marks.size) / WASM_PAGE) as i32),
                I::I32Ne,
                I::BrIf(0),
            ],
        );
        emit(&mut out, field(8));
        emit(
            &mut out,
            [
                I::LocalTee(COUNT),
                I::I32Const(MAX as i32 / PAIR as i32),
                I::I32GtU,
                I::BrIf(0),
                I::I32Const(FRAME + RESPONSE_HEAD as i32),
                I::LocalTee(LENGTHS),
                I::LocalGet(COUNT),
                I::I32Const(PAIR.trailing_zeros() as i32),
                I::I32Shl,
                I::I32Add,
                I::LocalTee(TO),
                // The lengths alone may be too many.
                I::I32Const(FRAME + MAX as i32),
                I::I32GtU,
                I::BrIf(0),
                I::I32Const(FRAME),
            ],
        );
        emit(
            &mut out,
            [
                I::LocalGet(RESPONSE),
                I::I32Load16U(in_guest(0)),
                I::I32Store(self.marks.at(0)),
                I::I32Const(FRAME),
                I::LocalGet(COUNT),
                I::I32Store(self.marks.at(4)),
                I::I32Const(FRAME),
            ],
        );
        emit(&mut out, field(16));
        emit(
            &mut out,
            [
                I::LocalTee(BODY),
                I::I32Store(self.marks.at(8)),
                I::Block(BlockType::Empty),
                I::Loop(BlockType::Empty),
                I::LocalGet(COUNT),
                I::I32Eqz,
                I::BrIf(1),
            ],
        );
        for half in [0, 1] {
            emit(
                &mut out,
                [
                    I::LocalGet(LENGTHS),
                    I::LocalGet(HEADERS),
                    I::I32Load(in_guest(half * 8 + 4)),
                    I::LocalTee(LENGTH),
                    I::I32Store(self.marks.at(half * 4)),
                ],
            );
            let address = [I::LocalGet(HEADERS), I::I32Load(in_guest(half * 8))];
            copy(&mut out, address, 2);
        }
        step(&mut out, LENGTHS, PAIR as i32);
        step(&mut out, HEADERS, GUEST_PAIR as i32);
        step(&mut out, COUNT, -1);
        emit(
            &mut out,
            [
                I::Br(0),
                I::End,
                I::End,
                I::LocalGet(BODY),
                I::LocalSet(LENGTH),
            ],
        );
        copy(&mut out, field(12), 0);
        emit(
            &mut out,
            [
                I::I32Const(FRAME),
                I::Call(self.reset),
                I::I32Store(self.marks.at(12)),
                I::I32Const(RESULT),
                I::LocalGet(TO),
                I::I32Const(FRAME),
                I::I32Sub,
                I::I32Store(self.marks.at(4)),
                I::End,
                I::I32Const(RESULT),
                I::End,
            ],
        );
        out
    }

    /// The body of `() -> i32`, which gives the address of the response that was left where it is.
    pub(super) fn response(&self) -> Vec<u8> {
        let mut out = locals(&[]);
        emit(
            &mut out,
            [
                I::I32Const(RESULT - 8),
                I::I32Load(self.marks.at(0)),
                I::End,
            ],
        );
        out
    }

    /// The body of `(request: i32, length: i32) -> i32`, which calls an action.
    pub(super) fn call(within: Within, action: u32) -> Vec<u8> {
        let mut out = locals(&[]);
        emit(
            &mut out,
            [
                I::LocalGet(0),
                I::Call(within.lower),
                I::Call(action),
                I::Call(within.respond),
                I::End,
            ],
        );
        out
    }
}

/// Adds to a local.
fn step(out: &mut Vec<u8>, local: u32, by: i32) {
    emit(
        out,
        [
            I::LocalGet(local),
            I::I32Const(by),
            I::I32Add,
            I::LocalSet(local),
        ],
    );
}

fn in_guest(offset: u32) -> MemArg {
    MemArg {
        offset: u64::from(offset),
        align: 0,
        memory_index: 0,
    }
}

/// Where requests and responses are: the last page of the marks.
const FRAME: i32 = (PAGES as i32 - 1) * WASM_PAGE as i32;
/// Bytes of a pair of a name and a value in the guest's memory.
const GUEST_PAIR: u32 = 16;
const _: () = assert!(MAX as i32 <= WASM_PAGE as i32 - 16);
