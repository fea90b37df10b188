//! What processes may hold, and what others see when they hold too much.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod common;
mod model;

use std::time::{Duration, Instant};

use bytes::Bytes;
use common::{Local, Remote, echo, idle};
use proptest::prelude::{ProptestConfig, any, prop, proptest};
use rusm_core::quota::{
    LEFT_TIMERS, MAX_NAME, MAX_STREAM_BYTES, MAX_WAITING_STREAMS, PROCESS_TIMERS,
};
use rusm_core::{
    CallError, Delivery, ExitReason, MailboxLimit, Node, Pid, ProcessContext, QuotaError,
    RegisterError, RequestId, SendError, Shard, SpawnError, SpawnOptions, Stats,
};

const HOUR: Duration = Duration::from_secs(3600);

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn later(shard: &Shard, me: Pid, to: Pid) -> Result<(), QuotaError> {
    shard.send_after(me, to, HOUR, "later".into()).map(drop)
}

#[test]
fn a_reserved_name_is_nobody_elses_while_its_process_is_between_two_lives() {
    let mut local = Local::new();
    let name = local.shard.node().reserve("victim").unwrap();
    let impostor = local.idle();
    let shard = local.shard.clone();
    let register = || shard.register(impostor, "victim");
    assert_eq!(register(), Err(RegisterError::Reserved), "before the first");
    let live = || {
        let options = SpawnOptions {
            reserved_name: Some(name.clone()),
            ..SpawnOptions::default()
        };
        shard.spawn(options, |_| std::future::pending())
    };
    let first = live().unwrap();
    assert_eq!(shard.whereis("victim"), Some(first));
    assert_eq!(register(), Err(RegisterError::Reserved));
    let refused = SpawnError::Name("victim".into(), RegisterError::Taken(first));
    assert_eq!(live(), Err(refused), "there is one at a time");
    let by_name = SpawnOptions {
        name: Some("victim".into()),
        ..SpawnOptions::default()
    };
    let refused = shard.spawn(by_name, |_| std::future::pending());
    let reserved = SpawnError::Name("victim".into(), RegisterError::Reserved);
    assert_eq!(refused, Err(reserved));
    assert!(!shard.unregister(first, "victim"), "nor is it given away");
    drop(shard.kill(first));
    assert_eq!(
        register(),
        Err(RegisterError::Reserved),
        "between two lives"
    );
    assert_eq!(shard.whereis("victim"), None);
    let second = live().unwrap();
    assert_eq!(shard.whereis("victim"), Some(second));
    shard.end_all(ExitReason::Shutdown);
    local.settle();
    assert_eq!(shard.stats(), Stats::default());
    assert_eq!(shard.node().names_and_groups(), (0, 0));
}

#[test]
fn a_timer_ends_with_the_process_that_it_is_for() {
    let node = Node::new(2);
    let _remote = Remote::start(&node, 1);
    let mut local = Local::of(&node, 0);
    let shard = local.shard.clone();
    let (setter, here) = (local.idle(), local.idle());
    let there = local
        .run(shard.ask(rusm_core::ShardId::new(1), idle))
        .unwrap();
    for to in [here, there, setter] {
        later(&shard, setter, to).unwrap();
    }
    assert_eq!(shard.stats().timers, 3);
    drop(shard.kill(here));
    assert_eq!(shard.stats().timers, 2);
    local.run(shard.kill(there));
    local.until("its shard tells", |shard| shard.stats().timers == 1);
    let gone = [here, there, Pid::from_raw(u64::MAX)];
    for to in gone {
        later(&shard, setter, to).unwrap();
    }
    local.until("those of the dead are over", |shard| {
        shard.stats().timers == 1
    });
    drop(shard.kill(setter));
    assert_eq!(shard.stats(), Stats::default());
}

