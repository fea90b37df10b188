//! Requests over HTTP/1.1: each connection keeps up to `pipeline` of them in flight.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use monoio::buf::IoBufMut;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt, OwnedReadHalf, OwnedWriteHalf};
use monoio::net::TcpStream;

use crate::generator::{Clock, Op, Socket, Worker};
use crate::measure::Failure;
use crate::model::Arrivals;
use crate::net::http1::response::{Parser, RequestContext, Response};
use crate::targets::{Expect, Targets};

/// The requests, and their server.
#[derive(Debug)]
pub struct Mode {
    address: SocketAddr,
    targets: Targets,
    pipeline: usize,
}

impl Mode {
    /// Creates a mode with requests of these targets to this address, at most `pipeline` in flight
    /// on one connection. An open loop sends requests together only if they are due when the
    /// connection is free.
    #[must_use]
    pub fn new(address: SocketAddr, targets: Targets, pipeline: usize) -> Arc<Self> {
        Arc::new(Self {
            address,
            targets,
            pipeline: pipeline.max(1),
        })
    }

    /// Runs the mode on one thread.
    pub async fn run(self: Arc<Self>, worker: Rc<Worker>) {
        let requests = Rc::new(RequestMix::new(&self, worker.seed()));
        worker
            .for_each_connection(|worker, _| Connection::new(&self, &requests, worker).run())
            .await;
    }
}

/// The requests, encoded once for all connections of a thread.
struct RequestMix {
    targets: Targets,
    encoded: Vec<EncodedRequest>,
    random: RefCell<fastrand::Rng>,
}

struct EncodedRequest {
    bytes: Rc<Vec<u8>>,
    context: RequestContext,
    expect: Expect,
}

impl RequestMix {
    fn new(mode: &Mode, seed: u64) -> Self {
        let encoded = mode.targets.all().iter().map(|target| EncodedRequest {
            bytes: Rc::new(target.encode()),
            context: RequestContext {
                head: target.method == "HEAD",
                keep_body: target.expect.reads_body(),
            },
            expect: target.expect.clone(),
        });
        Self {
            encoded: encoded.collect(),
            targets: mode.targets.clone(),
            random: RefCell::new(fastrand::Rng::with_seed(seed)),
        }
    }

    fn pick(&self) -> usize {
        if self.encoded.len() == 1 {
            return 0;
        }
        self.targets.pick(self.random.borrow_mut().f64())
    }

    fn get(&self, place: usize) -> Option<&EncodedRequest> {
        self.encoded.get(place)
    }
}

struct Connection {
    address: SocketAddr,
    pipeline: usize,
    requests: Rc<RequestMix>,
    worker: Rc<Worker>,
    /// Operations that were taken and not answered, because their connection has ended.
    waiting: VecDeque<Op>,
    /// Requests that were sent, or are being sent, and not answered, in order.
    in_flight: VecDeque<PendingRequest>,
    parser: Parser,
    /// The beginning of a response.
    input: Vec<u8>,
    /// The time of the last look.
    now: Instant,
}

struct PendingRequest {
    op: Op,
    at: Instant,
    request: usize,
    /// True once it was given to the writer.
    handed: bool,
}

impl Connection {
    fn new(mode: &Mode, requests: &Rc<RequestMix>, worker: Rc<Worker>) -> Self {
        Self {
            address: mode.address,
            pipeline: mode.pipeline,
            requests: Rc::clone(requests),
            worker,
            waiting: VecDeque::new(),
            in_flight: VecDeque::new(),
            parser: Parser::default(),
            input: Vec::with_capacity(MIN_INPUT),
            now: Instant::now(),
        }
    }

    /// Keeps a connection, and reconnects, until the run is over.
    async fn run(mut self) {
        let mut failed = 0;
        while !self.worker.is_over() {
            let begun = Instant::now();
            let made = self.worker.connect(self.address).await;
            self.now = Instant::now();
            match made {
                Ok(socket) => {
                    failed = 0;
                    self.serve(socket).await;
                }
                Err(_) if self.worker.is_over() => break,
                Err(failure) => {
                    let begun = self.waiting.pop_front().map_or(begun, |op| op.begun);
                    self.worker.recorder().error(begun, self.now, failure);
                    self.worker.back_off(failed).await;
                    failed += 1;
                }
            }
        }
        for op in self.waiting.drain(..) {
            self.worker
                .recorder()
                .error(op.begun, self.now, Failure::Unsent);
        }
    }

