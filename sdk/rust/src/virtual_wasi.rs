//! WASI for processes without capabilities, implemented inside the guest.
//!
//! The standard library links some twenty WASI imports into every guest, nearly all of them for
//! its panic message, and importing them doubles what a fresh instance costs: functions that
//! write through the guest's memory need two more core instances, a shim and a fixup. Most
//! processes may do nothing with these imports anyway. So `rusm build` redirects each import that
//! the component's capabilities do not grant to the function exported here as
//! `rusm-virtual:<interface without version>#<function>`, and drops these exports. Built by plain
//! `cargo build`, a guest keeps its real imports and nothing here is ever called.
//!
//! Every function has the core signature of the import it stands for, as the canonical ABI
//! lowers it (component-model, `CanonicalABI.md`, "Flattening"). A function of a redirected
//! interface that is missing here traps, or does nothing if it drops a resource: what it would
//! act on (a descriptor, a socket) cannot exist.

use crate::diagnostics;

/// What `rusm:runtime/diagnostics#write` takes at once.
const DIAGNOSTIC_BYTES: usize = 64;

/// Handles of the streams that exist from the start. No other stream ever does.
const STDIN: i32 = 1;
const STDOUT: i32 = 2;
const STDERR: i32 = 3;
/// The handle of every pollable made here: always ready. The host's own, those of its clocks, are
/// never as large (component-model, `CanonicalABI.md`, `Table.MAX_LENGTH`).
const READY: i32 = i32::MAX;
/// The handle of the one network.
const NETWORK: i32 = 1;

/// Discriminants of WASI 0.2.
const STREAM_ERROR_CLOSED: u8 = 1;
const ERROR_CODE_ACCESS_DENIED: u8 = 1;

/// What a stream says it can take; any number above zero serves, as no write ever waits.
const WRITE_PERMIT: u64 = 64 * 1024;

/// Hands `text` to the operator's log, in pieces that never split a character.
fn diagnose(mut text: &[u8]) {
    while !text.is_empty() {
        let (piece, rest) = text.split_at(piece_len(text));
        let mut words = [0u64; DIAGNOSTIC_BYTES / 8];
        for (word, bytes) in words.iter_mut().zip(piece.chunks(8)) {
            let mut le = [0; 8];
            le[..bytes.len()].copy_from_slice(bytes);
            *word = u64::from_le_bytes(le);
        }
        let [w0, w1, w2, w3, w4, w5, w6, w7] = words;
        diagnostics::write(piece.len() as u32, w0, w1, w2, w3, w4, w5, w6, w7);
        text = rest;
    }
}

/// The length of the longest prefix that fits one write and ends before no continuation byte.
fn piece_len(text: &[u8]) -> usize {
    if text.len() <= DIAGNOSTIC_BYTES {
        return text.len();
    }
    (1..=DIAGNOSTIC_BYTES)
        .rev()
        .take(4)
        .find(|&end| text[end] & 0xC0 != 0x80)
        .unwrap_or(DIAGNOSTIC_BYTES)
}

/// Results that the canonical ABI returns through memory: the caller passes the area.
mod ret {
    /// `result<_, E>` and `option<T>`: ok without a value, or none.
    ///
    /// # Safety
    /// `area` must be valid for the write of one byte.
    pub(super) unsafe fn zero(area: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe { area.write(0) }
    }

    /// `result<u64, E>`: ok with `value`.
    ///
    /// # Safety
    /// `area` must be valid and aligned for 16 bytes of alignment 8.
    pub(super) unsafe fn ok_u64(area: *mut u8, value: u64) {
        // SAFETY: the caller's promise.
        unsafe {
            area.write(0);
            area.add(8).cast::<u64>().write(value);
        }
    }

    /// `result<T, E>` where `T` and `E` are aligned to at most `align` bytes: the error that
    /// starts with the byte `discriminant`.
    ///
    /// # Safety
    /// `area` must be valid for `align + 1` bytes.
    pub(super) unsafe fn err(area: *mut u8, align: usize, discriminant: u8) {
        // SAFETY: the caller's promise.
        unsafe {
            area.write(1);
            area.add(align).write(discriminant);
        }
    }

    /// `list<T>` without an element. Its pointer is aligned and not null, as Rust demands.
    ///
    /// # Safety
    /// `area` must be valid and aligned for two words.
    pub(super) unsafe fn empty_list(area: *mut u8) {
        // SAFETY: the caller's promise.
        unsafe {
            area.cast::<usize>().write(8);
            area.cast::<usize>().add(1).write(0);
        }
    }
}

