//! The host's own part of a request: parse its head, find its route, encode its response.
#![allow(missing_docs, clippy::expect_used)]

use std::hint::black_box;
use std::time::SystemTime;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rusm_config::RouteTable;
use rusm_uring_net::http1::{
    Connection, Date, HeadLimits, HeadParser, HeaderLines, Payload, ResponseHead, ResponseHeaders,
    Status, Version, encode_chunk, encode_head,
};

fn http(c: &mut Criterion) {
    for (name, head) in [("curl", CURL), ("a browser", BROWSER)] {
        let limits = HeadLimits::default();
        c.bench_function(&format!("parse, a head of {name}"), |b| {
            b.iter_batched_ref(
                || head.as_bytes().to_vec(),
                |input| {
                    let mut parser = HeadParser::default();
                    let head = parser.parse(input, &limits).expect("it is one");
                    black_box(head.expect("it is whole").headers.len())
                },
                BatchSize::SmallInput,
            );
        });
    }

    let routes = routes();
    for path in ["/", "/users/42", "/a/b/50", "/files/a/b/c.txt"] {
        c.bench_function(&format!("route, GET {path} of 100"), |b| {
            b.iter(|| black_box(routes.lookup("GET", black_box(path))));
        });
    }

    let date = Date::at(SystemTime::now());
    let head = ResponseHead {
        status: Status::OK,
        version: Version::Http11,
        to_head: false,
        connection: Connection::KeepAlive,
        date: &date,
        defaults: HeaderLines::EMPTY,
    };
    let mut out = Vec::with_capacity(4096);
    let headers = vec![("content-type".into(), b"text/plain; charset=utf-8".into())];
    let headers = ResponseHeaders::new(headers).expect("they can be sent");
    c.bench_function("encode, a head", |b| {
        b.iter(|| {
            out.clear();
            encode_head(&mut out, &head, Payload::Length(16), &headers);
            black_box(out.len())
        });
    });
    let event = [b'x'; 64];
    c.bench_function("encode, a chunk of 64 bytes", |b| {
        b.iter(|| {
            out.clear();
            encode_chunk(&mut out, black_box(&event));
            black_box(out.len())
        });
    });
}

criterion_group!(benches, http);
criterion_main!(benches);

/// A hundred routes.
fn routes() -> RouteTable {
    let many: String = (0..96)
        .map(|number| format!("\"GET /a/b/{number}\" = \"hello#index\"\n"))
        .collect();
    let manifest = format!(
        "[[serve]]\nlisten = \"127.0.0.1:0\"\n[serve.routes]\n\
         \"GET /\" = \"hello#index\"\n\"POST /\" = \"hello#index\"\n\
         \"GET /users/:id\" = \"hello#index\"\n\"GET /files/*\" = \"hello#index\"\n{many}"
    );
    let app = rusm_config::parse("bench", &manifest).expect("the manifest is right");
    app.listeners
        .into_iter()
        .next()
        .expect("it has a listener")
        .routes
}

const CURL: &str =
    "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n";
const BROWSER: &str = "GET /users/42?tab=orders HTTP/1.1\r\nHost: shop.example\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Accept-Language: en-US,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n\
    Referer: https://shop.example/\r\nConnection: keep-alive\r\n\
    Cookie: session=8c7b1de8f5a64f0c9f0f5f1f7d1d2c3b; theme=dark\r\nUpgrade-Insecure-Requests: 1\r\n\
    Sec-Fetch-Dest: document\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Site: same-origin\r\n\
    Priority: u=0, i\r\n\r\n";
