//! The admin listener: who may reach it, and what probes are told.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};

use libc::{SIGKILL, SIGTERM};

use crate::apps;
use crate::client::{Client, Response, get, request};
use crate::server::{PATIENCE, Serve, Server, eventually, two_cores};

/// The table of an admin listener on any port.
pub(crate) const ADMIN: &str = "[admin]\nlisten = \"127.0.0.1:0\"\n";

/// Where the admin listener is.
#[track_caller]
pub(crate) fn admin(server: &Server) -> SocketAddr {
    let addr = server
        .banner
        .lines()
        .find_map(|line| line.strip_prefix("admin http://"));
    addr.expect(&server.banner).parse().unwrap()
}

/// The response to a GET, which is the only one on its connection.
#[track_caller]
pub(crate) fn ask(addr: SocketAddr, path: &str) -> Response {
    Client::connect(addr).get(path)
}

/// Serve examples/hello with an admin listener on any port.
fn hello() -> Serve {
    let manifest = std::fs::read_to_string(apps::hello().join("rusm.toml")).unwrap();
    let manifest = manifest.replace("127.0.0.1:8080", "127.0.0.1:0");
    Serve::app(apps::hello()).manifest(&format!("{ADMIN}{manifest}"))
}

fn over_unix(path: &Path, target: &str) -> String {
    let mut socket = UnixStream::connect(path).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(get(target).as_bytes()).unwrap();
    let mut response = String::new();
    socket.read_to_string(&mut response).unwrap();
    response
}

#[test]
fn a_node_is_ready_until_it_stops() {
    let mut server = {
        let manifest = std::fs::read_to_string(apps::lab().join("rusm.toml")).unwrap();
        let serve = Serve::app(apps::lab()).manifest(&format!("{ADMIN}{manifest}"));
        serve.args(["--cores", &two_cores()]).start()
    };
    let admin = admin(&server);
    let is_ready = || ask(admin, "/health/ready").status == 200;
    assert!(
        eventually(is_ready),
        "{}",
        ask(admin, "/health/ready").text()
    );
    assert_eq!(ask(admin, "/health/live").text(), "ok\n");
    let mut at_work = server.connect();
    at_work.send(get("/work/4000"));
    server.has_read(&at_work);

    server.signal(SIGTERM);
    assert!(eventually(|| !is_ready()));
    let response = ask(admin, "/health/ready");
    assert_eq!(response.status, 503);
    assert!(
        response.text().starts_with("stopping"),
        "{}",
        response.text()
    );
    assert_eq!(
        ask(admin, "/health/live").status,
        200,
        "it finishes its work"
    );
    assert_eq!(at_work.response().status, 200);
    assert_eq!(server.wait().and_then(|status| status.code()), Some(0));
}

#[test]
fn a_node_without_one_of_its_services_is_not_ready() {
    let keys = "[components.subject]\nresident = true\nmax-restarts = 0\nrestart-window-s = 60\n";
    let server = Serve::actors(|manifest| {
        ADMIN.to_owned() + &manifest.replace("[components.subject]\nresident = true\n", keys)
    })
    .start();
    let admin = admin(&server);
    assert!(eventually(|| ask(admin, "/health/ready").status == 200));
    server.connect().get("/crash-after/0");
    assert!(eventually(|| ask(admin, "/health/ready").status == 503));
    let reason = ask(admin, "/health/ready").text();
    assert_eq!(
        reason,
        "service `subject` died too often, and was given up\n"
    );
    assert_eq!(
        ask(admin, "/health/live").status,
        200,
        "a restart is the operator's choice"
    );
}

#[test]
fn what_is_not_there_is_refused() {
    let server = hello().start();
    let admin = admin(&server);
    assert_eq!(
        ask(admin, "/").header("x-content-type-options"),
        Some("nosniff")
    );
    assert_eq!(ask(admin, "/users/1").status, 404);
    assert_eq!(
        ask(server.addr(), "/health/live").status,
        404,
        "the app's own path"
    );
    let response = Client::connect(admin)
        .send(request(
            "POST",
            "/health/live",
            "Content-Length: 3\r\n",
            "abc",
        ))
        .response();
    assert_eq!(
        (response.status, response.header("allow")),
        (405, Some("GET, HEAD"))
    );
    let head = Client::connect(admin)
        .send(request("HEAD", "/health/live", "", ""))
        .head();
    assert_eq!(
        (head.status, head.header("content-length")),
        (200, Some("3"))
    );
    let garbage: [&[u8]; 4] = [
        b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\n\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /health/live HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ];
    for bytes in garbage {
        let mut client = Client::connect(admin);
        let status = client.send(bytes).response().status;
        assert!(
            status == 400 || status == 505,
            "{status}: {}",
            bytes.escape_ascii()
        );
        client.is_closed();
    }
    let mut endless = Client::connect(admin);
    let long = format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(100_000));
    assert_eq!(endless.send(long).response().status, 414);
    endless.is_closed();
}

#[test]
fn clients_that_hold_connections_open_keep_no_probe_out() {
    let server = hello().start();
    let admin = admin(&server);
    let mut slow: Vec<_> = (0..200)
        .map(|_| {
            let mut client = Client::connect(admin);
            let _ = client.try_send("GET /health/live HTTP/1.1\r\nHo");
            client
        })
        .collect();
    for _ in 0..3 {
        assert_eq!(ask(admin, "/health/live").status, 200);
    }
    assert_eq!(server.connect().get("/").status, 200);
    // The newest may still be answered; the oldest were closed.
    let newest = slow.pop().unwrap().send("st: h\r\n\r\n").response();
    assert_eq!(newest.status, 200);
    slow.swap_remove(0).is_closed();
}

