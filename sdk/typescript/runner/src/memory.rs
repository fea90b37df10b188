//! Where QuickJS's memory lies.
//!
//! Each instance gets back, page by page, what its predecessor has written to, and the host does that
//! best for few pages in few runs. Two things keep them few:
//!
//! - What is in the snapshot is immortal: its references are not counted, so that an object which is
//!   merely looked at is not written to (`quickjs.patch`).
//! - QuickJS keeps its small blocks in arenas, of a page for each size. When the snapshot is taken,
//!   each size has a fresh arena, and all of them lie in a row.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc, realloc};
use std::arch::wasm32::{memory_grow, memory_size};
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::ptr;

use rquickjs::allocator::Allocator;
use rquickjs::{Ctx, qjs};

/// The allocator of one QuickJS runtime.
///
/// A block with the size of an arena is a page of its own; every other one comes from the global
/// allocator, with its size before it, and never begins at a page.
pub(crate) struct Heap;

thread_local! {
    static PAGES: Pages = const { Pages::NONE };
    /// Where all blocks begin, until they are made immortal.
    static BLOCKS: RefCell<Option<BTreeSet<usize>>> = const { RefCell::new(Some(BTreeSet::new())) };
}

/// The pages that nobody has.
struct Pages {
    /// Those that were given back, linked by their first word.
    free: Cell<*mut u8>,
    /// The first of those that never were anybody's, in a row, and how many there are.
    fresh: Cell<(*mut u8, usize)>,
}

impl Pages {
    const NONE: Self = Self {
        free: Cell::new(ptr::null_mut()),
        fresh: Cell::new((ptr::null_mut(), 0)),
    };

    /// Null if there is no more memory.
    fn take(&self) -> *mut u8 {
        let page = self.free.get();
        if page.is_null() {
            return self.take_fresh();
        }
        // SAFETY: `give_back` has written it there.
        self.free.set(unsafe { page.cast::<*mut u8>().read() });
        page
    }

    fn take_fresh(&self) -> *mut u8 {
        let (mut page, mut pages) = self.fresh.get();
        if pages == 0 {
            let grown = memory_grow(0, GROWTH);
            if grown == usize::MAX {
                return ptr::null_mut();
            }
            (page, pages) = ((grown * WASM_PAGE) as *mut u8, GROWTH * WASM_PAGE / PAGE);
        }
        // SAFETY: it is at most the end of the row.
        self.fresh.set((unsafe { page.add(PAGE) }, pages - 1));
        page
    }

    fn give_back(&self, page: *mut u8) {
        // SAFETY: the page is ours again.
        unsafe { page.cast::<*mut u8>().write(self.free.get()) };
        self.free.set(page);
    }
}

fn new_block(size: usize, make: impl FnOnce(Layout) -> *mut u8) -> *mut u8 {
    let block = if ARENA.contains(&size) {
        PAGES.with(Pages::take)
    } else {
        sized(size, make)
    };
    note(|blocks| blocks.insert(block as usize));
    block
}

// SAFETY: blocks are aligned to 8 bytes and at least as large as asked for.
unsafe impl Allocator for Heap {
    fn alloc(&mut self, size: usize) -> *mut u8 {
        // SAFETY: the layout has a size.
        new_block(size, |layout| unsafe { alloc(layout) })
    }

    fn calloc(&mut self, count: usize, size: usize) -> *mut u8 {
        let Some(size) = count.checked_mul(size) else {
            return ptr::null_mut();
        };
        // SAFETY: the layout has a size.
        let block = new_block(size, |layout| unsafe { alloc_zeroed(layout) });
        if is_page(block) && !block.is_null() {
            // SAFETY: the page is ours.
            unsafe { block.write_bytes(0, size) };
        }
        block
    }

    unsafe fn dealloc(&mut self, block: *mut u8) {
        note(|blocks| blocks.remove(&(block as usize)));
        if is_page(block) {
            return PAGES.with(|pages| pages.give_back(block));
        }
        // SAFETY: `sized` has made it.
        unsafe {
            let base = block.sub(HEADER);
            if let Some(layout) = layout(base.cast::<usize>().read()) {
                dealloc(base, layout);
            }
        }
    }

