//! The heap over the linear memory, as Rust's global allocator.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};

use super::linear_memory::{LinearMemory, Machine};
use super::lives::{Border, Heap};

#[cfg(target_feature = "atomics")]
compile_error!("rusm-rs: a guest has one thread, its heap takes no lock; leave out `atomics`");

/// Rust's global allocator in a guest. Its values are all the same heap.
#[derive(Debug)]
pub(crate) struct GuestHeap;

#[global_allocator]
static GLOBAL: GuestHeap = GuestHeap;

/// This process lives on after the call that it answers: memory is to be used again.
#[inline]
pub(crate) fn live_on() {
    if BORDER.0.get() == 0 {
        with_heap(|heap| heap.live_on());
    }
}

// SAFETY: the heap keeps the contract of blocks; it does not unwind.
unsafe impl GlobalAlloc for GuestHeap {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        with_heap(|heap| heap.allocate(layout))
    }

    // Out of line: nothing is called from more places, and inlined it makes a handler a fifth
    // larger.
    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        with_heap(|heap| unsafe { heap.release(block, layout) })
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        with_heap(|heap| unsafe { heap.resize(block, layout, size) })
    }
}

/// Calls `f` with the guest's one heap.
#[inline]
fn with_heap<T>(f: impl FnOnce(&mut Heap<LinearMemory<Machine>, StaticBorder>) -> T) -> T {
    static HEAP: HeapCell = HeapCell(UnsafeCell::new(Heap::new(
        LinearMemory::new(Machine),
        StaticBorder,
    )));
    // SAFETY: there is one thread, and no `f` of this module calls back into it.
    f(unsafe { &mut *HEAP.0.get() })
}

struct HeapCell(UnsafeCell<Heap<LinearMemory<Machine>, StaticBorder>>);

// SAFETY: there is one thread.
unsafe impl Sync for HeapCell {}

/// Where the border is kept: in a static of its own. In a guest that never calls [`live_on`]
/// nobody writes it, so the compiler knows what it is and drops the second heap.
#[derive(Debug)]
struct StaticBorder;

impl Border for StaticBorder {
    #[inline]
    fn get(&self) -> usize {
        BORDER.0.get()
    }

    #[inline]
    fn set(&self, border: usize) {
        BORDER.0.set(border);
    }
}

struct BorderCell(Cell<usize>);

// SAFETY: there is one thread.
unsafe impl Sync for BorderCell {}

static BORDER: BorderCell = BorderCell(Cell::new(0));
