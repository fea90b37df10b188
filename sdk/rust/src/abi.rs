//! Arguments of exports in the canonical ABI's flat form (component-model,
//! `CanonicalABI.md`, "Flattening").

use crate::__private::begin_lasting;
use crate::{Mail, Message, Pid};

/// `func(mail: mail)`, of `rusm:runtime/actor`, flat: the case; then what a message and an end
/// have in common, position by position.
#[derive(Clone, Copy, Debug)]
pub struct FlatMail {
    /// 0: message, 1: down, 2: exit.
    pub case: i32,
    /// Where the message is, or the pid.
    pub first: u64,
    /// The length of the message, or where the reason is.
    pub second: usize,
    /// The length of the reason.
    pub third: usize,
}

/// The mail that the host passes.
///
/// # Safety
/// The host has passed it to an export of that type, in this very call.
pub unsafe fn mail(flat: FlatMail) -> Mail {
    begin_lasting();
    let FlatMail {
        case,
        first,
        second,
        third,
    } = flat;
    let ended = || {
        // SAFETY: the caller's promise. The host has checked that it is UTF-8.
        let reason = unsafe { String::from_utf8_unchecked(lowered(second as *mut u8, third)) };
        (Pid(first), reason)
    };
    match case {
        0 => {
            // A memory of 32 bits: the upper half is zero.
            let message = first as usize as *mut u8;
            // SAFETY: the caller's promise.
            Mail::Message(unsafe { lowered(message, second) })
        }
        1 => {
            let (pid, reason) = ended();
            Mail::Down { pid, reason }
        }
        _ => {
            let (pid, reason) = ended();
            Mail::Exit { pid, reason }
        }
    }
}

/// `func(message: frame)`, of `rusm:runtime/websocket`, flat: the case (0: text, 1: binary), and
/// the content.
///
/// # Safety
/// The host has passed it to an export of that type, in this very call.
pub unsafe fn message(case: i32, content: *mut u8, len: usize) -> Message {
    match case {
        // SAFETY: the caller's promise.
        0 => Message::Text(unsafe { string(content, len) }),
        _ => {
            begin_lasting();
            // SAFETY: the caller's promise.
            Message::Binary(unsafe { lowered(content, len) })
        }
    }
}

/// A `string`, flat.
///
/// # Safety
/// The host has passed it to an export of that type, in this very call.
pub unsafe fn string(content: *mut u8, len: usize) -> String {
    begin_lasting();
    // SAFETY: the caller's promise. The host has checked that it is UTF-8.
    unsafe { String::from_utf8_unchecked(lowered(content, len)) }
}

/// # Safety
/// The host has put the `len` bytes at `content` through `cabi_realloc`, and nobody else has them.
pub(crate) unsafe fn lowered(content: *mut u8, len: usize) -> Vec<u8> {
    // SAFETY: `cabi_realloc` is the global allocator. An empty list is not null, but aligned.
    unsafe { Vec::from_raw_parts(content, len, len) }
}