/// Exports each function under the name by which `rusm build` finds it.
macro_rules! virtual_functions {
    ($($interface:literal { $($name:literal = fn $f:ident($($arg:ident: $ty:ty),*) $(-> $out:ty)? $body:block)* })*) => {
        $($(
            // SAFETY: the name is in a namespace of its own; the build step alone looks for it.
            #[unsafe(export_name = concat!("rusm-virtual:", $interface, "#", $name))]
            unsafe extern "C" fn $f($($arg: $ty),*) $(-> $out)? {
                // SAFETY: only a lowered import is redirected here, and its caller passes a
                // return area and buffers that the canonical ABI makes valid for this signature.
                #[allow(unused_unsafe, reason = "some bodies touch no memory")]
                unsafe { $body }
            }
        )*)*
    };
}

virtual_functions! {
    "wasi:cli/environment" {
        "get-environment" = fn get_environment(area: *mut u8) { ret::empty_list(area) }
        "get-arguments" = fn get_arguments(area: *mut u8) { ret::empty_list(area) }
        "initial-cwd" = fn initial_cwd(area: *mut u8) { ret::zero(area) }
    }
    "wasi:cli/exit" {
        "exit" = fn exit(_status: i32) {
            diagnose(b"exit was called: the process ends here\n");
            core::arch::wasm32::unreachable()
        }
    }
    "wasi:cli/stdin" {
        "get-stdin" = fn get_stdin() -> i32 { STDIN }
    }
    "wasi:cli/stdout" {
        "get-stdout" = fn get_stdout() -> i32 { STDOUT }
    }
    "wasi:cli/stderr" {
        "get-stderr" = fn get_stderr() -> i32 { STDERR }
    }
    "wasi:cli/terminal-stdin" {
        "get-terminal-stdin" = fn get_terminal_stdin(area: *mut u8) { ret::zero(area) }
    }
    "wasi:cli/terminal-stdout" {
        "get-terminal-stdout" = fn get_terminal_stdout(area: *mut u8) { ret::zero(area) }
    }
    "wasi:cli/terminal-stderr" {
        "get-terminal-stderr" = fn get_terminal_stderr(area: *mut u8) { ret::zero(area) }
    }
    "wasi:io/poll" {
        "[method]pollable.ready" = fn pollable_ready(pollable: i32) -> i32 { is_ready(pollable).into() }
        "[method]pollable.block" = fn pollable_block(pollable: i32) {
            if pollable != READY {
                host::block(pollable)
            }
        }
        "[resource-drop]pollable" = fn pollable_drop(pollable: i32) {
            if pollable != READY {
                host::drop_pollable(pollable)
            }
        }
        "poll" = fn poll(pollables: *const i32, len: usize, area: *mut usize) {
            let pollables = core::slice::from_raw_parts(pollables, len);
            let ready = cabi_realloc(core::ptr::null_mut(), 0, 4, len * 4).cast::<u32>();
            let mut count = 0;
            while count == 0 {
                for (index, &pollable) in pollables.iter().enumerate() {
                    if is_ready(pollable) {
                        ready.add(count).write(index as u32);
                        count += 1;
                    }
                }
                if count == 0 {
                    wait_for_any(pollables)
                }
            }
            area.write(ready as usize);
            area.add(1).write(count);
        }
    }
    "wasi:io/streams" {
        "[method]input-stream.read" = fn input_read(_stream: i32, _len: u64, area: *mut u8) {
            ret::err(area, 4, STREAM_ERROR_CLOSED)
        }
        "[method]input-stream.blocking-read" = fn input_blocking_read(_stream: i32, _len: u64, area: *mut u8) {
            ret::err(area, 4, STREAM_ERROR_CLOSED)
        }
        "[method]input-stream.skip" = fn input_skip(_stream: i32, _len: u64, area: *mut u8) {
            ret::err(area, 8, STREAM_ERROR_CLOSED)
        }
        "[method]input-stream.blocking-skip" = fn input_blocking_skip(_stream: i32, _len: u64, area: *mut u8) {
            ret::err(area, 8, STREAM_ERROR_CLOSED)
        }
        "[method]input-stream.subscribe" = fn input_subscribe(_stream: i32) -> i32 { READY }
        "[method]output-stream.check-write" = fn output_check_write(_stream: i32, area: *mut u8) {
            ret::ok_u64(area, WRITE_PERMIT)
        }
        "[method]output-stream.write" = fn output_write(stream: i32, data: *const u8, len: usize, area: *mut u8) {
            output(stream, data, len);
            ret::zero(area)
        }
        "[method]output-stream.blocking-write-and-flush" = fn output_blocking_write(stream: i32, data: *const u8, len: usize, area: *mut u8) {
            output(stream, data, len);
            ret::zero(area)
        }
        "[method]output-stream.flush" = fn output_flush(_stream: i32, area: *mut u8) { ret::zero(area) }
        "[method]output-stream.blocking-flush" = fn output_blocking_flush(_stream: i32, area: *mut u8) { ret::zero(area) }
        "[method]output-stream.subscribe" = fn output_subscribe(_stream: i32) -> i32 { READY }
    }
    "wasi:filesystem/preopens" {
        "get-directories" = fn get_directories(area: *mut u8) { ret::empty_list(area) }
    }
    "wasi:sockets/instance-network" {
        "instance-network" = fn instance_network() -> i32 { NETWORK }
    }
    "wasi:sockets/ip-name-lookup" {
        "resolve-addresses" = fn resolve_addresses(_network: i32, _name: *const u8, _len: usize, area: *mut u8) {
            ret::err(area, 4, ERROR_CODE_ACCESS_DENIED)
        }
    }
    "wasi:sockets/tcp-create-socket" {
        "create-tcp-socket" = fn create_tcp_socket(_family: i32, area: *mut u8) {
            ret::err(area, 4, ERROR_CODE_ACCESS_DENIED)
        }
    }
    "wasi:sockets/udp-create-socket" {
        "create-udp-socket" = fn create_udp_socket(_family: i32, area: *mut u8) {
            ret::err(area, 4, ERROR_CODE_ACCESS_DENIED)
        }
    }
    // Not for want of a capability: the host's own function writes two words through memory,
    // where its sibling returns one as a scalar and needs no shim.
    "wasi:random/insecure-seed" {
        "insecure-seed" = fn insecure_seed(area: *mut u8) {
            area.cast::<u64>().write(host::get_random_u64());
            area.cast::<u64>().add(1).write(host::get_random_u64());
        }
    }
}

