//! `malloc` and its family over the guest's heap.
//!
//! The C library under Rust's standard library allocates too, the first time it writes to a
//! stream, say; and its own allocator takes the memory from `__heap_base` on for itself. Two
//! owners of that memory would overwrite each other, so these take the place of the whole of
//! `dlmalloc.c`, under every name by which the C library calls it.

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

use super::GuestHeap;

/// C frees without saying what, so each block begins with its layout.
#[repr(C, align(16))]
#[derive(Clone, Copy)]
struct Header {
    /// [`seal`] of the content's address. The C library also frees what the host put into
    /// memory through `cabi_realloc`, the environment for one, and that has no header: such a
    /// block is left alone.
    seal: usize,
    /// Of the whole block, this header included.
    size: usize,
    align: usize,
    /// Of what comes before the content, this header included.
    offset: usize,
}

const HEADER: usize = size_of::<Header>();

/// What C expects of every block: the alignment of `max_align_t`.
const MIN_ALIGN: usize = 16;

fn allocate(size: usize, align: usize) -> *mut u8 {
    let align = align.max(MIN_ALIGN);
    let offset = HEADER.max(align);
    let layout = size
        .checked_add(offset)
        .map(|size| Layout::from_size_align(size, align));
    let Some(Ok(layout)) = layout else {
        return ptr::null_mut();
    };
    // SAFETY: the layout holds a header at least.
    let block = unsafe { GuestHeap.alloc(layout) };
    if block.is_null() {
        return block;
    }
    let content = block.wrapping_add(offset);
    // SAFETY: the offset leaves room for a header just before the content.
    unsafe {
        header(content).write(Header {
            seal: seal(content),
            size: layout.size(),
            align,
            offset,
        })
    };
    content
}

fn seal(content: *mut u8) -> usize {
    content.addr() ^ 0x9e37_79b9
}

fn header(content: *mut u8) -> *mut Header {
    content.wrapping_sub(HEADER).cast()
}

/// # Safety
/// `content` came from `allocate` and was not freed since.
unsafe fn size_of_content(content: *mut u8) -> usize {
    // SAFETY: the caller's promise.
    let Header { size, offset, .. } = unsafe { header(content).read() };
    size - offset
}

// SAFETY of the names below: this crate replaces the C library's allocator as a whole.
// SAFETY of the bodies: C's own contract, that a pointer came from one of these and is not freed.

#[unsafe(no_mangle)]
extern "C" fn malloc(size: usize) -> *mut u8 {
    allocate(size, MIN_ALIGN)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn free(content: *mut u8) {
    if content.is_null() {
        return;
    }
    // SAFETY: see above.
    unsafe {
        let Header {
            seal: sealed,
            size,
            align,
            offset,
        } = header(content).read();
        if sealed != seal(content) {
            return;
        }
        let layout = Layout::from_size_align_unchecked(size, align);
        GuestHeap.dealloc(content.wrapping_sub(offset), layout);
    }
}

#[unsafe(no_mangle)]
extern "C" fn calloc(count: usize, size: usize) -> *mut u8 {
    let Some(size) = count.checked_mul(size) else {
        return ptr::null_mut();
    };
    let content = allocate(size, MIN_ALIGN);
    if !content.is_null() {
        // SAFETY: the block was made for that size.
        unsafe { content.write_bytes(0, size) };
    }
    content
}

#[unsafe(no_mangle)]
unsafe extern "C" fn realloc(content: *mut u8, size: usize) -> *mut u8 {
    if content.is_null() {
        return allocate(size, MIN_ALIGN);
    }
    let moved = allocate(size, MIN_ALIGN);
    if !moved.is_null() {
        // SAFETY: see above.
        unsafe {
            ptr::copy_nonoverlapping(content, moved, size_of_content(content).min(size));
            free(content);
        }
    }
    moved
}

#[unsafe(no_mangle)]
extern "C" fn aligned_alloc(align: usize, size: usize) -> *mut u8 {
    allocate(size, align)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn posix_memalign(place: *mut *mut u8, align: usize, size: usize) -> i32 {
    const OUT_OF_MEMORY: i32 = 48;
    let content = allocate(size, align);
    if content.is_null() {
        return OUT_OF_MEMORY;
    }
    // SAFETY: the caller passes a place for the pointer.
    unsafe { place.write(content) };
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn malloc_usable_size(content: *mut u8) -> usize {
    if content.is_null() {
        return 0;
    }
    // SAFETY: see above.
    unsafe { size_of_content(content) }
}

#[unsafe(no_mangle)]
extern "C" fn __libc_malloc(size: usize) -> *mut u8 {
    malloc(size)
}

#[unsafe(no_mangle)]
extern "C" fn __libc_calloc(count: usize, size: usize) -> *mut u8 {
    calloc(count, size)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn __libc_free(content: *mut u8) {
    // SAFETY: the caller's promise.
    unsafe { free(content) }
}
