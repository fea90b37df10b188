//! A source of memory for tests.

use std::alloc::Layout;
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

use super::arena::{Region, Source};

/// Hands out a buffer piece by piece; `hole` bytes are skipped before each piece. A clone is the
/// same buffer.
#[derive(Clone)]
pub(super) struct Buffer {
    memory: Rc<Memory>,
    used: Rc<Cell<usize>>,
    hole: usize,
}

impl Buffer {
    pub(super) fn new(capacity: usize, hole: usize) -> Self {
        let layout = Layout::from_size_align(capacity, 4096).unwrap();
        // SAFETY: the size is not zero.
        let start = unsafe { std::alloc::alloc(layout) };
        Self {
            memory: Rc::new(Memory { start, layout }),
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

    pub(super) fn has_given(&self, range: &Range<usize>) -> bool {
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

struct Memory {
    start: *mut u8,
    layout: Layout,
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: allocated for this layout in `Buffer::new`.
        unsafe { std::alloc::dealloc(self.start, self.layout) }
    }
}
