use core::arch::wasm32;
use std::cell::Cell;
use std::fmt::Write;
use std::hint::black_box;

use rusm_rs::{Params, Request, Response};

#[rusm_rs::handlers]
pub mod handlers {
    use super::*;

    /// `GET /…/stain?grow=PAGES&end=HOW`: leaves the secret wherever a guest can write, and ends
    /// as `HOW` says: by an answer, or `trap`, `overflow`, `spin`.
    pub fn stain(request: Request, _params: Params) -> Response {
        let grow = request
            .query_param("grow")
            .and_then(|pages| pages.parse().ok());
        let end = request.query_param("end").unwrap_or_default().into_owned();
        let grown = wasm32::memory_grow(0, grow.unwrap_or(0));
        stain_everything();
        match end.as_str() {
            "trap" => wasm32::unreachable(),
            "overflow" => drop(black_box(overflow(0))),
            "spin" => loop {
                black_box(());
            },
            _ => {}
        }
        Response::text(format!("stained, grown at page {grown}\n"))
    }

    /// `GET /…/scan`: what a fresh instance finds. The same text for the same request, always.
    pub fn scan(_request: Request, _params: Params) -> Response {
        Response::text(findings())
    }

    /// `GET /…/both`: stains and scans, to show that the scan finds what there is.
    pub fn both(_request: Request, _params: Params) -> Response {
        stain_everything();
        Response::text(findings())
    }
}

/// No address takes this value, and only code holds it: in memory it is a stain.
const SECRET: u64 = 0x5ec2_e75e_c2e7_5ec2;
const INITIAL: u64 = 7;

static mut DATA: [u64; 64] = [INITIAL; 64];
static mut ZEROES: [u64; 512] = [0; 512];
thread_local! {
    static LOCAL: Cell<u64> = const { Cell::new(INITIAL) };
}

/// Writes the secret over the statics, the stack below this frame, and all of the heap that is
/// not in use: from a block that was allocated last to the memory's end.
fn stain_everything() {
    LOCAL.set(SECRET);
    let statics = [
        (&raw mut DATA).cast::<u64>(),
        (&raw mut ZEROES).cast::<u64>(),
    ];
    for (start, len) in statics.into_iter().zip([64, 512]) {
        for index in 0..len {
            // SAFETY: within the static, which nothing else uses.
            unsafe { start.add(index).write_volatile(SECRET) };
        }
    }
    let frame = 0_u64;
    let below = (&raw const frame).addr() - 256;
    fill(64, below);
    let last = Box::new(0_u64);
    let above = (&raw const *last).addr() + 4096;
    fill(above, wasm32::memory_size(0) * PAGE);
}

/// Not inlined, and without a frame of its own on the stack that it overwrites.
#[inline(never)]
fn fill(start: usize, end: usize) {
    let mut at = start.next_multiple_of(8);
    while at + 8 <= end {
        // SAFETY: the caller gives memory that holds nothing that is still in use.
        unsafe { (at as *mut u64).write_volatile(SECRET) };
        at += 8;
    }
}

/// Everything that another process could have left, and a digest of all memory.
fn findings() -> String {
    let end = wasm32::memory_size(0) * PAGE;
    let (mut secrets, mut digest) = (0_u32, 0_u64);
    let mut at = 64;
    while at < end {
        // SAFETY: within the memory, and aligned.
        let word = unsafe { (at as *const u64).read_volatile() };
        secrets += u32::from(word == SECRET);
        digest = (digest.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        at += 8;
    }
    let frame = 0_u8;
    let stack = (&raw const frame).addr();
    // SAFETY: nothing else uses them, and they are initialised.
    let (data, zeroes) = unsafe {
        (
            (&raw const DATA).read_volatile(),
            (&raw const ZEROES).read_volatile(),
        )
    };
    let initial = data == [INITIAL; 64] && zeroes == [0; 512] && LOCAL.get() == INITIAL;
    let mut text = String::new();
    let _ = writeln!(
        text,
        "secrets={secrets} statics={} pages={} stack={stack:#x} digest={digest:016x}",
        if initial { "initial" } else { "changed" },
        end / PAGE,
    );
    text
}

/// Runs out of stack, which leaves the stack pointer, a global of the module, at its end.
#[allow(unconditional_recursion, reason = "that is the point")]
#[inline(never)]
fn overflow(depth: u64) -> u64 {
    let frame = black_box([SECRET; 32]);
    overflow(depth + 1) + frame[depth as usize % 32]
}

const PAGE: usize = 64 * 1024;
