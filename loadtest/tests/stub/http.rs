//! HTTP/1.1 of known behaviour.

use std::io::{self, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use super::{Shared, Stub, read_request, reset_on_close};

/// How each response is given. The requests of one connection are answered one after the other,
/// also those that came together.
#[derive(Clone, Debug)]
pub(crate) struct Http {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Before each response.
    pub(crate) delay: Duration,
    pub(crate) stall: Option<Stall>,
    pub(crate) framing: Framing,
    /// End the connection after each response, and say so.
    pub(crate) close: bool,
    /// Reset the connection in the middle of the body.
    pub(crate) reset: bool,
    /// Answer each request with these bytes instead, and close.
    pub(crate) raw: Option<Vec<u8>>,
    /// Read requests and never answer.
    pub(crate) silent: bool,
}

/// Times in which nothing is answered: the middle `lasts` of every `every`, counted from the
/// server's start. What came meanwhile is answered at their end, long before a run of one `every`
/// is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stall {
    pub(crate) every: Duration,
    pub(crate) lasts: Duration,
}

/// How the end of a body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// `Content-Length`.
    Length,
    /// In two chunks, which come in two segments.
    Chunked,
    /// By the end of the connection.
    Close,
}

impl Default for Http {
    /// 200 `hello`, at once, kept alive.
    fn default() -> Self {
        Self {
            status: 200,
            body: b"hello".to_vec(),
            delay: Duration::ZERO,
            stall: None,
            framing: Framing::Length,
            close: false,
            reset: false,
            raw: None,
            silent: false,
        }
    }
}

impl Http {
    /// A fixed delay before each response.
    pub(crate) fn delayed(delay: Duration) -> Self {
        Self {
            delay,
            ..Self::default()
        }
    }

    /// Answers at once, but nothing for one whole second in each ten.
    pub(crate) fn stalling() -> Self {
        Self {
            stall: Some(Stall {
                every: Duration::from_secs(10),
                lasts: Duration::from_secs(1),
            }),
            ..Self::default()
        }
    }

    /// Run it.
    pub(crate) fn start(self) -> Stub {
        let started = Instant::now();
        Stub::start(move |stream, shared| self.serve(stream, shared, started))
    }

    fn serve(&self, mut stream: TcpStream, shared: &Shared, started: Instant) -> io::Result<()> {
        let mut buffer = Vec::new();
        while read_request(&mut stream, &mut buffer, shared)?.is_some() {
            if self.silent {
                continue;
            }
            shared.sleep(self.delay);
            if let Some(stall) = self.stall {
                shared.sleep(stall.left(started.elapsed()));
            }
            if let Some(raw) = &self.raw {
                stream.write_all(raw)?;
                return Ok(());
            }
            if self.reset {
                stream.write_all(&self.head())?;
                stream.write_all(&self.body[..self.body.len() / 2])?;
                // So that the client reads this much, which a reset would discard.
                thread::sleep(Duration::from_millis(5));
                shared.forget(&stream);
                reset_on_close(&stream);
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            self.respond(&mut stream)?;
            if self.close || self.framing == Framing::Close {
                return Ok(());
            }
        }
        Ok(())
    }

    fn respond(&self, stream: &mut TcpStream) -> io::Result<()> {
        let mut bytes = self.head();
        if self.framing == Framing::Chunked {
            let (a, b) = self.body.split_at(self.body.len() / 2);
            for part in [a, b] {
                if !part.is_empty() {
                    write!(bytes, "{:x}\r\n", part.len())?;
                    bytes.extend_from_slice(part);
                    bytes.extend_from_slice(b"\r\n");
                }
                stream.write_all(&bytes)?;
                bytes.clear();
            }
            return stream.write_all(b"0\r\n\r\n");
        }
        bytes.extend_from_slice(&self.body);
        stream.write_all(&bytes)
    }

    fn head(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Stub\r\n", self.status);
        match self.framing {
            Framing::Length => {
                head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
            }
            Framing::Chunked => head.push_str("Transfer-Encoding: chunked\r\n"),
            Framing::Close => {}
        }
        if self.close || self.framing == Framing::Close {
            head.push_str("Connection: close\r\n");
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

impl Stall {
    fn left(&self, now: Duration) -> Duration {
        let every = self.every.as_nanos();
        let at = now.as_nanos() % every;
        let ends = (every + self.lasts.as_nanos()) / 2;
        let begins = ends - self.lasts.as_nanos();
        let left = if (begins..ends).contains(&at) {
            ends - at
        } else {
            0
        };
        Duration::from_nanos(left as u64)
    }
}
