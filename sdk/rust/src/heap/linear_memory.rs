//! The arena over the linear memory, as Rust's global allocator.

use core::alloc::{GlobalAlloc, Layout};
use core::arch::wasm32;
use core::cell::UnsafeCell;

use super::arena::{Arena, GRANULE, Region, Source};

#[cfg(target_feature = "atomics")]
compile_error!("rusm-rs: a guest has one thread, its heap takes no lock; leave out `atomics`");

/// Rust's global allocator in a guest. Its values are all the same heap.
#[derive(Debug)]
pub struct GuestHeap;

// SAFETY: the arena keeps the contract of blocks; it does not unwind.
unsafe impl GlobalAlloc for GuestHeap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        with_arena(|arena| arena.allocate(layout))
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        with_arena(|arena| unsafe { arena.release(block, layout) })
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        with_arena(|arena| unsafe { arena.resize(block, layout, size) })
    }
}

/// Calls `f` with the guest's one arena.
#[inline]
pub(super) fn with_arena<T>(f: impl FnOnce(&mut Arena<LinearMemory>) -> T) -> T {
    static HEAP: Heap = Heap(UnsafeCell::new(Arena::new(LinearMemory { started: false })));
    // SAFETY: there is one thread, and no `f` of this module calls back into it.
    f(unsafe { &mut *HEAP.0.get() })
}

struct Heap(UnsafeCell<Arena<LinearMemory>>);

// SAFETY: there is one thread.
unsafe impl Sync for Heap {}

/// The memory after the static data: first what the instance came with, then what it grows by.
#[derive(Debug)]
pub(super) struct LinearMemory {
    /// Whether the memory that the instance came with was handed out.
    started: bool,
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
