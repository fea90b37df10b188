//! Two shards on one thread, each with an executor of its own that runs in turns.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_channel::oneshot;
use futures_executor::LocalPool;
use proptest::prelude::{Just, ProptestConfig, any, prop, prop_assert_eq, prop_oneof, proptest};
use proptest::strategy::Strategy as _;

use rusm_core::*;

struct World {
    node: Node,
    shards: Vec<(Shard, LocalPool)>,
}

impl World {
    fn new(count: u16) -> Self {
        use executor::spawn_local;
        let node = Node::new(count);
        let shards = (0..count).map(|id| {
            let pool = LocalPool::new();
            let spawner = pool.spawner();
            let shard = node.shard(ShardId::new(id), move |task| spawn_local(&spawner, task));
            spawn_local(&pool.spawner(), Box::pin(shard.serve_bus()));
            let timers = shard.serve_timers(AtInstant);
            spawn_local(&pool.spawner(), Box::pin(timers));
            let queue = fairness::serve_queue(async || ());
            if id == 0 {
                spawn_local(&pool.spawner(), Box::pin(queue));
            }
            (shard, pool)
        });
        Self {
            node: node.clone(),
            shards: shards.collect(),
        }
    }

    fn shard(&self, id: usize) -> Shard {
        let shard = self.shards[id].0.clone();
        shard.enter();
        shard
    }

    fn settle(&mut self) {
        for _ in 0..8 {
            self.turn();
        }
    }

    fn turn(&mut self) {
        SLEEPERS.take().into_iter().for_each(Waker::wake);
        for (shard, pool) in &mut self.shards {
            shard.enter();
            pool.run_until_stalled();
        }
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let begun = Instant::now();
        while !done(self) {
            assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
            self.turn();
        }
    }

    fn spawn<F: Future<Output = ExitReason> + 'static>(
        &self,
        shard: usize,
        body: impl FnOnce(ProcessContext) -> F + 'static,
    ) -> Pid {
        let shard = self.shard(shard);
        shard.spawn(SpawnOptions::default(), body).unwrap()
    }

    /// A process that notes its mails, and lives until it gets `stop`.
    fn recorder(&self, shard: usize, trap: bool) -> (Pid, Rc<RefCell<Vec<Delivery>>>) {
        let deliveries = Rc::new(RefCell::new(Vec::new()));
        let noted = deliveries.clone();
        let pid = self.spawn(shard, async move |me: ProcessContext| {
            while let Some(delivery) = me.shard.receive(me.pid, None).await {
                if delivery == Delivery::Message(Bytes::from_static(b"stop")) {
                    return ExitReason::Normal;
                }
                noted.borrow_mut().push(delivery);
            }
            ExitReason::Killed
        });
        self.shard(shard).set_trap_exit(pid, trap);
        (pid, deliveries)
    }

    /// One that echoes calls, and dies of `die`.
    fn echo(&self, shard: usize) -> Pid {
        self.spawn(shard, async move |me: ProcessContext| {
            while let Some(delivery) = me.shard.receive(me.pid, None).await {
                let Delivery::Call(call) = delivery else {
                    continue;
                };
                match &*call.function {
                    "echo" => me.shard.reply(me.pid, call.id, Ok(call.args)),
                    "fail" => {
                        let error = CallError::Failed("no".into());
                        me.shard.reply(me.pid, call.id, Err(error));
                    }
                    "hold" => {}
                    "die" => return ExitReason::failed("was told to"),
                    "stream" => {
                        let stream = call.stream.unwrap();
                        for _ in 0..100 {
                            let chunk = Bytes::from(vec![7; 4096]);
                            me.shard.write(me.pid, stream, chunk).await.unwrap();
                        }
                        me.shard.reply(me.pid, call.id, Ok(Bytes::new()));
                    }
                    _ => unreachable!(),
                }
            }
            ExitReason::Killed
        })
    }

    /// What a process that only does this gets.
    fn run<T: 'static, F: Future<Output = T> + 'static>(
        &mut self,
        shard: usize,
        body: impl FnOnce(ProcessContext) -> F + 'static,
    ) -> T {
        let (sender, mut receiver) = oneshot::channel();
        self.spawn(shard, async move |me| {
            let _ = sender.send(body(me).await);
            ExitReason::Normal
        });
        let mut out = None;
        self.until("the process ends", |_| {
            out = receiver.try_recv().unwrap();
            out.is_some()
        });
        out.unwrap()
    }

    fn assert_clean(&mut self) {
        self.settle();
        for (shard, _) in &self.shards {
            assert_eq!(shard.list_here(), []);
            assert_eq!(shard.stats(), Stats::default());
        }
        assert_eq!(self.node.names_and_groups(), (0, 0));
    }
}

mod executor {
    use super::*;
    use futures_executor::LocalSpawner;

    /// Start a task; a pool that is gone drops it.
    pub(super) fn spawn_local(spawner: &LocalSpawner, task: Pin<Box<dyn Future<Output = ()>>>) {
        use futures_util::task::LocalSpawn;
        let _ = spawner.spawn_local_obj(task.into());
    }
}

/// Asked again at each turn of the world.
struct AtInstant(Instant);

impl Future for AtInstant {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if Instant::now() >= self.0 {
            return Poll::Ready(());
        }
        SLEEPERS.with_borrow_mut(|sleepers| sleepers.push(cx.waker().clone()));
        Poll::Pending
    }
}

