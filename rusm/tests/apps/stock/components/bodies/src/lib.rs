//! Responses of all kinds, and what becomes of a request's body, by the crate `wasip2` alone.
//!
//! - `/bodies/status/:code?name=value`: that status and those headers
//! - `/bodies/large/:bytes`: so many bytes; `?declared` with their `content-length`
//! - `/bodies/declared/:bytes/:written`: a `content-length`, and so many bytes
//! - `/bodies/slow/:pieces/:ms`: so many pieces, so many milliseconds apart
//! - `/bodies/early/:ms`: the head first, and the body so much later
//! - `/bodies/trailers`: a body and trailers
//! - `/bodies/none`: a response whose body is never asked for
//! - `/bodies/unread`: the request's body is dropped unread
//! - `/bodies/duplex`: the head goes out before the request's body is read, and then what is read
//! - `/bodies/dropped`: the body is dropped before it is finished
//! - `/bodies/forgotten`: the component returns before the body is finished
//! - `/bodies/after/:ms`: goes on for so long when its response is complete, and says so
//! - `/bodies/headers`: what becomes of headers that a component may not set

use std::io::Write;
use std::time::Duration;

use wasip2::exports::http::incoming_handler::Guest;
use wasip2::http::types::{
    Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};
use wasip2::io::streams::StreamError;

struct Bodies;

wasip2::http::proxy::export!(Bodies);

impl Guest for Bodies {
    fn handle(request: IncomingRequest, outparam: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let segments: Vec<&str> = path.split('/').skip(2).collect();
        match segments[..] {
            ["status", code] => status(outparam, number(code), query),
            ["large", bytes] => large(outparam, number(bytes), query == "declared"),
            ["declared", bytes, written] => declared(outparam, number(bytes), number(written)),
            ["slow", pieces, ms] => slow(outparam, number(pieces), number(ms)),
            ["early", ms] => {
                let body = begin(outparam, fields(&[]));
                pause(number(ms));
                write(&body, b"late\n");
                OutgoingBody::finish(body, None).expect("a body without a length");
            }
            ["trailers"] => trailers(outparam),
            ["none"] => {
                let response = OutgoingResponse::new(fields(&[("x-kind", "none")]));
                ResponseOutparam::set(outparam, Ok(response));
            }
            ["unread"] => {
                drop(request);
                whole(outparam, "unread\n");
            }
            ["duplex"] => duplex(request, outparam),
            ["dropped"] => {
                let body = begin(outparam, fields(&[]));
                write(&body, b"some of it\n");
                drop(body);
            }
            ["forgotten"] => {
                let body = begin(outparam, fields(&[]));
                write(&body, b"some of it\n");
                std::mem::forget(body);
            }
            ["after", ms] => {
                whole(outparam, "complete\n");
                pause(number(ms));
                println!("it went on for {ms} ms");
            }
            ["headers"] => headers(outparam),
            _ => status(outparam, 404, ""),
        }
    }
}

fn status(outparam: ResponseOutparam, code: u64, query: &str) {
    let asked: Vec<_> = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .collect();
    let response = OutgoingResponse::new(fields(&asked));
    let code = u16::try_from(code).unwrap_or(u16::MAX);
    if response.set_status_code(code).is_err() {
        return whole(outparam, "it is no status\n");
    }
    let body = response.body().expect("its first body");
    ResponseOutparam::set(outparam, Ok(response));
    if !matches!(code, 100..200 | 204 | 304) {
        write(&body, format!("status {code}\n").as_bytes());
    }
    OutgoingBody::finish(body, None).expect("a body without a length");
}

fn large(outparam: ResponseOutparam, bytes: u64, declare: bool) {
    let len = bytes.to_string();
    let declared = [("content-length", len.as_str())];
    let body = begin(outparam, fields(if declare { &declared } else { &[] }));
    let mut out = body.write().expect("its first stream");
    let piece: Vec<u8> = (0..64 * 1024).map(|at| (at % 251) as u8).collect();
    let mut left = bytes;
    while left > 0 {
        let len = left.min(piece.len() as u64);
        if let Err(error) = out.write_all(&piece[..len as usize]) {
            eprintln!("{left} bytes from the end: {error}");
            return;
        }
        if (left - 1) >> 20 != (left - len).wrapping_sub(1) >> 20 {
            eprintln!("{} MiB are left", (left - len) >> 20);
        }
        left -= len;
    }
    drop(out);
    OutgoingBody::finish(body, None).expect("as long as it was to be");
}

