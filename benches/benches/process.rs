//! A process of `examples/hello`: what its start and end cost, and what a call costs with them;
//! alone, and while another shard does the same.
#![allow(missing_docs, clippy::expect_used)]

mod hello;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use criterion::{Criterion, criterion_group, criterion_main};
use rusm_wasm_pool::http::Request;

use hello::{Shard, compile};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn process(c: &mut Criterion) {
    let (artifact, size) = compile(64);
    let spawn: fn(&Shard) = Shard::spawn;
    let call: fn(&Shard) = call;
    for (name, work) in [("spawn", spawn), ("spawn + call", call)] {
        let shard = Shard::start(0, &artifact, size);
        c.bench_function(&format!("{name}, 1 shard"), |b| b.iter(|| work(&shard)));
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, artifact) = (stop.clone(), artifact.clone());
        let neighbour = thread::spawn(move || {
            let shard = Shard::start(1, &artifact, size);
            while !stopped.load(Ordering::Relaxed) {
                work(&shard);
            }
        });
        c.bench_function(&format!("{name}, 2 shards"), |b| b.iter(|| work(&shard)));
        stop.store(true, Ordering::Relaxed);
        neighbour.join().expect("the neighbour works");
    }
}

criterion_group!(benches, process);
criterion_main!(benches);

fn call(shard: &Shard) {
    shard.call(&Request {
        method: "GET",
        target: "/",
        headers: &[("host", b"127.0.0.1:8080")],
        params: &[],
        body: &[],
    });
}
