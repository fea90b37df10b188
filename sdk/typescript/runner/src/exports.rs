//! What the snapshot and the component's exports call. Arguments are flattened, and results lie in
//! memory, as the canonical ABI has it (component-model, `CanonicalABI.md`).
//!
//! # Safety
//! The host writes each argument with `cabi_realloc`, and gives it away: a pointer and a length are a
//! `Vec` of so many elements.

use std::alloc::{Layout, dealloc};

use rquickjs::IntoJs;

use crate::bindings::rusm::runtime::actor::{Ended as EndedProcess, Mail};
use crate::bindings::rusm::runtime::log::{LogLevel, log};
use crate::entry::{self, Ended, Request, Response};
use crate::host::{actors, flat_headers};
use crate::{compile, engine};

#[unsafe(export_name = "rusm-js:compile")]
extern "C" fn compile_all() {
    compile::compile_all();
}

#[unsafe(export_name = "rusm-js:init")]
extern "C" fn init() {
    engine::initialise();
}

/// `func(request) -> response`.
#[unsafe(export_name = "rusm-js:action")]
unsafe extern "C" fn action(
    index: u32,
    method: *mut u8,
    method_len: usize,
    target: *mut u8,
    target_len: usize,
    headers: *mut [usize; 4],
    headers_len: usize,
    params: *mut [usize; 4],
    params_len: usize,
    body: *mut u8,
    body_len: usize,
) -> *mut LoweredResponse {
    // SAFETY: see above.
    let (method, target, headers, params, body) = unsafe {
        (
            text(method, method_len),
            text(target, target_len),
            pairs(headers, headers_len),
            pairs(params, params_len),
            taken(body, body_len),
        )
    };
    let lossy = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap_or_default();
    entry::begin(Request {
        headers: flat_headers(headers),
        params: params
            .into_iter()
            .flat_map(|(name, value)| [name, lossy(value)])
            .collect(),
        body,
    });
    let ended = engine::run("action", |_, action| action.call((index, method, target)));
    let response = match ended {
        Some(Ended::Answer(response)) => response,
        // It was answered by `serve`, piece by piece.
        Some(Ended::Finished | Ended::Value(_)) => Response {
            status: 200,
            ..Response::default()
        },
        Some(Ended::Failed(why)) => {
            log(LogLevel::Error, &why);
            if entry::has_responded() {
                std::process::abort();
            }
            internal_error()
        }
        None => internal_error(),
    };
    lowered(response)
}

#[unsafe(export_name = "rusm-js:action-post")]
unsafe extern "C" fn action_post(response: *mut LoweredResponse) {
    // SAFETY: `action` has made it, and the host has read it.
    drop(unsafe { Box::from_raw(response) });
}

/// `func(args: list<u8>) -> result<list<u8>, string>`.
#[unsafe(export_name = "rusm-js:function")]
unsafe extern "C" fn function(index: u32, args: *mut u8, args_len: usize) -> *mut LoweredResult {
    // SAFETY: see above.
    let args = unsafe { text(args, args_len) };
    entry::begin(Request::default());
    let ended = engine::run("function", |_, function| function.call((index, args)));
    let (tag, payload) = match ended {
        Some(Ended::Value(json)) => (0, json),
        Some(Ended::Failed(why)) => (1, why),
        Some(Ended::Answer(_) | Ended::Finished) | None => (1, "no answer".to_owned()),
    };
    let payload = payload.into_bytes().into_boxed_slice();
    Box::into_raw(Box::new(LoweredResult {
        tag,
        payload: payload.as_ptr(),
        len: payload.len(),
        _owned: payload,
    }))
}

#[unsafe(export_name = "rusm-js:function-post")]
unsafe extern "C" fn function_post(result: *mut LoweredResult) {
    // SAFETY: `function` has made it, and the host has read it.
    drop(unsafe { Box::from_raw(result) });
}

/// A service has started.
#[unsafe(export_name = "rusm-js:service-init")]
extern "C" fn service_init() {
    finish(engine_entry("serviceInit", |_, init| init.call(())));
}

#[unsafe(export_name = "rusm-js:websocket-open")]
extern "C" fn websocket_open() {
    finish(engine_entry("websocketOpen", |_, open| open.call(())));
}

/// `frame`: text is 0, binary is 1.
#[unsafe(export_name = "rusm-js:websocket-message")]
unsafe extern "C" fn websocket_message(kind: u32, data: *mut u8, len: usize) {
    // SAFETY: see above.
    let data = unsafe { taken(data, len) };
    finish(engine_entry("websocketMessage", |ctx, message| {
        let data = match kind {
            0 => String::from_utf8(data).unwrap_or_default().into_js(ctx)?,
            _ => rquickjs::ArrayBuffer::new(ctx.clone(), data)?.into_js(ctx)?,
        };
        message.call((data,))
    }));
}

