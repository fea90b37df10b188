//! A shard on the test's own thread, or several on threads of their own.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "each test uses a part of it"
)]

use std::future::Future;
use std::sync::mpsc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_executor::{LocalPool, LocalSpawner};
use rusm_core::{Delivery, ExitReason, Node, Pid, Shard, ShardId, SpawnOptions, fairness};

pub struct Local {
    pub pool: LocalPool,
    pub shard: Shard,
}

impl Local {
    /// The only shard of a node.
    pub fn new() -> Self {
        Self::of(&Node::new(1), 0)
    }

    /// A shard of a node, on this thread.
    pub fn of(node: &Node, id: u16) -> Self {
        let pool = LocalPool::new();
        let spawner = pool.spawner();
        let shard = node.shard(ShardId::new(id), move |task| spawn(&spawner, task));
        shard.enter();
        spawn(&pool.spawner(), shard.serve_bus());
        spawn(&pool.spawner(), fairness::serve_queue(async || ()));
        Self { pool, shard }
    }

    /// Run everything until nothing happens any more at this moment.
    pub fn settle(&mut self) {
        self.shard.fire_timers(Instant::now());
        self.pool.run_until_stalled();
    }

    /// Run everything until `future` is done, timers included.
    pub fn run<T>(&mut self, future: impl Future<Output = T> + 'static) -> T {
        let shard = self.shard.clone();
        let mut future = Box::pin(future);
        let deadline = Instant::now() + PATIENCE;
        self.pool.run_until(std::future::poll_fn(move |cx| {
            shard.fire_timers(Instant::now());
            assert!(Instant::now() < deadline, "it takes too long");
            let polled = future.as_mut().poll(cx);
            if polled.is_pending() {
                // Timers, and other threads, are looked at over and over.
                std::thread::yield_now();
                cx.waker().wake_by_ref();
            }
            polled
        }))
    }

    /// Run everything until the shard is so.
    pub fn until(&mut self, what: &str, done: impl Fn(&Shard) -> bool + 'static) {
        let (shard, deadline) = (self.shard.clone(), Instant::now() + PATIENCE);
        while !done(&shard) {
            assert!(Instant::now() < deadline, "{what}");
            self.settle();
            std::thread::yield_now();
        }
    }

    /// A process that does nothing, for ever.
    pub fn idle(&self) -> Pid {
        idle(&self.shard)
    }

    /// What `body` gives, as a process of its own.
    pub fn as_process<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        body: impl FnOnce(Pid, Shard) -> F + 'static,
    ) -> T {
        let (sender, receiver) = mpsc::channel();
        let spawned = self.shard.spawn(SpawnOptions::default(), move |me| {
            let body = body(me.pid, me.shard);
            async move {
                sender.send(body.await).unwrap();
                ExitReason::Normal
            }
        });
        spawned.unwrap();
        self.run(std::future::poll_fn(move |_| match receiver.try_recv() {
            Ok(value) => Poll::Ready(value),
            Err(mpsc::TryRecvError::Empty) => Poll::Pending,
            Err(error) => panic!("the process is gone: {error}"),
        }))
    }
}

pub fn spawn(spawner: &LocalSpawner, task: impl Future<Output = ()> + 'static) {
    use futures_util::task::LocalSpawnExt;
    spawner.spawn_local(task).unwrap();
}

pub fn idle(shard: &Shard) -> Pid {
    let idle = |_| std::future::pending();
    shard.spawn(SpawnOptions::default(), idle).unwrap()
}

/// A process that answers each call with its arguments, and sends each message back where it
/// says that it came from.
pub fn echo(shard: &Shard, options: SpawnOptions) -> Pid {
    let body = |me: rusm_core::ProcessContext| async move {
        loop {
            match me.shard.receive(me.pid, None).await {
                Some(Delivery::Call(call)) => me.shard.reply(me.pid, call.id, Ok(call.args)),
                Some(Delivery::Message(bytes)) if bytes.as_ref() == b"die" => {
                    return ExitReason::Failed("as it was told".into());
                }
                Some(Delivery::Message(bytes)) if bytes.as_ref() == b"quit" => {
                    return ExitReason::Normal;
                }
                Some(Delivery::Message(bytes)) if bytes.len() >= 8 => {
                    let mut raw = [0; 8];
                    raw.copy_from_slice(&bytes[..8]);
                    let to = Pid::from_raw(u64::from_le_bytes(raw));
                    let _ = me.shard.send(to, bytes.slice(8..)).await;
                }
                Some(_) => {}
                None => return ExitReason::Normal,
            }
        }
    };
    shard.spawn(options, body).unwrap()
}

pub fn to_echo(from: Pid, text: &[u8]) -> Bytes {
    [&from.as_raw().to_le_bytes(), text].concat().into()
}

/// Another shard of the node, on a thread of its own, until this is dropped.
pub struct Remote {
    stop: mpsc::Sender<()>,
    thread: Option<JoinHandle<()>>,
}

impl Remote {
    pub fn start(node: &Node, id: u16) -> Self {
        let (stop, stopped) = mpsc::channel();
        let node = node.clone();
        let thread = std::thread::spawn(move || {
            let mut local = Local::of(&node, id);
            while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
                local.settle();
                std::thread::yield_now();
            }
        });
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let _ = self.stop.send(());
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking());
        }
    }
}

pub const PATIENCE: Duration = Duration::from_secs(30);
