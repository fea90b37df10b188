//! Questions to the shards, which each answers at its next tick.

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rusm_core::Shard;
use rusm_uring_net::Shard as NetShard;
use rusm_wasm_pool::ShardPool;

use super::metrics::requests::RequestMetrics;

/// The state of a shard, as the shard's own thread sees it.
pub(crate) struct ShardView<'s> {
    pub(crate) net: &'s NetShard,
    pub(crate) processes: &'s Shard,
    pub(crate) pool: &'s ShardPool,
    /// One for each listener, in the order of the manifest.
    pub(crate) requests: &'s [Rc<RequestMetrics>],
}

/// A question. It must neither wait nor take long.
type Query = Box<dyn FnOnce(&ShardView<'_>) + Send>;

/// One shard, as the admin listener sees it.
pub(crate) struct ShardClient {
    queries: SyncSender<Query>,
    pulse: Arc<Pulse>,
}

/// The shard's side. Without an admin listener it does nothing.
#[derive(Default)]
pub(crate) struct Queries(Option<(Receiver<Query>, Arc<Pulse>)>);

/// The time of a shard's last tick.
struct Pulse {
    epoch: Instant,
    /// In milliseconds from `epoch`, and one more; 0 before the first.
    last: AtomicU64,
}

impl ShardClient {
    /// Creates both sides.
    pub(crate) fn channel() -> (Self, Queries) {
        let (sender, receiver) = sync_channel(QUERIES);
        let pulse = Arc::new(Pulse {
            epoch: Instant::now(),
            last: AtomicU64::new(0),
        });
        let client = Self {
            queries: sender,
            pulse: pulse.clone(),
        };
        (client, Queries(Some((receiver, pulse))))
    }

    /// Returns how long ago the shard's last tick was; `None` before the first, which comes once it listens.
    pub(super) fn silence(&self) -> Option<Duration> {
        let last = self.pulse.last.load(Ordering::Relaxed).checked_sub(1)?;
        Some(
            self.pulse
                .epoch
                .elapsed()
                .saturating_sub(Duration::from_millis(last)),
        )
    }

    /// Asks; the answer comes at the shard's next tick. `None` if the shard does not take questions.
    fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&ShardView<'_>) -> T + Send + 'static,
    ) -> Option<Receiver<T>> {
        let (reply, answer) = sync_channel(1);
        let query: Query = Box::new(move |view| {
            // The answer may have taken too long.
            let _ = reply.try_send(question(view));
        });
        self.queries.try_send(query).ok()?;
        Some(answer)
    }
}

/// Asks all shards, and waits for their answers; `None` for one that does not answer in time, such as one that does
/// not listen yet.
pub(super) fn ask_all<T: Send + 'static>(
    shards: &[ShardClient],
    question: impl Fn(&ShardView<'_>) -> T + Clone + Send + 'static,
) -> Vec<Option<T>> {
    let asked: Vec<_> = shards
        .iter()
        .map(|shard| {
            // One that is stuck would keep all clients of the listener waiting, probes too.
            let is_ticking = shard.silence()? < PATIENCE;
            is_ticking.then(|| shard.ask(question.clone())).flatten()
        })
        .collect();
    let deadline = Instant::now() + PATIENCE;
    let answers = asked.into_iter().map(|answer| {
        let left = deadline.saturating_duration_since(Instant::now());
        answer?.recv_timeout(left).ok()
    });
    answers.collect()
}

impl Queries {
    /// Returns whether there is an admin listener.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Answers the questions, and notes the tick.
    pub(crate) fn answer(&self, view: &ShardView<'_>) {
        let Some((queries, pulse)) = &self.0 else {
            return;
        };
        let millis = u64::try_from(pulse.epoch.elapsed().as_millis()).unwrap_or(u64::MAX);
        pulse
            .last
            .store(millis.saturating_add(1), Ordering::Relaxed);
        for query in queries.try_iter() {
            query(view);
        }
    }
}

/// Questions that wait for a shard: one, and those that it did not answer in time.
const QUERIES: usize = 4;
/// The time for the answers of all shards: many ticks.
const PATIENCE: Duration = Duration::from_secs(1);