    /// Sends and receives until the run is over or the connection ends.
    async fn serve(&mut self, mut socket: Socket) {
        let clock = socket.clock();
        let outbox = Outbox::default();
        let (reader, writer) = (&mut socket.reader, &mut socket.writer);
        // A write may be in progress while responses are read, because a server whose client does
        // not read may stop reading. Neither future is dropped before it ends.
        let mut sending = pin!(send(writer, &outbox));
        self.parser = Parser::default();
        self.input.clear();
        while self.refill(&clock, &outbox).await {
            let result = self.read(reader, sending.as_mut()).await;
            self.now = Instant::now();
            match self.take(&result, &clock) {
                Ok(true) => {}
                Ok(false) => break,
                Err(failure) => {
                    self.give_up(failure);
                    break;
                }
            }
        }
        clock.shut_down();
        poll_fn(|context| match sending.as_mut().poll(context) {
            Poll::Pending if !outbox.is_idle() => Poll::Pending,
            _ => Poll::Ready(()),
        })
        .await;
        // Requests that the server did not answer before it closed are sent again; in a closed loop
        // they were never due.
        let unanswered = self.in_flight.drain(..).map(|sent| sent.op);
        if self.worker.arrivals() == Arrivals::Closed {
            unanswered.for_each(|_| self.worker.give_back());
        } else {
            self.waiting.extend(unanswered);
        }
    }

    /// Waits until something is in flight, and adds whatever else may be sent now. Returns false if
    /// the run is over, or the connection ended while it was idle.
    async fn refill(&mut self, clock: &Clock, outbox: &Outbox) -> bool {
        if self.in_flight.is_empty() {
            clock.end();
            let Some(op) = self.next(clock).await else {
                return false;
            };
            self.push(op);
        }
        if outbox.is_idle() {
            while self.in_flight.len() < self.pipeline {
                let waiting = self.waiting.pop_front();
                let Some(op) = waiting.or_else(|| self.worker.try_next(self.now)) else {
                    break;
                };
                self.push(op);
            }
            self.send(outbox);
        }
        if let Some(oldest) = self.in_flight.front() {
            clock.begin(oldest.at);
        }
        true
    }

    async fn next(&mut self, clock: &Clock) -> Option<Op> {
        if let Some(op) = self.waiting.pop_front() {
            return Some(op);
        }
        if let Some(op) = self.worker.try_next(self.now) {
            return Some(op);
        }
        let idle = self.now;
        let op = self.worker.next().await?;
        self.now = Instant::now();
        // Servers close idle connections: no operation fails by that.
        if self.now.saturating_duration_since(idle) > LONG_IDLE && clock.is_ended() {
            self.waiting.push_back(op);
            return None;
        }
        Some(op)
    }

    fn push(&mut self, op: Op) {
        self.in_flight.push_back(PendingRequest {
            op,
            at: self.now,
            request: self.requests.pick(),
            handed: false,
        });
    }

    /// Hands everything that is not yet being written to the writer, as one write.
    fn send(&mut self, outbox: &Outbox) {
        let first = self.in_flight.partition_point(|sent| sent.handed);
        let mut requests = self.in_flight.range_mut(first..).filter_map(|sent| {
            sent.handed = true;
            self.requests.get(sent.request)
        });
        let Some(one) = requests.next() else {
            return;
        };
        let mut count = one.bytes.len();
        let batch = match requests.next() {
            None => Batch::One(Rc::clone(&one.bytes)),
            Some(another) => {
                let mut bytes = outbox.spare.take();
                bytes.clear();
                for request in [one, another].into_iter().chain(requests) {
                    bytes.extend_from_slice(&request.bytes);
                }
                count = bytes.len();
                Batch::Many(bytes)
            }
        };
        self.worker.recorder().bytes_out(self.now, count);
        outbox.next.set(Some(batch));
    }

    /// Reads, appending to the rest of the last read, while the writer writes.
    async fn read(
        &mut self,
        reader: &mut OwnedReadHalf<TcpStream>,
        mut sending: Pin<&mut impl Future<Output = ()>>,
    ) -> io::Result<usize> {
        let mut input = std::mem::take(&mut self.input);
        if input.len() == input.capacity() {
            input.reserve(input.len().max(MIN_INPUT));
        }
        let kept = input.len();
        // The write is submitted first.
        let mut reading = pin!(async { reader.read(input.slice_mut(kept..)).await });
        let (result, slice) = poll_fn(|context| {
            let _ = sending.as_mut().poll(context);
            reading.as_mut().poll(context)
        })
        .await;
        self.input = slice.into_inner();
        result
    }

