//! Round trips of messages over held WebSockets, or WebSockets that are only held.
//!
//! One message is in flight on a connection. A closed loop sends the next when its echo has come;
//! an open loop when one is due and a connection is free. Successive messages of a connection
//! differ, and an echo that differs from its message in any byte is an error `body`. So is an
//! unexpected message.
//!
//! A read is always in progress: pings are answered and a close is noticed immediately, even on an
//! idle connection.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use monoio::io::{AsyncReadRent, AsyncWriteRentExt, OwnedReadHalf, OwnedWriteHalf};
use monoio::net::TcpStream;

use crate::generator::semaphore::Semaphore;
use crate::generator::{Clock, Endpoint, Op, Socket, Tally, Worker};
use crate::measure::Failure;
use crate::model::Arrivals;
use crate::net::websocket::{
    Decoder, Event, Handshake, HandshakeError, Kind, NORMAL, encode, encode_close, encode_pong,
};

/// Options of the command `ws` in addition to those of every mode.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Bytes of a message.
    #[arg(long, default_value_t = 64, value_name = "BYTES")]
    pub size: usize,
    /// Send binary messages instead of text.
    #[arg(long)]
    pub binary: bool,
    /// Send nothing: open the connections, each once, hold them for the duration, and say how many
    /// are alive at its end. Each handshake then counts as an operation.
    #[arg(long)]
    pub hold: bool,
}

/// The mode for [`generator::run`](crate::generator::run).
#[derive(Debug)]
pub struct Mode {
    endpoint: Endpoint,
    size: usize,
    kind: Kind,
    hold: bool,
    tally: Tally,
}

impl Mode {
    /// Creates a mode with round trips with, or connections to, this endpoint.
    pub fn new(endpoint: Endpoint, options: &Options) -> Arc<Self> {
        Arc::new(Self {
            endpoint,
            size: options.size,
            kind: if options.binary {
                Kind::Binary
            } else {
                Kind::Text
            },
            hold: options.hold,
            tally: Tally::default(),
        })
    }

    /// Returns the outcomes of the connections.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Runs the mode on one thread.
    pub async fn run(self: Arc<Self>, worker: Rc<Worker>) {
        let semaphore = Semaphore::new();
        worker
            .for_each_connection(|worker, index| {
                connection(Arc::clone(&self), worker, Rc::clone(&semaphore), index)
            })
            .await;
    }
}

/// Keeps one of the connections, and reconnects when it is lost.
async fn connection(mode: Arc<Mode>, worker: Rc<Worker>, semaphore: Rc<Semaphore>, index: usize) {
    let mut messages = Messages::new(mode.kind, mode.size, index);
    let (mut failed, mut again) = (0, false);
    while !worker.is_over() {
        let permit = semaphore.acquire().await;
        if worker.is_over() {
            return;
        }
        let begun = Instant::now();
        let opened = open(&mode.endpoint, &worker).await;
        drop(permit);
        match opened {
            Ok((socket, rest)) => {
                mode.tally.count_opened(again);
                (failed, again) = (0, true);
                if mode.hold {
                    worker.recorder().ok(begun, Instant::now());
                }
                let mut conversation = Conversation::new(&worker, &mut messages, &socket);
                let end = conversation.hold(socket, rest, mode.hold).await;
                mode.tally.count_ended(end == End::RunOver);
                if let (End::Lost(failure), true) = (end, mode.hold) {
                    let now = Instant::now();
                    worker.recorder().error(now, now, failure);
                }
                if end == End::RunOver || mode.hold {
                    return;
                }
            }
            Err(_) if worker.is_over() => return,
            Err(failure) => {
                mode.tally.count_refused();
                if mode.hold {
                    worker.recorder().error(begun, Instant::now(), failure);
                    return;
                }
                // A due operation that cannot be sent has failed.
                let Some(op) = worker.next().await else {
                    return;
                };
                worker.recorder().error(op.begun, Instant::now(), failure);
                worker.back_off(failed).await;
                failed += 1;
            }
        }
    }
}

/// Opens a WebSocket. Also returns what the server sent right after the handshake. Only bytes are
/// recorded.
pub(super) async fn open(
    endpoint: &Endpoint,
    worker: &Worker,
) -> Result<(Socket, Vec<u8>), Failure> {
    let mut socket = worker.connect(endpoint.address).await?;
    let rest = shake_hands(endpoint, worker, &mut socket).await?;
    Ok((socket, rest))
}