thread_local! {
    static SLEEPERS: RefCell<Vec<Waker>> = const { RefCell::new(Vec::new()) };
}

fn bytes(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

const PLACES: [usize; 2] = [0, 1];

#[test]
fn messages_arrive_in_order_and_reach_no_dead() {
    for place in PLACES {
        let mut world = World::new(2);
        let (pid, deliveries) = world.recorder(place, false);
        let shard = world.shard(0);
        for number in 0..100u8 {
            shard.try_send(pid, vec![number].into()).unwrap();
        }
        world.settle();
        let expected: Vec<_> = (0..100u8)
            .map(|n| Delivery::Message(vec![n].into()))
            .collect();
        assert_eq!(*deliveries.borrow(), expected);
        drop(world.shard(0).kill(pid));
        world.settle();
        let sent = world.shard(0).try_send(pid, bytes("x"));
        assert_eq!(sent.is_err(), place == 0, "known at once only if local");
        world.assert_clean();
    }
}

#[test]
fn a_full_mailbox_refuses_and_counts_but_takes_signals() {
    let mut world = World::new(1);
    let shard = world.shard(0);
    let options = SpawnOptions {
        mailbox: MailboxLimit {
            messages: 2,
            bytes: 10,
        },
        ..SpawnOptions::default()
    };
    let pid = shard
        .spawn(options, |_| std::future::pending::<ExitReason>())
        .unwrap();
    assert_eq!(
        shard.try_send(pid, bytes("12345678901")),
        Err(SendError::TooLarge(10))
    );
    shard.try_send(pid, bytes("1")).unwrap();
    shard.try_send(pid, bytes("2")).unwrap();
    assert_eq!(shard.try_send(pid, bytes("3")), Err(SendError::MailboxFull));
    let gone = Pid::from_raw(12345);
    shard.monitor(pid, gone).unwrap();
    let info = shard.info_here(pid).unwrap();
    assert_eq!((info.mailbox_depth, info.dropped), (3, 2));
    let sent = world.run(0, async move |me| me.shard.send(pid, bytes("4")).await);
    assert_eq!(sent, Err(SendError::MailboxFull));
    assert_eq!(world.shard(0).info_here(pid).unwrap().dropped, 3);
    let shard = world.shard(0);
    assert_eq!(
        world.run(0, async move |me| {
            me.shard
                .call(me.pid, pid, "f".into(), Bytes::new(), soon())
                .await
        }),
        Err(CallError::MailboxFull)
    );
    drop(shard.kill(pid));
    world.assert_clean();
}

#[test]
fn a_selective_receive_leaves_the_others_in_order() {
    let mut world = World::new(1);
    let order = world.run(0, async |me| {
        for text in ["a", "b", "c", "d"] {
            me.shard.try_send(me.pid, bytes(text)).unwrap();
        }
        let wanted = |delivery: &Delivery| *delivery == Delivery::Message(bytes("c"));
        let mut order = vec![me.shard.receive_where(me.pid, None, wanted).await];
        let stashed = me.shard.receive(me.pid, None).await.unwrap();
        me.shard.stash(me.pid, stashed);
        order.push(me.shard.receive(me.pid, None).await);
        me.shard.unstash(me.pid);
        order.push(me.shard.receive(me.pid, None).await);
        order.push(me.shard.receive(me.pid, None).await);
        let deadline = Instant::now() + Duration::from_millis(5);
        order.push(
            me.shard
                .receive_where(me.pid, Some(deadline), |_| true)
                .await,
        );
        order
    });
    let texts = ["c", "b", "a", "d"].map(|text| Some(Delivery::Message(bytes(text))));
    assert_eq!(order[..4], texts);
    assert_eq!(order[4], None, "the deadline");
    world.assert_clean();
}

#[test]
fn calls_are_answered_whatever_happens() {
    for place in PLACES {
        let mut world = World::new(2);
        let callee = world.echo(place);
        let call = move |function: &'static str, deadline: Instant| {
            async move |me: ProcessContext| {
                let args = bytes("hi");
                me.shard
                    .call(me.pid, callee, function.into(), args, deadline)
                    .await
            }
        };
        assert_eq!(world.run(0, call("echo", soon())), Ok(bytes("hi")));
        let failed = CallError::Failed("no".into());
        assert_eq!(world.run(0, call("fail", soon())), Err(failed));
        let deadline = Instant::now() + Duration::from_millis(5);
        assert_eq!(
            world.run(0, call("hold", deadline)),
            Err(CallError::Timeout)
        );
        // One that it holds and one that is queued behind its death.
        let (sender, mut pending) = oneshot::channel();
        world.spawn(0, async move |me: ProcessContext| {
            let answer = me
                .shard
                .call(me.pid, callee, "hold".into(), Bytes::new(), soon());
            let _ = sender.send(answer.await);
            ExitReason::Normal
        });
        world.settle();
        let (sender, mut queued) = oneshot::channel();
        world.spawn(0, async move |me: ProcessContext| {
            me.shard
                .cast(&RequestId::None, callee, "die".into(), Bytes::new())
                .await
                .unwrap();
            let answer = me
                .shard
                .call(me.pid, callee, "echo".into(), Bytes::new(), soon());
            let _ = sender.send(answer.await);
            ExitReason::Normal
        });
        world.settle();
        let died = CallError::Died(ExitReason::failed("was told to"));
        let not_begun = CallError::NotBegun(ExitReason::failed("was told to"));
        assert_eq!(pending.try_recv().unwrap(), Some(Err(died)));
        assert_eq!(queued.try_recv().unwrap(), Some(Err(not_begun)));
        let gone = world.run(0, call("echo", soon()));
        assert_eq!(gone, Err(CallError::NoProcess));
        world.assert_clean();
    }
}

