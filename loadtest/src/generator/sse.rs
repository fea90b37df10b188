//! Events of held streams, or streams that are only held.
//!
//! An operation is an event, and its latency the gap since the previous one of the same stream,
//! even if the stream was reopened in between: that is what a client waits. The first event has no
//! gap and is not counted. Events from one read arrived together: their gap is 0.
//!
//! A stream that ends is reopened, with `Last-Event-ID`, after the server's `retry`, or immediately
//! without one. An end by the framing is not an error; anything else is. A stream whose second
//! response is 204 has ended for good.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::generator::semaphore::Semaphore;
use crate::generator::{Endpoint, Socket, Tally, Worker};
use crate::measure::Failure;
use crate::net::stream::{Progress, Stream, StreamError};

/// Options of the command `sse` in addition to those of every mode.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Options {
    /// Streams that are held; the same as --connections.
    #[arg(short, long, value_name = "N", conflicts_with = "connections")]
    pub streams: Option<usize>,
    /// Only open the streams, each once, hold them for the duration, and say how many are alive at
    /// its end. Each stream that opens then counts as an operation, and events do not.
    #[arg(long)]
    pub hold: bool,
}

/// The mode for [`generator::run`](crate::generator::run) with closed-loop arrivals: the server
/// determines when events come.
#[derive(Debug)]
pub struct Mode {
    endpoint: Endpoint,
    hold: bool,
    tally: Tally,
}

impl Mode {
    /// Creates a mode with streams of this endpoint.
    pub fn new(endpoint: Endpoint, options: &Options) -> Arc<Self> {
        Arc::new(Self {
            endpoint,
            hold: options.hold,
            tally: Tally::default(),
        })
    }

    /// Returns the outcomes of the streams.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Runs the mode on one thread.
    pub async fn run(self: Arc<Self>, worker: Rc<Worker>) {
        let semaphore = Semaphore::new();
        worker
            .for_each_connection(|worker, _| {
                let client = Client {
                    mode: Arc::clone(&self),
                    worker,
                    stream: Stream::default(),
                    last_event: None,
                };
                client.run(Rc::clone(&semaphore))
            })
            .await;
    }
}

/// The client of one stream.
struct Client {
    mode: Arc<Mode>,
    worker: Rc<Worker>,
    stream: Stream,
    last_event: Option<Instant>,
}

impl Client {
    /// Holds the stream, and reopens it, until the run is over.
    async fn run(mut self, semaphore: Rc<Semaphore>) {
        let (mut failed, mut again) = (0, false);
        while !self.worker.is_over() {
            let permit = semaphore.acquire().await;
            if self.worker.is_over() {
                break;
            }
            let begun = Instant::now();
            let opened = self.open(begun).await;
            drop(permit);
            let before = self.last_event;
            let end = match opened {
                Ok((mut socket, progress)) => {
                    self.mode.tally.count_opened(again);
                    again = true;
                    if self.mode.hold {
                        self.worker.recorder().ok(begun, Instant::now());
                    }
                    let end = self.listen(&mut socket, progress).await;
                    self.mode.tally.count_ended(self.worker.is_over());
                    end
                }
                Err(_) if self.worker.is_over() => break,
                Err(NO_CONTENT) if again => {
                    self.mode.tally.count_finished();
                    return;
                }
                Err(failure) => {
                    self.mode.tally.count_refused();
                    Err(failure)
                }
            };
            if self.worker.is_over() {
                break;
            }
            let now = Instant::now();
            match end {
                Err(failure) => self.worker.recorder().error(now, now, failure),
                // It should have been held.
                Ok(()) if self.mode.hold => self.worker.recorder().error(now, now, Failure::Reset),
                Ok(()) => {}
            }
            if self.mode.hold {
                return;
            }
            if end.is_ok() && self.last_event != before {
                failed = 0;
                self.wait_to_retry().await;
            } else {
                self.worker.back_off(failed).await;
                failed += 1;
            }
        }
        self.tally_end();
    }

