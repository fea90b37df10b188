//! The operator's log: whatever becomes of it, clients are served, and the server stops.

use std::fs::File;
use std::io::{PipeReader, PipeWriter, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use libc::SIGTERM;

use crate::apps;
use crate::client::{Client, request};
use crate::server::{PATIENCE, Serve, Server, eventually, send, two_cores, wait};

/// A server with standard streams of the test's. It is killed at the end of the test.
struct Running {
    child: Child,
    addr: SocketAddr,
}

impl Running {
    /// Serve `app` under `manifest`, on a port that is free.
    fn start(app: &std::path::Path, manifest: &str, out: Stdio, err: Stdio) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = free.local_addr().unwrap();
        drop(free);
        let dir = tempfile::tempdir().unwrap().keep();
        let config = dir.join("rusm.toml");
        std::fs::write(&config, manifest).unwrap();
        let mut command = apps::rusm();
        command.arg("serve").arg(app).arg("--config").arg(config);
        command.args(["--no-build", "--cores", "1", "--listen", &addr.to_string()]);
        let child = command.stdout(out).stderr(err).spawn().unwrap();
        let running = Self { child, addr };
        assert!(
            eventually(|| TcpStream::connect(addr).is_ok()),
            "it doesn't serve"
        );
        running
    }

    fn connect(&self) -> Client {
        Client::connect(self.addr)
    }

    /// SIGTERM, and it ends with 0 before the grace of ten seconds is over.
    #[track_caller]
    fn stops(mut self) {
        let asked = Instant::now();
        send(&self.child, SIGTERM);
        let status = wait(&mut self.child).expect("it ends");
        assert_eq!(status.code(), Some(0), "{status}");
        assert!(
            asked.elapsed() < Duration::from_secs(8),
            "{:?}",
            asked.elapsed()
        );
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn hello(head: &str) -> String {
    let manifest = std::fs::read_to_string(apps::hello().join("rusm.toml")).unwrap();
    format!("{head}\n{manifest}")
}

/// Faults are answered as ever, and so is what comes behind them on the same connection.
#[track_caller]
fn serves_faults(addr: SocketAddr) {
    let mut client = Client::connect(addr);
    for _ in 0..300 {
        assert_eq!(client.get("/boom").status, 500);
    }
    assert_eq!(client.get("/").text(), "Hello from RUSM\n");
}

/// A pipe that holds no more than a page, and is full.
fn full_pipe() -> (PipeReader, PipeWriter) {
    let (reader, mut writer) = std::io::pipe().unwrap();
    // SAFETY: it takes no memory.
    let size = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETPIPE_SZ, 4096) };
    let size = usize::try_from(size).unwrap();
    writer.write_all(&vec![b'.'; size]).unwrap();
    (reader, writer)
}

#[test]
fn a_log_that_cannot_be_written_costs_lines_and_nothing_else() {
    let full = || Stdio::from(File::options().write(true).open("/dev/full").unwrap());
    let gone = || {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        Stdio::from(writer)
    };
    for format in ["text", "json"] {
        let manifest = hello(&format!("[log]\naccess = true\nformat = \"{format}\""));
        for stream in [&full as &dyn Fn() -> Stdio, &gone] {
            let server = Running::start(apps::hello(), &manifest, stream(), stream());
            serves_faults(server.addr);
            server.stops();
        }
    }
}

#[test]
fn streams_that_are_closed_are_survived() {
    let manifest = hello("[log]\naccess = true");
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("rusm.toml");
    std::fs::write(&config, manifest).unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = free.local_addr().unwrap();
    drop(free);
    let mut command = Command::new("sh");
    command
        .args(["-c", "exec \"$@\" <&- >&- 2>&-", "sh"])
        .arg(env!("CARGO_BIN_EXE_rusm"))
        .arg("serve")
        .arg(apps::hello())
        .arg("--config")
        .arg(config)
        .args(["--no-build", "--cores", "1", "--listen", &addr.to_string()]);
    let child = command.spawn().unwrap();
    let server = Running { child, addr };
    assert!(
        eventually(|| TcpStream::connect(addr).is_ok()),
        "it doesn't serve"
    );
    serves_faults(addr);
    server.stops();
}

#[test]
fn readers_that_stand_still_stop_nobody() {
    for format in ["text", "json"] {
        let manifest = hello(&format!("[log]\naccess = true\nformat = \"{format}\""));
        let (_read_out, out) = full_pipe();
        let (_read_err, err) = full_pipe();
        let server = Running::start(apps::hello(), &manifest, out.into(), err.into());
        serves_faults(server.addr);
        server.stops();
    }
}

