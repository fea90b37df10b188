//! Core functions of a service's exports, as the canonical ABI has them
//! (component-model, `CanonicalABI.md`, "Flattening").
//!
//! By hand, as the generator of bindings exports no function that frees an answer once the host
//! has read it under the standard names of core exports (`BuildTargets.md`, `_post`): a service
//! would lose the memory of each.

use std::cell::UnsafeCell;

use super::End;
use crate::__private::begin_lasting;
use crate::abi::lowered;

/// `func(args: list<u8>) -> result<list<u8>, string>`: what it returns points to the answer, which
/// lies there until [`leave`].
///
/// # Safety
/// The host has put the `len` bytes at `args` through `cabi_realloc`, for this call.
pub unsafe fn enter(
    args: *mut u8,
    len: usize,
    function: fn(&[u8]) -> Result<Vec<u8>, String>,
) -> *const u8 {
    begin_lasting();
    // SAFETY: the caller's promise.
    let args = unsafe { lowered(args, len) };
    let (is_error, bytes) = match function(&args) {
        Ok(answer) => (0, answer),
        Err(why) => (1, why.into_bytes()),
    };
    drop(args);
    // SAFETY: one thread; nothing of the last answer is in use when the host calls again.
    let answer = unsafe { &mut *ANSWER.0.get() };
    answer.is_error = is_error;
    answer.content = bytes.as_ptr();
    answer.len = bytes.len();
    answer.buffer = bytes;
    (&raw const *answer).cast()
}

/// The `post-return` of [`enter`]: the host has read the answer.
pub fn leave() {
    // SAFETY: as in `enter`.
    unsafe { (*ANSWER.0.get()).buffer = Vec::new() };
}

/// `run: func()`, the life of a free-form process.
pub fn run<E: End>(main: fn() -> E) {
    begin_lasting();
    if let Some(why) = main().failure() {
        crate::exit(Some(&why));
    }
}

/// `result<list<u8>, string>` in memory, and who owns its content.
#[repr(C)]
struct Answer {
    is_error: u8,
    content: *const u8,
    len: usize,
    buffer: Vec<u8>,
}

struct AnswerCell(UnsafeCell<Answer>);

// SAFETY: there is one thread.
unsafe impl Sync for AnswerCell {}

/// One is enough: the host enters one function at a time.
static ANSWER: AnswerCell = AnswerCell(UnsafeCell::new(Answer {
    is_error: 0,
    content: std::ptr::null(),
    len: 0,
    buffer: Vec::new(),
}));
