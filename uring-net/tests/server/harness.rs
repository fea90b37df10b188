//! A server in a thread of its own, and a client of raw bytes.

use std::convert::Infallible;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusm_uring_net::connection::Settings;
use rusm_uring_net::http1::{Head, HeadLimits, HeaderLines};
use rusm_uring_net::{
    ConnectionLimit, Driver, ErrorResponse, Request, Route, Service, ServiceResponse, Shard,
    Streamed, StreamedRequest, accept, bind, shard,
};

/// How long a test waits for what must happen.
pub(crate) const SOON: Duration = Duration::from_secs(10);
/// How long a test waits to see that something doesn't happen.
pub(crate) const A_WHILE: Duration = Duration::from_millis(300);

/// What a listener allows, short of what a test wants otherwise.
pub(crate) fn settings() -> Settings {
    Settings {
        access_log: None,
        http2: true,
        tls: None,
        head: HeadLimits::default(),
        max_body: 1 << 20,
        header_timeout: SOON,
        body_timeout: SOON,
        idle_timeout: SOON,
        write_timeout: SOON,
        headers: HeaderLines::default(),
    }
}

/// What the server of a test bounds besides what a listener does.
#[derive(Clone, Copy)]
pub(crate) struct Bounds {
    /// Open connections.
    pub(crate) connections: usize,
    /// Bytes of bodies that wait.
    pub(crate) body_memory: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connections: 100_000,
            body_memory: u64::MAX,
        }
    }
}

/// A server of one shard.
pub(crate) struct Server {
    addr: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    draining: AtomicBool,
    stopping: AtomicBool,
    connections: AtomicUsize,
    body_bytes: AtomicU64,
}