fn declared(outparam: ResponseOutparam, bytes: u64, written: u64) {
    let body = begin(outparam, fields(&[("content-length", &bytes.to_string())]));
    let out = body.write().expect("its first stream");
    for _ in 0..written {
        if let Err(error) = out.blocking_write_and_flush(b"x") {
            eprintln!("writing: {error}");
            break;
        }
    }
    drop(out);
    if let Err(error) = OutgoingBody::finish(body, None) {
        eprintln!("finishing: {error}");
    }
}

fn slow(outparam: ResponseOutparam, pieces: u64, ms: u64) {
    let body = begin(outparam, fields(&[("content-type", "text/plain")]));
    let out = body.write().expect("its first stream");
    for piece in 0..pieces {
        if piece > 0 {
            pause(ms);
        }
        let text = format!("piece {piece}\n");
        if let Err(error) = out.blocking_write_and_flush(text.as_bytes()) {
            eprintln!("piece {piece}: {error}");
            return;
        }
    }
    drop(out);
    OutgoingBody::finish(body, None).expect("a body without a length");
}

fn trailers(outparam: ResponseOutparam) {
    let body = begin(outparam, fields(&[("trailer", "x-digest, x-note")]));
    write(&body, b"a body with trailers\n");
    let trailers = fields(&[("x-digest", "abc"), ("x-note", "one"), ("x-note", "two")]);
    OutgoingBody::finish(body, Some(trailers)).expect("a body without a length");
}

fn duplex(request: IncomingRequest, outparam: ResponseOutparam) {
    let body = begin(outparam, fields(&[]));
    let mut out = body.write().expect("its first stream");
    let _ = out.write_all(b"begun\n");
    let incoming = request.consume().expect("its first body");
    let input = incoming.stream().expect("its first stream");
    loop {
        match input.blocking_read(64 * 1024) {
            Ok(piece) => {
                if let Err(error) = out.write_all(&piece) {
                    eprintln!("writing: {error}");
                    return;
                }
            }
            Err(StreamError::Closed) => break,
            Err(error) => {
                eprintln!("reading: {error}");
                return;
            }
        }
    }
    drop(input);
    drop(out);
    let trailers = IncomingBody::finish(incoming);
    trailers.subscribe().block();
    let trailers = match trailers.get() {
        Some(Ok(Ok(trailers))) => trailers,
        other => {
            eprintln!("trailers: {other:?}");
            None
        }
    };
    OutgoingBody::finish(body, trailers).expect("a body without a length");
}

fn headers(outparam: ResponseOutparam) {
    let fields = Fields::new();
    let mut text = String::new();
    for (name, value) in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("host", "a"),
        ("upgrade", "b"),
        ("a b", "c"),
        ("", "c"),
        ("x-line", "a\r\nb: c"),
        ("x-nul", "\0"),
        ("x-fine", "\tfine \u{fc}"),
        ("X-Upper", "kept"),
        ("date", "yesterday"),
        ("server", "mine"),
        ("set-cookie", "a=1"),
        ("set-cookie", "b=2"),
    ] {
        let appended = fields.append(name, value.as_bytes());
        text += &format!("{name:?}: {appended:?}\n");
    }
    let body = begin(outparam, fields);
    write(&body, text.as_bytes());
    OutgoingBody::finish(body, None).expect("a body without a length");
}

fn whole(outparam: ResponseOutparam, text: &str) {
    let body = begin(outparam, fields(&[]));
    write(&body, text.as_bytes());
    OutgoingBody::finish(body, None).expect("a body without a length");
}

fn begin(outparam: ResponseOutparam, fields: Fields) -> OutgoingBody {
    let response = OutgoingResponse::new(fields);
    let body = response.body().expect("its first body");
    ResponseOutparam::set(outparam, Ok(response));
    body
}

fn write(body: &OutgoingBody, bytes: &[u8]) {
    let out = body.write().expect("its first stream");
    out.blocking_write_and_flush(bytes)
        .expect("the client is there");
}

fn fields(list: &[(&str, &str)]) -> Fields {
    let fields = Fields::new();
    for (name, value) in list {
        fields
            .append(name, value.as_bytes())
            .expect("a field that may be set");
    }
    fields
}

fn number(text: &str) -> u64 {
    text.parse().unwrap_or(0)
}

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}
