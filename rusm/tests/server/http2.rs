//! HTTP/2: curl and nghttp with prior knowledge and over TLS, and a client of single frames.

use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use libc::SIGTERM;

use crate::clients;
use crate::server::{Serve, Server, eventually, wait};

/// What the shell prints of this, with `$url` set to the server's.
#[track_caller]
fn shell(server: &Server, script: &str) -> String {
    let output = Command::new("bash")
        .args(["-c", &format!("set -e; {script}")])
        .env("url", format!("http://{}", server.addr()))
        .env("curl", "curl -sS --max-time 20 --http2-prior-knowledge")
        .output()
        .unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_client_of_single_frames() {
    let (hello, stock) = (Serve::hello().start(), Serve::stock_with("").start());
    clients::python("http2.py", &hello, &[&stock.addr().port().to_string()]);
}

#[test]
fn curl_with_prior_knowledge() {
    let server = Serve::hello_with("[log]\naccess = true\n").start();
    let said = shell(&server, "$curl -i $url/users/7");
    assert!(said.starts_with("HTTP/2 200"), "{said}");
    assert!(said.ends_with("user 7\n"), "{said}");
    // What asks for an upgrade is answered without one.
    let said = shell(&server, "curl -sSi --http2 $url/users/7");
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    let said = shell(&server, "$curl -I $url/");
    assert!(said.starts_with("HTTP/2 200"), "{said}");
    assert!(said.contains("content-length: "), "{said}");
    let said = shell(
        &server,
        "$curl -i $url/nowhere -o - ; $curl -i -X DELETE $url/",
    );
    assert!(
        said.contains("HTTP/2 404") && said.contains("HTTP/2 405"),
        "{said}"
    );
    assert!(said.contains("allow: "), "{said}");
    let said = shell(&server, "$curl -i $url/boom; $curl $url/users/8");
    assert!(
        said.starts_with("HTTP/2 500") && said.ends_with("user 8\n"),
        "{said}"
    );
    let is_logged = |server: &Server| {
        let printed = server.printed().join("\n");
        printed.contains("\"GET /users/7 HTTP/2.0\" 200 7 ")
    };
    assert!(eventually(|| is_logged(&server)), "{:?}", server.printed());
}

#[test]
fn sixteen_mebibytes_go_both_ways_at_once() {
    let server = Serve::stock_with("max-body = \"20MiB\"").start();
    let script = "dir=$(mktemp -d); trap 'rm -r $dir' EXIT; head -c 16777216 /dev/urandom > $dir/body; \
                  for i in 1 2 3; do $curl -T $dir/body -X POST -o $dir/$i $url/echo/body & done; wait; \
                  for i in 1 2 3; do cmp $dir/body $dir/$i; done; echo same";
    assert_eq!(shell(&server, script), "same\n");
}

#[test]
fn a_listener_may_speak_http_1_alone() {
    let server = Serve::hello_with("http2 = false").start();
    let said = shell(
        &server,
        "$curl $url/ -o /dev/null -w '%{http_code}' 2>&1 || true",
    );
    assert!(said.contains("000"), "{said}");
    assert_eq!(shell(&server, "curl -sS $url/users/7"), "user 7\n");
    let mut client = server.connect();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(client.response().status, 505);
}

#[test]
fn events_are_streamed() {
    let server = Serve::chat().start();
    let events = shell(&server, "$curl -N $url/ticks/3");
    assert_eq!(events.matches("data").count(), 3, "{events}");
}

#[test]
fn many_streams_of_nghttp_are_answered() {
    let server = Serve::hello().start();
    let said = shell(&server, "h2load -n 5000 -c 4 -m 50 $url/users/7");
    assert!(said.contains("5000 succeeded, 0 failed"), "{said}");
    let said = shell(&server, "nghttp -v -n $url/users/7 $url/ 2>&1");
    assert!(said.matches(":status: 200").count() == 2, "{said}");
}

#[test]
fn a_stop_lets_streams_end_and_refuses_others() {
    let mut server = Serve::stock_with("").start();
    let client = Command::new("nghttp")
        .args(["-v", &format!("http://{}/bodies/slow/4/400", server.addr())])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Its stream is open.
    thread::sleep(Duration::from_millis(500));
    let began = Instant::now();
    server.signal(SIGTERM);
    let output = client.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("piece 3"), "{said}");
    let first = said.find("last_stream_id=2147483647");
    let last = said
        .rfind("last_stream_id=13")
        .or(said.rfind("last_stream_id=1,"));
    assert!(first.is_some() && last > first, "{said}");
    assert_eq!(server.wait().and_then(|status| status.code()), Some(0));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_stop_ends_events_and_idle_connections() {
    let mut server = Serve::chat().start();
    let url = format!("http://{}/feed/a", server.addr());
    let mut client = Command::new("curl")
        .args(["-sSN", "--http2-prior-knowledge", &url])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(500));
    server.signal(SIGTERM);
    assert_eq!(wait(&mut client).and_then(|status| status.code()), Some(0));
    assert_eq!(server.wait().and_then(|status| status.code()), Some(0));
}