#[test]
fn processes_that_set_timers_without_end_take_none_of_the_others() {
    let mut local = Local::new();
    let service = local.idle();
    let shard = local.shard.clone();
    // As a handler that is called again and again: more in all than a shard may have.
    for _ in 0..300 {
        let hostile = local.idle();
        let mut set = 0;
        while later(&shard, hostile, service).is_ok() {
            set += 1;
        }
        assert_eq!(set, PROCESS_TIMERS);
        drop(shard.kill(hostile));
        local.settle();
        assert!(shard.stats().timers <= LEFT_TIMERS);
    }
    assert_eq!(
        shard.take_losses().timers as usize,
        300 * PROCESS_TIMERS - LEFT_TIMERS
    );
    let other = local.idle();
    later(&shard, other, service).unwrap();
    later(&shard, service, service).unwrap();
    shard.end_all(ExitReason::Shutdown);
    local.settle();
    assert_eq!(shard.stats(), Stats::default());
}

#[test]
fn a_timer_whose_setter_has_ended_still_sends() {
    let mut local = Local::new();
    let delivery = local.as_process(async |me: Pid, shard: Shard| {
        let setter = idle(&shard);
        let soon_due = Duration::from_millis(5);
        shard
            .send_after(setter, me, soon_due, "later".into())
            .unwrap();
        drop(shard.kill(setter));
        shard.receive(me, Some(soon())).await
    });
    assert_eq!(delivery, Some(Delivery::Message("later".into())));
}

#[test]
fn a_timer_can_not_be_cancelled_by_another() {
    let local = Local::new();
    let (setter, other) = (local.idle(), local.idle());
    let shard = &local.shard;
    let timer = shard.send_after(setter, other, HOUR, Bytes::new()).unwrap();
    assert!(!shard.cancel_timer(other, timer));
    assert!(shard.cancel_timer(setter, timer));
}

/// A process of another shard whose mailbox takes two messages of 10 bytes in all, and that takes
/// nothing out of it.
fn full_afar(local: &mut Local) -> Pid {
    let shard = local.shard.clone();
    let spawned = shard.ask(rusm_core::ShardId::new(1), |shard| {
        let options = SpawnOptions {
            mailbox: MailboxLimit {
                messages: 2,
                bytes: 10,
            },
            ..SpawnOptions::default()
        };
        shard.spawn(options, |_| std::future::pending()).unwrap()
    });
    local.run(spawned).unwrap()
}

#[test]
fn a_cast_to_another_shard_is_well_only_if_there_is_room_for_it() {
    let node = Node::new(2);
    let _remote = Remote::start(&node, 1);
    let mut local = Local::of(&node, 0);
    let full = full_afar(&mut local);
    let casts = local.as_process(async move |_: Pid, shard: Shard| {
        let mut casts = Vec::new();
        for size in [10, 9, 1, 1, 0, 0] {
            let args = Bytes::from(vec![0; size]);
            casts.push(shard.cast(&RequestId::None, full, "".into(), args).await);
        }
        let large = shard
            .cast(&RequestId::None, full, "f".into(), Bytes::from(vec![0; 10]))
            .await;
        casts.push(large);
        casts
    });
    let is_full = Err(SendError::MailboxFull);
    assert_eq!(
        casts,
        [
            Ok(()),
            is_full,
            is_full,
            is_full,
            Ok(()),
            is_full,
            Err(SendError::TooLarge(10))
        ]
    );
    let shard = local.shard.clone();
    let info = local.run(shard.info(full)).unwrap();
    assert_eq!((info.mailbox_depth, info.dropped), (2, 0));
    local.run(shard.kill(full));
    let gone = local.as_process(async move |_: Pid, shard: Shard| {
        shard
            .cast(&RequestId::None, full, "f".into(), Bytes::new())
            .await
    });
    assert_eq!(gone, Err(SendError::NoProcess));
}

