//! Processes of one shard, on a small executor of this thread.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Local, echo, idle, to_echo};
use rusm_core::{
    CallError, Delivery, End, ExitReason, MailboxLimit, Pid, RegisterError, SendError, Shard,
    SpawnError, SpawnOptions, Stats, StreamError,
};

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(5)
}

fn failed(reason: &str) -> ExitReason {
    ExitReason::Failed(reason.into())
}

#[test]
fn messages_arrive_in_order_and_a_choosy_reader_takes_what_it_wants() {
    let mut local = Local::new();
    let said = local.as_process(async |me: Pid, shard: Shard| {
        for text in ["a", "b", "c"] {
            shard.try_send(me, Bytes::from(text)).unwrap();
        }
        let is_b = |delivery: &Delivery| *delivery == Delivery::Message("b".into());
        let mut said = vec![shard.receive_where(me, None, is_b).await.unwrap()];
        let first = shard.receive(me, None).await.unwrap();
        shard.stash(me, first);
        said.push(shard.receive(me, None).await.unwrap());
        shard.unstash(me);
        said.push(shard.receive(me, None).await.unwrap());
        said
    });
    assert_eq!(
        said,
        ["b", "c", "a"].map(|text| Delivery::Message(text.into()))
    );
}

#[test]
fn receiving_ends_at_its_deadline_and_leaves_no_timer() {
    let mut local = Local::new();
    let (waited, delivery) = local.as_process(async |me: Pid, shard: Shard| {
        let begun = Instant::now();
        let deadline = begun + Duration::from_millis(20);
        let delivery = shard.receive(me, Some(deadline)).await;
        (begun.elapsed(), delivery)
    });
    assert_eq!(delivery, None);
    assert!(waited >= Duration::from_millis(20));
    let delivery = local.as_process(async |me: Pid, shard: Shard| {
        shard
            .send_after(me, me, Duration::from_millis(5), "later".into())
            .unwrap();
        shard.receive(me, Some(soon())).await
    });
    assert_eq!(delivery, Some(Delivery::Message("later".into())));
    local.settle();
    assert_eq!(local.shard.stats(), Stats::default());
}

#[test]
fn timers_fire_unless_they_are_cancelled() {
    let mut local = Local::new();
    let delivery = local.as_process(async |me: Pid, shard: Shard| {
        let ms = Duration::from_millis;
        let first = shard.send_after(me, me, ms(5), "cancelled".into()).unwrap();
        shard.send_after(me, me, ms(10), "second".into()).unwrap();
        assert!(shard.cancel_timer(me, first));
        assert!(!shard.cancel_timer(me, first));
        shard.receive(me, Some(soon())).await
    });
    assert_eq!(delivery, Some(Delivery::Message("second".into())));
}

#[test]
fn a_call_is_answered_or_fails_and_never_hangs() {
    let mut local = Local::new();
    let echo = echo(&local.shard, SpawnOptions::default());
    let idle = local.idle();
    let results = local.as_process(async move |me: Pid, shard: Shard| {
        let call = |to, deadline| shard.call(me, to, "f".into(), "args".into(), deadline);
        let answered = call(echo, soon()).await;
        let expired = call(idle, Instant::now() + Duration::from_millis(10)).await;
        let dying = call(idle, soon());
        let shard = shard.clone();
        let mut dying = Box::pin(dying);
        // It is in the mailbox, and then its process ends.
        let killed = std::future::poll_fn(|cx| {
            if dying.as_mut().poll(cx).is_ready() {
                panic!("nobody answers");
            }
            std::task::Poll::Ready(shard.kill(idle))
        });
        assert!(killed.await.await);
        let died = dying.await;
        let gone = shard.call(me, idle, "f".into(), "".into(), soon()).await;
        [answered, expired, died, gone]
    });
    assert_eq!(
        results,
        [
            Ok("args".into()),
            Err(CallError::Timeout),
            Err(CallError::NotBegun(ExitReason::Killed)),
            Err(CallError::NoProcess),
        ]
    );
    drop(local.shard.kill(echo));
    local.settle();
    assert_eq!(local.shard.stats(), Stats::default());
}

#[test]
fn a_call_that_was_taken_and_not_answered_fails_when_its_process_ends() {
    let mut local = Local::new();
    let taker = local.shard.spawn(
        SpawnOptions::default(),
        async |me: rusm_core::ProcessContext| {
            me.shard.receive(me.pid, None).await;
            failed("with the call in its hands")
        },
    );
    let taker = taker.unwrap();
    let result = local.as_process(async move |me: Pid, shard: Shard| {
        shard
            .call(me, taker, "f".into(), Bytes::new(), soon())
            .await
    });
    let reason = failed("with the call in its hands");
    assert_eq!(result, Err(CallError::Died(reason)));
}

