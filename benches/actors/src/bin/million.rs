//! A million live processes on one core: what each takes of memory, and that all answer.
//!
//! `million` is of RUSM's actor core, `million rusm-otp` of `rusm-otp` 0.7.

use std::fs;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rusm_actors_bench::{Latch, Peer, Shards};
use rusm_core::{ExitReason, SpawnOptions};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const MILLION: u64 = 1_000_000;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("rusm-otp") {
        Peer::one_thread().run(otp);
    } else {
        Shards::start(1).run(0, core);
    }
}

async fn core(shard: rusm_core::Shard) {
    let before = resident();
    let start = Instant::now();
    let (begun, all_begun) = Latch::new(MILLION);
    let (answered, all_answered) = Latch::new(MILLION);
    let mut pids = Vec::with_capacity(MILLION as usize);
    for _ in 0..MILLION {
        let (begun, answered) = (begun.clone(), answered.clone());
        let body = async move |me: rusm_core::ProcessContext| {
            begun.arrive();
            while me.shard.receive(me.pid, None).await.is_some() {
                answered.arrive();
            }
            ExitReason::Normal
        };
        let pid = shard.spawn(SpawnOptions::default(), body);
        pids.push(pid.expect("the table has room for 2^20"));
    }
    all_begun.await.expect("all begin");
    report("wait", before, start.elapsed());
    let start = Instant::now();
    for pid in pids {
        let message = Bytes::copy_from_slice(b"16 bytes of mail");
        shard.try_send(pid, message).expect("all are alive");
    }
    all_answered.await.expect("all answer");
    report("have answered", before, start.elapsed());
}

async fn otp(otp: rusm_otp::Runtime) {
    let before = resident();
    let start = Instant::now();
    let (begun, all_begun) = Latch::new(MILLION);
    let (answered, all_answered) = Latch::new(MILLION);
    let mut pids = Vec::with_capacity(MILLION as usize);
    for _ in 0..MILLION {
        let (begun, answered) = (begun.clone(), answered.clone());
        let process = otp.spawn(|mut me| async move {
            begun.arrive();
            while me.recv().await.message().is_some() {
                answered.arrive();
            }
        });
        pids.push(process.pid());
    }
    all_begun.await.expect("all begin");
    report("wait", before, start.elapsed());
    let start = Instant::now();
    for pid in pids {
        assert!(otp.send(pid, b"16 bytes of mail".to_vec()), "all are alive");
    }
    all_answered.await.expect("all answer");
    report("have answered", before, start.elapsed());
}

fn report(what: &str, before: u64, took: Duration) {
    let each = resident().saturating_sub(before) / MILLION;
    println!("{MILLION} processes {what}: {each} bytes each, after {took:.2?}");
}

/// Bytes of memory that this process has.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.trim().parse::<u64>().ok())
        .expect("it is a number")
        * 1024
}
