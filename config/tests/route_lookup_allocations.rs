//! A lookup is on the way of every request: it does not touch the heap.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail loudly"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use rusm_config::{Lookup, RouteTable};

#[test]
fn a_plain_path_is_looked_up_without_allocation() {
    let table = table();
    for (method, path, captured) in [
        ("GET", "/", ""),
        ("GET", "/users/42", "42"),
        ("HEAD", "/users/42", "42"),
        ("GET", "/users/42/posts", "42"),
        ("GET", "/files/a/b/c", "a/b/c"),
        ("GET", "/a/1/2/3/4", "1234"),
        ("GET", "/nowhere", "NotFound"),
    ] {
        let mut seen = String::with_capacity(64);
        let allocations = count(|| look_up(&table, method, path, &mut seen));
        assert_eq!(seen, captured, "{method} {path}");
        assert_eq!(allocations, 0, "{method} {path}");
    }
}

#[test]
fn the_count_counts() {
    let mut seen = String::with_capacity(64);
    let allocations = count(|| look_up(&table(), "GET", "/users/%41", &mut seen));
    assert_eq!(seen, "A");
    assert!(allocations > 0);
}

fn table() -> RouteTable {
    let manifest = "
        [[serve]]
        listen = '127.0.0.1:1'
        [serve.routes]
        'GET /' = 'c#a'
        'GET /users/:id' = 'c#a'
        'GET /users/:id/posts' = 'c#a'
        'GET /users/me/settings' = 'c#a'
        'POST /users' = 'c#a'
        'GET /files/*' = 'c#a'
        'GET /a/:b/:c/:d/:e' = 'c#a'
    ";
    let mut app = rusm_config::parse("rusm.toml", manifest).unwrap();
    app.listeners.remove(0).routes
}

/// Writes what was captured to `seen`, which has room for it.
fn look_up(table: &RouteTable, method: &str, path: &str, seen: &mut String) {
    match table.lookup(method, path) {
        Lookup::Found(found) => found
            .params
            .iter()
            .for_each(|(_, value)| seen.push_str(value)),
        Lookup::NotFound => seen.push_str("NotFound"),
        other => panic!("{other:?}"),
    }
}

fn count(work: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    work();
    ALLOCATIONS.get() - before
}

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: both only pass on what they were given; `realloc` and `alloc_zeroed` come to `alloc`.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: `pointer` came from `System`, with this layout.
        unsafe { System.dealloc(pointer, layout) }
    }
}
