//! The linear memory, as what the guest's heap is made of.

use super::arena::{GRANULE, Region, Source};

/// The pages of a linear memory, which can only be added to.
pub(crate) trait Pages {
    /// Where the heap begins, after stack and data. Always the same.
    fn heap_base(&self) -> *mut u8;

    /// The number of pages. It never falls, and others may add some, too.
    fn count(&self) -> usize;

    /// The end of the last page, or the last granule before it where the memory is as large as
    /// the address space.
    fn end(&self) -> *mut u8;

    /// Adds pages after the last; `false` if that is refused.
    fn grow(&mut self, pages: usize) -> bool;
}

/// The memory after the static data: first what the instance came with, then what it grows by.
#[derive(Clone, Debug)]
pub(crate) struct LinearMemory<P> {
    pub(super) pages: P,
    /// Whether the memory that the instance came with was handed out.
    started: bool,
}

impl<P: Pages> LinearMemory<P> {
    pub(crate) const fn new(pages: P) -> Self {
        Self {
            pages,
            started: false,
        }
    }

    /// The number of bytes from `start` to the end. That is below `start` if the data ends with
    /// the last page and `start` was aligned.
    fn len_from(&self, start: *mut u8) -> usize {
        self.pages.end().addr().saturating_sub(start.addr())
    }

    /// Grows the memory to twice its size if it may, so that growing again stays rare (the host
    /// pays for each), else by what `size` bytes need.
    fn add_pages(&mut self, size: usize) -> bool {
        let needed = size.div_ceil(PAGE);
        let generous = needed.max(self.pages.count());
        self.pages.grow(generous) || (needed < generous && self.pages.grow(needed))
    }
}

// SAFETY: the linker keeps the memory from `__heap_base` on free of anything else, the C
// library's allocator is replaced by `c_library`, and grown pages are new.
unsafe impl<P: Pages> Source for LinearMemory<P> {
    fn grow(&mut self, size: usize) -> Option<Region> {
        let start = if self.started {
            self.pages.end()
        } else {
            let base = self.pages.heap_base();
            base.wrapping_add(base.align_offset(GRANULE))
        };
        // How much the instance came with is the linker's choice, not the caller's.
        let missing = size.saturating_sub(self.len_from(start));
        if missing > 0 && !self.add_pages(missing) {
            return None;
        }
        self.started = true;
        Some(Region {
            start,
            len: self.len_from(start) / GRANULE * GRANULE,
        })
    }
}

#[cfg(target_arch = "wasm32")]
pub(super) use machine::Machine;

#[cfg(target_arch = "wasm32")]
mod machine {
    use core::arch::wasm32;

    use super::{GRANULE, PAGE, Pages};

    /// The pages of this instance's memory.
    #[derive(Clone, Debug)]
    pub(in super::super) struct Machine;

    impl Pages for Machine {
        fn heap_base(&self) -> *mut u8 {
            unsafe extern "C" {
                /// Where the linker lets the heap begin.
                static __heap_base: u8;
            }
            (&raw const __heap_base).cast_mut()
        }

        fn count(&self) -> usize {
            wasm32::memory_size(0)
        }

        fn end(&self) -> *mut u8 {
            let last = usize::MAX & !(GRANULE - 1);
            self.count().checked_mul(PAGE).unwrap_or(last) as *mut u8
        }

        fn grow(&mut self, pages: usize) -> bool {
            const REFUSED: usize = usize::MAX;
            wasm32::memory_grow(0, pages) != REFUSED
        }
    }
}

pub(super) const PAGE: usize = 64 * 1024;
