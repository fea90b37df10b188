//! What the actor core costs, on one shard and between two, beside `rusm-otp` 0.7 where that has
//! the operation. Messages are made anew each time, as those of guests are.
#![allow(missing_docs)]

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use futures_channel::oneshot;
use rusm_actors_bench::{Latch, Peer, Shards};
use rusm_core::{
    Child, Delivery, ExitReason, Pid, ProcessContext, Restart, Shard, SpawnOptions, Strategy,
    Supervisor,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

criterion_group! {
    name = benches;
    config = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2));
    targets = spawning, ping_pong, calling, recovering, publishing, streaming, timing
}
criterion_main!(benches);

fn spawning(c: &mut Criterion) {
    let mut group = c.benchmark_group("spawn + end");
    let shards = Shards::start(1);
    bench(&mut group, ONE, |n| {
        shards.run(0, async move |shard| {
            batches(n, |latch| {
                let body = async move |_| {
                    latch.arrive();
                    ExitReason::Normal
                };
                shard.spawn(SpawnOptions::default(), body).expect("it fits");
            })
            .await
        })
    });
    for (name, peer) in peers() {
        bench(&mut group, name, |n| {
            peer.run(|otp| async move {
                batches(n, |latch| {
                    otp.spawn(|_| async move { latch.arrive() });
                })
                .await
            })
        });
    }
}

/// Start processes in batches, each of which has to have ended before the next; the time of all.
async fn batches(count: u64, mut spawn: impl FnMut(Latch)) -> Duration {
    let start = Instant::now();
    let mut left = count;
    while left > 0 {
        let batch = left.min(100);
        left -= batch;
        let (latch, all) = Latch::new(batch);
        (0..batch).for_each(|_| spawn(latch.clone()));
        all.await.expect("all end");
    }
    start.elapsed()
}

/// A round trip: two messages.
fn ping_pong(c: &mut Criterion) {
    let mut group = c.benchmark_group("ping-pong");
    for (name, far) in SHARDS {
        let shards = Shards::start(2);
        let pong = shards.run(far, async |shard| process(&shard, pong));
        bench(&mut group, name, |n| {
            shards.run(0, async move |shard| {
                timed(&shard, n, async move |me| {
                    let message = Bytes::copy_from_slice(&me.pid.as_raw().to_be_bytes());
                    me.shard.send(pong, message).await.expect("pong lives");
                    me.shard.receive(me.pid, None).await.expect("pong answers");
                })
                .await
            })
        });
    }
    let elsewhere = Peer::elsewhere();
    let ends = peers().into_iter().map(|(name, peer)| (name, peer, None));
    let apart = (
        "rusm-otp 0.7, two executors",
        Peer::one_thread(),
        Some(elsewhere),
    );
    for (name, peer, far) in ends.chain([apart]) {
        bench(&mut group, name, |n| {
            let far = far.clone();
            peer.run(move |otp| async move {
                let (done, time) = oneshot::channel();
                let pong = {
                    let _there = far.as_ref().map(|far| far.enter());
                    let answer = otp.clone();
                    otp.spawn(|mut me| async move {
                        while let Some(message) = me.recv().await.message() {
                            let Ok(from) = <[u8; 8]>::try_from(&message[..]) else {
                                break;
                            };
                            let from = rusm_otp::Pid::from_raw(u64::from_be_bytes(from));
                            answer.send(from, b"pong".to_vec());
                        }
                    })
                    .pid()
                };
                let ask = otp.clone();
                otp.spawn(|mut me| async move {
                    let start = Instant::now();
                    for _ in 0..n {
                        ask.send(pong, me.pid().raw().to_be_bytes().to_vec());
                        me.recv().await;
                    }
                    let _ = done.send(start.elapsed());
                    ask.send(pong, Vec::new());
                });
                time.await.expect("it ends")
            })
        });
    }
}

async fn pong(me: ProcessContext) {
    while let Some(Delivery::Message(message)) = me.shard.receive(me.pid, None).await {
        let from = <[u8; 8]>::try_from(&message[..]).expect("a pid");
        let from = Pid::from_raw(u64::from_be_bytes(from));
        let answer = Bytes::copy_from_slice(b"pong");
        me.shard.send(from, answer).await.expect("ping lives");
    }
}