    /// Parses responses. Returns whether the connection can be used again.
    fn take(&mut self, read: &io::Result<usize>, clock: &Clock) -> Result<bool, Failure> {
        let count = match read {
            Ok(count) => *count,
            Err(error) => return Err(clock.failure(Some(error))),
        };
        if count == 0 {
            return self.end(clock);
        }
        self.worker.recorder().bytes_in(self.now, count);
        let mut at = 0;
        let mut keep = true;
        while let Some(sent) = self.in_flight.front()
            && keep
        {
            let Some(request) = self.requests.get(sent.request) else {
                break;
            };
            let rest = self.input.get(at..).unwrap_or_default();
            let parsed = self
                .parser
                .feed(rest, request.context)
                .map_err(|_| Failure::Protocol)?;
            at += parsed.consumed;
            let Some(response) = parsed.done else {
                break;
            };
            keep = response.keep_alive;
            self.record(response);
        }
        if self.in_flight.is_empty() && keep && at < self.input.len() {
            // There is no request for this response.
            return Err(Failure::Protocol);
        }
        self.input.drain(..at);
        Ok(keep)
    }

    /// Handles the end of the stream: it may complete the response, depending on its framing.
    fn end(&mut self, clock: &Clock) -> Result<bool, Failure> {
        match self.parser.end(&self.input) {
            Ok(Some(response)) if !self.in_flight.is_empty() => {
                self.record(response);
                Ok(false)
            }
            _ => Err(clock.failure(None)),
        }
    }

    /// Records the response to the oldest request in flight.
    fn record(&mut self, response: Response) {
        let Some(sent) = self.in_flight.pop_front() else {
            return;
        };
        let (begun, recorder) = (sent.op.begun, self.worker.recorder());
        recorder.status(begun, self.now, response.status);
        let checked = self.requests.get(sent.request).map_or(Ok(()), |request| {
            request.expect.check(response.status, self.parser.body())
        });
        match checked {
            Ok(()) => recorder.ok(begun, self.now),
            Err(failure) => recorder.error(begun, self.now, failure),
        }
    }

    /// Records everything in flight as failed: the oldest request for this reason, the others with
    /// it.
    fn give_up(&mut self, failure: Failure) {
        // A closed loop is interrupted when the run is over, which is not a failure.
        let cut_off = self.worker.is_over() && self.worker.arrivals() == Arrivals::Closed;
        let recorder = self.worker.recorder();
        if self.in_flight.is_empty() && !cut_off {
            recorder.error(self.now, self.now, failure);
        }
        let mut failure = failure;
        for sent in self.in_flight.drain(..) {
            if !cut_off {
                recorder.error(sent.op.begun, self.now, failure);
            }
            if failure != Failure::Timeout {
                failure = Failure::Reset;
            }
        }
    }
}

/// The data to write, one batch at a time.
#[derive(Default)]
struct Outbox {
    next: Cell<Option<Batch>>,
    busy: Cell<bool>,
    /// The buffer for the next batch.
    spare: Cell<Vec<u8>>,
}

enum Batch {
    One(Rc<Vec<u8>>),
    Many(Vec<u8>),
}

impl Outbox {
    /// Returns whether everything was written.
    fn is_idle(&self) -> bool {
        if self.busy.get() {
            return false;
        }
        let next = self.next.take();
        let idle = next.is_none();
        self.next.set(next);
        idle
    }
}

/// Writes the batches of the outbox, forever. The caller polls it after adding a batch. The reader
/// detects failed writes.
async fn send(writer: &mut OwnedWriteHalf<TcpStream>, outbox: &Outbox) {
    loop {
        let batch = poll_fn(|_| match outbox.next.take() {
            Some(batch) => Poll::Ready(batch),
            None => Poll::Pending,
        })
        .await;
        outbox.busy.set(true);
        match batch {
            Batch::One(bytes) => {
                let _ = writer.write_all(bytes).await;
            }
            Batch::Many(bytes) => {
                let (_, bytes) = writer.write_all(bytes).await;
                outbox.spare.set(bytes);
            }
        }
        outbox.busy.set(false);
    }
}

/// The initial size of the input buffer; it grows for longer responses.
const MIN_INPUT: usize = 8 * 1024;
/// The server may have closed a connection that was idle for this long.
const LONG_IDLE: Duration = Duration::from_millis(500);