    /// Requests the stream, and reads at least to the end of the response's head.
    async fn open(&mut self, begun: Instant) -> Result<(Socket, Progress), Failure> {
        let request = self.request();
        self.stream.restart();
        let mut socket = self.worker.connect(self.mode.endpoint.address).await?;
        socket.begin(Instant::now());
        let (sent, _) = socket.write_all(request).await;
        let sent = sent.map_err(|error| socket.failure(Some(&error)))?;
        self.worker.recorder().bytes_out(Instant::now(), sent);
        let mut buffer = Vec::with_capacity(IDLE_BUFFER);
        loop {
            let progress;
            (progress, buffer) = self.read(&mut socket, buffer).await;
            match progress {
                Err(ReadError::Response(StreamError::Status(code))) => {
                    self.worker.recorder().status(begun, Instant::now(), code);
                    return Err(Failure::Status(code));
                }
                Err(error) => return Err(error.failure()),
                Ok(Progress::Head) => {}
                Ok(progress) => {
                    socket.end();
                    self.worker.recorder().status(begun, Instant::now(), 200);
                    return Ok((socket, progress));
                }
            }
        }
    }

    /// Receives events until the stream ends.
    async fn listen(&mut self, socket: &mut Socket, mut progress: Progress) -> Result<(), Failure> {
        let room = if self.mode.hold { IDLE_BUFFER } else { BUFFER };
        let mut buffer = Vec::with_capacity(room);
        while progress != Progress::Ended {
            let read;
            (read, buffer) = self.read(socket, buffer).await;
            progress = match read {
                Err(ReadError::End(_)) if self.stream.ends_here() => Progress::Ended,
                read => read.map_err(ReadError::failure)?,
            };
        }
        Ok(())
    }

    /// Reads once, and parses the input.
    async fn read(
        &mut self,
        socket: &mut Socket,
        buffer: Vec<u8>,
    ) -> (Result<Progress, ReadError>, Vec<u8>) {
        let (got, buffer) = socket.read(buffer).await;
        let got = match got {
            Ok(0) => return (Err(ReadError::End(socket.failure(None))), buffer),
            Ok(got) => got,
            Err(error) => return (Err(ReadError::Broken(socket.failure(Some(&error)))), buffer),
        };
        let (now, recorder) = (Instant::now(), self.worker.recorder());
        recorder.bytes_in(now, got);
        let last = &mut self.last_event;
        let hold = self.mode.hold;
        let progress = self
            .stream
            .feed(buffer.get(..got).unwrap_or_default(), |_| {
                if let (Some(last), false) = (*last, hold) {
                    recorder.ok(last, now);
                }
                *last = Some(now);
            });
        (progress.map_err(ReadError::Response), buffer)
    }

    fn request(&self) -> Vec<u8> {
        let Endpoint {
            authority,
            target,
            headers,
            ..
        } = &self.mode.endpoint;
        let head = format!(
            "GET {target} HTTP/1.1\r\nHost: {authority}\r\nAccept: text/event-stream\r\n\
             Cache-Control: no-store\r\n{headers}"
        );
        let mut request = head.into_bytes();
        let id = self.stream.parser().last_id();
        if !id.is_empty() {
            request.extend_from_slice(b"Last-Event-ID: ");
            request.extend_from_slice(id);
            request.extend_from_slice(b"\r\n");
        }
        request.extend_from_slice(b"\r\n");
        request
    }

    async fn wait_to_retry(&self) {
        let mut left = self.stream.parser().retry().unwrap_or_default();
        while !left.is_zero() && !self.worker.is_over() {
            let step = left.min(STEP);
            monoio::time::sleep(step).await;
            left -= step;
        }
    }

    fn tally_end(&self) {
        match self.last_event {
            _ if self.mode.hold => {}
            None => self.mode.tally.count_silent(),
            Some(last) => {
                let end = self.worker.window().end;
                self.mode
                    .tally
                    .wait_at_end(end.saturating_duration_since(last));
            }
        }
    }
}

/// The reason why nothing more can be read.
enum ReadError {
    /// The connection ended; the failure applies if the stream should not have.
    End(Failure),
    /// The connection broke.
    Broken(Failure),
    /// The response is not a stream.
    Response(StreamError),
}

impl ReadError {
    fn failure(self) -> Failure {
        match self {
            Self::End(failure) | Self::Broken(failure) => failure,
            Self::Response(StreamError::Status(code)) => Failure::Status(code),
            Self::Response(StreamError::ContentType) => Failure::Other("content type"),
            Self::Response(_) => Failure::Protocol,
        }
    }
}

/// The response that tells a client not to reconnect.
const NO_CONTENT: Failure = Failure::Status(204);
/// Bytes of a read, and for a stream with little traffic, of which there may be many.
const BUFFER: usize = 16 * 1024;
const IDLE_BUFFER: usize = 1024;
/// The interval in which a waiting client checks whether the run is over.
const STEP: Duration = Duration::from_millis(5);
