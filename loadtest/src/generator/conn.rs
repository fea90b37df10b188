//! Connections, one after the other: TCP, one request or WebSocket handshake, its response, and the
//! close.
//!
//! The latency is the time from the first SYN to the whole response (of a WebSocket, its 101): what
//! a client waits for. The operation ends with the close, so that the rate counts whole
//! connections. A connection whose response has `Connection: close`, and a WebSocket after the
//! closing handshake, are closed by the server first (RFC 9112 section 9.6, RFC 6455 section
//! 7.1.1), and the client waits for that.
//!
//! The side that closes first keeps the port for a minute (`TIME_WAIT`). If a server left the close
//! to the client, the client would run out of its 28,000 or so ephemeral ports within seconds, and
//! its kernel would be measured. So a connection that the server has not closed is reset once its
//! whole response was read, see [`Socket::reset`]: its port is free at once. More local addresses
//! (127.0.0.2 and so on) would only delay that, and work only for a server on this machine.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use crate::generator::{Endpoint, Socket, Worker, ws};
use crate::measure::Failure;
use crate::model::Arrivals;
use crate::net::http1::response::{Parser, RequestContext};
use crate::net::websocket::{NORMAL, encode_close};

/// The operation on each connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// A `GET` with `Connection: close`; any 2xx is a success.
    Http,
    /// An opening and a closing handshake.
    WebSocket,
}

/// The mode for [`generator::run`](crate::generator::run): it has as many connections at a time as
/// the load.
#[derive(Debug)]
pub struct Mode {
    endpoint: Endpoint,
    protocol: Protocol,
    /// The request over HTTP.
    request: Vec<u8>,
}

impl Mode {
    /// Creates a mode with connections to this endpoint.
    pub fn new(endpoint: Endpoint, protocol: Protocol) -> Arc<Self> {
        let Endpoint {
            authority,
            target,
            headers,
            ..
        } = &endpoint;
        let request = format!(
            "GET {target} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n{headers}\r\n"
        );
        Arc::new(Self {
            request: request.into_bytes(),
            endpoint,
            protocol,
        })
    }

    /// Runs the mode on one thread.
    pub async fn run(self: Arc<Self>, worker: Rc<Worker>) {
        worker
            .for_each_connection(|worker, _| connect_repeatedly(Arc::clone(&self), worker))
            .await;
    }
}

async fn connect_repeatedly(mode: Arc<Mode>, worker: Rc<Worker>) {
    let mut failed = 0;
    while let Some(op) = worker.next().await {
        let connection = Connection {
            mode: &mode,
            worker: &worker,
            begun: op.begun,
            closed: Cell::new(false),
        };
        match connection.run().await {
            Ok(answered) => {
                failed = 0;
                worker.recorder().ok(op.begun, answered);
            }
            Err(_) if worker.is_over() && worker.arrivals() == Arrivals::Closed => {}
            Err(failure) => {
                worker.recorder().error(op.begun, Instant::now(), failure);
                if failure == Failure::Connect {
                    worker.back_off(failed).await;
                    failed += 1;
                }
            }
        }
    }
}

/// The operation on one connection.
struct Connection<'m> {
    mode: &'m Mode,
    worker: &'m Worker,
    begun: Instant,
    /// True once the server has closed.
    closed: Cell<bool>,
}

impl Connection<'_> {
    /// Returns the time at which the response was complete. The connection is closed.
    async fn run(&self) -> Result<Instant, Failure> {
        let mut socket = self.worker.connect(self.mode.endpoint.address).await?;
        let answered = match self.mode.protocol {
            Protocol::Http => self.http(&mut socket).await,
            Protocol::WebSocket => self.websocket(&mut socket).await,
        };
        if !self.closed.get() {
            socket.reset();
        }
        answered
    }

    async fn http(&self, socket: &mut Socket) -> Result<Instant, Failure> {
        self.write(socket, self.mode.request.clone()).await?;
        let (mut parser, mut input) = (Parser::default(), Vec::new());
        let mut buffer = Vec::with_capacity(BUFFER);
        let response = loop {
            let got;
            (got, buffer) = self.read(socket, buffer).await;
            let got = got?;
            if got == 0 {
                let end = parser.end(&input).map_err(|_| socket.failure(None))?;
                break end.ok_or(socket.failure(None))?;
            }
            input.extend_from_slice(buffer.get(..got).unwrap_or_default());
            let parsed = parser.feed(&input, GET).map_err(|_| Failure::Protocol)?;
            input.drain(..parsed.consumed);
            if let Some(response) = parsed.done {
                break response;
            }
        };
        let answered = Instant::now();
        let recorder = self.worker.recorder();
        recorder.status(self.begun, answered, response.status);
        if !self.closed.get() && !response.keep_alive {
            self.wait_for_close(socket, buffer).await?;
        }
        match response.status {
            200..300 => Ok(answered),
            code => Err(Failure::Status(code)),
        }
    }

    async fn websocket(&self, socket: &mut Socket) -> Result<Instant, Failure> {
        let shaken = ws::shake_hands(&self.mode.endpoint, self.worker, socket).await;
        let answered = Instant::now();
        let status = match &shaken {
            Ok(_) => Some(101),
            Err(Failure::Status(code)) => Some(*code),
            Err(_) => None,
        };
        if let Some(code) = status {
            let recorder = self.worker.recorder();
            recorder.status(self.begun, answered, code);
        }
        shaken?;
        let mut close = Vec::new();
        encode_close(NORMAL, fastrand::u32(..).to_ne_bytes(), &mut close);
        self.write(socket, close).await?;
        self.wait_for_close(socket, Vec::with_capacity(BUFFER))
            .await?;
        Ok(answered)
    }

    /// Waits until the server closes, and ignores what comes before.
    async fn wait_for_close(
        &self,
        socket: &mut Socket,
        mut buffer: Vec<u8>,
    ) -> Result<(), Failure> {
        loop {
            let got;
            (got, buffer) = self.read(socket, buffer).await;
            match got {
                // A reset closes the connection, too: everything that matters was read.
                Ok(0) | Err(Failure::Reset) => return Ok(()),
                Ok(_) => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    async fn write(&self, socket: &mut Socket, bytes: Vec<u8>) -> Result<(), Failure> {
        socket.begin(Instant::now());
        let (sent, _) = socket.write_all(bytes).await;
        let sent = sent.map_err(|error| socket.failure(Some(&error)))?;
        self.worker.recorder().bytes_out(Instant::now(), sent);
        Ok(())
    }

    async fn read(
        &self,
        socket: &mut Socket,
        buffer: Vec<u8>,
    ) -> (Result<usize, Failure>, Vec<u8>) {
        let (got, buffer) = socket.read(buffer).await;
        match got {
            // A passed deadline looks like the end of the stream.
            Ok(0) if socket.failure(None) != Failure::Reset => (Err(socket.failure(None)), buffer),
            Ok(got) => {
                self.closed.set(got == 0);
                self.worker.recorder().bytes_in(Instant::now(), got);
                (Ok(got), buffer)
            }
            Err(error) => (Err(socket.failure(Some(&error))), buffer),
        }
    }
}

const GET: RequestContext = RequestContext {
    head: false,
    keep_body: false,
};
const BUFFER: usize = 4 * 1024;
