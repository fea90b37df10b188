//! Durable writes a second and the latency of single operations, on a file in the directory that
//! is given: `cargo run --release -p rusm-store --example measure -- DIRECTORY`.

use std::env;
use std::error::Error;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use futures_executor::block_on;
use rusm_store::{Store, StoreError};

fn main() -> Result<(), Box<dyn Error>> {
    let parent = env::args_os().nth(1).map(PathBuf::from);
    let dir = tempfile::tempdir_in(parent.unwrap_or_else(env::temp_dir))?;
    let store = Store::open(&dir.path().join("measure.redb"))?;
    for writers in [1, 8, 64] {
        let before = store.commits();
        let writes = write_for(&store, writers, Duration::from_secs(3))?;
        let commits = store.commits() - before;
        println!(
            "{writers:>3} writers: {:>7} writes/s, {:>5} commits/s",
            writes / 3,
            commits / 3
        );
    }
    let set = || block_on(store.set("latency", "key", vec![0; 100]));
    let get = || block_on(store.get("latency", "key")).map(drop);
    println!("set: {}", quantiles(2000, set)?);
    println!("get: {}", quantiles(20_000, get)?);
    Ok(())
}

/// How many values of 100 bytes were acknowledged to `writers` threads.
fn write_for(store: &Store, writers: usize, time: Duration) -> Result<u64, StoreError> {
    let end = Instant::now() + time;
    thread::scope(|scope| {
        let threads: Vec<_> = (0..writers)
            .map(|writer| {
                scope.spawn(move || {
                    let bucket = format!("bucket {writer}");
                    let mut writes = 0;
                    while Instant::now() < end {
                        let key = (writes % 10_000).to_string();
                        block_on(store.set(&bucket, &key, vec![0; 100]))?;
                        writes += 1;
                    }
                    Ok(writes)
                })
            })
            .collect();
        let counts = threads.into_iter().filter_map(|thread| thread.join().ok());
        counts.sum()
    })
}

fn quantiles(
    times: usize,
    mut operation: impl FnMut() -> Result<(), StoreError>,
) -> Result<String, StoreError> {
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        let start = Instant::now();
        operation()?;
        taken.push(start.elapsed());
    }
    taken.sort_unstable();
    let at = |quantile: usize| {
        taken
            .get(times * quantile / 100)
            .copied()
            .unwrap_or_default()
    };
    Ok(format!("p50 {:?}, p99 {:?}", at(50), at(99)))
}
