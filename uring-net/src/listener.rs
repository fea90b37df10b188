//! Accepting connections.

use std::fs::File;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use monoio::net::TcpListener;

use crate::connection::{self, Settings};
use crate::service::Service;
use crate::shard::Shard;

/// Accepts connections and serves each in a separate task, until the shard has drained.
///
/// # Errors
/// When the event loop can't take the socket.
pub async fn accept<S: Service>(
    listener: std::net::TcpListener,
    limit: ConnectionLimit,
    shard: Shard,
    settings: Rc<Settings>,
    service: Rc<S>,
) -> io::Result<()> {
    let mut reserve = Reserve::new(listener.try_clone()?);
    let listener = TcpListener::from_std(listener)?;
    let _listening = shard.listening(listener.as_raw_fd());
    let rejections = ConnectionLimit::new(MAX_REJECTIONS);
    while shard.is_accepting() {
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) if !shard.is_accepting() => break,
            Err(error) => {
                // It gets better when a connection ends.
                if is_out_of_files(&error) {
                    let response = connection::over_limit_response(&shard, &settings);
                    let refused = reserve.reject_all(&response);
                    shard.count_over_limit(refused);
                    tracing::warn!(
                        %error,
                        refused,
                        "connections could not be accepted: the process has as many files open as \
                         it may have (LimitNOFILE=, ulimit -n)"
                    );
                } else if is_ours(&error) {
                    tracing::warn!(%error, "a connection could not be accepted");
                }
                if is_ours(&error) {
                    monoio::time::sleep(ACCEPT_BACKOFF).await;
                }
                continue;
            }
        };
        // A client of IPv4 at a socket of IPv6.
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let (shard, settings, service) = (shard.clone(), settings.clone(), service.clone());
        let Some(permit) = limit.try_acquire() else {
            tracing::trace!(%peer, "connection rejected: there are too many");
            shard.count_over_limit(1);
            // One for which there is no room even here is closed without a word.
            if let Some(permit) = rejections.try_acquire() {
                let rejecting = connection::reject_over_limit(socket, peer, shard, settings);
                monoio::spawn(catch_panics(permit, rejecting));
            }
            continue;
        };
        tracing::trace!(%peer, "connection accepted");
        shard.count_accepted();
        monoio::spawn(catch_panics(
            permit,
            connection::serve(socket, peer, shard, settings, service),
        ));
    }
    Ok(())
}

/// The limit of simultaneous connections of a listener, on all shards together.
#[derive(Clone, Debug)]
pub struct ConnectionLimit {
    own: Arc<Count>,
    /// The count of all listeners together.
    node: Option<Arc<Count>>,
}

impl ConnectionLimit {
    /// Creates a limit of `max` connections.
    pub fn new(max: usize) -> Self {
        Self {
            own: Arc::new(Count {
                open: AtomicUsize::new(0),
                max,
            }),
            node: None,
        }
    }

    /// Adds the limit `node`, which other listeners share.
    #[must_use]
    pub fn within(mut self, node: &Self) -> Self {
        self.node = Some(node.own.clone());
        self
    }

    fn try_acquire(&self) -> Option<ConnectionPermit> {
        let own = Permit::of(&self.own)?;
        let node = match &self.node {
            Some(node) => Some(Permit::of(node)?),
            None => None,
        };
        Some(ConnectionPermit {
            _own: own,
            _node: node,
        })
    }
}

#[derive(Debug)]
struct Count {
    open: AtomicUsize,
    max: usize,
}

/// The permits of one connection.
struct ConnectionPermit {
    _own: Permit,
    _node: Option<Permit>,
}

/// One in a count, until it is dropped.
struct Permit(Arc<Count>);

impl Permit {
    fn of(count: &Arc<Count>) -> Option<Self> {
        let permit = Self(count.clone());
        (count.open.fetch_add(1, Ordering::Relaxed) < count.max).then_some(permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A file descriptor that is kept free for clients that come when there is no other: the kernel
/// takes a connection out of the queue only for a descriptor, and without one a client would hang
/// in it.
struct Reserve {
    listener: std::net::TcpListener,
    spare: Option<File>,
}

impl Reserve {
    fn new(listener: std::net::TcpListener) -> Self {
        let spare = spare();
        Self { listener, spare }
    }

    /// Rejects the waiting clients, one after the other, and returns their number.
    fn reject_all(&mut self, response: &[u8]) -> usize {
        drop(self.spare.take());
        let mut refused = 0;
        // The socket doesn't block. It fails when no client waits, and when another thread was faster
        // to take the descriptor.
        while refused < REJECTED_AT_ONCE
            && let Ok((socket, _)) = self.listener.accept()
        {
            // What can't be said at once isn't.
            let _ = reject(socket, response);
            refused += 1;
        }
        self.spare = spare();
        refused
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

fn reject(mut socket: std::net::TcpStream, response: &[u8]) -> io::Result<()> {
    socket.set_nonblocking(true)?;
    socket.write_all(response)?;
    socket.shutdown(std::net::Shutdown::Write)?;
    // If it were closed with a request unread, the client would be sent a reset behind the response.
    let mut request = [0; 4096];
    while socket.read(&mut request)? > 0 {}
    Ok(())
}

/// A defect of ours ends the connection that met it, not the shard.
///
/// No `async fn`, which would keep the connection twice: as its argument, and pinned.
fn catch_panics<P>(permit: P, connection: impl Future<Output = ()>) -> impl Future<Output = ()> {
    let mut connection = Box::pin(connection);
    poll_fn(move |cx| {
        let _permit = &permit;
        let poll = catch_unwind(AssertUnwindSafe(|| connection.as_mut().poll(cx)));
        poll.unwrap_or_else(|_panic| {
            tracing::error!("a connection was dropped: this is a defect of the server");
            Poll::Ready(())
        })
    })
}

/// Returns whether accepting failed for a reason on this host, and not because the client has left.
fn is_ours(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::ConnectionAborted
}

/// Returns whether it failed because the process, or the whole system, can open no further file.
fn is_out_of_files(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE))
}

/// Clients that are rejected in one go, before the shard's other tasks run.
const REJECTED_AT_ONCE: usize = 256;
const ACCEPT_BACKOFF: Duration = Duration::from_millis(50);
/// Connections beyond the limit that are being answered with 503. They hold file descriptors beyond it.
const MAX_REJECTIONS: usize = 256;
