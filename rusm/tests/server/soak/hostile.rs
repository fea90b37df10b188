//! Hostile guests, by the paths that lead to them, and hostile clients.

use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

use super::Place;
use super::figures::Counts;
use crate::client::{Client, get, request};
use crate::websocket::{BINARY, Socket};

/// Do one after another until the time is over.
pub(super) fn run(offset: usize, place: Place, until: Instant, counts: &Counts) {
    // Those that run at the same time are at different ones.
    let mut turn = offset * (GUESTS.len() + CLIENTS.len()) / super::HOSTILE;
    while Instant::now() < until {
        attempt(turn, place, counts);
        turn += 1;
    }
}

/// Do one of them. The server may have stopped.
pub(super) fn attempt(turn: usize, place: Place, counts: &Counts) {
    let index = turn % (GUESTS.len() + CLIENTS.len());
    let name = match index.checked_sub(GUESTS.len()) {
        None => GUESTS[index],
        Some(index) => CLIENTS[index].0,
    };
    let attempted = catch_unwind(AssertUnwindSafe(|| match index.checked_sub(GUESTS.len()) {
        None => ask(place, GUESTS[index]),
        Some(index) => CLIENTS[index].1(place),
    }));
    match attempted {
        Ok(outcome) => counts.add(name, &outcome),
        Err(_) => counts.add(name, "no answer"),
    }
}

/// The status that a guest's request gets.
fn ask(place: Place, path: &str) -> String {
    let mut client = Client::connect(place.attacked);
    client.send(get(path));
    let head = client.head();
    // What is too large for a test is not read, and its client leaves.
    head.status.to_string()
}

/// Ask for much, and read nothing of it for longer than the server waits.
fn unread(place: Place, path: &str) -> String {
    let mut client = Client::with_a_small_buffer(place.attacked);
    client.send(get(path));
    thread::sleep(Duration::from_millis(1500));
    "left".to_owned()
}

fn trickle(place: Place, text: &str) -> String {
    let mut client = Client::connect(place.attacked);
    for byte in text.as_bytes() {
        if client.try_send([*byte]).is_err() {
            return "closed".to_owned();
        }
        thread::sleep(Duration::from_millis(30));
    }
    client.head().status.to_string()
}

fn large(place: Place) -> String {
    let mut client = Client::connect(place.attacked);
    let length = "Content-Length: 67108864\r\n";
    client.send(request("POST", "/upload", length, ""));
    let begun = Instant::now();
    while client.try_send([b'x'; 64 * 1024]).is_ok() {
        if begun.elapsed() > Duration::from_secs(1) {
            return "left".to_owned();
        }
    }
    "closed".to_owned()
}

fn garbage(place: Place) -> String {
    let mut client = Client::connect(place.attacked);
    let noise = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8);
    let _ = client.try_send(noise.collect::<Vec<_>>());
    client.head().status.to_string()
}

fn reset(place: Place) -> String {
    let mut client = Client::connect(place.attacked);
    client.send(get("/endless"));
    let _ = client.socket.read(&mut [0; 100_000]);
    client.reset();
    "reset".to_owned()
}

fn flood(place: Place) -> String {
    let client = Client::with_a_small_buffer(place.attacked);
    let timeout = Some(Duration::from_secs(1));
    client.socket.set_write_timeout(timeout).unwrap();
    let mut socket = Socket::over(client, "/echo?name=flood");
    for _ in 0..1000 {
        // It panics when the server takes no more.
        socket.send(BINARY, &[b'x'; 16 * 1024]);
    }
    "took all".to_owned()
}

fn silent(place: Place) -> String {
    let _clients: Vec<_> = (0..50).map(|_| Client::connect(place.attacked)).collect();
    thread::sleep(Duration::from_millis(200));
    "left".to_owned()
}

const GUESTS: &[&str] = &[
    "/trap",
    "/spin",
    "/memory",
    "/overflow",
    "/wait",
    "/timers",
    "/names",
    "/files",
    "/sockets",
    "/mail/subject",
    "/casts/subject",
    "/mail/ledger",
    "/casts/tally",
    "/stash",
    "/spawn",
    "/supervise",
    "/run",
    "/ties/subject",
    "/ties/tally",
    "/lines",
    "/body",
    "/head",
    "/ts/spin",
    "/ts/heap",
    "/ts/recurse",
    "/ts/never",
    "/ts/half",
];

type Attack = (&'static str, fn(Place) -> String);
const CLIENTS: &[Attack] = &[
    ("never reads a body", |place| unread(place, "/body")),
    ("never reads a stream", |place| unread(place, "/endless")),
    ("never reads events", |place| unread(place, "/events")),
    ("slow head", |place| {
        trickle(place, &get(&format!("/{}", "x".repeat(200))))
    }),
    ("slow body", |place| {
        let length = "Content-Length: 200\r\n";
        let mut client = Client::connect(place.attacked);
        client.send(request("POST", "/upload", length, ""));
        trickle_on(client)
    }),
    ("too large", large),
    ("garbage", garbage),
    ("reset", reset),
    ("flood of messages", flood),
    ("silent", silent),
];

/// A body, byte by byte, which is answered before its end.
fn trickle_on(mut client: Client) -> String {
    let timeout = Some(Duration::from_millis(30));
    for _ in 0..200 {
        if client.try_send("x").is_err() {
            return "closed".to_owned();
        }
        client.socket.set_read_timeout(timeout).unwrap();
        if client.socket.peek(&mut [0]).is_ok() {
            break;
        }
    }
    client.head().status.to_string()
}
