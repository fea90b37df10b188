//! What std reaches of WASI, and how much memory a first message takes, in a component of each kind
//! and under each profile: whatever `rusm build` redirected.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::apps;
use crate::client::{Client, get, request};
use crate::server::{Serve, Server, eventually};
use crate::websocket::{BINARY, Frame, Socket, TEXT};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Handler,
    Service,
    Main,
    WebSocket,
    Sse,
}

/// Each stream of events has a name of its own.
static STREAMS: AtomicUsize = AtomicUsize::new(0);

impl Kind {
    const ALL: [Self; 5] = [
        Self::Handler,
        Self::Service,
        Self::Main,
        Self::WebSocket,
        Self::Sse,
    ];

    /// What a fresh process of this kind makes of a task, by its first message.
    #[track_caller]
    fn run(self, server: &Server, task: &str) -> String {
        match self {
            Self::Handler => post(server, "/handler", task),
            Self::Service => post(server, "/service", task),
            Self::Main => post(server, "/main", task),
            Self::WebSocket => Socket::open(server, "/websocket").ask(task),
            Self::Sse => {
                let mut client = server.connect();
                let name = STREAMS.fetch_add(1, Ordering::Relaxed);
                let head = client.send(get(&format!("/sse?name={name}"))).head();
                assert_eq!(head.status, 200);
                next_event(&mut client);
                assert_eq!(post(server, &format!("/sse/{name}"), task), "1");
                next_event(&mut client)
            }
        }
    }
}

#[track_caller]
fn post(server: &Server, target: &str, task: &str) -> String {
    let length = format!("Content-Length: {}\r\n", task.len());
    let mut client = server.connect();
    let response = client.send(request("POST", target, &length, task));
    let response = response.response();
    assert_eq!(response.status, 200, "{target}: {}", response.text());
    response.text()
}

#[track_caller]
fn next_event(client: &mut Client) -> String {
    client.read_until("data: ");
    let data = client.read_until("\n\n");
    data.trim_end().to_owned()
}

fn serve(app: &Path) -> Server {
    Serve::app(app).start()
}