#[test]
fn pids_of_shards_that_are_not_there_are_nobody() {
    let mut world = World::new(1);
    let nobody = Pid::from_raw(77 << 48 | 1 << 28 | 1);
    let answer = world.run(0, async move |me| {
        me.shard.set_trap_exit(me.pid, true);
        me.shard.link(me.pid, nobody).unwrap();
        me.shard.monitor(me.pid, nobody).unwrap();
        assert!(!me.shard.kill(nobody).await);
        assert!(me.shard.receive(me.pid, None).await.is_some());
        assert!(me.shard.receive(me.pid, None).await.is_some());
        me.shard
            .call(me.pid, nobody, "f".into(), Bytes::new(), soon())
            .await
    });
    assert_eq!(answer, Err(CallError::NoProcess));
    world.assert_clean();
}

#[test]
fn links_and_monitors_tell_of_an_end() {
    for place in PLACES {
        let mut world = World::new(2);
        let (target, _) = world.recorder(place, false);
        let (trapping, deliveries) = world.recorder(0, true);
        let (plain, _) = world.recorder(0, false);
        let (unlinked, _) = world.recorder(0, false);
        let shard = world.shard(0);
        let monitor = shard.monitor(trapping, target).unwrap();
        let taken_back = shard.monitor(trapping, target).unwrap();
        shard.demonitor(trapping, taken_back);
        shard.link(trapping, target).unwrap();
        shard.link(plain, target).unwrap();
        shard.link(unlinked, target).unwrap();
        shard.unlink(unlinked, target);
        world.settle();
        let reason = ExitReason::failed("why not");
        world.shard(0).exit_signal(unlinked, target, reason.clone());
        world.settle();
        let (pid, from) = (target, target);
        let mut got = deliveries.borrow().clone();
        got.sort_by_key(|delivery| matches!(delivery, Delivery::Exit { .. }));
        let expected = [
            Delivery::Down {
                monitor,
                pid,
                reason: reason.clone(),
            },
            Delivery::Exit { from, reason },
        ];
        assert_eq!(got, expected);
        let shard = world.shard(0);
        assert!(!shard.is_alive_here(plain));
        assert!(shard.is_alive_here(unlinked));
        // Of one that is gone already.
        deliveries.borrow_mut().clear();
        shard.link(trapping, target).unwrap();
        shard.link(unlinked, target).unwrap();
        world.settle();
        let reason = ExitReason::NoProcess;
        assert_eq!(*deliveries.borrow(), [Delivery::Exit { from, reason }]);
        assert!(!world.shard(0).is_alive_here(unlinked));
        // A normal end ends nobody; Killed can't be trapped.
        world
            .shard(0)
            .exit_signal(target, trapping, ExitReason::Killed);
        world.assert_clean();
    }
}

#[test]
fn a_long_chain_of_links_falls_without_recursion() {
    let mut world = World::new(1);
    let pids: Vec<_> = (0..50_000)
        .map(|_| world.spawn(0, |_| std::future::pending()))
        .collect();
    let shard = world.shard(0);
    for pair in pids.windows(2) {
        shard.link(pair[0], pair[1]).unwrap();
    }
    drop(shard.kill(pids[0]));
    assert!(shard.is_empty());
    world.assert_clean();
}

#[test]
fn a_kill_is_seen_at_once() {
    let mut world = World::new(2);
    let dropped = Rc::new(Cell::new(false));
    struct OnDrop(Rc<Cell<bool>>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.set(true);
        }
    }
    let guard = OnDrop(dropped.clone());
    let pid = world.spawn(0, async move |_| {
        let _guard = guard;
        std::future::pending().await
    });
    world.settle();
    let shard = world.shard(0);
    shard.register(pid, "name").unwrap();
    shard.join(pid, "group").unwrap();
    drop(shard.kill(pid));
    assert!(!shard.is_alive_here(pid));
    assert_eq!(shard.whereis("name"), None);
    assert!(shard.members("group").is_empty());
    assert!(!dropped.get(), "its own task drops it");
    world.settle();
    assert!(dropped.get());
    let pid = world.echo(1);
    assert!(world.run(0, async move |me| me.shard.kill(pid).await));
    assert!(!world.run(0, async move |me| me.shard.is_alive(pid).await));
    world.assert_clean();
}

#[test]
fn a_started_process_ends_by_deadline_kill_or_drop() {
    let mut world = World::new(1);
    let shard = world.shard(0);
    let waker = Waker::noop();
    let now = Instant::now();
    let expired = shard.start(Some(now)).unwrap();
    let early = shard.start(Some(soon())).unwrap();
    let killed = shard.start(None).unwrap();
    assert!(
        [&expired, &early, &killed]
            .iter()
            .all(|p| p.park(waker).is_none())
    );
    shard.expire(now);
    drop(shard.kill(killed.pid()));
    assert_eq!(expired.park(waker), Some(End::Deadline));
    assert_eq!(early.ended(), None);
    assert_eq!(killed.ended(), Some(End::Killed(ExitReason::Killed)));
    let (watcher, deliveries) = world.recorder(0, false);
    shard.monitor(watcher, early.pid()).unwrap();
    early.exit(ExitReason::failed("bad"));
    drop((expired, killed));
    world.settle();
    assert!(
        matches!(&deliveries.borrow()[..], [Delivery::Down { reason, .. }] if reason.to_string() == "bad")
    );
    drop(shard.kill(watcher));
    world.assert_clean();
}