fn calling(c: &mut Criterion) {
    let mut group = c.benchmark_group("call + reply");
    for (name, far) in SHARDS {
        let shards = Shards::start(2);
        let echo = shards.run(far, async |shard| {
            process(&shard, async |me| {
                while let Some(Delivery::Call(call)) = me.shard.receive(me.pid, None).await {
                    me.shard.reply(me.pid, call.id, Ok(call.args));
                }
            })
        });
        let function: Arc<str> = "echo".into();
        bench(&mut group, name, |n| {
            let function = function.clone();
            shards.run(0, async move |shard| {
                timed(&shard, n, async move |me| {
                    let args = Bytes::copy_from_slice(b"16 bytes of args");
                    let deadline = Instant::now() + Duration::from_secs(5);
                    let call = (me.shard).call(me.pid, echo, function.clone(), args, deadline);
                    call.await.expect("it answers");
                })
                .await
            })
        });
    }
}

/// A child fails at once and is started again.
fn recovering(c: &mut Criterion) {
    let mut group = c.benchmark_group("fault recovery");
    group.throughput(Throughput::Elements(1));
    let shards = Shards::start(1);
    bench(&mut group, ONE, |n| {
        shards.run(0, async move |shard| restarts(shard, n).await)
    });
    for (name, peer) in peers() {
        bench(&mut group, name, |n| {
            peer.run(|otp| async move {
                let (latch, all) = Latch::new(n + 1);
                let start = Instant::now();
                let child = move |otp: &rusm_otp::Runtime| {
                    let (latch, fail) = (latch.clone(), otp.clone());
                    otp.spawn(move |me| async move {
                        latch.arrive();
                        fail.exit(me.pid(), rusm_otp::ExitReason::Crashed);
                    })
                };
                let supervisor = otp
                    .supervisor(rusm_otp::Strategy::OneForOne)
                    .max_restarts(0)
                    .over_lifetime()
                    .child(child)
                    .start();
                all.await.expect("all restarts happen");
                let time = start.elapsed();
                supervisor.kill();
                time
            })
        });
    }
}

async fn restarts(shard: Shard, n: u64) -> Duration {
    let (latch, all) = Latch::new(n + 1);
    let start = Instant::now();
    let child = Child {
        name: "child".into(),
        restart: Restart::Permanent,
        healthy: Rc::<Cell<bool>>::default(),
        start: Box::new(move |shard| {
            let latch = latch.clone();
            let body = async move |_| {
                latch.arrive();
                ExitReason::Failed(crashed())
            };
            let child = shard.spawn(SpawnOptions::default(), body);
            child.map_err(|error| error.to_string().into())
        }),
    };
    let supervisor = Supervisor::new(Strategy::OneForOne).child(child);
    let pid = supervisor
        .start(&shard, SpawnOptions::default())
        .expect("it fits");
    all.await.expect("all restarts happen");
    let time = start.elapsed();
    drop(shard.kill(pid));
    time
}

fn crashed() -> Arc<str> {
    "crashed".into()
}

