//! Components built against the published SDK of RUSM 0.7, served unchanged.

use std::process::Command;

use serde_json::{Value, json};

use crate::client::{get, request};
use crate::server::{Serve, Server, eventually, two_cores};

fn start() -> Server {
    Serve::seven(|manifest| manifest).start()
}

fn text(server: &Server, path: &str) -> String {
    let response = server.connect().get(path);
    assert_eq!(response.status, 200, "{path}: {}", response.text());
    response.text()
}

#[track_caller]
fn says(server: &Server, path: &str, expected: &Value) {
    let said: Value = serde_json::from_str(&text(server, path)).unwrap();
    assert_eq!(&said, expected, "{path}");
}

/// Send a body; the status, and the body of the response.
fn post(server: &Server, path: &str, body: &str) -> (u16, String) {
    let length = format!("content-length: {}\r\n", body.len());
    let mut client = server.connect();
    let response = client.send(request("POST", path, &length, body)).response();
    (response.status, response.text())
}

#[test]
fn an_action_gets_the_request_as_it_is() {
    let server = start();
    let headers = "X-Two: 1\r\nx-two: 2\r\ncontent-length: 3\r\n";
    let mut client = server.connect();
    client.send(request("POST", "/show/a/b%20c?q=1&q=%20", headers, "abc"));
    let said: Value = serde_json::from_str(&client.response().text()).unwrap();
    assert_eq!(
        said,
        json!({
            "method": "POST",
            "url": "/show/a/b%20c?q=1&q=%20",
            "headers": [["host", "h"], ["x-two", "1"], ["x-two", "2"], ["content-length", "3"]],
            "params": ["a", "b c", null],
            "length": 3,
        })
    );
}

