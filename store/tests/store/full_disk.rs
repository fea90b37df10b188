//! A commit that the disk refuses.
//!
//! The kernel's limit of a file's size stands in for a full disk: it refuses the same writes. It
//! is one of the process, so the test is a process of its own.

use std::path::PathBuf;
use std::process::Command;

use futures_executor::block_on;
use rusm_store::{Store, StoreError};

use crate::support::child_test;

#[test]
fn a_full_disk_fails_the_batch_and_the_store_lives_on() {
    let dir = tempfile::tempdir().unwrap();
    let child = child_test("full_disk::fills_the_disk");
    // Blocks of 512 bytes: 1 MiB. Unless it is ignored, the signal ends the process.
    let done = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -S -f 2048; exec \"$@\"", "sh"])
        .arg(child.get_program())
        .args(child.get_args())
        .env("STORE", dir.path().join("store.redb"))
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&done.stdout);
    assert!(
        done.status.success(),
        "{output}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert!(output.contains("1 passed"), "{output}");

    // It was killed, so to say, by its end: what was acknowledged is there.
    let store = Store::open(&dir.path().join("store.redb")).unwrap();
    assert_eq!(block_on(store.get("b", "n")).unwrap().unwrap(), b"1");
}

#[test]
#[ignore = "the process of a_full_disk_fails_the_batch_and_the_store_lives_on"]
fn fills_the_disk() {
    let Some(path) = std::env::var_os("STORE") else {
        return;
    };
    let store = Store::open(&PathBuf::from(path)).unwrap();
    assert_eq!(block_on(store.increment("b", "n", 1)).unwrap(), 1);

    block_on(store.set("b", "text", b"x".to_vec())).unwrap();

    // Those of a transaction that is too large fail, its small ones too. Which ones are together
    // depends on when the writer looks, so it is tried until they are.
    let together = (0..100).any(|_| {
        let value = vec![7; 3_000_000];
        let before = store.set("b", "before", vec![0; 100_000]);
        let small = store.set("b", "small", b"x".to_vec());
        let large = store.set("b", "large", value);
        let no_number = store.increment("b", "text", 1);
        // It gives the others time, unless the writer waits for them too.
        let _ = block_on(before);
        let small = block_on(small);
        let large = block_on(large);
        assert!(matches!(large, Err(StoreError::Failed(_))), "{large:?}");

        // What was acknowledged can be read, and what failed isn't there.
        assert_eq!(block_on(store.get("b", "n")).unwrap().unwrap(), b"1");
        assert!(!block_on(store.exists("b", "large")).unwrap());
        assert_eq!(block_on(store.exists("b", "small")).unwrap(), small.is_ok());
        block_on(store.delete("b", "small")).unwrap();
        small.is_err() && matches!(block_on(no_number), Err(StoreError::Failed(_)))
    });
    assert!(together);
    // What has room is written.
    block_on(store.set("b", "small", b"y".to_vec())).unwrap();

    // Once there is room, all is.
    let pid = std::process::id().to_string();
    let raised = Command::new("prlimit")
        .args(["--pid", &pid, "--fsize=unlimited"])
        .status();
    assert!(raised.unwrap().success());
    block_on(store.set("b", "large", vec![7; 3_000_000])).unwrap();
    assert_eq!(
        block_on(store.get("b", "large")).unwrap().unwrap().len(),
        3_000_000
    );
}
