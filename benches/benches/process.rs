//! A process of `examples/hello`: what its start and end cost, and what a call costs with them;
//! alone, and while another shard does the same.
#![allow(missing_docs, clippy::expect_used)]

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use rusm_core::{MailboxLimit, Node, ShardId};
use rusm_wasm_pool::engine::{compiler_engine, shard_engine};
use rusm_wasm_pool::http::Request;
use rusm_wasm_pool::sizing::{FULL_RANGE, Footprint, PoolSize};
use rusm_wasm_pool::{ActionRef, Artifact, ArtifactCache, ComponentSource, PoolSetup, ShardPool};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn process(c: &mut Criterion) {
    let (artifact, size) = compile();
    let spawn: fn(&Shard) = Shard::spawn;
    let call: fn(&Shard) = Shard::call;
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

struct Shard {
    pool: ShardPool,
    index: ActionRef,
}

impl Shard {
    fn start(id: u16, artifact: &Artifact, size: PoolSize) -> Self {
        core_affinity::set_for_current(core_affinity::CoreId { id: id.into() });
        let hello = ComponentSource {
            name: "hello".into(),
            artifact: artifact.clone(),
            capabilities: Arc::new(capabilities()),
            actions: vec!["index".into()],
            mailbox: MailboxLimit::default(),
            function_timeout: TIMEOUT,
        };
        let engine = shard_engine(&size).expect("the pool fits the address space");
        let shard = Node::new(id + 1).shard(ShardId::new(id), drop);
        shard.enter();
        let setup = PoolSetup {
            engine,
            shard,
            instances: size.instances,
            spawned: 0,
            held: 0,
            pool_wait: Duration::ZERO,
            store: None,
            encode_event: |_, _| Ok(()),
        };
        let pool = ShardPool::load(setup, &[hello]).expect("hello has its action");
        let index = pool
            .resolve("hello", "index")
            .expect("hello has its action");
        Self { pool, index }
    }

    fn spawn(&self) {
        ready(self.pool.start(self.index, TIMEOUT)).expect("it starts");
    }

    fn call(&self) {
        let request = Request {
            method: "GET",
            target: "/",
            headers: &[("host", b"127.0.0.1:8080")],
            params: &[],
            body: &[],
        };
        ready(self.pool.call(self.index, &request, TIMEOUT)).expect("it answers");
    }
}

fn compile() -> (Artifact, PoolSize) {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../examples/hello/wasm/hello.wasm"
    );
    let wasm = std::fs::read(path).expect("examples/hello is built: run `make build`");
    let compiler = compiler_engine(FULL_RANGE).expect("Wasmtime runs here");
    let (artifact, _) = ArtifactCache::disabled()
        .get(&compiler, &wasm)
        .expect("hello compiles");
    let component = artifact.load(&compiler).expect("hello loads");
    let required = component
        .resources_required()
        .unwrap_or_else(|| unreachable!());
    let footprint = Footprint::new(&required, capabilities().max_memory);
    (artifact, PoolSize::derive(64, 2, &[footprint]))
}

fn capabilities() -> rusm_config::Capabilities {
    let manifest =
        "[[serve]]\nlisten = \"127.0.0.1:0\"\n[serve.routes]\n\"GET /\" = \"hello#index\"";
    let app = rusm_config::parse("bench", manifest).expect("the manifest is right");
    let hello = app.components.into_values().next().expect("it names hello");
    hello.capabilities
}

/// The output of a future that has no reason to wait.
fn ready<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return output;
        }
    }
}

const TIMEOUT: Duration = Duration::from_secs(1);
