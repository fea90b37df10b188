//! What a call of the service of `examples/counter` costs: from a host process, which is the call
//! alone, and by a handler, which is a whole request without its socket. The service lives on the
//! caller's shard, then on another. One call after the other, so nothing waits for anything else.
#![allow(missing_docs, clippy::expect_used)]

use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_channel::oneshot;
use rusm::app::{Application, Compiled};
use rusm::cli::AppArgs;
use rusm_core::{ExitReason, Node, ShardId, SpawnOptions, fairness};
use rusm_uring_net::Driver;
use rusm_wasm_pool::http::Request;
use rusm_wasm_pool::pool::preempt::{Activity, Ticker};
use rusm_wasm_pool::{PoolSetup, Progress, RequestId, ShardPool, WasiLimits};
use wasmtime::Engine;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/counter");
    let args = AppArgs {
        app_dir: Path::new(dir).into(),
        config: None,
        settings: Vec::new(),
    };
    let app = Application::open(&args).expect("the manifest is right");
    let mut compiled = app
        .compile(SHARDS.into(), None)
        .expect("examples/counter is built: run `make build`");
    // Two nodes share the address space.
    compiled.pool.instances = INSTANCES;
    let compiled = Arc::new(compiled);
    for (name, home) in [("same shard", 0), ("other shard", 1)] {
        for (caller, latencies) in measure(&compiled, home) {
            println!("{caller}, {name}: {}", percentiles(latencies));
        }
    }
}

/// Latencies by who calls, of a node whose service is at home on this shard.
fn measure(compiled: &Arc<Compiled>, home: u16) -> [(&'static str, Vec<Duration>); 2] {
    let node = Node::new(SHARDS);
    let (ready, shards) = mpsc::channel();
    let (done, measured) = mpsc::channel();
    let mut starts = Vec::new();
    for id in 0..SHARDS {
        let (start, started) = oneshot::channel();
        starts.push(start);
        let (node, compiled) = (node.clone(), compiled.clone());
        let (ready, done) = (ready.clone(), done.clone());
        thread::spawn(move || {
            core_affinity::set_for_current(core_affinity::CoreId { id: id.into() });
            let ran = Driver::Uring.block_on(|| async move {
                let pool = boot(&node, ShardId::new(id), &compiled, id == home);
                let _ = ready.send((pool.engine().clone(), pool.activity().clone()));
                if started.await.is_ok() {
                    let _ = done.send([
                        ("a host process calls counter#get", host_calls(&pool).await),
                        ("a request of api#count", requests(pool).await),
                    ]);
                }
                // As long as the other may call.
                std::future::pending::<()>().await;
            });
            ran.expect("io_uring is to be had");
        });
    }
    // A shard that fails would be waited for.
    drop((ready, done));
    let shards: Vec<(Engine, Arc<Activity>)> = shards.iter().take(SHARDS.into()).collect();
    assert_eq!(shards.len(), usize::from(SHARDS), "all shards start");
    let _ticker = Ticker::start(shards).expect("there are threads");
    // The first calls; the others are told nothing, and only serve.
    let mut starts = starts.into_iter();
    let first = starts.next().expect("there are shards");
    first.send(()).expect("it waits");
    let others: Vec<_> = starts.collect();
    let latencies = measured.recv().expect("it measures");
    drop(others);
    latencies
}

/// A shard as `rusm serve` sets it up, without sockets.
fn boot(node: &Node, id: ShardId, compiled: &Compiled, has_service: bool) -> Rc<ShardPool> {
    let shard = node.shard(id, |task| {
        monoio::spawn(task);
    });
    shard.enter();
    monoio::spawn(shard.serve_bus());
    monoio::spawn(shard.serve_timers(|at| monoio::time::sleep_until(at.into())));
    let mut turn = Driver::Uring.turns().expect("there are descriptors");
    monoio::spawn(fairness::serve_queue(async move || turn.pass().await));
    let setup = PoolSetup {
        process_memory: u64::MAX,
        engine: rusm::app::engine(&compiled.pool).expect("the pool fits the address space"),
        shard,
        instances: INSTANCES,
        spawned: 0,
        connections: 0,
        pool_wait: Duration::ZERO,
        store: None,
        encode_event: rusm::gateway::encode_event,
        wasi: WasiLimits::default(),
    };
    let pool = ShardPool::load(setup, &compiled.components);
    let pool = Rc::new(pool.expect("the components have their actions"));
    pool.enter();
    if has_service {
        let counter = pool.component(SERVICE).expect("the app has it");
        let options = SpawnOptions {
            name: Some(SERVICE.into()),
            ..SpawnOptions::default()
        };
        pool.spawn(counter, options, Progress::default())
            .expect("it is a service");
    }
    pool
}

async fn host_calls(pool: &ShardPool) -> Vec<Duration> {
    let (done, measured) = oneshot::channel();
    let body = async move |me: rusm_core::ProcessContext| {
        let counter = me.shard.whereis(SERVICE).expect("it is there");
        let function: Arc<str> = "get".into();
        let latencies = timed(async || {
            let args = Bytes::copy_from_slice(br#"["apples"]"#);
            let deadline = Instant::now() + TIMEOUT;
            let call = (me.shard).call(me.pid, counter, function.clone(), args, deadline);
            assert_eq!(call.await.as_deref(), Ok(&b"0"[..]));
        });
        let _ = done.send(latencies.await);
        ExitReason::Normal
    };
    pool.shard()
        .spawn(SpawnOptions::default(), body)
        .expect("the table has room");
    measured.await.expect("it measures")
}

async fn requests(pool: Rc<ShardPool>) -> Vec<Duration> {
    let count = pool.resolve("api", "count").expect("the app has it");
    // A connection is a task, too.
    let requests = monoio::spawn(async move {
        timed(async || {
            let request = Request {
                method: "GET",
                target: "/count/apples",
                headers: &[("host", b"127.0.0.1:8081")],
                params: &[("name", "apples")],
                body: &[],
            };
            let response = pool.call(count, &request, &RequestId::None, TIMEOUT).await;
            let response = response.expect("it answers");
            assert_eq!((response.status, &response.body[..]), (200, &b"0\n"[..]));
        })
        .await
    });
    requests.await
}

/// How long each of many takes, the first of them left out.
async fn timed(mut work: impl AsyncFnMut()) -> Vec<Duration> {
    for _ in 0..CALLS / 10 {
        work().await;
    }
    let mut latencies = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let start = Instant::now();
        work().await;
        latencies.push(start.elapsed());
    }
    latencies
}

fn percentiles(mut latencies: Vec<Duration>) -> String {
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    format!("p50 {:.1?}, p99 {:.1?}", at(50), at(99))
}

const SERVICE: &str = "counter";
const SHARDS: u16 = 2;
const INSTANCES: u32 = 64;
const CALLS: usize = 50_000;
const TIMEOUT: Duration = Duration::from_secs(5);