#[test]
fn bodies_are_bytes_and_the_response_is_the_actions_own() {
    let server = start();
    let body: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let head = format!(
        "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut client = server.connect();
    let response = client.send(head).send(&body).response();
    assert_eq!(response.status, 201);
    assert!(response.body == body);
    assert_eq!(
        response.header("content-type"),
        Some("application/octet-stream")
    );
    let cookies: Vec<_> = response.values("set-cookie").collect();
    assert_eq!(cookies, ["a=1", "b=2"]);

    assert_eq!(text(&server, "/bytes/4000000").len(), 4_000_000);
    for status in [204, 304, 404, 418, 503] {
        let response = server
            .connect()
            .send(get(&format!("/status/{status}")))
            .head();
        assert_eq!(response.status, status);
    }
    for status in [0, 99, 1000] {
        let response = server.connect().get(&format!("/status/{status}"));
        assert_eq!(response.status, 500, "{status} is no status");
    }
    assert_eq!(server.connect().get("/echo").status, 405);
    assert_eq!(server.connect().get("/nowhere").status, 404);
}

#[test]
fn an_action_that_fails_fails_alone() {
    let server = Serve::seven(|manifest| {
        let listen = "listen = \"127.0.0.1:0\"\n";
        manifest.replacen(listen, &format!("{listen}request-timeout-ms = 500\n"), 1)
    })
    .start();
    assert_eq!(server.connect().get("/panic").status, 500);
    assert!(eventually(|| server.log().contains("on purpose")));
    assert_eq!(server.connect().get("/spin").status, 504);
    let missing = server.connect().get("/no-action");
    assert_eq!(
        (missing.status, missing.text().as_str()),
        (404, "no such action")
    );
    assert_eq!(server.connect().get("/status/200").status, 200);
}

#[test]
fn a_service_answers_calls_casts_streams_and_calls_back() {
    for cores in ["1", &two_cores()] {
        let server = Serve::seven(|manifest| manifest)
            .args(["--cores", cores])
            .start();
        // The kernel spreads connections over the shards.
        for how in ["whereis", "spawned"].repeat(8) {
            says(
                &server,
                &format!("/service/{how}"),
                &json!({
                    "sum": { "Ok": 42 },
                    "divided": [{ "Ok": { "Ok": 3 } }, { "Ok": { "Err": "no quotient" } }],
                    "noted": true,
                    "stream": 499_500,
                    "callbacks": { "Ok": 2 },
                    "words": ["A", "B"],
                    "no function": { "Err": "no such function: nothing" },
                    "bad arguments": true,
                    "timeout": { "Err": "timeout" },
                }),
            );
        }
        // What was spawned kept its notes to itself.
        assert_eq!(text(&server, "/notes").lines().count(), 8);
    }
}

#[test]
fn the_store_keeps_bytes_in_buckets() {
    let server = start();
    let again = json!("again".bytes().collect::<Vec<_>>());
    says(
        &server,
        "/kv",
        &json!([
            null,
            again,
            [0, 255],
            true,
            false,
            ["a", "b"],
            true,
            false,
            ["b"],
            []
        ]),
    );
    assert_eq!(server.connect().get("/kv/one/b").body, [0, 255]);
    assert_eq!(server.connect().get("/kv/one/a").status, 404);
}

#[test]
fn a_sandboxed_component_is_denied_everything() {
    let server = start();
    let fetch = format!("fetch?{}", server.addr());
    for (what, why) in [
        ("spawn", "allow-spawn"),
        ("get", "allow-storage"),
        ("set", "allow-storage"),
        ("delete", "allow-storage"),
        ("exists", "allow-storage"),
        ("list", "allow-storage"),
        (&fetch, "HttpRequestDenied"),
    ] {
        let response = server.connect().get(&format!("/sealed/{what}"));
        assert_eq!(response.status, 403, "{what}");
        assert!(response.text().contains(why), "{what}: {}", response.text());
    }
    for (what, outcome) in [
        ("processes", "true"),
        ("kill", "false"),
        ("kill-tag", "0"),
        ("connection", "true"),
    ] {
        assert_eq!(text(&server, &format!("/sealed/{what}")), outcome, "{what}");
    }
    assert!(text(&server, "/service/whereis").contains("42"), "it lives");
}

#[test]
fn the_log_crate_writes_to_the_servers_log() {
    let server = start();
    text(&server, "/log/hi");
    assert!(eventually(|| server.log().contains("a trace: hi")));
    let log = server.log();
    for (level, said) in [
        ("ERROR", "an error: hi"),
        ("WARN", "a warning: hi"),
        ("INFO", "for information: hi"),
        ("DEBUG", "for debugging: hi"),
        ("DEBUG", "a trace: hi"),
        ("INFO", "the books are open"),
    ] {
        let line = log.lines().find(|line| line.contains(said)).expect(said);
        let component = if said.contains("hi") { "api" } else { "ledger" };
        assert!(line.contains(&format!(" {level} guest: ")), "{line}");
        assert!(
            line.contains(&format!("component=\"{component}\" pid=<")),
            "{line}"
        );
    }
}

#[test]
fn processes_are_watched_timed_and_supervised() {
    let server = start();
    let said: Value = serde_json::from_str(&text(&server, "/watch")).unwrap();
    let [ended, panicked, killed, gone] = said.as_array().unwrap().as_slice() else {
        panic!("{said}");
    };
    assert_eq!(ended, &json!(["end", "normal"]));
    assert!(panicked[1].as_str().unwrap().contains("trap"), "{panicked}");
    assert_eq!(killed, &json!(["kill", "killed"]));
    assert_eq!(gone, &json!(["gone", "noproc"]));
    says(
        &server,
        "/timers",
        &json!([true, ["early", "late"], false, false, null]),
    );
    says(&server, "/supervised", &json!([true, 0]));
    for _ in 0..3 {
        says(&server, "/topics", &json!([2, "extra", 1]));
    }
}

#[test]
fn what_a_request_spawned_outlives_it() {
    let server = start();
    assert_eq!(post(&server, "/spawn/nothing", "").0, 500);
    for _ in 0..2 {
        assert_eq!(post(&server, "/spawn/brief", "").0, 200);
    }
    let count = |order| post(&server, "/tags/briefs", order).1;
    assert!(eventually(|| count("no order") == "2"));
    assert_eq!(count("\"End\""), "2");
    assert!(eventually(|| count("\"End\"") == "0"));
    assert!(eventually(|| server.log().contains("no order: ")));
}

#[test]
fn an_action_asks_other_servers() {
    let server = start();
    let mut client = server.connect();
    let response = client.get(&format!("/fetch?{}", server.addr()));
    assert_eq!(response.status, 201, "{}", response.text());
    assert_eq!(response.body, [0, 255, 7]);
    let closed = server.connect().get("/fetch?127.0.0.1:1");
    assert_eq!(closed.status, 502, "{}", closed.text());
}

#[test]
fn websockets() {
    for cores in ["1", &two_cores()] {
        let server = Serve::seven(|manifest| manifest).args(["--cores", cores]);
        clients("rooms", &server.start());
    }
}

#[test]
fn events() {
    for cores in ["1", &two_cores()] {
        let server = Serve::seven(|manifest| manifest).args(["--cores", cores]);
        clients("feeds", &server.start());
    }
}

#[test]
fn a_process_that_does_not_see_its_client_leave_is_ended() {
    let server = Serve::seven(|manifest| {
        let mut manifest = manifest;
        for component in ["[components.room]", "[components.feed]"] {
            let limited = format!("{component}\nfunction-timeout-ms = 200");
            manifest = manifest.replace(component, &limited);
        }
        manifest
    });
    clients("gone", &server.start());
}

/// Run a part of `clients/seven.py`.
fn clients(part: &str, server: &Server) {
    let root = env!("CARGO_MANIFEST_DIR");
    let output = Command::new(format!("{root}/../target/test-venv/bin/python"))
        .arg(format!("{root}/tests/server/clients/seven.py"))
        .arg(part)
        .args(server.addrs.iter().map(|addr| addr.port().to_string()))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(output.stdout, b"ok\n", "{said}");
}
