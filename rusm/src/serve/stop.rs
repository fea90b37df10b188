//! How the server is told to stop.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::shard::Event;

/// Whether to stop. The shards look at it at every tick.
#[derive(Clone, Default)]
pub(super) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Stop at the first SIGINT or SIGTERM. At the second, do not wait for anybody.
    ///
    /// `events` is kept open for as long as signals may come.
    pub(super) fn on_signals(&self, events: Sender<Event>) -> io::Result<()> {
        let mut signals = Signals::new([SIGINT, SIGTERM])?;
        let stop = self.clone();
        let wait = move || {
            let _events = events;
            for signal in signals.forever() {
                if stop.0.swap(true, Ordering::Relaxed) {
                    std::process::exit(128 + signal);
                }
                tracing::info!("stopping: waiting for the requests in flight");
            }
        };
        thread::Builder::new()
            .name("rusm-signals".into())
            .spawn(wait)?;
        Ok(())
    }
}
