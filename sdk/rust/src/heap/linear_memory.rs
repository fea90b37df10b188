//! The linear memory, as what the guest's heap is made of.

use core::arch::wasm32;

use super::arena::{GRANULE, Region, Source};

/// The memory after the static data: first what the instance came with, then what it grows by.
#[derive(Clone, Debug)]
pub(super) struct LinearMemory {
    /// Whether the memory that the instance came with was handed out.
    started: bool,
}

impl LinearMemory {
    pub(super) const fn new() -> Self {
        Self { started: false }
    }
}

// SAFETY: the linker keeps the memory from `__heap_base` on free of anything else, the C
// library's allocator is replaced by `c_library`, and grown pages are new.
unsafe impl Source for LinearMemory {
    fn grow(&mut self, size: usize) -> Option<Region> {
        if self.started {
            return more_pages(size);
        }
        self.started = true;
        let start = heap_base().wrapping_add(heap_base().align_offset(GRANULE));
        let end = wasm32::memory_size(0) * PAGE;
        match end.saturating_sub(start.addr()) {
            // So little that what follows makes a region of its own.
            0..GRANULE => more_pages(size),
            len => Some(Region {
                start,
                len: len / GRANULE * GRANULE,
            }),
        }
    }
}

/// Grows the memory to twice its size if it may, so that growing again stays rare (the host pays
/// for each), else by what `size` bytes need.
fn more_pages(size: usize) -> Option<Region> {
    let needed = size.div_ceil(PAGE);
    let generous = needed.max(wasm32::memory_size(0));
    let grow = |pages: usize| match wasm32::memory_grow(0, pages) {
        REFUSED => None,
        old => Some(Region {
            start: (old * PAGE) as *mut u8,
            len: pages * PAGE,
        }),
    };
    grow(generous).or_else(|| {
        if needed < generous {
            grow(needed)
        } else {
            None
        }
    })
}

fn heap_base() -> *mut u8 {
    unsafe extern "C" {
        /// Where the linker lets the heap begin.
        static __heap_base: u8;
    }
    (&raw const __heap_base).cast_mut()
}

const PAGE: usize = 64 * 1024;
const REFUSED: usize = usize::MAX;
