//! What can be opened, and what is said of the rest.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use futures_executor::block_on;
use redb::{Database, TableDefinition};
use rusm_store::{OpenError, Store};

use crate::support::{child_test, new_store};

#[test]
fn what_is_stored_outlives_the_store() {
    let (dir, store) = new_store();
    block_on(store.set("b", "k", b"v".to_vec())).unwrap();
    drop(store);
    let store = Store::open(&dir.path().join("store.redb")).unwrap();
    assert_eq!(block_on(store.get("b", "k")).unwrap().unwrap(), b"v");
    // Nothing is left of how the file was made.
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn the_directory_has_to_be_there() {
    let dir = tempfile::tempdir().unwrap();
    let error = open_error(&dir.path().join("none/store.redb"));
    assert!(
        matches!(&error, OpenError::NoDirectory { directory, .. } if directory.ends_with("none"))
    );
    assert!(error.to_string().contains("create it first"), "{error}");
    assert!(!dir.path().join("none").exists());
    let error = open_error(dir.path());
    assert!(matches!(error, OpenError::Io { .. }), "{error}");
}

#[test]
fn a_store_that_another_process_has_open_is_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.redb");
    let mut child = child_test("opening::holds_a_store")
        .env("STORE", &path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("open")));
    let error = open_error(&path);
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("a server runs on it"), "{error}");
    child.stdin.take().unwrap().write_all(b"close\n").unwrap();
    assert!(child.wait().unwrap().success());
    Store::open(&path).unwrap();
}

#[test]
#[ignore = "the other process of a_store_that_another_process_has_open_is_in_use"]
fn holds_a_store() {
    let Some(path) = std::env::var_os("STORE") else {
        return;
    };
    let store = Store::open(&PathBuf::from(path)).unwrap();
    println!("\nopen");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    store.close();
}

#[test]
fn a_file_that_is_no_store_is_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("notes.txt");
    for content in [&b""[..], b"bread, milk", &[0; 100_000]] {
        fs::write(&path, content).unwrap();
        let error = open_error(&path);
        assert!(matches!(error, OpenError::NotAStore { .. }), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    let other = dir.path().join("other.redb");
    drop(Database::create(&other).unwrap());
    let error = open_error(&other);
    assert!(matches!(error, OpenError::NotAStore { .. }), "{error}");
}

#[test]
fn a_newer_format_is_refused() {
    let (dir, store) = new_store();
    store.close();
    let path = dir.path().join("store.redb");
    let original = fs::read(&path).unwrap();

    let meta: TableDefinition<'_, &str, u64> = TableDefinition::new("rusm-store");
    let database = Database::open(&path).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction
        .open_table(meta)
        .unwrap()
        .insert("format", 2)
        .unwrap();
    transaction.commit().unwrap();
    drop(database);
    let error = open_error(&path);
    assert!(matches!(error, OpenError::Newer { .. }), "{error}");

    // redb's own version stands at the beginning of each of its two commit slots.
    let mut newer = original;
    newer[64] = 4;
    newer[192] = 4;
    fs::write(&path, newer).unwrap();
    let error = open_error(&path);
    assert!(matches!(error, OpenError::Newer { .. }), "{error}");
}

#[test]
fn a_damaged_file_is_refused_or_gives_what_was_stored() {
    let (dir, store) = new_store();
    let value = |n: usize| n.to_string().repeat(n * 7).into_bytes();
    for n in 0..200 {
        drop(store.set("b", &n.to_string(), value(n)));
    }
    store.close();
    let path = dir.path().join("store.redb");
    let whole = fs::read(&path).unwrap();
    let mut damaged = 0;
    // Cut short, and one byte wrong in each of many places.
    let cuts = (1..whole.len())
        .step_by(whole.len() / 20)
        // Within the header.
        .chain((0..320).step_by(20))
        .map(|at| whole[..at].to_vec());
    let flips = (0..whole.len()).step_by(whole.len() / 200 + 1).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        bytes
    });
    let header = (0..320).map(|at| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        bytes
    });
    for bytes in cuts.chain(flips).chain(header) {
        fs::write(&path, bytes).unwrap();
        match Store::open(&path) {
            Ok(store) => {
                // What was hit is not in use.
                for n in 0..200 {
                    let found = block_on(store.get("b", &n.to_string())).unwrap();
                    assert_eq!(found, Some(value(n)), "{n}");
                }
            }
            Err(
                OpenError::Damaged { .. } | OpenError::NotAStore { .. } | OpenError::Newer { .. },
            ) => {
                damaged += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(damaged > 100, "only {damaged} were found out");
}

fn open_error(path: &Path) -> OpenError {
    match Store::open(path) {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}
