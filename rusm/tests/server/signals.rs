//! Signals: those that stop the server, and those that must not harm it.

use std::ffi::CString;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use libc::{SIGHUP, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

use crate::apps;
use crate::client::get;
use crate::server::{Serve, Server, eventually, send, two_cores, wait};

#[test]
fn signals_that_ask_for_nothing_do_no_harm() {
    let mut server = Serve::lab_with("").start();
    let mut client = server.connect();
    client.send(get("/work/300"));
    for signal in [SIGHUP, SIGUSR1, SIGUSR2, libc::SIGXFSZ] {
        server.signal(signal);
    }
    server.says("SIGHUP: nothing is read again");
    assert_eq!(client.response().status, 200);
    assert_eq!(server.connect().get("/blob/1").status, 200);
    server.signal(SIGTERM);
    assert_eq!(server.wait().and_then(|status| status.code()), Some(0));
}

#[test]
fn sigquit_drains() {
    let mut server = Serve::lab_with("").start();
    let mut client = server.connect();
    client.send(get("/work/500"));
    server.has_read(&client);
    server.signal(SIGQUIT);
    let response = client.response();
    assert_eq!(
        (response.status, response.header("connection")),
        (200, Some("close"))
    );
    assert_eq!(
        server.wait().and_then(|status| status.code()),
        Some(0),
        "{}",
        server.log()
    );
}

/// A manifest that nobody has written yet: the server waits for it amid its start.
fn unwritten_manifest(dir: &std::path::Path) -> std::path::PathBuf {
    let path = dir.join("rusm.toml");
    let name = CString::new(path.as_os_str().as_bytes()).unwrap();
    // SAFETY: the name is a string that ends with a NUL, and lives as long as the call.
    assert_eq!(unsafe { libc::mkfifo(name.as_ptr(), 0o600) }, 0);
    path
}

#[test]
fn a_server_that_starts_stops_at_once() {
    for signal in [SIGTERM, libc::SIGINT, SIGQUIT] {
        let dir = tempfile::tempdir().unwrap();
        let mut command = apps::rusm();
        command.arg("serve").arg(apps::hello()).arg("--config");
        command
            .arg(unwritten_manifest(dir.path()))
            .stderr(Stdio::null());
        let mut server = command.spawn().unwrap();
        let status = format!("/proc/{}/status", server.id());
        // Without handlers it would end by the signal, and as process 1 not at all.
        let handles = || {
            let status = std::fs::read_to_string(&status).unwrap();
            let caught = status
                .lines()
                .find_map(|line| line.strip_prefix("SigCgt:"))
                .unwrap();
            u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (signal - 1)) != 0
        };
        assert!(eventually(handles));
        send(&server, signal);
        assert_eq!(wait(&mut server).and_then(|status| status.code()), Some(0));
    }
}

#[test]
fn a_file_that_may_not_grow_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("log");
    // Room for no more than a line.
    std::fs::write(&path, vec![b'.'; (2 << 20) - 300]).unwrap();
    let log = std::fs::File::options().append(true).open(&path).unwrap();
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec prlimit --fsize=2097152 \"$@\"", "sh"])
        .arg(env!("CARGO_BIN_EXE_rusm"))
        .arg("serve")
        .arg(apps::hello())
        .args(["--no-build", "--cores", "1", "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(log);
    let mut server = command.spawn().unwrap();
    let banner = crate::server::lines(server.stdout.take().unwrap());
    let addr = loop {
        let line = banner
            .recv_timeout(crate::server::PATIENCE)
            .expect("it serves");
        if let Some(addr) = line.strip_prefix("http://") {
            break addr.parse().unwrap();
        }
    };
    let mut client = crate::client::Client::connect(addr);
    for _ in 0..100 {
        assert_eq!(client.get("/boom").status, 500);
    }
    assert_eq!(client.get("/").status, 200);
    send(&server, SIGTERM);
    assert_eq!(wait(&mut server).and_then(|status| status.code()), Some(0));
    assert_eq!(std::fs::metadata(&path).unwrap().len(), 2 << 20);
}

/// What became of connections that were made one after the other, a request on each.
#[derive(Default)]
struct Outcomes {
    answered: usize,
    /// Connected, and then reset or closed without an answer.
    lost: Vec<String>,
}

fn connect_until(server: &Server, done: &AtomicBool) -> Outcomes {
    let addr = server.addr();
    let mut outcomes = Outcomes::default();
    while !done.load(Ordering::Relaxed) {
        let mut socket = match TcpStream::connect_timeout(&addr, Duration::from_millis(500)) {
            Ok(socket) => socket,
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return outcomes,
            // Its first segment was not answered any more.
            Err(error) if error.kind() == ErrorKind::TimedOut => return outcomes,
            Err(error) => {
                outcomes.lost.push(format!("connect: {error}"));
                return outcomes;
            }
        };
        socket
            .set_read_timeout(Some(crate::server::PATIENCE))
            .unwrap();
        let asked = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
        let mut response = Vec::new();
        let answered = socket
            .write_all(asked.as_bytes())
            .and_then(|()| socket.read_to_end(&mut response));
        match answered {
            Ok(_) if response.starts_with(b"HTTP/1.1 200 ") => outcomes.answered += 1,
            Ok(_) => outcomes
                .lost
                .push(format!("closed after {} bytes", response.len())),
            Err(error) => outcomes.lost.push(error.to_string()),
        }
    }
    outcomes
}

#[test]
fn a_client_that_was_let_in_is_answered_whenever_the_server_stops() {
    for io in ["uring", "epoll", "uring"] {
        let mut server = Serve::hello()
            .args(["--io", io, "--cores", &two_cores()])
            .start();
        let done = AtomicBool::new(false);
        thread::scope(|scope| {
            let clients: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| connect_until(&server, &done)))
                .collect();
            thread::sleep(Duration::from_millis(200));
            server.signal(SIGTERM);
            let mut answered = 0;
            for client in clients {
                let outcomes = client.join().unwrap();
                assert_eq!(outcomes.lost, Vec::<String>::new(), "{io}");
                answered += outcomes.answered;
            }
            done.store(true, Ordering::Relaxed);
            assert!(answered > 8, "{answered}");
        });
        assert_eq!(
            server.wait().and_then(|status| status.code()),
            Some(0),
            "{}",
            server.log()
        );
    }
}
