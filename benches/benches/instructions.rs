//! One request of `examples/hello` without its socket, for `benches/instructions.sh` to count: parse,
//! route, a fresh instance, the call, encode, and the reset of the instance. Says how often.
#![allow(missing_docs, clippy::expect_used)]

mod hello;

use std::hint::black_box;
use std::time::SystemTime;

use rusm_config::{Lookup, RouteTable};
use rusm_uring_net::http1::{
    Connection, Date, HeadLimits, HeadParser, HeaderLines, Payload, ResponseHead, ResponseHeaders,
    Status, Version, encode_head,
};
use rusm_wasm_pool::http::Request;
use rusm_wasm_pool::pool::limits::PoolSize;

use hello::Shard;

// The system's: what counts replaces an allocator that is linked in.

fn main() {
    // A counter has less address space than a server.
    let (artifact, size) = hello::compile(4);
    // Nor is there PAGEMAP_SCAN: each byte of an unused stack would be counted at a reset.
    let size = PoolSize {
        keep_resident: 64 * 1024,
        ..size
    };
    let shard = Shard::start(0, &artifact, size);
    let routes = routes();
    let mut out = Vec::with_capacity(4096);
    // What is done once is done before.
    for _ in 0..10 {
        request(&shard, &routes, &mut HEAD.to_vec(), &mut out);
    }
    let mut inputs = vec![HEAD.to_vec(); REQUESTS];
    counted(&shard, &routes, &mut inputs, &mut out);
    println!("{REQUESTS} requests");
}

/// The name that is counted by.
#[inline(never)]
#[unsafe(no_mangle)]
fn counted(shard: &Shard, routes: &RouteTable, inputs: &mut [Vec<u8>], out: &mut Vec<u8>) {
    for input in inputs {
        request(shard, routes, input, out);
    }
}

fn request(shard: &Shard, routes: &RouteTable, input: &mut [u8], out: &mut Vec<u8>) {
    let mut parser = HeadParser::default();
    let head = parser.parse(input, &HeadLimits::default());
    let head = head.expect("it is one").expect("it is whole");
    let Lookup::Found(_) = routes.lookup(head.method, head.path) else {
        unreachable!("it has a route");
    };
    let headers: Vec<(&str, &[u8])> = head.headers.iter().collect();
    let response = shard.call(&Request {
        method: head.method,
        target: head.target,
        headers: &headers,
        params: &[],
        body: &[],
    });
    let date = Date::at(SystemTime::UNIX_EPOCH);
    let head = ResponseHead {
        status: Status::new(response.status).expect("it is one"),
        version: Version::Http11,
        to_head: false,
        connection: Connection::KeepAlive,
        date: &date,
        defaults: HeaderLines::EMPTY,
    };
    out.clear();
    let payload = Payload::Length(response.body.len() as u64);
    let headers = ResponseHeaders::new(response.headers).expect("they can be sent");
    encode_head(out, &head, payload, &headers);
    out.extend_from_slice(&response.body);
    black_box(out);
}

fn routes() -> RouteTable {
    let manifest =
        "[[serve]]\nlisten = \"127.0.0.1:0\"\n[serve.routes]\n\"GET /\" = \"hello#index\"";
    let app = rusm_config::parse("bench", manifest).expect("the manifest is right");
    let mut listeners = app.listeners.into_iter();
    listeners.next().expect("it has a listener").routes
}

const REQUESTS: usize = 200;
const HEAD: &[u8] =
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
