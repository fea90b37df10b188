//! A guest that waits gives its core to the others; and what a guest gets of WASI.

use std::thread;
use std::time::{Duration, Instant};

use crate::apps;
use crate::client::Client;
use crate::server::Serve;

#[test]
fn guests_that_wait_wait_together() {
    let server = Serve::lab_with("").args(["--cores", "1"]).start();
    let addr = server.addr();
    let started = Instant::now();
    let sleepers: Vec<_> = (0..50)
        .map(|_| thread::spawn(move || Client::connect(addr).get("/sleep/500").text()))
        .collect();
    for sleeper in sleepers {
        assert_eq!(sleeper.join().unwrap(), "slept for 500 ms\n");
    }
    assert!(
        started.elapsed() < Duration::from_secs(50 * 500 / 1000 / 2),
        "one after the other they sleep for 25 s"
    );
}

#[test]
fn waiting_too_long_is_504() {
    let server = Serve::lab_with("request-timeout-ms = 300").start();
    let mut client = server.connect();
    assert_eq!(client.get("/sleep/600000").status, 504);
    assert_eq!(client.get("/sleep/1").text(), "slept for 1 ms\n");
}

#[test]
fn a_manifest_has_variables_and_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let secret = dir.path().join("hours");
    std::fs::write(&secret, "never\n").unwrap();
    let manifest = format!(
        "[[serve]]\nlisten = \"127.0.0.1:${{PORT:-0}}\"\nmax-headers = \"${{FIELDS}}\"\n\
         [serve.routes]\n\"GET /env\" = \"clock#env\"\n[components.clock]\ncapability = \"one\"\n\
         [capabilities.one]\nenv = {{ LAB = \"${{WORD}}\", HOURS = \"${{file:{}}}\" }}\n",
        secret.display()
    );
    let serve = || {
        Serve::app(apps::lab())
            .manifest(&manifest)
            .env("FIELDS", "3")
    };
    let server = serve().env("WORD", "shut").start();
    let found = "[(\"HOURS\", \"never\"), (\"LAB\", \"shut\")]\n";
    assert_eq!(server.connect().get("/env").text(), found);
    let (code, said) = serve().fails_to_start();
    assert_eq!(code, Some(2));
    assert!(
        said.contains("the environment variable `WORD` is not set"),
        "{said}"
    );
    assert!(!said.contains("never"), "{said}");
}

#[test]
fn the_environment_is_what_the_profile_grants() {
    let server = Serve::lab_with("").env("SECRET", "of the host").start();
    let granted = "[(\"HOURS\", \"9 to 5\"), (\"LAB\", \"open\")]\n";
    assert_eq!(server.connect().get("/env").text(), granted);
}
