//! Sources of memory for tests.

use std::alloc::Layout;
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use super::arena::{Region, Source};
use super::linear_memory::{LinearMemory, PAGE, Pages};

/// A source that knows what it has handed out. A clone is the same source.
pub(super) trait TestSource: Source + Clone {
    fn has_given(&self, range: &Range<usize>) -> bool;
}

/// Hands out a buffer piece by piece, no more than is asked for; `hole` bytes are skipped before
/// each piece.
#[derive(Clone)]
pub(super) struct Buffer {
    memory: Rc<Memory>,
    used: Rc<Cell<usize>>,
    hole: usize,
}

impl Buffer {
    pub(super) fn new(capacity: usize, hole: usize) -> Self {
        Self {
            memory: Rc::new(Memory::new(capacity)),
            used: Rc::default(),
            hole,
        }
    }

    pub(super) fn start(&self) -> usize {
        self.memory.start.addr()
    }

    /// How much was handed out, holes included.
    pub(super) fn used(&self) -> usize {
        self.used.get()
    }
}

impl TestSource for Buffer {
    fn has_given(&self, range: &Range<usize>) -> bool {
        range.start >= self.start() && range.end <= self.start() + self.used()
    }
}

// SAFETY: each byte is handed out once, from one allocation, in multiples of GRANULE.
unsafe impl Source for Buffer {
    fn grow(&mut self, size: usize) -> Option<Region> {
        let len = size.next_multiple_of(1024);
        let start = self.used() + self.hole;
        (start + len <= self.memory.layout.size()).then(|| {
            self.used.set(start + len);
            Region {
                start: self.memory.start.wrapping_add(start),
                len,
            }
        })
    }
}

/// A linear memory whose pages lie in a buffer.
#[derive(Clone)]
pub(super) struct TestPages {
    memory: Rc<Memory>,
    /// Where stack and data end.
    heap_base: usize,
    count: Rc<Cell<usize>>,
}

impl TestPages {
    /// A memory that may grow to `capacity` bytes, and begins as small as one can that has `free`
    /// bytes after its stack and data.
    pub(super) fn source(capacity: usize, free: usize) -> LinearMemory<Self> {
        let count = (free + 1).div_ceil(PAGE);
        LinearMemory::new(Self {
            memory: Rc::new(Memory::new(capacity)),
            heap_base: count * PAGE - free,
            count: Rc::new(Cell::new(count)),
        })
    }
}

impl Pages for TestPages {
    fn heap_base(&self) -> *mut u8 {
        self.memory.start.wrapping_add(self.heap_base)
    }

    fn count(&self) -> usize {
        self.count.get()
    }

    fn end(&self) -> *mut u8 {
        self.memory.start.wrapping_add(self.count() * PAGE)
    }

    fn grow(&mut self, pages: usize) -> bool {
        let count = self.count() + pages;
        let granted = count * PAGE <= self.memory.layout.size();
        if granted {
            self.count.set(count);
        }
        granted
    }
}

impl TestSource for LinearMemory<TestPages> {
    fn has_given(&self, range: &Range<usize>) -> bool {
        let pages = &self.pages;
        range.start >= pages.heap_base().addr() && range.end <= pages.end().addr()
    }
}

struct Memory {
    start: *mut u8,
    layout: Layout,
}

impl Memory {
    fn new(capacity: usize) -> Self {
        let layout = Layout::from_size_align(capacity, 4096).unwrap();
        // SAFETY: the size is not zero.
        let start = unsafe { std::alloc::alloc(layout) };
        assert!(!start.is_null());
        Self { start, layout }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated for this layout in `Memory::new`.
        unsafe { std::alloc::dealloc(self.start, self.layout) }
    }
}