/// Standard output and error go to the operator's log.
///
/// # Safety
/// `data` must be valid for reads of `len` bytes.
unsafe fn output(stream: i32, data: *const u8, len: usize) {
    if matches!(stream, STDOUT | STDERR) && len > 0 {
        // SAFETY: the caller's promise; the length is not zero, so the pointer is not null.
        diagnose(unsafe { core::slice::from_raw_parts(data, len) });
    }
}

#[inline(always)]
fn is_ready(pollable: i32) -> bool {
    pollable == READY || host::ready(pollable) != 0
}

/// Blocks until one of the host's pollables may be ready. More than one timer at once is rare,
/// and the host's own `poll` would need the guest's memory: then a millisecond is near enough.
#[inline(always)]
fn wait_for_any(pollables: &[i32]) {
    const MILLISECOND: u64 = 1_000_000;
    if let [only] = pollables {
        return host::block(*only);
    }
    let tick = host::subscribe_duration(MILLISECOND);
    host::block(tick);
    host::drop_pollable(tick);
}

unsafe extern "C" {
    /// The heap from which the host fills the lists it returns; ours must come from there too.
    fn cabi_realloc(block: *mut u8, size: usize, align: usize, new_size: usize) -> *mut u8;
}

/// The functions of the host that answers rest on. All take and give scalars.
///
/// They have the names of the component model's `BuildTargets.md`, where the standard library and
/// the C library use the older scheme: so they are imports of their own, always of the host,
/// whatever becomes of their namesakes. If nothing but answers asks for time, `rusm build` makes
/// the calls of pollables here trap, as there can be none of the host's.
mod host {
    #[link(wasm_import_module = "cm32p2|wasi:random/random@0.2")]
    unsafe extern "C" {
        #[link_name = "get-random-u64"]
        pub(super) safe fn get_random_u64() -> u64;
    }
    #[link(wasm_import_module = "cm32p2|wasi:io/poll@0.2")]
    unsafe extern "C" {
        #[link_name = "[method]pollable.ready"]
        pub(super) safe fn ready(pollable: i32) -> i32;
        #[link_name = "[method]pollable.block"]
        pub(super) safe fn block(pollable: i32);
        #[link_name = "pollable_drop"]
        pub(super) safe fn drop_pollable(pollable: i32);
    }
    #[link(wasm_import_module = "cm32p2|wasi:clocks/monotonic-clock@0.2")]
    unsafe extern "C" {
        #[link_name = "subscribe-duration"]
        pub(super) safe fn subscribe_duration(nanoseconds: u64) -> i32;
    }
}