/// Under a profile with these keys, each kind of component gives these answers; one of them to a
/// task is enough.
fn answers(profile: &str, keys: &str, expected: &[(&str, &[&str])]) {
    let server = serve(&apps::reach(profile, keys));
    let mut wrong = Vec::new();
    for kind in Kind::ALL {
        for (task, answers) in expected {
            let answer = kind.run(&server, task);
            if !answers.iter().any(|&expected| answer.starts_with(expected)) {
                wrong.push(format!("{kind:?} {task}: {answer}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// What every process can do.
const ANYWHERE: [(&str, &[&str]); 6] = [
    ("clock", &["true"]),
    ("sleep", &["true"]),
    ("random", &["true"]),
    ("stdin", &["0 bytes"]),
    ("terminal", &["false"]),
    ("thread", &["unsupported"]),
];

#[test]
fn what_is_written_to_standard_output_and_error_is_in_the_log() {
    let server = serve(&apps::reach("sandboxed", ""));
    for kind in Kind::ALL {
        for stream in ["stdout", "stderr"] {
            kind.run(&server, &format!("{stream} {kind:?}"));
        }
        for stream in ["output", "error"] {
            let line = format!("to standard {stream} {kind:?}");
            assert!(eventually(|| server.log().contains(&line)), "{line}");
        }
    }
}

#[test]
fn std_finds_a_sandbox_empty_in_every_kind_of_component() {
    let denied: [(&str, &[&str]); 13] = [
        ("stdout here", &["written"]),
        ("stderr here", &["written"]),
        ("env LAB", &["unset"]),
        ("vars", &["0"]),
        ("args", &["0"]),
        ("cwd", &["/", "error"]),
        ("read /etc/passwd", &["error"]),
        ("write /tmp/from-a-guest", &["error"]),
        ("list /", &["error"]),
        ("files /tmp", &["error"]),
        ("connect 127.0.0.1:1", &["error"]),
        ("listen 127.0.0.1:0", &["error"]),
        ("udp 127.0.0.1:0", &["error"]),
    ];
    answers("sandboxed", "", &[&ANYWHERE[..], &denied].concat());
}

#[test]
fn std_reaches_the_network_and_nothing_else_of_a_network_client() {
    let expected: [(&str, &[&str]); 7] = [
        ("stderr here", &["written"]),
        ("vars", &["0"]),
        ("read /etc/passwd", &["error"]),
        ("files /tmp", &["error"]),
        ("listen 127.0.0.1:0", &["bound"]),
        (
            "connect 127.0.0.1:1",
            &["error: Connection refused", "error: connection refused"],
        ),
        ("udp 127.0.0.1:0", &["bound"]),
    ];
    answers("network-client", "", &[&ANYWHERE[..], &expected].concat());
}

#[test]
fn std_reaches_what_a_trusted_profile_grants_in_every_kind_of_component() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("read"), "a file").unwrap();
    let keys = format!(
        "env = {{ LAB = \"open\" }}\npreopen = [{{ host = {:?}, guest = \"/data\", mode = \"read-write\" }}]",
        dir.path()
    );
    let granted: [(&str, &[&str]); 11] = [
        ("stdout here", &["written"]),
        ("stderr here", &["written"]),
        ("env LAB", &["open"]),
        ("vars", &["1"]),
        ("read /data/read", &["a file"]),
        ("write /data/written", &["18"]),
        ("list /data", &["1", "2"]),
        ("files /data", &["2three8 true false"]),
        ("listen 127.0.0.1:0", &["bound"]),
        ("read /etc/passwd", &["error"]),
        ("udp 127.0.0.1:0", &["bound"]),
    ];
    answers("trusted", &keys, &[&ANYWHERE[..], &granted].concat());
}

#[test]
fn a_process_that_exits_ends_and_no_other_does() {
    let server = serve(&apps::reach("sandboxed", ""));
    for code in ["exit 0", "exit 3"] {
        for target in ["/handler", "/service", "/main"] {
            let length = format!("Content-Length: {}\r\n", code.len());
            let asked = request("POST", target, &length, code);
            let response = server.connect().send(asked).response();
            assert!(response.status >= 500, "{target} {}", response.text());
        }
        let mut socket = Socket::open(&server, "/websocket");
        let close = socket.send(TEXT, code.as_bytes()).receive();
        const CLOSE: u8 = 8;
        assert_eq!(close.opcode, CLOSE);
        assert_eq!(close.payload.get(..2), Some(&1011_u16.to_be_bytes()[..]));
    }
    for kind in Kind::ALL {
        assert_eq!(kind.run(&server, "terminal"), "false", "{kind:?}");
    }
    server.says("exit was called: the process ends here");
}

#[test]
fn a_process_that_slept_goes_on() {
    let server = serve(&apps::reach("sandboxed", ""));
    let mut socket = Socket::open(&server, "/websocket");
    for _ in 0..3 {
        assert_eq!(socket.ask("sleep"), "true");
    }
    assert!(server.log().is_empty(), "{}", server.log());
}

#[test]
fn a_first_message_may_have_any_size() {
    let server = serve(&apps::reach("sandboxed", ""));
    for size in [1, 28 << 10, 30 << 10, 64 << 10, 1 << 20] {
        let task = "x".repeat(size);
        for kind in Kind::ALL {
            assert_eq!(
                kind.run(&server, &task),
                format!("{size} bytes"),
                "{kind:?}"
            );
        }
        let mut socket = Socket::open(&server, "/websocket");
        let payload = task.into_bytes();
        let echo = socket.send(BINARY, &payload).receive();
        assert!(
            echo == Frame {
                opcode: BINARY,
                payload
            }
        );
    }
    assert!(server.log().is_empty(), "{}", server.log());
}

#[test]
fn a_message_that_waited_for_room_is_handled_without_further_input() {
    let server = serve(&apps::reach("sandboxed", ""));
    let mut socket = Socket::open(&server, "/websocket");
    // While the process sleeps, the first fills its queue so far that the second has to wait.
    for _ in 0..4 {
        socket.send(TEXT, b"sleep");
    }
    let payloads = [vec![1; 60_000], vec![2; 60_000]];
    for payload in &payloads {
        socket.send(BINARY, payload);
    }
    for _ in 0..4 {
        assert_eq!(socket.receive().payload, b"true");
    }
    for payload in payloads {
        assert!(socket.receive().payload == payload);
    }
}

/// JSON of arrays in arrays.
fn nested(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

#[test]
fn the_stack_holds_nested_json_and_a_large_variable_in_every_kind_of_component() {
    let server = serve(&apps::reach("sandboxed", ""));
    for (task, expected) in [
        (format!("json {}", nested(127)), "254 bytes"),
        (format!("json {}", nested(128)), "no JSON: recursion limit"),
        ("local".to_owned(), "1"),
        (format!("both {}", nested(127)), "2"),
        ("deep 10".to_owned(), "5"),
    ] {
        for kind in Kind::ALL {
            let answer = kind.run(&server, &task);
            assert!(answer.starts_with(expected), "{kind:?} {task}: {answer}");
        }
    }
    assert!(server.log().is_empty(), "{}", server.log());
}

#[test]
fn a_stack_that_is_used_up_is_said_to_be() {
    let server = serve(&apps::reach("sandboxed", ""));
    let memory = "the guest used up its stack of 128 KiB in `";
    for (task, said) in [
        ("deep 5000", memory),
        ("small 1000000", memory),
        ("huge", memory),
        (
            "calls 100000000",
            "the guest's calls used up the 2048 KiB of their stack in `",
        ),
    ] {
        let before = server.log().matches(said).count();
        let length = format!("Content-Length: {}\r\n", task.len());
        let asked = request("POST", "/handler", &length, task);
        let response = server.connect().send(asked).response();
        assert_eq!(response.status, 500, "{task}");
        let is_said = eventually(|| server.log().matches(said).count() > before);
        assert!(is_said, "{task}:\n{}", server.log());
        let line = server.log().lines().last().unwrap_or_default().to_owned();
        assert_eq!(line.contains("(stack-kib)"), said == memory, "{line}");
        assert!(!line.contains("rusm:stack-used-up"), "{line}");
    }
    // The others have their own.
    assert_eq!(Kind::Handler.run(&server, "deep 10"), "5");
}
