//! The heap over the linear memory, as Rust's global allocator.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::{Cell, UnsafeCell};

use super::linear_memory::{LinearMemory, Machine};
use super::two_mode::{ArenaEnd, Heap};

#[cfg(target_feature = "atomics")]
compile_error!("rusm-rs: a guest has one thread, its heap takes no lock; leave out `atomics`");

/// Rust's global allocator in a guest. Its values are all the same heap.
#[derive(Debug)]
pub(crate) struct GuestHeap;

#[global_allocator]
static GLOBAL: GuestHeap = GuestHeap;

/// Switches the heap to its general allocator, for a process that continues after this call.
#[inline]
pub(crate) fn switch_to_general() {
    if ARENA_END.0.get() == 0 {
        with_heap(|heap| heap.switch_to_general());
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
fn with_heap<T>(f: impl FnOnce(&mut Heap<LinearMemory<Machine>, StaticArenaEnd>) -> T) -> T {
    static HEAP: HeapCell = HeapCell(UnsafeCell::new(Heap::new(
        LinearMemory::new(Machine),
        StaticArenaEnd,
    )));
    // SAFETY: there is one thread, and no `f` of this module calls back into it.
    f(unsafe { &mut *HEAP.0.get() })
}

struct HeapCell(UnsafeCell<Heap<LinearMemory<Machine>, StaticArenaEnd>>);

// SAFETY: there is one thread.
unsafe impl Sync for HeapCell {}

/// The arena's end, in a static of its own. In a guest that never calls [`switch_to_general`] it is
/// never written, so the compiler knows its value and drops the general allocator.
#[derive(Debug)]
struct StaticArenaEnd;

impl ArenaEnd for StaticArenaEnd {
    #[inline]
    fn get(&self) -> usize {
        ARENA_END.0.get()
    }

    #[inline]
    fn set(&self, arena_end: usize) {
        ARENA_END.0.set(arena_end);
    }
}

struct ArenaEndCell(Cell<usize>);

// SAFETY: there is one thread.
unsafe impl Sync for ArenaEndCell {}

static ARENA_END: ArenaEndCell = ArenaEndCell(Cell::new(0));