/// Performs the handshake on a new connection; see [`open`].
pub(super) async fn shake_hands(
    endpoint: &Endpoint,
    worker: &Worker,
    socket: &mut Socket,
) -> Result<Vec<u8>, Failure> {
    let handshake = Handshake::new(&endpoint.authority, &endpoint.target, &endpoint.headers);
    socket.begin(Instant::now());
    let (sent, _) = socket.write_all(handshake.request().to_vec()).await;
    let sent = sent.map_err(|error| socket.failure(Some(&error)))?;
    worker.recorder().bytes_out(Instant::now(), sent);
    let mut input = Vec::new();
    let mut buffer = Vec::with_capacity(HEAD_BUFFER);
    loop {
        let (got, filled) = socket.read(buffer).await;
        buffer = filled;
        let got = got.map_err(|error| socket.failure(Some(&error)))?;
        if got == 0 {
            return Err(socket.failure(None));
        }
        worker.recorder().bytes_in(Instant::now(), got);
        input.extend_from_slice(buffer.get(..got).unwrap_or_default());
        match handshake.check(&input) {
            Ok(Some(len)) => {
                socket.end();
                input.drain(..len);
                return Ok(input);
            }
            Ok(None) => {}
            Err(HandshakeError::Status(code)) => return Err(Failure::Status(code)),
            Err(_) => return Err(Failure::Protocol),
        }
    }
}

/// The end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// It ended with the run.
    RunOver,
    /// It ended before the run.
    Lost(Failure),
}

/// The conversation over one connection.
struct Conversation<'c> {
    worker: &'c Worker,
    messages: &'c mut Messages,
    clock: Clock,
    decoder: Decoder,
    /// The beginning of a frame.
    input: Vec<u8>,
    /// The output buffer.
    output: Vec<u8>,
    /// The operation that waits for its echo.
    in_flight: Option<Op>,
}

impl<'c> Conversation<'c> {
    fn new(worker: &'c Worker, messages: &'c mut Messages, socket: &Socket) -> Self {
        Self {
            worker,
            decoder: Decoder::new(messages.payload.len().saturating_add(SPARE)),
            messages,
            clock: socket.clock(),
            input: Vec::new(),
            output: Vec::new(),
            in_flight: None,
        }
    }

    /// Sends and receives, or (`silent`) only receives, until the run is over or the connection is
    /// lost.
    async fn hold(&mut self, mut socket: Socket, rest: Vec<u8>, silent: bool) -> End {
        let buffer = Vec::with_capacity(if silent { IDLE_BUFFER } else { BUFFER });
        let (reader, writer) = (&mut socket.reader, &mut socket.writer);
        let mut read = pin!(receive(reader, buffer));
        let mut read_ended = false;
        let mut taken = self.take(&rest, Instant::now());
        let end = loop {
            if let Err(failure) = taken {
                break End::Lost(failure);
            }
            if !silent && self.in_flight.is_none() {
                let op = self.worker.try_next(Instant::now());
                op.into_iter().for_each(|op| self.begin(op));
            }
            if let Err(failure) = self.flush(writer).await {
                break End::Lost(failure);
            }
            let idle = !silent && self.in_flight.is_none();
            match self.wait(read.as_mut(), idle).await {
                Wakeup::Op(Some(op)) => self.begin(op),
                Wakeup::Op(None) => break End::RunOver,
                Wakeup::Read(reader, got, buffer) => {
                    let now = Instant::now();
                    taken = match got {
                        Ok(got @ 1..) => self.take(buffer.get(..got).unwrap_or_default(), now),
                        Ok(_) => Err(self.clock.failure(None)),
                        Err(error) => Err(self.clock.failure(Some(&error))),
                    };
                    if taken.is_err() {
                        read_ended = true;
                    } else {
                        read.set(receive(reader, buffer));
                    }
                }
            }
        };
        // A closed loop's sockets are shut down when the run is over.
        let cut_off = self.worker.is_over() && self.worker.arrivals() == Arrivals::Closed;
        let end = if cut_off { End::RunOver } else { end };
        if let (End::Lost(failure), Some(op)) = (end, self.in_flight.take()) {
            self.worker
                .recorder()
                .error(op.begun, Instant::now(), failure);
        }
        if !read_ended {
            self.send_close(writer).await;
            // Whatever comes: the server's close, its end, or the timeout.
            self.clock.begin(Instant::now());
            if end != End::RunOver {
                self.clock.shut_down();
            }
            read.await;
        }
        end
    }

    fn begin(&mut self, op: Op) {
        self.messages.next(&mut self.output);
        self.in_flight = Some(op);
        self.clock.begin(Instant::now());
    }

