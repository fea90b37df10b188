//! What a component can do wrong, by the crate `wasi` in its version of the 0.2 worlds.
//!
//! - `/faults/trap`, `/faults/panic`, `/faults/exit`, `/faults/memory`, `/faults/loop`: before its response has begun
//! - `/faults/unset`: it drops its `response-outparam`; `/faults/return`: it returns with it
//! - `/faults/error/:code`: it sets it to an error
//! - `/faults/late/:ms`: it sets it late
//! - `/faults/head/trap`, `/faults/head/loop`: when only the head is written
//! - `/faults/amid/trap`, `/faults/amid/loop`: amid a body; `/faults/after/trap` when it is complete
//! - `/faults/print`: prints on both of its outputs

use std::time::Duration;

use wasi::exports::http::incoming_handler::Guest;
use wasi::http::types::{
    ErrorCode, Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

struct Faults;

wasi::http::proxy::export!(Faults);

impl Guest for Faults {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let segments: Vec<&str> = path.split('/').skip(2).collect();
        match segments[..] {
            [fault @ ("trap" | "panic" | "exit" | "memory" | "loop")] => commit(fault),
            ["unset"] => drop(outparam),
            ["return"] => std::mem::forget(outparam),
            ["error", code] => ResponseOutparam::set(outparam, Err(error(code))),
            ["late", ms] => {
                std::thread::sleep(Duration::from_millis(ms.parse().unwrap_or(0)));
                finish(begin(outparam), "late\n");
            }
            ["head", fault] => {
                let _body = begin(outparam);
                commit(fault);
            }
            ["amid", fault] => {
                let body = begin(outparam);
                let out = body.write().expect("its first stream");
                let _ = out.blocking_write_and_flush(b"some of it\n");
                // Time for it to be on its way.
                std::thread::sleep(Duration::from_millis(100));
                commit(fault);
            }
            ["after", fault] => {
                finish(begin(outparam), "all of it\n");
                commit(fault);
            }
            ["print"] => {
                println!("said on standard output");
                eprintln!("said on standard error");
                eprint!("said without an end");
                finish(begin(outparam), "printed\n");
            }
            _ => finish(begin(outparam), "fine\n"),
        }
    }
}

fn commit(fault: &str) {
    match fault {
        "trap" => std::arch::wasm32::unreachable(),
        "panic" => panic!("on purpose"),
        "exit" => std::process::exit(3),
        "memory" => {
            let mut all = Vec::new();
            loop {
                all.push(std::hint::black_box(vec![1_u8; 1 << 20]));
            }
        }
        "loop" => loop {
            std::hint::black_box(());
        },
        _ => {}
    }
}

fn error(code: &str) -> ErrorCode {
    match code {
        "denied" => ErrorCode::HttpRequestDenied,
        "timeout" => ErrorCode::ConnectionTimeout,
        "refused" => ErrorCode::ConnectionRefused,
        _ => ErrorCode::InternalError(Some("its own words".to_owned())),
    }
}

fn begin(outparam: ResponseOutparam) -> OutgoingBody {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("its first body");
    ResponseOutparam::set(outparam, Ok(response));
    body
}

fn finish(body: OutgoingBody, text: &str) {
    let out = body.write().expect("its first stream");
    out.blocking_write_and_flush(text.as_bytes())
        .expect("the client is there");
    drop(out);
    OutgoingBody::finish(body, None).expect("a body without a length");
}
