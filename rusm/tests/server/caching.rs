//! A second start compiles nothing.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::server::{Serve, Server};

#[test]
fn a_second_start_compiles_nothing() {
    let cache = tempfile::tempdir().unwrap();
    let first = start(cache.path());
    let file = compiled(cache.path());
    let made = std::fs::metadata(&file).unwrap();
    assert!(made.len() > 10_000, "{} bytes", made.len());
    assert_eq!(
        made.mode() & 0o077,
        0,
        "what is run as code is for its owner alone"
    );
    drop(first);
    start(cache.path());
    let now = std::fs::metadata(compiled(cache.path())).unwrap();
    assert_eq!(
        (now.ino(), now.mtime_nsec()),
        (made.ino(), made.mtime_nsec())
    );
}

#[test]
fn a_cache_that_is_damaged_is_survived() {
    let cache = tempfile::tempdir().unwrap();
    drop(start(cache.path()));
    let file = compiled(cache.path());
    let good = std::fs::read(&file).unwrap();
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for damaged in [
        &flipped[..],
        &good[..good.len() / 2],
        &good[..7],
        b"",
        b"not code at all",
    ] {
        std::fs::write(&file, damaged).unwrap();
        drop(start(cache.path()));
        assert_eq!(std::fs::read(&file).unwrap(), good, "it is compiled again");
    }
}

#[test]
fn no_cache_is_survived() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let server = start(&file);
    server.says("can't be used");
}

/// A server that keeps compiled code in `cache`, and serves.
#[track_caller]
fn start(cache: &Path) -> Server {
    let server = Serve::hello().env("XDG_CACHE_HOME", cache).start();
    assert_eq!(server.connect().get("/").text(), "Hello from RUSM\n");
    server
}

/// The only file in the cache.
#[track_caller]
fn compiled(cache: &Path) -> PathBuf {
    let files: Vec<_> = std::fs::read_dir(cache.join("rusm/compiled"))
        .unwrap()
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().unwrap().unwrap().path()
}