    /// Parses the input.
    fn take(&mut self, bytes: &[u8], now: Instant) -> Result<(), Failure> {
        if !bytes.is_empty() {
            self.worker.recorder().bytes_in(now, bytes.len());
        }
        let mut kept = std::mem::take(&mut self.input);
        let fresh = kept.is_empty();
        if !fresh {
            kept.extend_from_slice(bytes);
        }
        let mut rest = if fresh { bytes } else { &kept[..] };
        let len = rest.len();
        let decoded = loop {
            let (used, event) = match self.decoder.decode(rest) {
                Ok(Some(decoded)) => decoded,
                Ok(None) => break Ok(()),
                Err(_) => break Err(Failure::Protocol),
            };
            rest = rest.get(used..).unwrap_or_default();
            match event {
                Event::Message(kind, payload) => {
                    let recorder = self.worker.recorder();
                    match self.in_flight.take() {
                        Some(op) if self.messages.is_last(kind, payload) => {
                            recorder.ok(op.begun, now);
                        }
                        Some(op) => recorder.error(op.begun, now, Failure::Body),
                        None => recorder.error(now, now, Failure::Body),
                    }
                    self.clock.end();
                }
                Event::Ping(payload) => {
                    encode_pong(payload, self.messages.mask(), &mut self.output);
                }
                Event::Fragment | Event::Pong => {}
                Event::Close(code) => break Err(Failure::Closed(code)),
            }
        };
        let used = len - rest.len();
        if fresh {
            kept.extend_from_slice(bytes.get(used..).unwrap_or_default());
        } else {
            kept.drain(..used);
        }
        self.input = kept;
        decoded
    }

    async fn flush(&mut self, writer: &mut OwnedWriteHalf<TcpStream>) -> Result<(), Failure> {
        if self.output.is_empty() {
            return Ok(());
        }
        let (sent, mut output) = writer.write_all(std::mem::take(&mut self.output)).await;
        let sent = sent.map_err(|error| self.clock.failure(Some(&error)))?;
        self.worker.recorder().bytes_out(Instant::now(), sent);
        // Keep the allocation.
        output.clear();
        self.output = output;
        Ok(())
    }

    async fn send_close(&mut self, writer: &mut OwnedWriteHalf<TcpStream>) {
        encode_close(NORMAL, self.messages.mask(), &mut self.output);
        // If it cannot be sent, the connection has ended as well.
        let _ = self.flush(writer).await;
    }

    /// Waits for the read in progress and, if the connection is idle, for an operation.
    async fn wait<'r>(
        &self,
        mut read: Pin<&mut impl Future<Output = Wakeup<'r>>>,
        idle: bool,
    ) -> Wakeup<'r> {
        if !idle {
            return read.await;
        }
        let mut next = pin!(self.worker.next());
        poll_fn(|context| match read.as_mut().poll(context) {
            Poll::Ready(wakeup) => Poll::Ready(wakeup),
            Poll::Pending => next.as_mut().poll(context).map(Wakeup::Op),
        })
        .await
    }
}

/// The events that a connection waits for.
enum Wakeup<'r> {
    /// A read has ended: the half that was read, the result, and its buffer.
    Read(&'r mut OwnedReadHalf<TcpStream>, io::Result<usize>, Vec<u8>),
    /// An operation is due, or the run is over.
    Op(Option<Op>),
}

async fn receive(reader: &mut OwnedReadHalf<TcpStream>, buffer: Vec<u8>) -> Wakeup<'_> {
    let (got, buffer) = reader.read(buffer).await;
    Wakeup::Read(reader, got, buffer)
}

/// The messages of one connection: all of the same length, each different from the previous one.
struct Messages {
    kind: Kind,
    /// The last message; it begins with the digits of a number, as many as fit.
    payload: Vec<u8>,
    number: u64,
    random: fastrand::Rng,
}

impl Messages {
    fn new(kind: Kind, size: usize, connection: usize) -> Self {
        let mut random = fastrand::Rng::new();
        let payload = (0..size).map(|_| match kind {
            Kind::Text => random.alphanumeric() as u8,
            Kind::Binary => random.u8(..),
        });
        Self {
            kind,
            payload: payload.collect(),
            number: (connection as u64) << 32,
            random,
        }
    }

    /// Appends the next message, in its frame, to `output`.
    fn next(&mut self, output: &mut Vec<u8>) {
        self.number = self.number.wrapping_add(1);
        let mut number = self.number;
        for byte in self.payload.iter_mut().take(DIGITS) {
            // From the lowest digit, so that the shortest message changes, too.
            *byte = b'A' + (number & 0xf) as u8;
            number >>= 4;
        }
        encode(
            self.kind,
            &self.payload,
            self.random.u32(..).to_ne_bytes(),
            output,
        );
    }

    /// Returns whether this is the last message of [`Messages::next`].
    fn is_last(&self, kind: Kind, payload: &[u8]) -> bool {
        kind == self.kind && payload == self.payload
    }

    /// Returns a mask (RFC 6455 section 5.3); here it need not be unpredictable.
    fn mask(&mut self) -> [u8; 4] {
        self.random.u32(..).to_ne_bytes()
    }
}

/// Hexadecimal digits of a message's number.
const DIGITS: usize = 16;
/// Bytes of a read, and for a connection with little traffic, of which there may be many.
const BUFFER: usize = 16 * 1024;
const IDLE_BUFFER: usize = 256;
const HEAD_BUFFER: usize = 1024;
/// An echo may be this much longer than its message, and is still read as a wrong one.
const SPARE: usize = 64 * 1024;