#[unsafe(export_name = "rusm-js:websocket-close")]
unsafe extern "C" fn websocket_close(code: u32, reason: *mut u8, len: usize) {
    // SAFETY: see above.
    let reason = unsafe { text(reason, len) };
    finish(engine_entry("websocketClose", |_, close| {
        close.call((code, reason))
    }));
}

/// `mail`: a message (0) has its bytes in `b` and `c`'s place; an end (1, 2) a pid and a reason. The
/// flat type of the first place is the wider one, that of the pid.
#[unsafe(export_name = "rusm-js:on-mail")]
unsafe extern "C" fn on_mail(kind: u32, first: u64, second: usize, third: usize) {
    // SAFETY: see above.
    let mail = unsafe {
        match kind {
            0 => Mail::Message(taken(first as usize as *mut u8, second)),
            _ => {
                let ended = EndedProcess {
                    pid: first,
                    reason: text(second as *mut u8, third),
                };
                if kind == 1 {
                    Mail::Down(ended)
                } else {
                    Mail::Exit(ended)
                }
            }
        }
    };
    finish(engine_entry("onMail", |ctx, on_mail| {
        on_mail.call((actors::mail_object(ctx, mail)?,))
    }));
}

#[unsafe(export_name = "rusm-js:run")]
extern "C" fn run() {
    finish(engine_entry("run", |_, run| run.call(())));
}

/// The record `response`, as it lies in memory: status, headers, body.
#[repr(C)]
struct LoweredResponse {
    status: u16,
    headers: *const LoweredHeader,
    headers_len: usize,
    body: *const u8,
    body_len: usize,
    _lowered: Box<[LoweredHeader]>,
    _owned: Response,
}

#[repr(C)]
struct LoweredHeader {
    name: *const u8,
    name_len: usize,
    value: *const u8,
    value_len: usize,
}

/// `result<list<u8>, string>`, as it lies in memory.
#[repr(C)]
struct LoweredResult {
    tag: u8,
    payload: *const u8,
    len: usize,
    _owned: Box<[u8]>,
}

fn lowered(response: Response) -> *mut LoweredResponse {
    let headers = response.headers.iter();
    let headers: Box<[LoweredHeader]> = headers
        .map(|(name, value)| LoweredHeader {
            name: name.as_ptr(),
            name_len: name.len(),
            value: value.as_ptr(),
            value_len: value.len(),
        })
        .collect();
    Box::into_raw(Box::new(LoweredResponse {
        status: response.status,
        headers: headers.as_ptr(),
        headers_len: headers.len(),
        body: response.body.as_ptr(),
        body_len: response.body.len(),
        _lowered: headers,
        _owned: response,
    }))
}

fn internal_error() -> Response {
    Response {
        status: 500,
        headers: vec![(
            "content-type".to_owned(),
            b"text/plain; charset=utf-8".to_vec(),
        )],
        body: b"Internal Server Error\n".to_vec(),
    }
}

fn engine_entry(
    name: &str,
    call: impl for<'js> FnOnce(&rquickjs::Ctx<'js>, rquickjs::Function<'js>) -> rquickjs::Result<()>,
) -> Option<Ended> {
    entry::begin(Request::default());
    engine::run(name, call)
}

/// An entry that answers nobody. One that failed ends the process.
fn finish(ended: Option<Ended>) {
    if let Some(Ended::Failed(why)) = ended {
        log(LogLevel::Error, &why);
        std::process::abort();
    }
}

/// # Safety
/// See above.
unsafe fn taken(at: *mut u8, len: usize) -> Vec<u8> {
    if len == 0 {
        return Vec::new();
    }
    // SAFETY: the caller's promise.
    unsafe { Vec::from_raw_parts(at, len, len) }
}

/// # Safety
/// See above. The host has seen to it that it is UTF-8.
unsafe fn text(at: *mut u8, len: usize) -> String {
    // SAFETY: the caller's promise.
    let bytes = unsafe { taken(at, len) };
    String::from_utf8(bytes).unwrap_or_default()
}

/// # Safety
/// See above.
unsafe fn pairs(at: *mut [usize; 4], len: usize) -> Vec<(String, Vec<u8>)> {
    let mut pairs = Vec::with_capacity(len);
    for place in 0..len {
        // SAFETY: the caller's promise.
        let [name, name_len, value, value_len] = unsafe { *at.add(place) };
        // SAFETY: the same.
        pairs.push(unsafe {
            (
                text(name as *mut u8, name_len),
                taken(value as *mut u8, value_len),
            )
        });
    }
    if let Ok(layout) = Layout::array::<[usize; 4]>(len)
        && len > 0
    {
        // SAFETY: it was allocated so, and is read.
        unsafe { dealloc(at.cast(), layout) };
    }
    pairs
}