#[test]
fn a_full_mailbox_refuses_and_tells_callers() {
    let mut local = Local::new();
    let limited = SpawnOptions {
        mailbox: MailboxLimit {
            messages: 2,
            bytes: 100,
        },
        ..SpawnOptions::default()
    };
    let full = local
        .shard
        .spawn(limited, |_| std::future::pending())
        .unwrap();
    for _ in 0..2 {
        local.shard.try_send(full, "x".into()).unwrap();
    }
    assert_eq!(
        local.shard.try_send(full, "x".into()),
        Err(SendError::MailboxFull)
    );
    let results = local.as_process(async move |me: Pid, shard: Shard| {
        let sent = shard.send(full, "x".into()).await;
        (
            sent,
            shard.call(me, full, "f".into(), Bytes::new(), soon()).await,
        )
    });
    assert_eq!(
        results,
        (Err(SendError::MailboxFull), Err(CallError::MailboxFull))
    );
    assert_eq!(local.shard.info_here(full).unwrap().dropped, 2);
}

#[test]
fn ends_take_linked_processes_along_unless_they_trap_them() {
    let mut local = Local::new();
    let [dying, linked, trapping, watching] = [(); 4].map(|()| local.idle());
    let shard = local.shard.clone();
    shard.set_trap_exit(trapping, true);
    shard.link(linked, dying).unwrap();
    shard.link(trapping, linked).unwrap();
    let monitor = shard.monitor(watching, dying).unwrap();
    drop(shard.kill(dying));
    local.settle();
    assert!(!shard.is_alive_here(linked));
    assert!(shard.is_alive_here(trapping));
    let deliveries = local.run({
        let shard = shard.clone();
        async move {
            let exit = shard.receive(trapping, Some(soon())).await;
            let down = shard.receive(watching, Some(soon())).await;
            [exit.unwrap(), down.unwrap()]
        }
    });
    let exit = Delivery::Exit {
        from: linked,
        reason: ExitReason::Killed,
    };
    let down = Delivery::Down {
        monitor,
        pid: dying,
        reason: ExitReason::Killed,
    };
    assert_eq!(deliveries, [exit, down]);
    shard.exit_signal(watching, trapping, failed("trapped"));
    assert!(shard.is_alive_here(trapping));
    shard.exit_signal(watching, trapping, ExitReason::Killed);
    assert!(!shard.is_alive_here(trapping));
}

#[test]
fn a_long_chain_of_links_ends_without_a_deep_stack() {
    let mut local = Local::new();
    let pids: Vec<Pid> = (0..100_000).map(|_| local.idle()).collect();
    for pair in pids.windows(2) {
        local.shard.link(pair[0], pair[1]).unwrap();
    }
    drop(local.shard.kill(pids[0]));
    local.settle();
    assert!(local.shard.is_empty());
}

#[test]
fn links_and_monitors_to_the_dead_say_so_and_undone_ones_are_silent() {
    let mut local = Local::new();
    let [gone, me, other] = [(); 3].map(|()| local.idle());
    let shard = local.shard.clone();
    drop(shard.kill(gone));
    shard.set_trap_exit(me, true);
    shard.link(me, gone).unwrap();
    shard.monitor(me, gone).unwrap();
    shard.link(me, other).unwrap();
    shard.unlink(me, other);
    let undone = shard.monitor(me, other).unwrap();
    shard.demonitor(me, undone);
    drop(shard.kill(other));
    let deliveries = local.run(async move {
        let mut deliveries = Vec::new();
        while let Some(delivery) = shard.receive(me, Some(Instant::now())).await {
            deliveries.push(delivery);
        }
        deliveries
    });
    assert!(
        matches!(
            deliveries.as_slice(),
            [
                Delivery::Exit {
                    reason: ExitReason::NoProcess,
                    ..
                },
                Delivery::Down {
                    reason: ExitReason::NoProcess,
                    ..
                },
            ]
        ),
        "{deliveries:?}"
    );
}

#[test]
fn a_normal_end_leaves_linked_processes_alone() {
    let mut local = Local::new();
    let echo = echo(&local.shard, SpawnOptions::default());
    let linked = local.idle();
    local.shard.link(linked, echo).unwrap();
    local.shard.try_send(echo, "quit".into()).unwrap();
    local.settle();
    assert!(!local.shard.is_alive_here(echo));
    assert!(local.shard.is_alive_here(linked));
}