/// From a message to a group until all members have received it, and the last has said so.
fn publishing(c: &mut Criterion) {
    for members in [1, 100, 10_000] {
        let mut group = c.benchmark_group(format!("publish to {members}"));
        group.throughput(Throughput::Elements(members));
        for (name, far) in SHARDS {
            if members == 1 && far == 1 {
                continue;
            }
            let shards = Shards::start(2);
            // Half of them on each shard, of which the last there says so.
            for shard in 0..=far {
                let count = members / (u64::from(far) + 1);
                shards.run(shard, async move |shard| {
                    let received = Rc::new(Cell::new(0));
                    for _ in 0..count {
                        let received = received.clone();
                        let member = process(&shard, async move |me| {
                            member(me, &received, count).await;
                        });
                        shard.join(member, "group").expect("it may");
                    }
                });
            }
            bench(&mut group, name, |n| {
                shards.run(0, async move |shard| {
                    timed(&shard, n, async move |me| {
                        let message = Bytes::copy_from_slice(&me.pid.as_raw().to_be_bytes());
                        me.shard.publish("group", message);
                        for _ in 0..=far {
                            me.shard.receive(me.pid, None).await.expect("all receive");
                        }
                    })
                    .await
                })
            });
        }
        for (name, peer) in peers() {
            let received = Arc::new(AtomicU64::new(0));
            peer.run(|otp| {
                let received = received.clone();
                async move {
                    for _ in 0..members {
                        let (received, answer) = (received.clone(), otp.clone());
                        let member = otp.spawn(|mut me| async move {
                            while let Some(message) = me.recv().await.message() {
                                if received.fetch_add(1, Ordering::AcqRel) + 1 == members {
                                    let from = <[u8; 8]>::try_from(&message[..]).expect("a pid");
                                    let from = u64::from_be_bytes(from);
                                    answer.send(rusm_otp::Pid::from_raw(from), b"all".to_vec());
                                }
                            }
                        });
                        otp.register_tag("group", member.pid());
                    }
                }
            });
            bench(&mut group, name, |n| {
                let received = received.clone();
                peer.run(|otp| async move {
                    let (done, time) = oneshot::channel();
                    let publish = otp.clone();
                    otp.spawn(move |mut me| async move {
                        let start = Instant::now();
                        for _ in 0..n {
                            received.store(0, Ordering::Release);
                            let message = me.pid().raw().to_be_bytes();
                            for pid in publish.whereis_tag("group") {
                                publish.send(pid, message.to_vec());
                            }
                            me.recv().await;
                        }
                        let _ = done.send(start.elapsed());
                    });
                    time.await.expect("it ends")
                })
            });
        }
    }
}

async fn member(me: ProcessContext, received: &Cell<u64>, members: u64) {
    while let Some(Delivery::Message(message)) = me.shard.receive(me.pid, None).await {
        received.set(received.get() + 1);
        if received.get() == members {
            received.set(0);
            let from = <[u8; 8]>::try_from(&message[..]).expect("a pid");
            let from = Pid::from_raw(u64::from_be_bytes(from));
            let all = Bytes::copy_from_slice(b"all");
            me.shard.send(from, all).await.expect("the publisher lives");
        }
    }
}

/// A chunk of a stream, copied in as a guest's is.
fn streaming(c: &mut Criterion) {
    let mut group = c.benchmark_group("stream of 16 KiB chunks");
    group.throughput(Throughput::Bytes(CHUNK.len() as u64));
    for (name, far) in SHARDS {
        let shards = Shards::start(2);
        bench(&mut group, name, |n| {
            let (done, time) = oneshot::channel();
            let reader = shards.run(far, async move |shard| {
                process(&shard, async move |me| {
                    let delivery = me.shard.receive(me.pid, None).await;
                    let Some(Delivery::Stream { stream, .. }) = delivery else {
                        return;
                    };
                    let start = Instant::now();
                    let mut chunks = 0;
                    while let Ok(Some(chunk)) = me.shard.read(me.pid, stream).await {
                        assert_eq!(chunk.len(), CHUNK.len());
                        chunks += 1;
                    }
                    assert_eq!(chunks, n);
                    let _ = done.send(start.elapsed());
                })
            });
            shards.run(0, async move |shard| {
                process(&shard, async move |me| {
                    let stream = me.shard.open_stream(me.pid, reader).expect("it is alive");
                    for _ in 0..n {
                        let chunk = Bytes::copy_from_slice(&CHUNK);
                        let written = me.shard.write(me.pid, stream, chunk);
                        written.await.expect("it is read");
                    }
                });
                time.await.expect("it ends")
            })
        });
    }
    for (name, peer) in peers() {
        bench(&mut group, name, |n| {
            peer.run(|otp| async move {
                let (done, time) = oneshot::channel();
                let reader = otp.spawn(|mut me| async move {
                    let mut stream = me.recv().await.stream().expect("a stream");
                    let start = Instant::now();
                    let mut chunks = 0;
                    while let Some(chunk) = stream.read().await {
                        assert_eq!(chunk.len(), CHUNK.len());
                        chunks += 1;
                    }
                    assert_eq!(chunks, n);
                    let _ = done.send(start.elapsed());
                });
                let to = otp.clone();
                otp.spawn(move |_| async move {
                    // As many bytes as there may be in one of ours.
                    let (writer, stream) = rusm_otp::stream_with_capacity(4);
                    to.send_stream(reader.pid(), stream);
                    for _ in 0..n {
                        writer.write(CHUNK.to_vec()).await.expect("it is read");
                    }
                });
                time.await.expect("it ends")
            })
        });
    }
}

