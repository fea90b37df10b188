//! Servers of known behaviour for the tests: plain threads, one a connection, on a port of
//! 127.0.0.1 that the kernel chooses. What they do when is what the figures are compared with.
//!
//! - [`http`]: HTTP/1.1 with a fixed delay, stalls, statuses, framings, resets
//! - [`ws`]: a WebSocket that echoes
//! - [`sse`]: a stream of events at a fixed interval
//! - [`refused`]: an address at which nobody listens

// Each test binary uses a part of them.
#![allow(dead_code)]

pub(crate) mod http;
pub(crate) mod sse;
pub(crate) mod ws;

use std::io::{self, Read};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// A server that runs until it is dropped.
pub(crate) struct Stub {
    addr: SocketAddr,
    shared: Arc<Shared>,
}

/// What a server has seen.
#[derive(Default)]
pub(crate) struct Shared {
    stopping: AtomicBool,
    accepted: AtomicU64,
    requests: AtomicU64,
    lateness_ns: AtomicU64,
    heads: Mutex<Vec<String>>,
    open: Mutex<Vec<TcpStream>>,
}

impl Stub {
    /// Where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// A URL of it, as `stub.url("http", "/path")`.
    pub(crate) fn url(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}://{}{path}", self.addr)
    }

    /// Connections accepted so far.
    pub(crate) fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::SeqCst)
    }

    /// Requests (of a WebSocket: messages) read so far.
    pub(crate) fn requests(&self) -> u64 {
        self.shared.requests.load(Ordering::SeqCst)
    }

    /// Whether the server kept its own times, give or take 2 ms: if not, the machine is too busy
    /// for figures that depend on them.
    pub(crate) fn is_punctual(&self) -> bool {
        let lateness = self.shared.lateness_ns.load(Ordering::SeqCst);
        Duration::from_nanos(lateness) < Duration::from_millis(2)
    }

    /// The heads of the first requests, each up to its empty line.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap().clone()
    }

    fn start(serve: impl Fn(TcpStream, &Shared) -> io::Result<()> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let serve = Arc::new(serve);
        let stub = Self {
            addr,
            shared: shared.clone(),
        };
        thread::spawn(move || {
            for stream in listener.incoming() {
                if shared.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                shared.accepted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.set_nodelay(true);
                if let (Ok(clone), Ok(mut open)) = (stream.try_clone(), shared.open.lock()) {
                    // Only those whose peer is still there can be shut down later, and a clone
                    // keeps its connection's descriptor.
                    open.retain(|open| open.peer_addr().is_ok());
                    open.push(clone);
                }
                let (shared, serve) = (shared.clone(), serve.clone());
                thread::spawn(move || {
                    let finished = stream.try_clone();
                    // A client that goes away is no failure of the server's.
                    let served = serve(stream, &shared);
                    let reset = io::ErrorKind::ConnectionReset;
                    if let Ok(stream) = finished
                        && !served.is_err_and(|error| error.kind() == reset)
                    {
                        // The clone above would hold it open.
                        let _ = stream.shutdown(Shutdown::Both);
                    }
                });
            }
        });
        stub
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        let _ = TcpStream::connect(self.addr);
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

/// An address that refuses connections for as long as the value lives: it is bound, so that
/// nobody else gets it, and not listened at.
pub(crate) struct Refused {
    addr: SocketAddr,
    _socket: OwnedFd,
}

impl Refused {
    /// Where nobody listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// See [`Refused`].
pub(crate) fn refused() -> Refused {
    let mut address = libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: 0,
        sin_addr: libc::in_addr {
            s_addr: u32::from(Ipv4Addr::LOCALHOST).to_be(),
        },
        sin_zero: [0; 8],
    };
    let mut len = size_of_val(&address) as libc::socklen_t;
    // SAFETY: the address is a valid `sockaddr_in` of length `len`, and outlives the calls.
    let socket = unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, 0);
        assert!(socket >= 0, "{}", io::Error::last_os_error());
        let pointer = (&raw mut address).cast();
        assert_eq!(libc::bind(socket, pointer, len), 0);
        assert_eq!(libc::getsockname(socket, pointer, &mut len), 0);
        OwnedFd::from_raw_fd(socket)
    };
    let port = u16::from_be(address.sin_port);
    Refused {
        addr: SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)),
        _socket: socket,
    }
}

/// Make the close of `stream`, once all its clones are gone, a reset.
fn reset_on_close(stream: &TcpStream) {
    let linger = libc::linger {
        l_onoff: 1,
        l_linger: 0,
    };
    // SAFETY: the option's value is a valid `linger` that outlives the call.
    let result = unsafe {
        libc::setsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_LINGER,
            (&raw const linger).cast(),
            size_of_val(&linger) as libc::socklen_t,
        )
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// The next request: its head, up to and with the empty line; its body is read and dropped.
/// `None` when the client has closed.
fn read_request(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    shared: &Shared,
) -> io::Result<Option<String>> {
    let mut chunk = [0; 16 * 1024];
    let mut more = |buffer: &mut Vec<u8>| -> io::Result<bool> {
        let count = stream.read(&mut chunk)?;
        buffer.extend_from_slice(&chunk[..count]);
        Ok(count > 0)
    };
    let end = loop {
        if let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        if !more(buffer)? {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
    let body = header(&head, "content-length").map_or(0, |len| len.parse().unwrap());
    while buffer.len() < end + body {
        if !more(buffer)? {
            return Ok(None);
        }
    }
    buffer.drain(..end + body);
    shared.requests.fetch_add(1, Ordering::SeqCst);
    shared.remember(&head);
    Ok(Some(head))
}

impl Shared {
    fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            return;
        }
        let due = Instant::now() + duration;
        thread::sleep(duration);
        let lateness = Instant::now().saturating_duration_since(due);
        let lateness = lateness.as_nanos() as u64;
        self.lateness_ns.fetch_max(lateness, Ordering::SeqCst);
    }

    /// Keep no clone of `stream`, which would delay its close.
    fn forget(&self, stream: &TcpStream) {
        let peer = stream.peer_addr().ok();
        let mut open = self.open.lock().unwrap();
        open.retain(|open| open.peer_addr().ok() != peer);
    }

    fn remember(&self, head: &str) {
        let mut heads = self.heads.lock().unwrap();
        if heads.len() < HEADS {
            heads.push(head.to_owned());
        }
    }
}

/// The value of a header of `head`, whose name is given in lower case.
pub(crate) fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    head.lines().find_map(|line| {
        let (other, value) = line.split_once(':')?;
        (other.to_ascii_lowercase() == name).then_some(value.trim())
    })
}

/// Heads that are kept.
const HEADS: usize = 1000;
