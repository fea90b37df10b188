//! The clock that takes a core from a guest that keeps it.
//!
//! One thread ticks for all engines. A guest sees a new tick at its next loop or call, and
//! then yields to whatever else its shard has to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use wasmtime::Engine;

/// The longest a guest runs while others wait: one to two of these.
pub const TICK: Duration = Duration::from_millis(1);

/// What one shard lets the ticker see. The shard alone writes it.
#[derive(Default)]
#[repr(align(64))]
pub struct Activity {
    /// How often a guest was entered.
    entered: AtomicU64,
    /// How often one was left: by its end, or because it waits.
    left: AtomicU64,
}

impl Activity {
    pub(crate) fn guest_entered(&self) {
        self.entered
            .store(self.entered.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    pub(crate) fn guest_left(&self) {
        self.left
            .store(self.left.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    fn counts(&self) -> (u64, u64) {
        let left = self.left.load(Ordering::Relaxed);
        (self.entered.load(Ordering::Relaxed), left)
    }
}

/// The ticking thread; it ends when this is dropped.
pub struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    /// Tick for these engines, each with the activity of its shard.
    ///
    /// # Errors
    /// When the thread can't be started.
    pub fn start(shards: Vec<(Engine, Arc<Activity>)>) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::Builder::new()
            .name("rusm-ticker".into())
            .spawn(move || tick(&shards, &stopped))?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // It can only have panicked, and there is nothing left to tick for.
            let _ = thread.join();
        }
    }
}

fn tick(shards: &[(Engine, Arc<Activity>)], stopped: &AtomicBool) {
    let mut last_seen = vec![(0, 0); shards.len()];
    let mut quiet_ticks = 0;
    while !stopped.load(Ordering::Relaxed) {
        let mut busy = false;
        for ((engine, activity), last) in shards.iter().zip(&mut last_seen) {
            let counts = activity.counts();
            if counts.0 != counts.1 || counts != *last {
                engine.increment_epoch();
                busy = true;
            }
            *last = counts;
        }
        quiet_ticks = if busy { 0 } else { quiet_ticks + 1 };
        // An idle node should not wake its cores a thousand times a second.
        thread::sleep(if quiet_ticks < QUIET_AFTER { TICK } else { NAP });
    }
}

const QUIET_AFTER: u32 = 200;
const NAP: Duration = Duration::from_millis(10);

/// Ticks until code is preempted that must not be: thousands of years.
pub(crate) const NEVER: u64 = 1 << 50;
