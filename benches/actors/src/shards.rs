//! The shards of a node.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc;
use std::thread;

use core_affinity::CoreId;
use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use rusm_core::{Node, Shard, ShardId, fairness};
use rusm_uring_net::Driver;

/// The shards of a node, each on a thread that is pinned to the core of the same number.
pub struct Shards {
    jobs: Vec<UnboundedSender<Job>>,
}

type Job = Box<dyn FnOnce(Shard) -> Pin<Box<dyn Future<Output = ()>>> + Send>;

impl Shards {
    /// Start a node of so many. Its threads run as long as this is there.
    pub fn start(count: u16) -> Self {
        let node = Node::new(count);
        let jobs = (0..count).map(|id| {
            let (sender, jobs) = unbounded();
            let node = node.clone();
            thread::spawn(move || {
                core_affinity::set_for_current(CoreId { id: id.into() });
                Driver::Uring.block_on(|| serve(node, ShardId::new(id), jobs))
            });
            sender
        });
        Self {
            jobs: jobs.collect(),
        }
    }

    /// Run `work` on a shard, and wait for it.
    ///
    /// # Panics
    /// When the shard does, or has no io_uring.
    pub fn run<T: Send + 'static>(
        &self,
        shard: u16,
        work: impl AsyncFnOnce(Shard) -> T + Send + 'static,
    ) -> T {
        let (sender, done) = mpsc::channel();
        let job: Job = Box::new(|shard| {
            Box::pin(async move {
                let _ = sender.send(work(shard).await);
            })
        });
        let sent = self.jobs[usize::from(shard)].unbounded_send(job);
        assert!(sent.is_ok(), "the shard runs");
        done.recv().expect("the shard answers")
    }
}

async fn serve(node: Node, id: ShardId, mut jobs: UnboundedReceiver<Job>) {
    let shard = node.shard(id, |task| {
        monoio::spawn(task);
    });
    shard.enter();
    monoio::spawn(shard.serve_bus());
    monoio::spawn(shard.serve_timers(|at| monoio::time::sleep_until(at.into())));
    let mut turn = Driver::Uring.turns().expect("there are descriptors");
    monoio::spawn(fairness::serve_queue(async move || turn.pass().await));
    while let Ok(job) = jobs.recv().await {
        job(shard.clone()).await;
    }
}
