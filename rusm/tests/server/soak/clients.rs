//! Clients that must be served, whatever else happens. Each job is one exchange or a short
//! conversation, over and over until the time is over.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::Place;
use super::figures::Counts;
use crate::client::{Client, Response, get, request};
use crate::websocket::{BINARY, Socket};

/// A name, and what is done: `Ok` with what came of it, which is as documented.
pub(super) struct Job(pub(super) &'static str, fn(Place) -> String);

/// All there are.
pub(super) const JOBS: &[Job] = &[
    Job("bodies", bodies),
    Job("one request a connection", alone),
    Job("service in Rust", service),
    Job("streamed by a service", numbers),
    Job("service in TypeScript", tally),
    Job("service of TypeScript's", ledger),
    Job("streamed to TypeScript", count),
    Job("streamed", ticks),
    Job("store", kept),
    Job("events", feed),
    Job("events in TypeScript", events),
    Job("WebSocket", mirror),
    Job("WebSocket in TypeScript", sockets),
];

/// Do a job until the time is over. What panics is an error, and counted with its message.
pub(super) fn run(job: &Job, place: Place, until: Instant, counts: &Counts) {
    while Instant::now() < until {
        match catch_unwind(AssertUnwindSafe(|| job.1(place))) {
            Ok(outcome) => counts.add(job.0, &outcome),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref().map(|text: &&str| (*text).into()));
                counts.error(job.0, &text.unwrap_or_default());
            }
        }
        // Many kinds at once, and no benchmark.
        thread::sleep(Duration::from_millis(5));
    }
}

/// What docs/services.md allows of an answer by a service that is killed now and then, and whose
/// mailbox others fill.
#[track_caller]
fn of_service(response: &Response, expected: impl FnOnce(&str) -> bool) -> String {
    let text = response.text();
    match response.status {
        200 => assert!(expected(&text), "{text}"),
        500 | 503 | 504 => {}
        status => panic!("{status} {text}"),
    }
    response.status.to_string()
}

#[track_caller]
fn fine(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", response.text());
    "200".to_owned()
}

fn bodies(place: Place) -> String {
    let mut client = Client::connect(place.served);
    for size in [1, 28 << 10, 64 << 10, 1 << 20] {
        let length = format!("Content-Length: {size}\r\n");
        client.send(request("PUT", "/measure", &length, &"x".repeat(size)));
        let response = client.response();
        assert_eq!(response.text(), format!("{size} bytes"));
    }
    "200".to_owned()
}

fn alone(place: Place) -> String {
    let mut client = Client::connect(place.served);
    client.send(request("GET", "/ticks/1", "Connection: close\r\n", ""));
    let responses = client.responses_to_end();
    assert_eq!(responses[0].text(), "tick 0\n");
    fine(&responses[0])
}

fn service(place: Place) -> String {
    let response = Client::connect(place.served).get("/echo/hello");
    of_service(&response, |text| text == "hello")
}

fn numbers(place: Place) -> String {
    let response = Client::connect(place.served).get("/numbers/1000");
    of_service(&response, |text| text == "499500")
}

fn tally(place: Place) -> String {
    let response = Client::connect(place.served).get("/rust/ask/1");
    of_service(&response, |text| text.trim().parse::<u64>().is_ok())
}

fn ledger(place: Place) -> String {
    let response = Client::connect(place.served).get("/ledger/1");
    let text = response.text();
    match response.status {
        200 => assert!(text.contains("\"sum\""), "{text}"),
        // The kinds of `CallError`.
        409 => {
            let kind = text.split(':').next().unwrap_or_default().to_owned();
            assert!(
                ["no-process", "no-name", "died"].contains(&&*kind),
                "{text}"
            );
            return format!("409 {kind}");
        }
        status => panic!("{status} {text}"),
    }
    "200".to_owned()
}

fn count(place: Place) -> String {
    let response = Client::connect(place.served).get("/count/3");
    of_service(&response, |text| text == "[3,2,1]")
}

fn ticks(place: Place) -> String {
    let response = Client::connect(place.served).get("/ticks/5");
    assert_eq!(response.text().lines().count(), 5);
    fine(&response)
}

fn kept(place: Place) -> String {
    let mut client = Client::connect(place.served);
    let text = format!("{:?}", Instant::now());
    let length = format!("Content-Length: {}\r\n", text.len());
    client.send(request("PUT", "/kept/soak", &length, &text));
    assert_eq!(client.response().status, 204);
    let response = client.get("/kept/soak");
    assert_eq!(response.text(), text + "\n");
    fine(&response)
}

fn feed(place: Place) -> String {
    let mut client = Client::connect(place.served);
    assert_eq!(client.send(get("/feed/soak")).head().status, 200);
    client.read_until("event: hello\n");
    for n in 0..5 {
        let text = format!("event {n}");
        let length = format!("Content-Length: {}\r\n", text.len());
        let publish = request("POST", "/publish/feed%3Asoak", &length, &text);
        let mut other = Client::connect(place.served);
        // Those that have left may be there for a moment longer.
        assert_ne!(other.send(publish).response().text(), "0");
        client.read_until(&format!("data: {text}\n"));
    }
    "all 5 events".to_owned()
}

fn events(place: Place) -> String {
    let response = Client::connect(place.served).get("/events");
    assert!(
        response.text().contains("data: three"),
        "{}",
        response.text()
    );
    fine(&response)
}

fn mirror(place: Place) -> String {
    let mut socket = Socket::over(Client::connect(place.served), "/mirror");
    conversation(&mut socket)
}

fn sockets(place: Place) -> String {
    let mut socket = Socket::over(Client::connect(place.served), "/sockets?name=soak");
    assert_eq!(socket.receive().payload, b"hello soak");
    conversation(&mut socket)
}

fn conversation(socket: &mut Socket) -> String {
    for size in [0, 1, 125, 28 << 10, 64 << 10, 512 << 10] {
        let sent = vec![b'x'; size];
        let frame = socket.send(BINARY, &sent).receive();
        assert_eq!((frame.opcode, frame.payload.len()), (BINARY, size));
    }
    "6 messages".to_owned()
}
