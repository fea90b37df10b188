//! `cabi_realloc`: how the host makes room in the guest for the arguments it lowers
//! (component-model, `CanonicalABI.md`, `realloc`).

use std::alloc::{GlobalAlloc, Layout};

use super::GuestHeap;

/// Rust frees what the host put here, so both must use the same heap. The C library's own
/// `cabi_realloc`, which would otherwise be linked, goes through `realloc`.
// SAFETY: the C library defines this symbol weakly, for anybody to replace.
#[unsafe(no_mangle)]
unsafe extern "C" fn cabi_realloc(
    block: *mut u8,
    size: usize,
    align: usize,
    new_size: usize,
) -> *mut u8 {
    if new_size == 0 {
        // Never read or freed, but Rust wants it aligned and not null.
        return align as *mut u8;
    }
    // SAFETY: the host passes an alignment of the canonical ABI, and a block that came from here
    // with the size it had.
    let block = unsafe {
        if size == 0 {
            GuestHeap.alloc(Layout::from_size_align_unchecked(new_size, align))
        } else {
            GuestHeap.realloc(
                block,
                Layout::from_size_align_unchecked(size, align),
                new_size,
            )
        }
    };
    if block.is_null() {
        core::arch::wasm32::unreachable();
    }
    block
}