#[test]
fn with_a_key_nothing_but_probes_is_answered_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("admin.key");
    std::fs::write(&key, "correct-horse\n").unwrap();
    let manifest = std::fs::read_to_string(apps::hello().join("rusm.toml")).unwrap();
    let manifest = manifest.replace("127.0.0.1:8080", "127.0.0.1:0");
    let public = format!(
        "[admin]\nlisten = \"0.0.0.0:0\"\nkey = \"{}\"\n",
        key.display()
    );
    let server = Serve::app(apps::hello())
        .manifest(&(public + &manifest))
        .start();
    let admin = SocketAddr::from(([127, 0, 0, 1], admin(&server).port()));
    assert!(eventually(|| ask(admin, "/health/ready").status == 200));
    let with = |path: &str, token: &str| {
        let header = format!("Authorization: Bearer {token}\r\n");
        Client::connect(admin)
            .send(request("GET", path, &header, ""))
            .response()
    };
    for path in ["/metrics", "/services", "/processes", "/nothing"] {
        let response = ask(admin, path);
        assert_eq!(
            (response.status, response.header("www-authenticate")),
            (401, Some("Bearer")),
            "{path}"
        );
        assert_eq!(with(path, "correct-hors").status, 401, "{path}");
        let expected = if path == "/nothing" { 404 } else { 200 };
        assert_eq!(with(path, "correct-horse").status, expected, "{path}");
    }
}

#[test]
fn a_key_that_is_not_there_keeps_the_node_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("admin.key");
    let manifest = std::fs::read_to_string(apps::hello().join("rusm.toml")).unwrap();
    let table = format!("{ADMIN}key = \"{}\"\n", key.display());
    for (text, said) in [
        (None, "cannot read the key"),
        (Some(" \n"), "holds no key: it is empty"),
    ] {
        if let Some(text) = text {
            std::fs::write(&key, text).unwrap();
        }
        let manifest = format!("{table}{manifest}");
        let (code, log) = Serve::app(apps::hello())
            .manifest(&manifest)
            .fails_to_start();
        assert_eq!(code, Some(2), "{log}");
        assert!(log.contains(said), "{log}");
    }
}

#[test]
fn a_key_that_has_no_end_is_refused() {
    let manifest = std::fs::read_to_string(apps::hello().join("rusm.toml")).unwrap();
    let manifest = format!("{ADMIN}key = \"/dev/zero\"\n{manifest}");
    let (code, log) = Serve::app(apps::hello())
        .manifest(&manifest)
        .fails_to_start();
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("not a regular file"), "{log}");
}

#[test]
fn probes_are_answered_between_any_number_of_scrapes() {
    let server = hello().start();
    let admin = admin(&server);
    assert!(eventually(|| ask(admin, "/health/ready").status == 200));
    // They wait for the next tick of the shards, and never take what they asked for.
    let pages = ["/metrics", "/processes", "/services"];
    let scrapes: Vec<_> = (0..300)
        .map(|number| {
            let mut client = Client::connect(admin);
            client.send(request("GET", pages[number % 3], "", ""));
            client
        })
        .collect();
    let asked = Instant::now();
    assert_eq!(ask(admin, "/health/live").status, 200);
    assert!(
        asked.elapsed() < Duration::from_millis(1500),
        "{:?}",
        asked.elapsed()
    );
    drop(scrapes);
}

#[test]
fn an_address_for_other_machines_without_a_key_is_refused() {
    let manifest = "[admin]\nlisten = \"0.0.0.0:9090\"\n[[serve]]\nlisten = \"127.0.0.1:0\"\ncomponent = \"hello\"\n";
    let (code, log) = Serve::app(apps::hello())
        .manifest(manifest)
        .fails_to_start();
    assert_eq!(code, Some(2), "{log}");
    assert!(log.contains("has no `key`"), "{log}");
}

#[test]
fn an_address_that_is_taken_is_named() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let manifest = std::fs::read_to_string(apps::hello().join("rusm.toml")).unwrap();
    let manifest = format!("[admin]\nlisten = \"{addr}\"\n{manifest}");
    let (code, log) = Serve::app(apps::hello())
        .manifest(&manifest)
        .fails_to_start();
    assert_eq!(code, Some(1), "{log}");
    assert!(
        log.contains("[admin]") && log.contains(&addr.to_string()),
        "{log}"
    );
}

#[test]
fn a_unix_socket_is_replaced_when_its_server_is_dead_and_goes_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("admin.sock");
    let manifest = std::fs::read_to_string(apps::hello().join("rusm.toml")).unwrap();
    let manifest = manifest.replace("127.0.0.1:8080", "127.0.0.1:0");
    let manifest = format!("[admin]\nlisten = \"unix:{}\"\n{manifest}", path.display());
    let serve = || Serve::app(apps::hello()).manifest(&manifest);

    let mut killed = serve().start();
    assert!(
        killed
            .banner
            .contains(&format!("admin unix:{}", path.display())),
        "{}",
        killed.banner
    );
    assert!(over_unix(&path, "/health/live").starts_with("HTTP/1.1 200 OK\r\n"));
    let (code, log) = serve().fails_to_start();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("another process listens on unix:"), "{log}");
    killed.signal(SIGKILL);
    killed.wait();
    assert!(path.exists());

    let mut stopped = serve().start();
    assert!(eventually(
        || over_unix(&path, "/health/ready").ends_with("\r\n\r\nok\n")
    ));
    stopped.signal(SIGTERM);
    stopped.wait();
    assert!(!path.exists());

    // A file that is not a socket is the operator's.
    std::fs::write(&path, "mine").unwrap();
    let (code, log) = serve().fails_to_start();
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("cannot listen on unix:"), "{log}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    // One that another program listens on, too.
    std::fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();
    assert_eq!(serve().fails_to_start().0, Some(1));
}
