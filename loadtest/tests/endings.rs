//! Exit codes when something ends early: the server, or the reader of the output.

#![allow(clippy::unwrap_used, clippy::panic)]

mod stub;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use stub::http::Http;

#[test]
fn a_server_that_dies_or_hangs_in_the_middle_meets_no_expectation() {
    std::thread::scope(|scope| {
        for hangs in [false, true] {
            scope.spawn(move || {
                let url = until(Duration::from_millis(1300), hangs);
                let dir = tempfile::tempdir().unwrap();
                let line = format!("http {url} -c 4 -d 3s --warmup 0s --expect-p99 1h");
                let output = run(dir.path(), &line);
                assert_eq!(output.status.code(), Some(1), "{hangs}: {output:?}");
                let error = String::from_utf8(output.stderr).unwrap();
                assert!(error.contains("time without"), "{error}");
            });
        }
    });
}

#[test]
fn the_exit_code_is_the_same_when_standard_error_is_full() {
    let stub = Http {
        status: 404,
        ..Http::default()
    }
    .start();
    let dir = tempfile::tempdir().unwrap();
    let url = stub.url("http", "/");
    for (line, code) in [
        (format!("http {url} -c 1 -n 2"), 3),
        (format!("http {url} -c 1 -n 2 --json - --expect 404"), 0),
        ("http nonsense".to_owned(), 2),
    ] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
        let mut command = command(dir.path(), &line);
        let output = command.stderr(full.unwrap()).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{line}: {output:?}");
    }
}

#[test]
fn two_kinds_of_file_have_two_paths() {
    let stub = Http::default().start();
    let dir = tempfile::tempdir().unwrap();
    let line = format!(
        "http {} -c 1 -n 2 --json a --html ./a",
        stub.url("http", "/")
    );
    let output = run(dir.path(), &line);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("two files at "), "{error}");
}

/// Answers every request on every connection until the time has come. Then it hangs, or ends them all.
fn until(end: Duration, hangs: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        // The first connection is that of the check before the run.
        let end = Instant::now() + end;
        let serve = move |mut client: TcpStream| {
            let mut request = [0; 4096];
            while Instant::now() < end && client.read(&mut request).is_ok_and(|count| count > 0) {
                let response = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
                let _ = client.write_all(response);
                std::thread::sleep(Duration::from_millis(1));
            }
            if hangs {
                std::thread::sleep(Duration::from_secs(10));
            }
        };
        listener.set_nonblocking(true).unwrap();
        while Instant::now() < end {
            if let Ok((client, _)) = listener.accept() {
                client.set_nonblocking(false).unwrap();
                std::thread::spawn(move || serve(client));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        if hangs {
            std::thread::sleep(Duration::from_secs(10));
        }
    });
    url
}

fn command(dir: &Path, line: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rusm-loadtest"));
    command
        .args(line.split_whitespace())
        .current_dir(dir)
        .env("NO_COLOR", "1");
    command
}

fn run(dir: &Path, line: &str) -> Output {
    command(dir, line).output().unwrap()
}
