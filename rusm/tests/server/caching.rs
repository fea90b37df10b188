//! A second start compiles nothing.

use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::apps;
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

#[test]
fn a_cache_that_others_can_write_to_is_not_used() {
    let cache = tempfile::tempdir().unwrap();
    drop(start(cache.path()));
    let file = compiled(cache.path());
    std::fs::remove_file(&file).unwrap();
    let dir = cache.path().join("rusm/compiled");
    std::fs::set_permissions(&dir, Permissions::from_mode(0o777)).unwrap();
    let server = start(cache.path());
    server.says("rusm/compiled can be written to by other users");
    assert!(!file.exists(), "nothing was kept there");
}

#[test]
fn what_was_compiled_ahead_is_served_where_nothing_can_be_written() {
    let app = tempfile::tempdir().unwrap();
    let wasm = app.path().join("wasm");
    std::fs::create_dir(&wasm).unwrap();
    for file in ["rusm.toml", "wasm/hello.wasm"] {
        std::fs::copy(apps::hello().join(file), app.path().join(file)).unwrap();
    }
    std::fs::create_dir(wasm.join("compiled")).unwrap();
    std::fs::write(wasm.join("compiled/of-an-older-version.cwasm"), "").unwrap();
    let none = app.path().join("rusm.toml");
    let mut compile = apps::rusm();
    compile
        .arg("compile")
        .arg(app.path())
        .env("XDG_CACHE_HOME", &none);
    let compile = compile.output().unwrap();
    assert!(compile.status.success(), "{compile:?}");
    let files: Vec<_> = std::fs::read_dir(wasm.join("compiled")).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    let file = std::fs::metadata(files[0].as_ref().unwrap().path()).unwrap();
    assert!(
        file.len() > 10_000 && file.mode() & 0o777 == 0o644,
        "{file:?}"
    );

    let server = || {
        let server = Serve::app(app.path())
            .args(["--listen", "127.0.0.1:0"])
            .env("XDG_CACHE_HOME", &none)
            .env("RUST_LOG", "debug")
            .start();
        assert_eq!(server.connect().get("/").text(), "Hello from RUSM\n");
        server
    };
    let ahead = server();
    ahead.says("origin=Cache");
    assert!(!ahead.log().contains("can't be used"), "{}", ahead.log());
    std::fs::set_permissions(wasm.join("compiled"), Permissions::from_mode(0o777)).unwrap();
    let untrusted = server();
    untrusted.says("wasm/compiled can be written to by other users");
    untrusted.says("origin=Compiled");
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