#[test]
fn a_panic_is_a_failure_of_its_process_alone() {
    let mut local = Local::new();
    let watching = local.idle();
    let panicking = local
        .shard
        .spawn(SpawnOptions::default(), async |_| panic!("boom"))
        .unwrap();
    local.shard.monitor(watching, panicking).unwrap();
    let shard = local.shard.clone();
    let delivery = local.run(async move { shard.receive(watching, Some(soon())).await });
    let Some(Delivery::Down { reason, .. }) = delivery else {
        panic!("{delivery:?}");
    };
    assert_eq!(reason, failed("panicked: boom"));
}

#[test]
fn names_and_groups_are_released_at_once() {
    let mut local = Local::new();
    let shard = local.shard.clone();
    let named = SpawnOptions {
        name: Some("counter".into()),
        ..SpawnOptions::default()
    };
    let first = echo(&shard, named.clone());
    assert_eq!(shard.whereis("counter"), Some(first));
    let taken = shard.spawn(named.clone(), |_| std::future::pending());
    let taken_by = RegisterError::Taken(first);
    assert_eq!(taken, Err(SpawnError::Name("counter".into(), taken_by)));
    let [one, two] = [idle(&shard), idle(&shard)];
    shard.join(one, "room").unwrap();
    shard.join(one, "room").unwrap();
    shard.join(two, "room").unwrap();
    assert_eq!(shard.publish("room", "hello".into()), 2);
    assert!(shard.leave(two, "room"));
    assert_eq!(shard.members("room")[..], [one]);
    drop(shard.kill(first));
    drop(shard.kill(one));
    assert_eq!(shard.whereis("counter"), None, "before its task was run");
    assert!(shard.members("room").is_empty());
    let second = echo(&shard, named);
    assert_eq!(shard.whereis("counter"), Some(second));
    shard.end_all(ExitReason::Shutdown);
    local.settle();
    assert_eq!(shard.node().names_and_groups(), (0, 0));
    assert_eq!(shard.stats(), Stats::default());
}

#[test]
fn limits_of_names_and_groups_are_kept() {
    let local = Local::new();
    let (shard, me) = (&local.shard, local.idle());
    let long = "x".repeat(257);
    assert_eq!(shard.register(me, &long), Err(RegisterError::TooLong));
    assert_eq!(shard.join(me, &long), Err(RegisterError::TooLong));
    for name in 0..rusm_core::quota::MAX_NAMES {
        shard.register(me, &name.to_string()).unwrap();
    }
    assert_eq!(shard.register(me, "more"), Err(RegisterError::TooMany));
    for group in 0..rusm_core::quota::MAX_GROUPS {
        shard.join(me, &group.to_string()).unwrap();
    }
    assert_eq!(shard.join(me, "more"), Err(RegisterError::TooMany));
}

#[test]
fn streams_are_bounded_end_and_see_the_other_side_die() {
    let mut local = Local::new();
    let reader = local.idle();
    let total = local.as_process(async |me: Pid, shard: Shard| {
        let stream = shard.open_stream(me, me).unwrap();
        let chunk = Bytes::from(vec![7; 16 * 1024]);
        let mut written = 0;
        loop {
            let mut write = Box::pin(shard.write(me, stream, chunk.clone()));
            let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(write.as_mut().poll(cx)));
            if polled.await.is_pending() {
                break;
            }
            written += chunk.len();
        }
        shard.close(me, stream, Ok(()));
        let mut read = 0;
        while let Some(chunk) = shard.read(me, stream).await.unwrap() {
            read += chunk.len();
        }
        assert_eq!(shard.read(me, stream).await, Err(StreamError::NotOwner));
        (written, read)
    });
    assert_eq!(total, (rusm_core::STREAM_WINDOW, rusm_core::STREAM_WINDOW));

    let results = local.as_process(async move |me: Pid, shard: Shard| {
        let dies = shard.open_stream(me, reader).unwrap();
        assert!(shard.kill(reader).await);
        let unread = shard.write(me, dies, "x".into()).await;
        let gone = shard.open_stream(me, reader);
        (unread, gone)
    });
    assert_eq!(results, (Err(StreamError::ReaderGone), None));
    local.settle();
    assert_eq!(local.shard.stats(), Stats::default());
}