#[test]
fn names_are_unique_in_the_node_and_lookups_are_never_stale() {
    let mut world = World::new(2);
    let (first, _) = world.recorder(0, false);
    let (second, _) = world.recorder(1, false);
    let (here, there) = (world.shard(0), world.shard(1));
    here.register(first, "x").unwrap();
    assert_eq!(
        there.register(second, "x"),
        Err(RegisterError::Taken(first))
    );
    assert_eq!(
        (here.whereis("x"), there.whereis("x")),
        (Some(first), Some(first))
    );
    assert!(!there.unregister(second, "x"));
    assert!(here.unregister(first, "x"));
    assert_eq!((here.whereis("x"), there.whereis("x")), (None, None));
    there.register(second, "x").unwrap();
    assert_eq!(
        (here.whereis("x"), world.node.whereis("x")),
        (Some(second), Some(second))
    );
    for number in 0..64 {
        here.register(first, &number.to_string()).unwrap();
    }
    assert_eq!(here.register(first, "64"), Err(RegisterError::TooMany));
    assert_eq!(
        here.register(first, &"n".repeat(257)),
        Err(RegisterError::TooLong)
    );
    let taken = SpawnOptions {
        name: Some("x".into()),
        ..SpawnOptions::default()
    };
    let refused = here.spawn(taken, |_| std::future::pending());
    assert_eq!(
        refused,
        Err(SpawnError::Name("x".into(), RegisterError::Taken(second)))
    );
    here.end_all(ExitReason::Shutdown);
    there.end_all(ExitReason::Shutdown);
    world.assert_clean();
}

#[test]
fn a_group_hears_what_is_published() {
    let mut world = World::new(2);
    let members: Vec<_> = (0..6).map(|n| world.recorder(n % 2, false)).collect();
    for (n, (pid, _)) in members.iter().enumerate() {
        world.shard(n % 2).join(*pid, "g").unwrap();
        world.shard(n % 2).join(*pid, "g").unwrap();
    }
    let shard = world.shard(0);
    assert!(shard.leave(members[0].0, "g"));
    assert!(!shard.leave(members[0].0, "g"));
    assert_eq!(shard.publish("g", bytes("news")), 5);
    assert_eq!(shard.publish("none", bytes("news")), 0);
    world.settle();
    let heard: Vec<_> = members
        .iter()
        .map(|(_, deliveries)| deliveries.borrow().len())
        .collect();
    assert_eq!(heard, [0, 1, 1, 1, 1, 1]);
    for shard in PLACES {
        world.shard(shard).end_all(ExitReason::Shutdown);
    }
    world.assert_clean();
}

#[test]
fn timers_send_later_unless_cancelled_or_nobody_is_left() {
    let mut world = World::new(2);
    let (here, deliveries) = world.recorder(0, false);
    let (there, far_deliveries) = world.recorder(1, false);
    let (dead, _) = world.recorder(0, false);
    let shard = world.shard(0);
    let hour = Duration::from_secs(3600);
    shard
        .send_after(here, dead, Duration::from_millis(1), bytes("x"))
        .unwrap();
    drop(shard.kill(dead));
    world.settle();
    let begun = Instant::now();
    let shard = world.shard(0);
    let cancelled = shard.send_after(here, here, hour, bytes("x")).unwrap();
    // Earlier than what the server sleeps until.
    let ms = Duration::from_millis;
    shard
        .send_after(here, here, ms(20), bytes("second"))
        .unwrap();
    shard
        .send_after(here, here, ms(10), bytes("first"))
        .unwrap();
    shard.send_after(here, there, ms(10), bytes("far")).unwrap();
    assert!(shard.cancel_timer(here, cancelled));
    assert!(!shard.cancel_timer(here, cancelled));
    world.until("they fire", |_| {
        deliveries.borrow().len() == 2 && far_deliveries.borrow().len() == 1
    });
    assert!(begun.elapsed() >= ms(20));
    assert_eq!(
        *deliveries.borrow(),
        ["first", "second"].map(|t| Delivery::Message(bytes(t)))
    );
    for shard in PLACES {
        world.shard(shard).end_all(ExitReason::Shutdown);
    }
    world.assert_clean();
}

