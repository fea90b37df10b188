//! A stream of events at a fixed interval.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::{Shared, Stub, header, read_request};

/// What each stream is like. Its events have `id: 1`, `id: 2` and so on; a request with
/// `Last-Event-ID: n` begins after it.
#[derive(Clone, Debug)]
pub(crate) struct Sse {
    /// Between an event and the next; the first comes after one interval.
    pub(crate) interval: Duration,
    /// End the stream after so many events.
    pub(crate) events: Option<u64>,
    /// After so many such streams, as the last id tells, answer 204: there is no more.
    pub(crate) rounds: Option<u64>,
    /// A `retry` field in the first event.
    pub(crate) retry: Option<Duration>,
    /// Send the head and nothing else.
    pub(crate) silent: bool,
    /// In chunks, or until the connection's end.
    pub(crate) chunked: bool,
    /// What the head says of the content.
    pub(crate) content_type: &'static str,
}

impl Default for Sse {
    /// An event each 20 ms, in chunks, without end.
    fn default() -> Self {
        Self {
            interval: Duration::from_millis(20),
            events: None,
            rounds: None,
            retry: None,
            silent: false,
            chunked: true,
            content_type: "text/event-stream",
        }
    }
}

impl Sse {
    /// Run it.
    pub(crate) fn start(self) -> Stub {
        Stub::start(move |stream, shared| self.serve(stream, shared))
    }

    fn serve(&self, mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
        let mut buffer = Vec::new();
        let Some(head) = read_request(&mut stream, &mut buffer, shared)? else {
            return Ok(());
        };
        let last = header(&head, "last-event-id");
        let last: u64 = last.and_then(|id| id.parse().ok()).unwrap_or(0);
        if let (Some(events), Some(rounds)) = (self.events, self.rounds)
            && last >= events * rounds
        {
            return stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
        }
        let framing = if self.chunked {
            "Transfer-Encoding: chunked"
        } else {
            "Connection: close"
        };
        let content_type = self.content_type;
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n{framing}\r\n\r\n"
        )?;
        if self.silent {
            // Returns when the client goes.
            read_request(&mut stream, &mut buffer, shared)?;
            return Ok(());
        }
        let mut due = Instant::now();
        let mut sent = 0;
        while self.events.is_none_or(|events| sent < events) {
            // By the clock, so that what a sleep takes too long is not added up.
            due += self.interval;
            shared.sleep(due.saturating_duration_since(Instant::now()));
            sent += 1;
            let mut event = format!("id: {}\n", last + sent);
            if let (1, Some(retry)) = (sent, self.retry) {
                event.push_str(&format!("retry: {}\n", retry.as_millis()));
            }
            event.push_str("data: tick\n\n");
            if self.chunked {
                event = format!("{:x}\r\n{event}\r\n", event.len());
            }
            stream.write_all(event.as_bytes())?;
        }
        if self.chunked {
            stream.write_all(b"0\r\n\r\n")?;
        }
        Ok(())
    }
}