#[test]
fn casts_that_are_well_all_arrive_and_room_is_given_back() {
    let node = Node::new(2);
    let _remote = Remote::start(&node, 1);
    let mut local = Local::of(&node, 0);
    let shard = local.shard.clone();
    let spawned = shard.ask(rusm_core::ShardId::new(1), |shard| {
        let options = SpawnOptions {
            mailbox: MailboxLimit {
                messages: 4,
                bytes: 64,
            },
            ..SpawnOptions::default()
        };
        let count = async |me: ProcessContext| {
            let mut casts = 0u64;
            while let Some(delivery) = me.shard.receive(me.pid, None).await {
                let Delivery::Call(call) = delivery else {
                    continue;
                };
                casts += 1;
                if call.from.is_some() {
                    let answer = (casts - 1).to_le_bytes().to_vec();
                    me.shard.reply(me.pid, call.id, Ok(answer.into()));
                }
            }
            ExitReason::Normal
        };
        shard.spawn(options, count).unwrap()
    });
    let counter = local.run(spawned).unwrap();
    let (well, counted) = local.as_process(async move |me: Pid, shard: Shard| {
        let mut well = 0u64;
        for _ in 0..20_000 {
            let cast = shard
                .cast(&RequestId::None, counter, "f".into(), Bytes::new())
                .await;
            well += u64::from(cast.is_ok());
        }
        let counted = loop {
            let call = shard.call(me, counter, "f".into(), Bytes::new(), soon());
            match call.await {
                Err(CallError::MailboxFull) => {}
                answer => break answer.unwrap(),
            }
        };
        (well, counted)
    });
    assert_eq!(counted.as_ref(), well.to_le_bytes());
    assert!(well > 0);
}

#[test]
fn a_call_that_is_too_large_is_told_from_one_that_finds_no_room() {
    let node = Node::new(2);
    let _remote = Remote::start(&node, 1);
    let mut local = Local::of(&node, 0);
    let far = full_afar(&mut local);
    let near = {
        let options = SpawnOptions {
            mailbox: MailboxLimit {
                messages: 2,
                bytes: 10,
            },
            ..SpawnOptions::default()
        };
        let pending = |_| std::future::pending();
        local.shard.spawn(options, pending).unwrap()
    };
    for callee in [near, far] {
        let answers = local.as_process(async move |me: Pid, shard: Shard| {
            let call = |size| {
                let args = Bytes::from(vec![0; size]);
                shard.call(me, callee, "f".into(), args, soon())
            };
            let large = call(10).await;
            shard
                .cast(&RequestId::None, callee, "f".into(), Bytes::new())
                .await
                .unwrap();
            shard
                .cast(&RequestId::None, callee, "f".into(), Bytes::new())
                .await
                .unwrap();
            [large, call(10).await, call(0).await]
        });
        let too_large = Err(CallError::TooLarge(10));
        let expected = [too_large.clone(), too_large, Err(CallError::MailboxFull)];
        assert_eq!(answers, expected);
    }
    let dropped = local.as_process(async move |_: Pid, shard: Shard| {
        let sent = shard.send(near, Bytes::from(vec![0; 11])).await;
        (sent, shard.take_losses().messages)
    });
    assert_eq!(dropped.0, Err(SendError::TooLarge(10)));
    assert_eq!((dropped.1[0].pid, dropped.1[0].messages), (near, 1));
}

#[test]
fn a_caller_learns_whether_its_call_was_begun() {
    let mut local = Local::new();
    let take_one = async |me: ProcessContext| {
        me.shard.receive(me.pid, None).await;
        // All three calls are there.
        while me.shard.info_here(me.pid).unwrap().mailbox_depth < 2 {
            rusm_core::fairness::yield_to_io().await;
        }
        ExitReason::failed("a bug")
    };
    let callee = local
        .shard
        .spawn(SpawnOptions::default(), take_one)
        .unwrap();
    let mut callers = Vec::new();
    let (sender, answers) = std::sync::mpsc::channel();
    for _ in 0..3 {
        let sender = sender.clone();
        let call = move |me: ProcessContext| async move {
            let call = me.shard.call(me.pid, callee, "f".into(), "".into(), soon());
            sender.send(call.await.unwrap_err()).unwrap();
            ExitReason::Normal
        };
        callers.push(local.shard.spawn(SpawnOptions::default(), call).unwrap());
    }
    local.until("all are answered", |shard| shard.is_empty());
    let mut answers: Vec<_> = answers.try_iter().collect();
    answers.sort_by_key(|answer| matches!(answer, CallError::NotBegun(_)));
    let reason = ExitReason::failed("a bug");
    let not_begun = CallError::NotBegun(reason.clone());
    assert_eq!(
        answers,
        [CallError::Died(reason), not_begun.clone(), not_begun]
    );
}