impl Server {
    /// Start a server on which every request is answered by what `make` makes.
    pub(crate) fn start<F>(settings: Settings, make: impl FnOnce() -> F + Send + 'static) -> Self
    where
        F: Fn(&Request<'_>) -> Result<ServiceResponse, ErrorResponse> + 'static,
    {
        Self::on(Driver::Uring, settings, make)
    }

    /// The same with this driver.
    pub(crate) fn on<F>(
        driver: Driver,
        settings: Settings,
        make: impl FnOnce() -> F + Send + 'static,
    ) -> Self
    where
        F: Fn(&Request<'_>) -> Result<ServiceResponse, ErrorResponse> + 'static,
    {
        Self::serve(driver, settings, || Answering(make()))
    }

    /// Start a server of what `make` makes.
    pub(crate) fn serve<S: Service>(
        driver: Driver,
        settings: Settings,
        make: impl FnOnce() -> S + Send + 'static,
    ) -> Self {
        Self::within(driver, settings, Bounds::default(), make)
    }

    /// The same within these bounds.
    pub(crate) fn within<S: Service>(
        driver: Driver,
        settings: Settings,
        bounds: Bounds,
        make: impl FnOnce() -> S + Send + 'static,
    ) -> Self {
        let listener = bind(([127, 0, 0, 1], 0).into(), true, 1).unwrap().remove(0);
        let addr = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let shared = state.clone();
        let main = move || async move {
            let net = Shard::with_body_memory(bounds.body_memory);
            let service = Rc::new(make());
            let accepting = accept(
                listener,
                ConnectionLimit::new(bounds.connections),
                net.clone(),
                Rc::new(settings),
                service,
            );
            monoio::spawn(accepting);
            while !shared.stopping.load(Ordering::Relaxed) {
                monoio::time::sleep(shard::TICK).await;
                net.tick();
                if shared.draining.load(Ordering::Relaxed) && !net.is_draining() {
                    net.drain();
                }
                shared
                    .connections
                    .store(net.connections(), Ordering::Relaxed);
                shared.body_bytes.store(net.body_bytes(), Ordering::Relaxed);
            }
            // Whatever is in flight has to come to its end before the event loop does.
            net.drain();
            let stopped = Instant::now();
            while (net.connections() > 0 || net.is_accepting()) && stopped.elapsed() < A_WHILE {
                monoio::time::sleep(shard::TICK).await;
                net.tick();
            }
        };
        let thread = thread::spawn(move || driver.block_on(main).unwrap());
        Self {
            addr,
            state,
            thread: Some(thread),
        }
    }

    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Accept no further request.
    pub(crate) fn drain(&self) {
        self.state.draining.store(true, Ordering::Relaxed);
    }

    /// Wait until the bodies that wait take as many bytes as `is_it` says.
    pub(crate) fn wait_for_body_bytes(&self, is_it: impl Fn(u64) -> bool) {
        let started = Instant::now();
        while !is_it(self.state.body_bytes.load(Ordering::Relaxed)) {
            let bytes = self.state.body_bytes.load(Ordering::Relaxed);
            assert!(started.elapsed() < SOON, "bodies take {bytes} bytes");
            thread::sleep(shard::TICK);
        }
    }

    /// Wait until nobody is connected any more.
    pub(crate) fn wait_until_empty(&self) {
        let started = Instant::now();
        while self.state.connections.load(Ordering::Relaxed) > 0 {
            assert!(started.elapsed() < SOON, "connections are still open");
            thread::sleep(shard::TICK);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
            && !thread::panicking()
        {
            panic!("the server panicked");
        }
    }
}

pub(crate) struct Answering<F>(pub(crate) F);

impl<F> Service for Answering<F>
where
    F: Fn(&Request<'_>) -> Result<ServiceResponse, ErrorResponse> + 'static,
{
    type Buffered<'r> = ();
    type Streaming<'r> = Infallible;

    fn route<'r>(&'r self, _: &Head<'r>) -> Result<Route<(), Infallible>, ErrorResponse> {
        Ok(Route::Buffered(()))
    }

    async fn call(
        &self,
        _: Self::Buffered<'_>,
        request: Request<'_>,
    ) -> Result<ServiceResponse, ErrorResponse> {
        (self.0)(&request)
    }

    fn call_streaming(
        &self,
        target: Infallible,
        _: StreamedRequest<'_>,
    ) -> Result<Streamed, ErrorResponse> {
        match target {}
    }
}

/// A connection of raw bytes.
pub(crate) struct Client {
    pub(crate) socket: TcpStream,
    pub(crate) received: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(server: &Server) -> Self {
        let socket = TcpStream::connect(server.addr()).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Self {
            socket,
            received: Vec::new(),
        }
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).unwrap();
    }

    /// Ask for `path` by GET.
    pub(crate) fn get(&mut self, path: &str) {
        self.send(get(path));
    }

    /// Read until what was received contains `text`, and take it up to the text's end.
    pub(crate) fn until(&mut self, text: impl AsRef<[u8]>) -> Vec<u8> {
        let text = text.as_ref();
        loop {
            let found = self.received.windows(text.len()).position(|w| w == text);
            if let Some(at) = found {
                let rest = self.received.split_off(at + text.len());
                return std::mem::replace(&mut self.received, rest);
            }
            assert!(
                self.read() > 0,
                "the end came before {:?}: {:?}",
                String::from_utf8_lossy(text),
                String::from_utf8_lossy(&self.received)
            );
        }
    }

    /// Read and take a head.
    pub(crate) fn head(&mut self) -> String {
        String::from_utf8(self.until("\r\n\r\n")).unwrap()
    }

    /// Read and take `len` bytes.
    pub(crate) fn take(&mut self, len: usize) -> Vec<u8> {
        while self.received.len() < len {
            assert!(self.read() > 0, "the end came too early");
        }
        let rest = self.received.split_off(len);
        std::mem::replace(&mut self.received, rest)
    }

    /// Read to the end, and take all of it.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        while self.read() > 0 {}
        std::mem::take(&mut self.received)
    }

    /// That nothing comes for a while.
    pub(crate) fn expect_silence(&mut self) {
        self.socket.set_read_timeout(Some(A_WHILE)).unwrap();
        let read = self.socket.read(&mut [0; 1]);
        assert!(
            matches!(&read, Err(error) if error.kind() == ErrorKind::WouldBlock),
            "{read:?}"
        );
        self.socket.set_read_timeout(Some(SOON)).unwrap();
    }

    /// Close so that the server is reset, not told of the end.
    pub(crate) fn reset(self) {
        let socket = socket2::SockRef::from(&self.socket);
        socket.set_linger(Some(Duration::ZERO)).unwrap();
    }

    /// Read once. 0 at the end, however it comes.
    fn read(&mut self) -> usize {
        let mut buffer = [0; 16 * 1024];
        let read = match self.socket.read(&mut buffer) {
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::ConnectionReset => 0,
            Err(error) => panic!("nothing came: {error}"),
        };
        self.received.extend_from_slice(&buffer[..read]);
        read
    }
}

/// A request.
pub(crate) fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n")
}

/// What must come soon.
pub(crate) fn soon<T>(receiver: &mpsc::Receiver<T>) -> T {
    receiver.recv_timeout(SOON).expect("it happens soon")
}