#[test]
fn a_stream_is_bounded_and_ends_as_its_writer_does() {
    for place in PLACES {
        let mut world = World::new(2);
        let (got, outcome) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(None)));
        let (seen, ended) = (got.clone(), outcome.clone());
        let (go, gate) = oneshot::channel::<()>();
        let reader = world.spawn(place, async move |me: ProcessContext| {
            let Some(Delivery::Stream { stream, .. }) = me.shard.receive(me.pid, None).await else {
                unreachable!()
            };
            let _ = gate.await;
            loop {
                match me.shard.read(me.pid, stream).await {
                    Ok(Some(chunk)) => seen.set(seen.get() + chunk.len()),
                    end => break *ended.borrow_mut() = Some(end),
                }
            }
            ExitReason::Normal
        });
        let written = Rc::new(Cell::new(0));
        let count = written.clone();
        world.spawn(0, async move |me: ProcessContext| {
            let stream = me.shard.open_stream(me.pid, reader).unwrap();
            for _ in 0..1000 {
                let chunk = Bytes::from(vec![1; 1024]);
                me.shard.write(me.pid, stream, chunk).await.unwrap();
                count.set(count.get() + 1024);
            }
            // One larger than the window goes alone.
            let large = Bytes::from(vec![1; 3 * STREAM_WINDOW]);
            me.shard.write(me.pid, stream, large).await.unwrap();
            ExitReason::failed("broke")
        });
        world.settle();
        assert_eq!(written.get(), STREAM_WINDOW, "nobody reads");
        go.send(()).unwrap();
        world.until("it is read", |_| outcome.borrow().is_some());
        assert_eq!(got.get(), 1000 * 1024 + 3 * STREAM_WINDOW);
        let failed = Err(StreamError::Failed("broke".into()));
        assert_eq!(*outcome.borrow(), Some(failed));
        world.assert_clean();
    }
}

#[test]
fn a_writer_sees_that_its_reader_leaves() {
    for place in PLACES {
        let mut world = World::new(2);
        let (reader, _) = world.recorder(place, false);
        let (sender, mut result) = oneshot::channel();
        world.spawn(0, async move |me: ProcessContext| {
            let stream = me.shard.open_stream(me.pid, reader).unwrap();
            let large = Bytes::from(vec![1; STREAM_WINDOW]);
            me.shard.write(me.pid, stream, large.clone()).await.unwrap();
            let blocked = me.shard.write(me.pid, stream, large).await;
            let _ = sender.send(blocked);
            ExitReason::Normal
        });
        world.settle();
        assert_eq!(result.try_recv().unwrap(), None, "the window is full");
        drop(world.shard(0).kill(reader));
        world.settle();
        assert_eq!(
            result.try_recv().unwrap(),
            Some(Err(StreamError::ReaderGone))
        );
        world.assert_clean();
    }
}

#[test]
fn a_call_can_be_answered_by_a_stream() {
    for place in PLACES {
        let mut world = World::new(2);
        let callee = world.echo(place);
        let read_all = move |function: &'static str| {
            async move |me: ProcessContext| {
                let call = function.into();
                let stream = me.shard.call_stream(me.pid, callee, call, Bytes::new());
                let mut total = 0;
                loop {
                    match me.shard.read(me.pid, stream).await {
                        Ok(Some(chunk)) => total += chunk.len(),
                        Ok(None) => return Ok(total),
                        Err(error) => return Err(error),
                    }
                }
            }
        };
        assert_eq!(world.run(0, read_all("stream")), Ok(409_600));
        let failed = |why: &str| Err(StreamError::Failed(why.into()));
        assert_eq!(world.run(0, read_all("fail")), failed("no"));
        assert_eq!(
            world.run(0, read_all("die")),
            failed("the process ended before it answered: was told to")
        );
        assert_eq!(world.run(0, read_all("stream")), failed("no such process"));
        world.assert_clean();
    }
}

#[test]
fn streams_of_others_can_not_be_touched() {
    let mut world = World::new(1);
    let (reader, _) = world.recorder(0, false);
    let writer = world.spawn(0, |_| std::future::pending());
    let shard = world.shard(0);
    let stream = shard.open_stream(writer, reader).unwrap();
    let thief = world.run(0, async move |me| {
        me.shard.close(me.pid, stream, Ok(()));
        me.shard.stop_reading(me.pid, stream);
        let write = me.shard.write(me.pid, stream, bytes("x")).await;
        (write, me.shard.read(me.pid, stream).await)
    });
    let denied = StreamError::NotOwner;
    assert_eq!(thief, (Err(denied.clone()), Err(denied)));
    assert!(world.shard(0).stats().stream_ends > 0);
    world.shard(0).end_all(ExitReason::Shutdown);
    world.assert_clean();
}

#[test]
fn a_flooded_bus_neither_deadlocks_nor_loses_a_signal_nor_the_order() {
    const MESSAGES: u32 = 30_000;
    let mut world = World::new(2);
    let mut ends = Vec::new();
    let limit = MailboxLimit {
        messages: usize::MAX,
        bytes: usize::MAX,
    };
    for place in PLACES {
        // Twenty monitors each of what ends at once: more signals than the inbox has room for.
        let (sender, receiver) = oneshot::channel();
        let options = SpawnOptions {
            mailbox: limit,
            name: Some(format!("sink {place}").into()),
            ..SpawnOptions::default()
        };
        let sink = world.shard(place).spawn(options, async move |me| {
            let (mut next, mut downs) = (0u32, 0);
            while next < MESSAGES || downs < 20_000 {
                match me.shard.receive(me.pid, None).await.unwrap() {
                    Delivery::Message(message) => {
                        assert_eq!(message, next.to_be_bytes()[..]);
                        next += 1;
                    }
                    Delivery::Down { .. } => downs += 1,
                    _ => unreachable!(),
                }
            }
            let _ = sender.send((next, downs));
            ExitReason::Normal
        });
        let (doomed, _) = world.recorder(1 - place, false);
        for _ in 0..20_000 {
            world
                .shard(place)
                .monitor(sink.clone().unwrap(), doomed)
                .unwrap();
        }
        ends.push((receiver, doomed));
    }
    world.settle();
    world.settle();
    let both_full = Rc::new(Cell::new(0u32));
    for place in PLACES {
        let full = both_full.clone();
        world.spawn(place, async move |me: ProcessContext| {
            let sink = me.shard.whereis(&format!("sink {}", 1 - place)).unwrap();
            for number in 0..MESSAGES {
                let message = Bytes::copy_from_slice(&number.to_be_bytes());
                if me.shard.try_send(sink, message.clone()) == Err(SendError::BusFull) {
                    full.set(full.get() + 1);
                    me.shard.send(sink, message).await.unwrap();
                }
            }
            ExitReason::Normal
        });
        drop(world.shard(1 - place).kill(ends[place].1));
    }
    for (mut receiver, _) in ends {
        let mut end = None;
        world.until("all arrives", |_| {
            end = end.or(receiver.try_recv().unwrap());
            end.is_some()
        });
        assert_eq!(end, Some((MESSAGES, 20_000)));
    }
    assert!(both_full.get() > 0, "the bus was never full");
    world.assert_clean();
}