#[test]
fn a_process_that_calls_itself_gets_an_error_at_once() {
    let mut local = Local::new();
    let (answer, stream) = local.as_process(async |me: Pid, shard: Shard| {
        let answer = shard.call(me, me, "f".into(), Bytes::new(), soon()).await;
        let stream = shard.call_stream(me, me, "f".into(), Bytes::new());
        (answer, shard.read(me, stream).await)
    });
    assert_eq!(answer, Err(CallError::OwnProcess));
    assert!(stream.unwrap_err().to_string().contains("itself"));
    local.settle();
    assert_eq!(local.shard.stats(), Stats::default());
}

#[test]
fn streams_that_nobody_accepts_take_none_of_a_processs_own() {
    let mut local = Local::new();
    let service = local.idle();
    let echo = echo(&local.shard, SpawnOptions::default());
    let shard = local.shard.clone();
    let opened = local.as_process(async move |me: Pid, shard: Shard| {
        let streams: Vec<_> = (0..5000)
            .filter_map(|_| shard.open_stream(me, service))
            .collect();
        let mut open = 0;
        for stream in &streams {
            let written = shard.write(me, *stream, Bytes::new()).await;
            open += usize::from(written.is_ok());
        }
        open
    });
    assert_eq!(opened, MAX_WAITING_STREAMS);
    assert!(shard.open_stream(service, echo).is_some());
}

#[test]
fn bytes_that_a_process_does_not_read_are_bounded_over_all_its_streams() {
    let mut local = Local::new();
    let reader = local.idle();
    let shard = local.shard.clone();
    let written = local.as_process(async move |me: Pid, shard: Shard| {
        // One chunk alone may be larger than the window.
        let chunk = Bytes::from(vec![0; 4 << 20]);
        let mut written = 0;
        for _ in 0..32 {
            let stream = shard.open_stream(me, reader).unwrap();
            shard.write(me, stream, chunk.clone()).await.unwrap();
            let usage = shard.quota_usage_here(reader).unwrap();
            assert!(usage.stream_bytes <= MAX_STREAM_BYTES);
            written = usage.stream_bytes;
        }
        written
    });
    assert_eq!(written, MAX_STREAM_BYTES);
    drop(shard.kill(reader));
    local.settle();
    assert_eq!(shard.stats(), Stats::default());
}

#[test]
fn a_label_is_short_and_does_not_pass_for_the_one_that_the_log_shows() {
    let mut local = Local::new();
    let options = SpawnOptions {
        label: Some("api".into()),
        deadline: Some(Instant::now()),
        ..SpawnOptions::default()
    };
    let pending = |_| std::future::pending();
    let pid = local.shard.spawn(options, pending).unwrap();
    local.shard.set_label(pid, &"ü".repeat(1000));
    let label = local.shard.info_here(pid).unwrap().label.unwrap();
    assert_eq!(label.len(), MAX_NAME);
    let expired = local.shard.expire(Instant::now());
    assert_eq!(expired, [(pid, Some("api".into()))]);
    local.settle();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_processes_do_to_one_another_their_quotas_hold(
        bytes in prop::collection::vec(any::<u8>(), 0..600)
    ) {
        model::run(&model::decode(&bytes));
    }
}

#[test]
#[ignore = "long: 2 000 sequences of 1000 steps"]
fn whatever_processes_do_for_long_their_quotas_hold() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(2000));
    let bytes = prop::collection::vec(any::<u8>(), 3000..4000);
    let ran = runner.run(&bytes, |bytes| {
        model::run(&model::decode(&bytes));
        Ok(())
    });
    ran.unwrap();
}