#[test]
fn a_reader_that_stands_still_does_not_keep_a_server_that_can_not_start() {
    for manifest in ["[node]\ncoers = 1\n", "[log]\nformat = \"json\"\n"] {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("rusm.toml");
        std::fs::write(&config, manifest).unwrap();
        let (_read_out, out) = full_pipe();
        let (_read_err, err) = full_pipe();
        let mut command = apps::rusm();
        command.arg("serve").arg(apps::hello());
        command.arg("--config").arg(config).arg("--no-build");
        let mut child = command.stdout(out).stderr(err).spawn().unwrap();
        let status = wait(&mut child).expect("it ends");
        assert_eq!(status.code(), Some(2), "{manifest}");
    }
}

#[test]
fn guests_that_may_write_to_the_standard_streams_do_not_wait_for_them() {
    let manifest = "
        [[serve]]
        listen = '127.0.0.1:0'
        request-timeout-ms = 60000
        [serve.routes]
        'GET /probe/*' = 'probe'
        [components.probe]
        capability = 'loud'
        [capabilities.loud]
        allow-stdio = true
    ";
    let (_read_out, out) = full_pipe();
    let (_read_err, err) = full_pipe();
    let server = Running::start(apps::stock(), manifest, out.into(), err.into());
    let mut client = server.connect();
    for _ in 0..5 {
        assert_eq!(client.get("/probe/print").status, 200);
        assert_eq!(client.get("/probe/shout?100000").status, 200);
    }
    server.stops();
}

#[test]
fn a_message_that_is_repeated_is_counted() {
    let mut server = Serve::hello().start();
    let mut client = server.connect();
    for _ in 0..1000 {
        assert_eq!(client.get("/boom").status, 500);
    }
    assert_eq!(client.get("/alloc").status, 500);
    server.says("64 MiB of memory");
    server.signal(SIGTERM);
    assert_eq!(server.wait().and_then(|status| status.code()), Some(0));
    server.says("more lines of this kind were left out: boom was called");
    let log = server.log();
    let told = log.matches(" guest: boom was called request_id=").count() as u64;
    let dropped = log
        .lines()
        .filter(|line| line.contains("left out: boom was called"))
        .filter_map(|line| line.split_once("lines=")?.1.trim().parse::<u64>().ok());
    let dropped: u64 = dropped.sum();
    assert_eq!(told + dropped, 1000, "{log}");
    assert!((100..200).contains(&told), "{told}");
}

#[test]
fn a_long_line_is_truncated_with_a_note() {
    let server = Serve::stock_with("").start();
    assert_eq!(server.connect().get("/probe/shout?100000").status, 200);
    server.says("… [truncated: 65536 bytes]");
    server.says("[truncated: it wrote 34465 bytes more than 65536 in a second]");
    let longest = server.log().lines().map(str::len).max();
    assert!(longest < Some(10_000), "{longest:?}");
}

/// All lines of both logs, which are JSON, the banner included.
fn json_lines(server: &Server) -> Vec<serde_json::Value> {
    let mut text = server.banner.clone();
    text.extend(server.printed().into_iter().map(|line| line + "\n"));
    text += &server.log();
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line));
    lines.collect()
}

