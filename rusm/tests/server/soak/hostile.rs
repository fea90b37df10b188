//! Hostile guests, by the paths that lead to them, and hostile clients. The server may have stopped
//! in the meantime: none of them expects anything.

use std::io::{self, Read};
use std::thread;
use std::time::{Duration, Instant};

use super::Place;
use super::figures::Counts;
use crate::client::{Client, get, request};

/// Do one after another until the time is over.
pub(super) fn run(offset: usize, place: Place, until: Instant, counts: &Counts) {
    // Those that run at the same time are at different ones.
    let mut turn = offset * (GUESTS.len() + CLIENTS.len()) / super::HOSTILE;
    while Instant::now() < until {
        attempt(turn, place, counts);
        turn += 1;
    }
}

/// Do one of them.
pub(super) fn attempt(turn: usize, place: Place, counts: &Counts) {
    let index = turn % (GUESTS.len() + CLIENTS.len());
    let (name, outcome) = match index.checked_sub(GUESTS.len()) {
        None => (GUESTS[index], ask(place, GUESTS[index])),
        Some(index) => (CLIENTS[index].0, CLIENTS[index].1(place)),
    };
    counts.add(name, &outcome.unwrap_or_else(|_| "no answer".to_owned()));
}

/// What came of it.
type Outcome = io::Result<String>;

/// The status that a guest's request gets. The rest may be large, and its client leaves.
fn ask(place: Place, path: &str) -> Outcome {
    let mut client = Client::try_connect(place.attacked)?;
    client.try_send(get(path))?;
    Ok(status(&mut client))
}

fn status(client: &mut Client) -> String {
    let status = client.try_status();
    status.map_or_else(|| "closed".to_owned(), |status| status.to_string())
}

/// Ask for much, and read nothing of it for longer than the server waits.
fn unread(place: Place, path: &str) -> Outcome {
    let mut client = Client::try_connect(place.attacked)?;
    client.try_send(get(path))?;
    thread::sleep(Duration::from_millis(1500));
    Ok("left".to_owned())
}

/// A byte now and then, until there is an answer, or the server takes no more.
fn trickle(place: Place, begun: &str) -> Outcome {
    let mut client = Client::try_connect(place.attacked)?;
    client.try_send(begun)?;
    let (pause, patience) = (Duration::from_millis(30), client.socket.read_timeout()?);
    client.socket.set_read_timeout(Some(pause))?;
    for _ in 0..200 {
        client.try_send("x")?;
        if client.socket.peek(&mut [0]).is_ok() {
            break;
        }
    }
    client.socket.set_read_timeout(patience)?;
    Ok(status(&mut client))
}

fn too_large(place: Place) -> Outcome {
    let mut client = Client::try_connect(place.attacked)?;
    let length = "Content-Length: 1073741824\r\n";
    client.try_send(request("POST", "/upload", length, ""))?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(300) {
        client.try_send([b'x'; 64 * 1024])?;
    }
    Ok(status(&mut client))
}

fn garbage(place: Place) -> Outcome {
    let mut client = Client::try_connect(place.attacked)?;
    let noise = (0..4096_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8);
    client.try_send(noise.collect::<Vec<_>>())?;
    Ok(status(&mut client))
}

fn reset(place: Place) -> Outcome {
    let mut client = Client::try_connect(place.attacked)?;
    client.try_send(get("/endless"))?;
    client.socket.read_exact(&mut [0; 100_000])?;
    client.reset();
    Ok("reset".to_owned())
}

/// Messages to an echo of which nothing is read.
fn flood(place: Place) -> Outcome {
    let mut client = Client::try_connect(place.attacked)?;
    client
        .socket
        .set_write_timeout(Some(Duration::from_secs(1)))?;
    let handshake = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    client.try_send(request("GET", "/echo?name=flood", handshake, ""))?;
    let mut frame = vec![0x82, 0xfe, 0x40, 0x00, 0, 0, 0, 0];
    frame.resize(frame.len() + 0x4000, b'x');
    let sent = (0..1000).take_while(|_| client.try_send(&frame).is_ok());
    Ok(match sent.count() {
        1000 => "took all".to_owned(),
        _ => "had to wait".to_owned(),
    })
}

fn silent(place: Place) -> Outcome {
    let clients = (0..50).map(|_| Client::try_connect(place.attacked));
    let _clients = clients.collect::<io::Result<Vec<_>>>()?;
    thread::sleep(Duration::from_millis(200));
    Ok("left".to_owned())
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

type Attack = (&'static str, fn(Place) -> Outcome);
const CLIENTS: &[Attack] = &[
    ("never reads a body", |place| unread(place, "/body")),
    ("never reads a stream", |place| unread(place, "/endless")),
    ("never reads events", |place| unread(place, "/events")),
    ("slow head", |place| {
        trickle(place, "GET /trap HTTP/1.1\r\nHost: ")
    }),
    ("slow body", |place| {
        let length = "Content-Length: 1000\r\n";
        trickle(place, &request("POST", "/upload", length, ""))
    }),
    ("too large", too_large),
    ("garbage", garbage),
    ("reset", reset),
    ("flood of messages", flood),
    ("silent", silent),
];
