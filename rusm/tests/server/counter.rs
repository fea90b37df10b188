//! `examples/counter`: services, the store and workers, as its reader would try them.

use std::path::Path;

use crate::apps::{self, rusm};
use crate::client::{Client, Response, request};
use crate::server::{Serve, Server};

fn start(store: &Path) -> Server {
    Serve::counter(store).start()
}

fn send(server: &Server, method: &str, target: &str, body: &str) -> Response {
    let mut client: Client = server.connect();
    let length = format!("Content-Length: {}\r\n", body.len());
    client.send(request(method, target, &length, body));
    client.response()
}

fn ask(server: &Server, method: &str, target: &str, body: &str) -> String {
    let response = send(server, method, target, body);
    assert!(
        response.status < 300,
        "{method} {target}: {}",
        response.text()
    );
    response.text()
}

#[test]
fn counts_live_in_the_service_until_it_crashes() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(&dir.path().join("data.redb"));
    for n in 1..=3 {
        assert_eq!(ask(&server, "POST", "/count/apples", ""), format!("{n}\n"));
    }
    assert_eq!(ask(&server, "GET", "/count/apples", ""), "3\n");
    assert_eq!(ask(&server, "GET", "/count/pears", ""), "0\n");
    assert_eq!(ask(&server, "POST", "/transfer/apples/pears", ""), "1\n");
    assert_eq!(
        send(&server, "POST", "/transfer/none/pears", "").status,
        409
    );
    let counts = ask(&server, "GET", "/counts", "");
    assert!(
        counts.contains("apples 2\n") && counts.contains("pears 1\n"),
        "{counts}"
    );

    assert!(ask(&server, "POST", "/crash", "").contains("died"));
    assert_eq!(
        ask(&server, "POST", "/count/apples", ""),
        "1\n",
        "its state is gone"
    );
    server.says("crash was called");
}

#[test]
fn durable_counts_survive_a_restart_and_the_command_line_sees_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("data.redb");
    let server = start(&store);
    for n in 1..=3 {
        assert_eq!(
            ask(&server, "POST", "/durable/apples", ""),
            format!("{n}\n")
        );
    }
    let (code, said) = kv(&server, &["get", "counts", "apples"]);
    assert_eq!(code, Some(1), "the server has it: {said}");
    assert!(said.contains("server"), "{said}");
    // Without a chance to tidy up.
    server.signal(libc::SIGKILL);
    let manifest = server.manifest();
    drop(server);

    let kv = |args: &[&str]| kv_with(&manifest, args);
    assert_eq!(kv(&["get", "counts", "apples"]), (Some(0), "3".into()));
    assert_eq!(kv(&["list"]), (Some(0), "counts\n".into()));
    assert_eq!(kv(&["list", "counts"]), (Some(0), "apples\n".into()));
    assert_eq!(
        kv(&["set", "counts", "pears", "41"]),
        (Some(0), String::new())
    );
    assert_eq!(
        kv(&["list", "counts", "--prefix", "p"]),
        (Some(0), "pears\n".into())
    );
    assert_eq!(kv(&["rm", "counts", "apples"]), (Some(0), String::new()));
    let (code, said) = kv(&["rm", "counts", "apples"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("apples"), "{said}");

    let server = start(&store);
    assert_eq!(ask(&server, "POST", "/durable/pears", ""), "42\n");
    assert_eq!(ask(&server, "GET", "/durable/apples", ""), "0\n");
}

#[test]
fn sessions_expire_and_workers_work() {
    let dir = tempfile::tempdir().unwrap();
    let server = start(&dir.path().join("data.redb"));
    assert_eq!(send(&server, "PUT", "/sessions/a", "Ada").status, 204);
    assert_eq!(send(&server, "PUT", "/sessions/b?ms=1", "Bob").status, 204);
    assert_eq!(ask(&server, "GET", "/sessions/a", ""), "Ada");
    assert!(crate::server::eventually(|| send(
        &server,
        "GET",
        "/sessions/b",
        ""
    )
    .status
        == 404));
    assert_eq!(ask(&server, "GET", "/sessions/a", ""), "Ada");
    // FNV-1a of "hello".
    assert_eq!(ask(&server, "POST", "/hash", "hello"), "a430d84680aabd0b\n");
    let slowly = ask(&server, "POST", "/hash-slowly", "hello");
    assert!(slowly.starts_with("25 %\n50 %\n75 %\n100 %\n"), "{slowly}");
}

/// `rusm kv` for the app that this server serves.
fn kv(server: &Server, args: &[&str]) -> (Option<i32>, String) {
    kv_with(&server.manifest(), args)
}

/// Its exit code, and all that it says.
fn kv_with(manifest: &str, args: &[&str]) -> (Option<i32>, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("rusm.toml");
    std::fs::write(&file, manifest).unwrap();
    let mut command = rusm();
    command.arg("kv").arg("--app-dir").arg(apps::counter());
    let output = command
        .arg("--config")
        .arg(&file)
        .args(args)
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(said).unwrap())
}
