//! A process that is killed in the midst of writing loses nothing that it acknowledged.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use futures_executor::block_on;
use rusm_store::Store;

use crate::support::child_test;

const ROUNDS: u64 = 40;
const WRITERS: usize = 8;

#[test]
fn nothing_that_was_acknowledged_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    // By writer, the last number that it was told.
    let mut acknowledged = BTreeMap::<String, i64>::new();
    let mut most = 0;
    for round in 0..ROUNDS {
        let lines = match round % 5 {
            // While it is opened, or a little later.
            0 => run_and_kill(&path, Kill::AfterStart(round * 200)),
            _ => run_and_kill(&path, Kill::AfterBegin(round * 7919 % 60_000)),
        };
        for line in &lines {
            let (writer, number) = line.split_once(' ').unwrap();
            acknowledged.insert(writer.to_owned(), number.parse().unwrap());
        }
        most = most.max(lines.len());
        check(&path, &mut acknowledged);
    }
    assert!(most > WRITERS, "no round came to write");
}

/// What each writer does is one after the other, so one operation of each may have been done and
/// not acknowledged.
fn check(path: &Path, acknowledged: &mut BTreeMap<String, i64>) {
    let store = Store::open(path).unwrap();
    let told: i64 = acknowledged.values().sum();
    let total = number(&store, "shared");
    assert!(told <= total, "{told} acknowledged, and {total} are there");
    let mut in_file = 0;
    for writer in 0..WRITERS {
        let writer = writer.to_string();
        let number = number(&store, &writer);
        let told = acknowledged.get(&writer).copied().unwrap_or_default();
        assert!(
            number == told || number == told + 1,
            "writer {writer}: {told} acknowledged, and {number} is there"
        );
        // The log has all entries up to the number, and at most the one after it.
        let log = block_on(store.list(&format!("log {writer}"), "", 0)).unwrap();
        assert!(
            (told..=number + 1).contains(&(log.len() as i64)),
            "{} {told} {number}",
            log.len()
        );
        for (n, key) in log.iter().enumerate() {
            assert_eq!(*key, format!("{:08}", n + 1));
        }
        // The next round goes on from here.
        acknowledged.insert(writer, number);
        in_file += number;
    }
    assert!(
        (in_file..=in_file + WRITERS as i64).contains(&total),
        "{in_file} by writer, {total} in all"
    );
    block_on(store.set("numbers", "shared", in_file.to_string().into_bytes())).unwrap();
}

fn number(store: &Store, key: &str) -> i64 {
    block_on(store.increment("numbers", key, 0)).unwrap()
}

#[test]
fn a_process_that_is_killed_while_it_makes_the_store_leaves_none_or_a_whole_one() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..ROUNDS {
        let path = dir.path().join(format!("{round}.redb"));
        run_and_kill(&path, Kill::AfterStart(round * 200));
        Store::open(&path).unwrap();
    }
}

/// When a process is killed, in microseconds.
enum Kill {
    /// After it was started.
    AfterStart(u64),
    /// After it has begun to write.
    AfterBegin(u64),
}

/// The acknowledgements of a process that writes until it is killed.
fn run_and_kill(path: &Path, kill: Kill) -> Vec<String> {
    let mut child = child_test("crash::writes_until_it_is_killed")
        .env("STORE", path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(child.stdout.take().unwrap());
    let mut lines = output.lines().map(Result::unwrap);
    let after = match kill {
        Kill::AfterStart(after) => after,
        Kill::AfterBegin(after) => {
            assert!(lines.any(|line| line == "begin"));
            after
        }
    };
    let reader = thread::spawn(move || lines.collect::<Vec<_>>());
    thread::sleep(Duration::from_micros(after));
    child.kill().unwrap();
    child.wait().unwrap();
    let lines = reader.join().unwrap();
    // The last line may be cut, and was not told then.
    let told = lines.iter().filter_map(|line| line.strip_prefix("done "));
    told.filter_map(|line| line.strip_suffix('.'))
        .map(str::to_owned)
        .collect()
}

#[test]
#[ignore = "the process that nothing_that_was_acknowledged_is_lost kills"]
fn writes_until_it_is_killed() {
    let Some(path) = std::env::var_os("STORE") else {
        return;
    };
    let store = Store::open(&PathBuf::from(path)).unwrap();
    println!("\nbegin");
    thread::scope(|scope| {
        for writer in 0..WRITERS {
            let store = &store;
            scope.spawn(move || {
                let writer = writer.to_string();
                loop {
                    // Together they are in flight, in this order.
                    let number = number(store, &writer);
                    let log = store.set(
                        &format!("log {writer}"),
                        &format!("{:08}", number + 1),
                        vec![b'x'; 100 + number as usize % 5000],
                    );
                    let shared = store.increment("numbers", "shared", 1);
                    let own = store.increment("numbers", &writer, 1);
                    block_on(log).unwrap();
                    block_on(shared).unwrap();
                    println!("done {writer} {}.", block_on(own).unwrap());
                }
            });
        }
    });
}
