//! A store in a directory of its own, and this test binary as a process of its own.

use std::env;
use std::process::Command;

use rusm_store::Store;
use tempfile::TempDir;

/// A new store, and the directory that holds its file `store.redb`.
pub(crate) fn new_store() -> (TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.redb")).unwrap();
    (dir, store)
}

/// The program and arguments that run the ignored test `name` of this binary.
pub(crate) fn child_test(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    command
}