/// With 10 000 others that are not due.
fn timing(c: &mut Criterion) {
    let mut group = c.benchmark_group("timer set + cancelled");
    let shards = Shards::start(1);
    let sleeper = shards.run(0, async |shard| {
        let sleeper = process(&shard, async |me| {
            me.shard.receive(me.pid, None).await;
        });
        let options = SpawnOptions {
            resident: true,
            ..SpawnOptions::default()
        };
        let setter = shard
            .spawn(options, |_| std::future::pending())
            .expect("it fits");
        for _ in 0..10_000 {
            shard
                .send_after(setter, sleeper, FAR, Bytes::new())
                .expect("it fits");
        }
        sleeper
    });
    bench(&mut group, ONE, |n| {
        shards.run(0, async move |shard| {
            timed(&shard, n, async move |me| {
                let timer = me.shard.send_after(me.pid, sleeper, FAR, Bytes::new());
                me.shard.cancel_timer(me.pid, timer.expect("it fits"));
            })
            .await
        })
    });
    let peer = Peer::one_thread();
    let sleeper = peer.run(|otp| async move {
        let sleeper = otp.spawn(|mut me| async move {
            me.recv().await;
        });
        for _ in 0..10_000 {
            otp.send_after(sleeper.pid(), FAR, Vec::new());
        }
        sleeper.pid()
    });
    bench(&mut group, OTP_ONE, |n| {
        peer.run(move |otp| async move {
            let start = Instant::now();
            for batch in 0..n.div_ceil(100) {
                for _ in 0..100.min(n - batch * 100) {
                    otp.send_after(sleeper, FAR, Vec::new()).cancel();
                }
                // Its timers are tasks, which end when they are polled.
                tokio::task::yield_now().await;
            }
            start.elapsed()
        })
    });
    group.finish();

    let mut group = c.benchmark_group("timer set + fired");
    bench(&mut group, ONE, |n| {
        shards.run(0, async move |shard| {
            timed(&shard, n, async move |me| {
                let (shard, pid) = (&me.shard, me.pid);
                let timer = shard.send_after(pid, pid, Duration::ZERO, Bytes::new());
                timer.expect("it fits");
                me.shard.receive(me.pid, None).await.expect("it fires");
            })
            .await
        })
    });
    bench(&mut group, OTP_ONE, |n| {
        peer.run(move |otp| async move {
            let (done, time) = oneshot::channel();
            let later = otp.clone();
            otp.spawn(move |mut me| async move {
                let start = Instant::now();
                for _ in 0..n {
                    later.send_after(me.pid(), Duration::ZERO, Vec::new());
                    me.recv().await;
                }
                let _ = done.send(start.elapsed());
            });
            time.await.expect("it ends")
        })
    });
}

fn bench(
    group: &mut BenchmarkGroup<'_, WallTime>,
    name: &str,
    mut measure: impl FnMut(u64) -> Duration,
) {
    group.bench_function(name, |b| b.iter_custom(&mut measure));
}

fn peers() -> [(&'static str, Peer); 2] {
    [
        (OTP_ONE, Peer::one_thread()),
        ("rusm-otp 0.7, two threads", Peer::two_threads()),
    ]
}

fn process(shard: &Shard, body: impl AsyncFnOnce(ProcessContext) + 'static) -> Pid {
    let body = async move |me| {
        body(me).await;
        ExitReason::Normal
    };
    shard.spawn(SpawnOptions::default(), body).expect("it fits")
}

/// How long a process takes to do something so often.
async fn timed(
    shard: &Shard,
    n: u64,
    mut work: impl AsyncFnMut(&ProcessContext) + 'static,
) -> Duration {
    let (done, time) = oneshot::channel();
    process(shard, async move |me| {
        let start = Instant::now();
        for _ in 0..n {
            work(&me).await;
        }
        let _ = done.send(start.elapsed());
    });
    time.await.expect("it ends")
}

const ONE: &str = "one shard";
/// On which shard the other end is.
const SHARDS: [(&str, u16); 2] = [(ONE, 0), ("two shards", 1)];
const OTP_ONE: &str = "rusm-otp 0.7, one thread";
const FAR: Duration = Duration::from_secs(3600);
static CHUNK: [u8; 16 * 1024] = [7; 16 * 1024];
