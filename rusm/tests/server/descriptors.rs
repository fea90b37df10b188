//! The limit of open files: it is raised, said, and no client hangs at it.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::apps;
use crate::client::get;
use crate::server::{Serve, Server, eventually};

/// Let a running server have no more than so many files open.
fn limit(server: &Server, files: usize) {
    let limit = format!("--nofile={files}:{files}");
    let mut command = Command::new("prlimit");
    let status = command
        .args(["--pid", &server.id().to_string(), &limit])
        .status();
    assert!(status.unwrap().success());
}

/// The soft limit of a running server.
fn soft_limit(server: &Server) -> String {
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let line = limits
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    line.split_whitespace().nth(3).unwrap().to_owned()
}

#[test]
fn the_soft_limit_is_raised_and_a_limit_that_is_too_low_is_said() {
    let server = Serve::hello()
        .limited_to("ulimit -Sn 64; ulimit -Hn 512")
        .start();
    assert_eq!(soft_limit(&server), "512");
    server.says("the listeners allow 10000 (max-connections)");
    server.says("LimitNOFILE=13333");
    let plenty = Serve::hello_with("max-connections = 100").start();
    assert_eq!(plenty.connect().get("/").status, 200);
    assert!(!plenty.log().contains("LimitNOFILE"), "{}", plenty.log());
}

#[test]
fn connections_beyond_the_limit_of_open_files_get_503() {
    for io in ["uring", "epoll"] {
        let server = Serve::hello()
            .limited_to("ulimit -n 128")
            .args(["--io", io])
            .start();
        let mut clients: Vec<_> = (0..100).map(|_| server.connect()).collect();
        let mut statuses = Vec::new();
        for client in &mut clients {
            // One that is refused may be closed before it has asked.
            let _ = client.try_send(get("/"));
            statuses.push(client.response().status);
        }
        let rejected = statuses.iter().filter(|status| **status == 503).count();
        assert_eq!((rejected, statuses[0]), (36, 200), "{statuses:?}");
        drop(clients);
        assert!(eventually(|| server.connect().try_get("/") == Some(200)));
    }
}

#[test]
fn with_no_descriptor_left_a_client_gets_503_and_does_not_hang() {
    for io in ["uring", "epoll"] {
        let server = Serve::hello().args(["--io", io]).start();
        let mut old = server.connect();
        assert_eq!(old.get("/").status, 200);
        // Files of guests, or of another in this container, took the rest.
        limit(&server, server.files_with_room_for(3));
        let asked = Instant::now();
        let mut clients: Vec<_> = (0..20).map(|_| server.connect()).collect();
        let statuses: Vec<_> = clients
            .iter_mut()
            .map(|client| client.try_get("/"))
            .collect();
        assert!(
            statuses[10..].iter().all(|status| *status == Some(503)),
            "{statuses:?}"
        );
        assert!(asked.elapsed() < Duration::from_secs(10));
        drop(clients);
        assert_eq!(old.get("/").status, 200, "who is there is served");
        server.says("as many files open as it may have");
        assert!(eventually(|| server.connect().try_get("/") == Some(200)));
    }
}

#[test]
fn a_guest_cannot_take_all_files() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("file"), "text").unwrap();
    let directory = dir.path().display();
    let manifest = format!(
        "[[serve]]\nlisten = '127.0.0.1:0'\n[serve.routes]\n'GET /probe/*' = 'probe'\n\
         'GET /hello' = 'hello'\n[components.probe]\ncapability = 'reader'\n\
         [capabilities.reader]\npreopen = ['{directory}']\n"
    );
    let server = Serve::app(apps::stock()).manifest(&manifest).start();
    let before = server.files_at_rest();
    // It wants 50,000, and is ended at its share.
    for _ in 0..3 {
        let response = server
            .connect()
            .get(&format!("/probe/hoard?{directory}/file"));
        assert_eq!(response.status, 500);
        assert_eq!(server.connect().get("/hello").status, 200);
    }
    server.says("resource table has no free keys");
    server.lets_go_of_all_but(before + 2);
}

#[test]
fn a_limit_that_no_server_can_start_with_is_no_mistake_of_the_manifest() {
    for files in [10, 11, 22, 24, 32] {
        let limits = format!("ulimit -n {files}");
        let (code, said) = Serve::hello().limited_to(&limits).fails_to_start();
        assert!(
            code == Some(1) && said.contains("error: "),
            "{code:?} {said}"
        );
        assert!(!said.contains("asked for"), "{said}");
    }
}
