//! The heap of a guest over a linear memory of any size: blocks are aligned, lie apart, keep their
//! content, and are within what the memory has; a refusal changes nothing.
//!
//! The first bytes are the memory's free part and its limit; each step after that is an operation,
//! a size and which block.

#![no_main]
#![allow(dead_code, reason = "the tests of the SDK use the rest of its modules")]

#[path = "../../sdk/rust/src/heap/arena.rs"]
mod arena;
#[path = "../../sdk/rust/src/heap/buffer.rs"]
mod buffer;
#[path = "../../sdk/rust/src/heap/class.rs"]
mod class;
#[path = "../../sdk/rust/src/heap/linear_memory.rs"]
mod linear_memory;
#[path = "../../sdk/rust/src/heap/two_mode.rs"]
mod two_mode;

use std::alloc::Layout;
use std::cell::Cell;

use libfuzzer_sys::fuzz_target;

use buffer::{TestPages, TestSource};
use linear_memory::LinearMemory;
use two_mode::{ArenaEnd, Heap};

fuzz_target!(|input: &[u8]| {
    let Some(([free_low, free_high, pages, general], steps)) = input.split_first_chunk() else {
        return;
    };
    let free = usize::from(u16::from_le_bytes([*free_low, *free_high])) * 3;
    let capacity = (4 + usize::from(*pages)) * 64 * 1024;
    let mut model = Model::new(TestPages::source(capacity, free));
    if general % 2 == 0 {
        model.heap.switch_to_general();
    }
    for step in steps.as_chunks::<4>().0 {
        let [operation, size, scale, which] = *step;
        // From one byte to some 500 KB.
        let size = (usize::from(size) + 1) << (scale % 12);
        match operation % 8 {
            0..3 => model.allocate(size, 1 << (which % 9)),
            3..5 => model.release(which),
            5..7 => model.resize(which, size),
            _ => model.heap.switch_to_general(),
        }
    }
    while !model.blocks.is_empty() {
        model.release(0);
    }
});

#[derive(Default)]
struct TestArenaEnd(Cell<usize>);

impl ArenaEnd for TestArenaEnd {
    fn get(&self) -> usize {
        self.0.get()
    }

    fn set(&self, arena_end: usize) {
        self.0.set(arena_end);
    }
}

struct Block {
    start: *mut u8,
    layout: Layout,
    /// What all of its bytes should be.
    mark: u8,
}

struct Model {
    heap: Heap<LinearMemory<TestPages>, TestArenaEnd>,
    source: LinearMemory<TestPages>,
    blocks: Vec<Block>,
    mark: u8,
}

impl Model {
    fn new(source: LinearMemory<TestPages>) -> Self {
        Self {
            heap: Heap::new(source.clone(), TestArenaEnd::default()),
            source,
            blocks: Vec::new(),
            mark: 0,
        }
    }

    fn allocate(&mut self, size: usize, align: usize) {
        let layout = Layout::from_size_align(size, align).unwrap();
        let start = self.heap.allocate(layout);
        if !start.is_null() {
            self.admit(start, layout);
        }
    }

    fn release(&mut self, which: u8) {
        if let Some(block) = self.take(which) {
            self.check(&block, block.layout.size());
            // SAFETY: the block is in use and has this layout.
            unsafe { self.heap.release(block.start, block.layout) };
        }
    }

    fn resize(&mut self, which: u8, size: usize) {
        let Some(block) = self.take(which) else {
            return;
        };
        // SAFETY: the block is in use and has this layout.
        let start = unsafe { self.heap.resize(block.start, block.layout, size) };
        if start.is_null() {
            self.check(&block, block.layout.size());
            return self.blocks.push(block);
        }
        let layout = Layout::from_size_align(size, block.layout.align()).unwrap();
        let kept = Block { start, ..block };
        self.check(&kept, size.min(block.layout.size()));
        self.admit(start, layout);
    }

    fn take(&mut self, which: u8) -> Option<Block> {
        let count = self.blocks.len();
        (count > 0).then(|| self.blocks.swap_remove(usize::from(which) % count))
    }

    fn admit(&mut self, start: *mut u8, layout: Layout) {
        assert_eq!(start.addr() % layout.align(), 0, "aligned");
        let range = start.addr()..start.addr() + layout.size();
        assert!(self.source.has_given(&range));
        for other in &self.blocks {
            let (first, len) = (other.start.addr(), other.layout.size());
            assert!(range.end <= first || first + len <= range.start, "apart");
        }
        self.mark = self.mark.wrapping_add(1);
        // SAFETY: the block is in use and that large.
        unsafe { start.write_bytes(self.mark, layout.size()) };
        self.blocks.push(Block {
            start,
            layout,
            mark: self.mark,
        });
    }

    fn check(&self, block: &Block, len: usize) {
        // SAFETY: the block is in use, that large, and was filled.
        let content = unsafe { std::slice::from_raw_parts(block.start, len) };
        assert!(content.iter().all(|&byte| byte == block.mark), "intact");
    }
}