#[test]
fn a_streamed_answer_ends_with_the_call_and_fails_with_its_process() {
    let mut local = Local::new();
    let numbers = local.shard.spawn(
        SpawnOptions::default(),
        async |me: rusm_core::ProcessContext| {
            loop {
                let Some(Delivery::Call(call)) = me.shard.receive(me.pid, None).await else {
                    return ExitReason::Normal;
                };
                let stream = call.stream.unwrap();
                for n in 0..3u8 {
                    let chunk = Bytes::copy_from_slice(&[n]);
                    me.shard.write(me.pid, stream, chunk).await.unwrap();
                }
                if call.function.as_ref() == "die" {
                    return failed("amid it");
                }
                me.shard.reply(me.pid, call.id, Ok(Bytes::new()));
            }
        },
    );
    let numbers = numbers.unwrap();
    let results = local.as_process(async move |me: Pid, shard: Shard| {
        let mut ends = Vec::new();
        for function in ["count", "die", "count"] {
            let stream = shard.call_stream(me, numbers, function.into(), Bytes::new());
            let mut read = 0;
            loop {
                match shard.read(me, stream).await {
                    Ok(Some(chunk)) => {
                        assert_eq!(chunk[..], [read]);
                        read += 1;
                    }
                    Ok(None) => break ends.push((read, Ok(()))),
                    Err(error) => break ends.push((read, Err(error))),
                }
            }
        }
        ends
    });
    let failure = |text: &str| Err(StreamError::Failed(text.into()));
    assert_eq!(
        results,
        [
            (3, Ok(())),
            (3, failure("the process ended before it answered: amid it")),
            (0, failure("no such process"))
        ]
    );
    local.settle();
    assert_eq!(local.shard.stats(), Stats::default());
}

#[test]
fn a_process_that_is_run_by_its_caller_is_told_to_end() {
    let mut local = Local::new();
    let now = Instant::now();
    let expired = local.shard.start(Some(now)).unwrap();
    let early = local
        .shard
        .start(Some(now + Duration::from_secs(60)))
        .unwrap();
    let killed = local.shard.start(None).unwrap();
    local.shard.expire(now);
    let shard = local.shard.clone();
    let killed_pid = killed.pid();
    assert!(local.run(async move { shard.kill(killed_pid).await }));
    assert_eq!(expired.ended(), Some(End::Deadline));
    assert_eq!(early.ended(), None);
    assert_eq!(killed.ended(), Some(End::Killed(ExitReason::Killed)));
    assert_eq!(local.shard.len(), 3, "until they do");
    drop((expired, early, killed));
    assert!(local.shard.is_empty());
}

#[test]
fn of_an_awaited_process_the_end_at_its_deadline_is_not_told() {
    let local = Local::new();
    let now = Instant::now();
    let spawn = || {
        let options = SpawnOptions {
            deadline: Some(now),
            awaited: true,
            ..SpawnOptions::default()
        };
        let spawned = local.shard.spawn(options, |_| std::future::pending());
        spawned.unwrap()
    };
    let awaited = spawn();
    // Whoever waited has been answered, and what it does then is nobody's.
    let answered = spawn();
    local.shard.set_deadline(answered, None);
    local.shard.set_deadline(answered, Some(now));
    assert_eq!(local.shard.expire(now), [(answered, None)]);
    assert!(!local.shard.is_alive_here(awaited));
}

#[test]
fn a_spawned_process_ends_at_its_deadline() {
    let mut local = Local::new();
    let options = SpawnOptions {
        deadline: Some(Instant::now()),
        ..SpawnOptions::default()
    };
    let pid = local
        .shard
        .spawn(options, |_| std::future::pending())
        .unwrap();
    let watching = local.idle();
    local.shard.monitor(watching, pid).unwrap();
    let notified = local.shard.expire(Instant::now());
    assert_eq!(notified, [(pid, None)]);
    assert!(!local.shard.is_alive_here(pid));
    local.settle();
    let shard = local.shard.clone();
    let delivery = local.run(async move { shard.receive(watching, Some(soon())).await });
    assert!(
        matches!(
            delivery,
            Some(Delivery::Down {
                reason: ExitReason::Failed(_),
                ..
            })
        ),
        "{delivery:?}"
    );
}

#[test]
fn echo_answers_by_message_too() {
    let mut local = Local::new();
    let echo = echo(&local.shard, SpawnOptions::default());
    let delivery = local.as_process(async move |me: Pid, shard: Shard| {
        shard.send(echo, to_echo(me, b"hello")).await.unwrap();
        shard.receive(me, Some(soon())).await
    });
    assert_eq!(delivery, Some(Delivery::Message("hello".into())));
}

#[test]
fn watching_the_dead_without_end_fills_no_mailbox() {
    let mut local = Local::new();
    let [gone, me] = [local.idle(), local.idle()];
    let shard = local.shard.clone();
    drop(shard.kill(gone));
    shard.set_trap_exit(me, true);
    for _ in 0..rusm_core::quota::MAX_LINKS + 1000 {
        if let Ok(monitor) = shard.monitor(me, gone) {
            shard.demonitor(me, monitor);
        }
        let _ = shard.link(me, gone);
    }
    local.settle();
    let depth = shard.info_here(me).unwrap().mailbox_depth as usize;
    assert!(depth <= rusm_core::quota::MAX_LINKS, "{depth} are unread");
}