    unsafe fn realloc(&mut self, block: *mut u8, new_size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        let old_size = unsafe { Self::usable_size(block) };
        if is_page(block) || ARENA.contains(&new_size) {
            if is_page(block) && ARENA.contains(&new_size) {
                return block;
            }
            let moved = self.alloc(new_size);
            if !moved.is_null() {
                // SAFETY: both have as many bytes, and they are two blocks.
                unsafe {
                    ptr::copy_nonoverlapping(block, moved, old_size.min(new_size));
                    self.dealloc(block);
                }
            }
            return moved;
        }
        let Some(old) = layout(old_size) else {
            return ptr::null_mut();
        };
        let moved = sized(new_size, |layout| {
            // SAFETY: `sized` has made it, with this layout.
            unsafe { realloc(block.sub(HEADER), old, layout.size()) }
        });
        if !moved.is_null() {
            note(|blocks| blocks.remove(&(block as usize)) && blocks.insert(moved as usize));
        }
        moved
    }

    unsafe fn usable_size(block: *mut u8) -> usize {
        if is_page(block) {
            return PAGE;
        }
        // SAFETY: `sized` has written it there.
        unsafe { block.sub(HEADER).cast::<usize>().read() }
    }
}

/// Makes all blocks immortal, and what is free between them nobody's: what is asked for from now on
/// comes from pages that lie in a row.
pub(crate) fn seal(ctx: &Ctx<'_>) {
    // SAFETY: the context is there.
    unsafe { qjs::JS_RunGC(qjs::JS_GetRuntime(ctx.as_raw().as_ptr())) };
    PAGES.with(|pages| {
        pages.free.set(ptr::null_mut());
        pages.fresh.set((ptr::null_mut(), 0));
    });
    let row = memory_size(0) * WASM_PAGE;
    for size in small_sizes() {
        // SAFETY: the context is there; the blocks are never used.
        fill(row, || {
            unsafe { qjs::js_malloc(ctx.as_raw().as_ptr(), size as _) }.cast()
        });
    }
    if let Ok(slack) = Layout::from_size_align(SLACK, PAGE) {
        // SAFETY: each has a size.
        unsafe {
            let free = alloc(slack);
            for power in (3..PAGE.ilog2() + 2).rev() {
                if let Some(layout) = layout((1 << power) - HEADER) {
                    fill(free as usize, || alloc(layout));
                }
            }
            dealloc(free, slack);
        }
    }
    let blocks: Vec<usize> = BLOCKS.take().into_iter().flatten().collect();
    // SAFETY: these are the blocks of the context's runtime, and QuickJS has written there what they
    // are.
    unsafe {
        let runtime = qjs::JS_GetRuntime(ctx.as_raw().as_ptr());
        rusm_make_immortal(runtime, blocks.as_ptr(), blocks.len());
    }
}

// In `quickjs.patch`, where the layout of blocks and arenas is known.
unsafe extern "C" {
    fn rusm_make_immortal(runtime: *mut qjs::JSRuntime, blocks: *const usize, count: usize);
    safe fn rusm_small_size(index: usize) -> usize;
}

/// Sizes that QuickJS has arenas for.
fn small_sizes() -> impl Iterator<Item = usize> {
    (0..)
        .map(|index| rusm_small_size(index))
        .take_while(|&size| size > 0)
}

/// Allocates until a block is at this address or above it.
fn fill(address: usize, mut allocate: impl FnMut() -> *mut u8) {
    loop {
        let block = allocate();
        if block.is_null() || block as usize >= address {
            break;
        }
    }
}

fn note(change: impl FnOnce(&mut BTreeSet<usize>) -> bool) {
    BLOCKS.with_borrow_mut(|blocks| blocks.as_mut().map(change));
}

/// A block from the global allocator, which writes its size before it.
fn sized(size: usize, make: impl FnOnce(Layout) -> *mut u8) -> *mut u8 {
    let Some(layout) = layout(size) else {
        return ptr::null_mut();
    };
    let base = make(layout);
    if base.is_null() {
        return base;
    }
    // SAFETY: the layout has room for both.
    unsafe {
        base.cast::<usize>().write(size);
        base.add(HEADER)
    }
}

/// Aligned so that what comes after the header never begins at a page.
fn layout(size: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(HEADER)?, 2 * HEADER).ok()
}

fn is_page(block: *mut u8) -> bool {
    (block as usize).is_multiple_of(PAGE)
}

/// Of the host: what it asks the kernel about.
const PAGE: usize = 4096;
const WASM_PAGE: usize = 64 << 10;
const HEADER: usize = 8;
/// Sizes of QuickJS's arenas, which are not larger than 4 KiB (`JS_ARENA_SIZE`) and waste less than
/// the largest of their blocks.
const ARENA: std::ops::RangeInclusive<usize> = 3585..=PAGE;
/// Wasm pages by which the memory grows for arenas: one of each size.
const GROWTH: usize = 2;
/// Bytes that a request can have without the memory being grown, beside its small objects.
const SLACK: usize = 256 << 10;