#[test]
fn both_logs_have_one_schema_and_the_id_of_the_request() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    for (header, id) in [
        ("X-Request-Id: abc-123\r\n".to_owned(), Some("abc-123")),
        (
            format!("Traceparent: 00-{trace}-00f067aa0ba902b7-01\r\n"),
            Some(trace),
        ),
        ("X-Request-Id: a\"b\r\n".to_owned(), None),
        (String::new(), None),
    ] {
        let manifest = hello("[log]\naccess = true\nformat = \"json\"");
        let manifest = manifest.replace("127.0.0.1:8080", "127.0.0.1:0");
        let mut server = Serve::app(apps::hello()).manifest(&manifest).start();
        let mut client = server.connect();
        client.get("/");
        client.send(request("GET", "/boom?x=1", &header, ""));
        assert_eq!(client.response().status, 500);
        server.signal(SIGTERM);
        assert_eq!(server.wait().and_then(|status| status.code()), Some(0));
        let mut lines = Vec::new();
        let all_there = eventually(|| {
            lines.extend(json_lines(&server));
            lines.iter().filter(|line| line["kind"] == "access").count() >= 2
        });
        assert!(all_there, "{lines:?}");
        for line in &lines {
            let time = line["time"].as_str().unwrap();
            assert!(time.ends_with('Z') && time.contains('T'), "{line}");
            for name in ["level", "kind", "message"] {
                assert!(line[name].is_string(), "{name}: {line}");
            }
        }
        let of = |kind: &str, text: &str| {
            let mut found = lines
                .iter()
                .filter(|line| line["kind"] == kind && line.to_string().contains(text));
            found
                .next()
                .unwrap_or_else(|| panic!("{kind} {text}: {lines:?}"))
                .clone()
        };
        let access = of("access", "/boom");
        let guest = of("guest", "boom was called");
        let trapped = of("log", "trapped");
        for (name, value) in [
            ("method", "GET"),
            ("path", "/boom"),
            ("query", "x=1"),
            ("action", "hello#boom"),
        ] {
            assert_eq!(
                (&access[name], &trapped[name]),
                (&value.into(), &value.into()),
                "{name}"
            );
        }
        assert_eq!(
            (&access["status"], &trapped["status"]),
            (&500.into(), &500.into())
        );
        let given = access["request_id"].as_str().unwrap();
        match id {
            Some(id) => assert_eq!(given, id),
            None => assert!(
                given.len() == 32 && given.bytes().all(|b| b.is_ascii_hexdigit()),
                "{given}"
            ),
        }
        assert_eq!(
            (&guest["request_id"], &trapped["request_id"]),
            (&given.into(), &given.into())
        );
        let other = of("access", "hello#index");
        assert_ne!(other["request_id"], access["request_id"]);
        assert_eq!(
            of("ready", "")
                .as_object()
                .map(|ready| ready["version"].clone()),
            Some(env!("CARGO_PKG_VERSION").into())
        );
    }
}

#[test]
fn a_guest_that_streams_or_stays_logs_the_id_too() {
    let manifest = std::fs::read_to_string(apps::stock().join("rusm.toml")).unwrap();
    let manifest = format!("[log]\nformat = \"json\"\n{manifest}");
    let server = Serve::app(apps::stock()).manifest(&manifest).start();
    let mut client = server.connect();
    client.send(request(
        "GET",
        "/probe/print",
        "X-Request-Id: stock-1\r\n",
        "",
    ));
    assert_eq!(client.response().status, 200);
    let is_logged = |text: &str| {
        let log = server.log();
        log.lines()
            .any(|line| line.contains(text) && line.contains("\"request_id\":\"stock-1\""))
    };
    assert!(
        eventually(|| is_logged("the probe's error")),
        "{}",
        server.log()
    );
    assert!(
        eventually(|| is_logged("the probe's output")),
        "{}",
        server.log()
    );
}

#[test]
fn a_service_logs_the_id_of_the_request_that_it_is_called_for() {
    let server = Serve::actors(|manifest| {
        let manifest = manifest.replace(
            "[components.subject]\n",
            "[components.subject]\nshard = 0\n",
        );
        format!("[log]\nformat = \"json\"\n{manifest}")
    })
    .args(["--cores", &two_cores()])
    .start();
    let mut client = server.connect();
    for how in ["call", "cast", "stream", "relay", "fetch"] {
        let header = format!("X-Request-Id: by-{how}\r\n");
        let target = format!("/say/{how}/{how}");
        client.send(request("GET", &target, &header, ""));
        assert_eq!(client.response().status, 200, "{how}");
        for said in [format!("said {how}"), format!("began {how}")] {
            let is_told = eventually(|| {
                server.log().lines().any(|line| {
                    let line: serde_json::Value = serde_json::from_str(line).unwrap();
                    line["message"] == said.as_str()
                        && line["component"] == "subject"
                        && line["request_id"] == format!("by-{how}").as_str()
                })
            });
            assert!(is_told, "{said}: {}", server.log());
        }
    }
    // The line about its end is about the request, too.
    client.send(request(
        "GET",
        "/crash-after/0",
        "X-Request-Id: last\r\n",
        "",
    ));
    assert_eq!(client.response().status, 500);
    let ended = |line: &str| {
        line.contains("\"component\":\"subject\"")
            && line.contains("\"request_id\":\"last\"")
            && line.contains("trapped")
    };
    assert!(
        eventually(|| server.log().lines().any(ended)),
        "{}",
        server.log()
    );
}

/// The patience of a test is longer than the grace of a server.
const _: () = assert!(PATIENCE.as_secs() > 10);
