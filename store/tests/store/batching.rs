//! Writes that wait together are committed together, and each has its own answer.

use std::thread;

use futures_executor::block_on;
use rusm_store::StoreError;

use crate::support::new_store;

#[test]
fn many_writers_share_few_commits() {
    const WRITERS: u64 = 64;
    const EACH: u64 = 50;
    let (_dir, store) = new_store();
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = store.clone();
            scope.spawn(move || {
                for n in 1..=EACH {
                    let own = store.increment("own", &writer.to_string(), 1);
                    assert_eq!(block_on(own).unwrap(), n as i64);
                    block_on(store.increment("shared", "n", 1)).unwrap();
                }
            });
        }
    });
    let total = block_on(store.get("shared", "n")).unwrap().unwrap();
    assert_eq!(total, (WRITERS * EACH).to_string().into_bytes());
    let writes = 2 * WRITERS * EACH;
    let commits = store.commits();
    assert!(
        commits < writes / 4,
        "{commits} commits for {writes} writes"
    );
}

#[test]
fn a_single_writer_has_a_commit_for_each_write() {
    let (_dir, store) = new_store();
    for n in 1..=10 {
        block_on(store.set("b", "k", vec![n as u8])).unwrap();
        assert_eq!(store.commits(), n);
    }
}

#[test]
fn what_changes_nothing_is_not_committed() {
    let (_dir, store) = new_store();
    assert!(!block_on(store.delete("b", "k")).unwrap());
    assert!(!block_on(store.compare_and_set("b", "k", Some(vec![]), None)).unwrap());
    assert_eq!(store.commits(), 0);
}

#[test]
fn one_that_fails_does_not_disturb_its_neighbours() {
    let (_dir, store) = new_store();
    block_on(store.set("b", "text", b"no number".to_vec())).unwrap();
    let before = store.commits();
    // Submitted without waiting, so they are together in few transactions.
    let pending: Vec<_> = (0..200)
        .map(|n| {
            let key = if n % 2 == 0 { "text" } else { "number" };
            store.increment("b", key, 1)
        })
        .collect();
    for (n, answer) in pending.into_iter().enumerate() {
        let answer = block_on(answer);
        if n % 2 == 0 {
            assert!(
                matches!(answer, Err(StoreError::NotANumber { .. })),
                "{answer:?}"
            );
        } else {
            assert_eq!(answer.unwrap(), (n as i64 + 1) / 2);
        }
    }
    assert!(store.commits() - before < 100);
    assert_eq!(
        block_on(store.get("b", "text")).unwrap().unwrap(),
        b"no number"
    );
    assert_eq!(block_on(store.get("b", "number")).unwrap().unwrap(), b"100");
}

#[test]
fn a_full_queue_refuses_at_once_and_loses_nothing() {
    let (_dir, store) = new_store();
    let pending: Vec<_> = (0..50_000).map(|_| store.increment("b", "n", 1)).collect();
    let mut done = 0;
    let mut busy = 0;
    for answer in pending {
        match block_on(answer) {
            Ok(n) => {
                done += 1;
                assert_eq!(n, done);
            }
            Err(StoreError::Busy) => busy += 1,
            Err(error) => panic!("{error}"),
        }
    }
    assert!(busy > 0, "50 000 writes found room");
    assert!(done >= 4096, "{done}");
    let number = block_on(store.get("b", "n")).unwrap().unwrap();
    assert_eq!(number, done.to_string().into_bytes());
}

#[test]
fn the_bytes_that_wait_are_bounded() {
    let (_dir, store) = new_store();
    let value = vec![7; 8 * 1024 * 1024];
    let pending: Vec<_> = (0..20)
        .map(|n| store.set("b", &n.to_string(), value.clone()))
        .collect();
    let answers: Vec<_> = pending.into_iter().map(block_on).collect();
    let rejected = answers
        .iter()
        .filter(|answer| matches!(answer, Err(StoreError::Busy)))
        .count();
    let done = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(rejected + done, 20);
    assert!(rejected > 0 && done >= 7, "{done} done, {rejected} refused");
    assert_eq!(block_on(store.list("b", "", 0)).unwrap().len(), done);
    // There is room again.
    block_on(store.set("b", "after", value)).unwrap();
}