#[test]
fn shards_on_two_threads_talk() {
    let node = Node::new(2);
    let threads = [0u16, 1].map(|id| {
        let node = node.clone();
        std::thread::spawn(move || {
            use executor::spawn_local;
            let mut pool = LocalPool::new();
            let spawner = pool.spawner();
            let shard = node.shard(ShardId::new(id), move |task| spawn_local(&spawner, task));
            shard.enter();
            spawn_local(&pool.spawner(), Box::pin(shard.serve_bus()));
            let queue = fairness::serve_queue(async || ());
            spawn_local(&pool.spawner(), Box::pin(queue));
            let options = SpawnOptions {
                name: Some(id.to_string().into()),
                ..SpawnOptions::default()
            };
            let (sender, done) = oneshot::channel();
            let caller = shard.spawn(SpawnOptions::default(), async move |me| {
                let other = loop {
                    match me.shard.whereis(&(1 - id).to_string()) {
                        Some(pid) => break pid,
                        None => fairness::yield_to_io().await,
                    }
                };
                for number in 0..5000u32 {
                    let args = Bytes::copy_from_slice(&number.to_be_bytes());
                    let deadline = Instant::now() + Duration::from_secs(60);
                    let calling = me
                        .shard
                        .call(me.pid, other, "f".into(), args.clone(), deadline);
                    assert_eq!(calling.await, Ok(args));
                }
                me.shard
                    .cast(&RequestId::None, other, "stop".into(), Bytes::new())
                    .await
                    .unwrap();
                ExitReason::Normal
            });
            shard
                .spawn(options, async move |me| {
                    while let Some(Delivery::Call(call)) = me.shard.receive(me.pid, None).await {
                        if &*call.function == "stop" {
                            break;
                        }
                        me.shard.reply(me.pid, call.id, Ok(call.args));
                    }
                    while me.shard.is_alive_here(caller.clone().unwrap()) {
                        fairness::yield_to_io().await;
                    }
                    let _ = sender.send(());
                    ExitReason::Normal
                })
                .unwrap();
            pool.run_until(done).unwrap();
        })
    });
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Children that note their starts and end when they are told to.
fn flock(
    world: &mut World,
    strategy: Strategy,
    restart: Restart,
    configure: impl FnOnce(Supervisor) -> Supervisor,
) -> (Pid, Rc<RefCell<Vec<SupervisorEvent>>>) {
    let events = Rc::new(RefCell::new(Vec::new()));
    let noted = events.clone();
    let mut supervisor =
        Supervisor::new(strategy).on_event(move |event| noted.borrow_mut().push(event));
    for name in ["a", "b", "c"] {
        supervisor = supervisor.child(Child {
            name: name.into(),
            restart,
            healthy: Rc::default(),
            start: Box::new(move |shard| {
                let options = SpawnOptions {
                    name: Some(name.into()),
                    ..SpawnOptions::default()
                };
                let spawned = shard.spawn(options, |_| std::future::pending());
                spawned.map_err(|error| error.to_string().into())
            }),
        });
    }
    let shard = world.shard(0);
    let pid = configure(supervisor)
        .start(&shard, SpawnOptions::default())
        .unwrap();
    (pid, events)
}

#[test]
fn a_supervisor_starts_again_those_of_its_strategy() {
    let cases = [
        (Strategy::OneForOne, [false, true, false]),
        (Strategy::OneForAll, [true, true, true]),
        (Strategy::RestForOne, [false, true, true]),
    ];
    for (strategy, expected) in cases {
        let mut world = World::new(1);
        let (supervisor, _) = flock(&mut world, strategy, Restart::Permanent, |s| s);
        let names = ["a", "b", "c"];
        let shard = world.shard(0);
        let before = names.map(|name| shard.whereis(name).unwrap());
        world.settle();
        // Twice, the second time two at once.
        drop(shard.kill(before[1]));
        world.settle();
        let after = names.map(|name| shard.whereis(name).unwrap());
        let changed: Vec<_> = (0..3).map(|i| before[i] != after[i]).collect();
        assert_eq!(changed, expected, "{strategy:?}");
        drop(shard.kill(after[1]));
        drop(shard.kill(after[2]));
        world.settle();
        assert!(names.iter().all(|name| shard.whereis(name).is_some()));
        assert_eq!(shard.len(), 4);
        drop(shard.kill(supervisor));
        world.assert_clean();
    }
}

#[test]
fn a_supervisor_gives_up_upwards() {
    let mut world = World::new(1);
    let intensity = Intensity {
        restarts: 2,
        within: Duration::MAX,
    };
    let (supervisor, events) = flock(&mut world, Strategy::OneForOne, Restart::Permanent, |s| {
        s.intensity(intensity)
    });
    let (above, deliveries) = world.recorder(0, true);
    let shard = world.shard(0);
    shard.link(above, supervisor).unwrap();
    for _ in 0..3 {
        drop(shard.kill(shard.whereis("b").unwrap()));
        world.settle();
    }
    assert_eq!(shard.list_here(), [above]);
    assert_eq!(
        events.borrow().last(),
        Some(&SupervisorEvent::GaveUp { name: "b".into() })
    );
    assert!(
        matches!(&deliveries.borrow()[..], [Delivery::Exit { from, reason: ExitReason::Failed(_) }] if *from == supervisor)
    );
    drop(shard.kill(above));
    world.assert_clean();
}

#[test]
fn a_supervisor_waits_longer_each_time_and_tries_again_what_fails_to_start() {
    let mut world = World::new(1);
    let (blocker, _) = world.recorder(0, false);
    world.shard(0).register(blocker, "b").unwrap();
    let backoff = Backoff {
        first: Duration::from_millis(4),
        most: Duration::from_millis(12),
        min_uptime: Duration::from_secs(60),
    };
    let (supervisor, events) = flock(&mut world, Strategy::RestForOne, Restart::Permanent, |s| {
        s.backoff(backoff)
    });
    let shard = world.shard(0);
    assert_eq!(shard.whereis("c"), None, "it comes after b");
    world.until("it was tried often", |_| {
        events
            .borrow()
            .iter()
            .filter(|e| matches!(e, SupervisorEvent::Restarting { .. }))
            .count()
            >= 4
    });
    let waits: Vec<_> = events
        .borrow()
        .iter()
        .filter_map(|event| match event {
            SupervisorEvent::Restarting { after, .. } => Some(after.as_millis()),
            _ => None,
        })
        .take(4)
        .collect();
    assert_eq!(waits, [4, 8, 12, 12]);
    drop(world.shard(0).kill(blocker));
    world.until("all are there", |_| shard.whereis("c").is_some());
    drop(world.shard(0).kill(supervisor));
    world.assert_clean();
}

#[test]
fn only_those_are_started_again_that_want_it() {
    let ends = [
        (Restart::Transient, ExitReason::Shutdown, false),
        (Restart::Transient, ExitReason::failed("x"), true),
        (Restart::Temporary, ExitReason::failed("x"), false),
        (Restart::Permanent, ExitReason::Shutdown, true),
    ];
    for (restart, reason, again) in ends {
        let mut world = World::new(1);
        let (supervisor, _) = flock(&mut world, Strategy::OneForOne, restart, |s| s);
        let shard = world.shard(0);
        let child = shard.whereis("a").unwrap();
        shard.exit_signal(supervisor, child, reason.clone());
        world.settle();
        assert_eq!(shard.whereis("a").is_some(), again, "{restart:?} {reason}");
        shard.exit_signal(child, supervisor, ExitReason::Shutdown);
        world.assert_clean();
    }
}

#[derive(Clone, Debug)]
enum Op {
    Spawn(bool),
    Supervise,
    Send(usize, usize),
    Link(usize, usize),
    Unlink(usize, usize),
    Monitor(usize, usize),
    Kill(usize),
    Exit(usize, usize),
    Register(usize, u8),
    Join(usize, u8),
    Publish(u8),
    Later(usize, usize),
    Stream(usize, usize),
    Call(usize, usize),
    Turn,
}

fn op() -> impl proptest::strategy::Strategy<Value = Op> {
    let who = 0..24usize;
    let two = (who.clone(), who.clone());
    prop_oneof![
        3 => any::<bool>().prop_map(Op::Spawn),
        1 => Just(Op::Supervise),
        3 => two.clone().prop_map(|(a, b)| Op::Send(a, b)),
        2 => two.clone().prop_map(|(a, b)| Op::Link(a, b)),
        1 => two.clone().prop_map(|(a, b)| Op::Unlink(a, b)),
        2 => two.clone().prop_map(|(a, b)| Op::Monitor(a, b)),
        2 => who.clone().prop_map(Op::Kill),
        1 => two.clone().prop_map(|(a, b)| Op::Exit(a, b)),
        2 => (who.clone(), 0..4u8).prop_map(|(a, n)| Op::Register(a, n)),
        2 => (who.clone(), 0..4u8).prop_map(|(a, n)| Op::Join(a, n)),
        1 => (0..4u8).prop_map(Op::Publish),
        1 => two.clone().prop_map(|(a, b)| Op::Later(a, b)),
        3 => two.clone().prop_map(|(a, b)| Op::Stream(a, b)),
        3 => two.prop_map(|(a, b)| Op::Call(a, b)),
        2 => Just(Op::Turn),
    ]
}

/// Does what it is told by its mails, each of which is an [`Op`] of its own.
async fn puppet(me: ProcessContext, open: Rc<Cell<i32>>) -> ExitReason {
    let shard = &me.shard;
    let soon = || Some(Instant::now() + Duration::from_millis(2));
    while let Some(delivery) = shard.receive(me.pid, None).await {
        match delivery {
            Delivery::Message(message) if message.len() == 9 => {
                let raw = u64::from_be_bytes(message[1..].try_into().unwrap());
                let other = Pid::from_raw(raw);
                if message[0] == b's' {
                    let Some(stream) = shard.open_stream(me.pid, other) else {
                        continue;
                    };
                    let chunk = Bytes::from(vec![0; 30_000]);
                    for _ in 0..2 {
                        let _ = shard.write(me.pid, stream, chunk.clone()).await;
                    }
                } else {
                    open.set(open.get() + 1);
                    let counted = Counted(open.clone());
                    let deadline = Instant::now() + Duration::from_secs(60);
                    // A process that calls itself, or that calls one that calls it, would wait.
                    let deadline = deadline.min(soon().unwrap());
                    let args = Bytes::new();
                    let _ = shard.call(me.pid, other, "f".into(), args, deadline).await;
                    drop(counted);
                }
            }
            Delivery::Call(call) if call.id.as_raw() % 3 != 0 => {
                shard.reply(me.pid, call.id, Ok(Bytes::new()));
            }
            Delivery::Stream { stream, .. } => {
                let _ = shard.read(me.pid, stream).await;
            }
            _ => {}
        }
    }
    ExitReason::Killed
}

struct Counted(Rc<Cell<i32>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_is_left_after_any_interleaving(ops in prop::collection::vec(op(), 0..120)) {
        let mut world = World::new(2);
        let mut pids: Vec<Pid> = Vec::new();
        let open = Rc::new(Cell::new(0));
        let pick = |pids: &Vec<Pid>, n: usize| pids.get(n % pids.len().max(1)).copied();
        let home = |world: &World, pid: Pid| world.shard(usize::from(pid.shard().index()));
        let message = |what: u8, about: Pid| {
            let mut message = vec![what];
            message.extend(about.as_raw().to_be_bytes());
            Bytes::from(message)
        };
        for op in ops {
            let (a, b) = match &op {
                Op::Send(a, b) | Op::Link(a, b) | Op::Unlink(a, b) | Op::Monitor(a, b)
                | Op::Exit(a, b) | Op::Stream(a, b) | Op::Call(a, b) | Op::Later(a, b) => (*a, *b),
                Op::Kill(a) | Op::Register(a, _) | Op::Join(a, _) => (*a, 0),
                _ => (0, 0),
            };
            let (a, b) = (pick(&pids, a), pick(&pids, b));
            match (op, a.zip(b)) {
                (Op::Spawn(there), _) => {
                    let open = open.clone();
                    let body = move |me| puppet(me, open);
                    let pid = world.spawn(usize::from(there), body);
                    if pids.len().is_multiple_of(3) {
                        home(&world, pid).set_trap_exit(pid, true);
                    }
                    pids.push(pid);
                }
                (Op::Supervise, _) => {
                    let intensity = Intensity { restarts: 3, within: Duration::MAX };
                    let (pid, _) = flock(&mut world, Strategy::OneForAll, Restart::Permanent, |s| s.intensity(intensity));
                    pids.push(pid);
                    pids.extend(world.shard(0).whereis("b"));
                }
                (Op::Turn, _) => world.turn(),
                (Op::Publish(n), _) => drop(world.shard(0).publish(&n.to_string(), bytes("x"))),
                (_, None) => {}
                (Op::Send(..), Some((a, b))) => drop(home(&world, a).try_send(b, bytes("x"))),
                (Op::Link(..), Some((a, b))) => home(&world, a).link(a, b).unwrap(),
                (Op::Unlink(..), Some((a, b))) => home(&world, a).unlink(a, b),
                (Op::Monitor(..), Some((a, b))) => drop(home(&world, a).monitor(a, b)),
                (Op::Kill(_), Some((a, _))) => drop(world.shard(0).kill(a)),
                (Op::Exit(..), Some((a, b))) => home(&world, a).exit_signal(a, b, ExitReason::failed("x")),
                (Op::Register(_, n), Some((a, _))) => drop(home(&world, a).register(a, &n.to_string())),
                (Op::Join(_, n), Some((a, _))) => drop(home(&world, a).join(a, &n.to_string())),
                (Op::Later(..), Some((a, b))) => drop(home(&world, a).send_after(a, b, Duration::from_millis(1), bytes("x"))),
                (Op::Stream(..), Some((a, b))) => drop(world.shard(0).try_send(a, message(b's', b))),
                (Op::Call(..), Some((a, b))) => drop(world.shard(0).try_send(a, message(b'c', b))),
            }
        }
        world.settle();
        for place in PLACES {
            world.shard(place).end_all(ExitReason::Shutdown);
        }
        world.until("timers fire", |world| world.shards.iter().all(|(shard, _)| shard.stats().timers == 0));
        world.settle();
        for place in PLACES {
            world.shard(place).end_all(ExitReason::Shutdown);
        }
        world.assert_clean();
        prop_assert_eq!(open.get(), 0);
    }
}

#[test]
fn an_executor_that_is_dropped_ends_its_processes() {
    let shard = Node::new(1).shard(ShardId::new(0), drop);
    let pid = shard
        .spawn(SpawnOptions::default(), |_| std::future::pending())
        .unwrap();
    assert!(!shard.is_alive_here(pid));
    assert!(shard.is_empty());
}
