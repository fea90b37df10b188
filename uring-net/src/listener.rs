//! Accepting connections.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::io;
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

/// Accept connections and serve each in a task of its own, until the shard drains.
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
    let listener = TcpListener::from_std(listener)?;
    let _listening = shard.listening(listener.as_raw_fd());
    let turned_away = TurnedAway::default();
    while !shard.is_draining() {
        let (socket, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) if shard.is_draining() => break,
            Err(error) => {
                // Out of file descriptors, most likely: it gets better when a connection ends.
                if is_ours(&error) {
                    tracing::warn!(%error, "a connection could not be accepted");
                    monoio::time::sleep(BREATH).await;
                }
                continue;
            }
        };
        let (shard, settings, service) = (shard.clone(), settings.clone(), service.clone());
        let Some(slot) = limit.enter() else {
            // One for which there is no room even here is closed without a word.
            if let Some(place) = turned_away.enter() {
                let telling = connection::turn_away(socket, peer, shard, settings);
                monoio::spawn(contained(place, telling));
            }
            continue;
        };
        monoio::spawn(contained(
            slot,
            connection::serve(socket, peer, shard, settings, service),
        ));
    }
    Ok(())
}

/// How many connections a listener has at once, on all shards together.
#[derive(Clone, Debug)]
pub struct ConnectionLimit {
    open: Arc<AtomicUsize>,
    max: usize,
}

impl ConnectionLimit {
    /// Room for `max` connections.
    pub fn new(max: usize) -> Self {
        Self {
            open: Arc::default(),
            max,
        }
    }

    fn enter(&self) -> Option<Slot> {
        let slot = Slot(self.open.clone());
        (self.open.fetch_add(1, Ordering::Relaxed) < self.max).then_some(slot)
    }
}

struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Clients too many that are being told so. They hold file descriptors beyond the limit.
#[derive(Clone, Default)]
struct TurnedAway(Rc<Cell<usize>>);

impl TurnedAway {
    fn enter(&self) -> Option<TurnedAwayPlace> {
        let count = self.0.get();
        (count < MAX_TURNED_AWAY).then(|| {
            self.0.set(count + 1);
            TurnedAwayPlace(self.clone())
        })
    }
}

struct TurnedAwayPlace(TurnedAway);

impl Drop for TurnedAwayPlace {
    fn drop(&mut self) {
        let count = &self.0.0;
        count.set(count.get().saturating_sub(1));
    }
}

/// A defect of ours ends the connection that met it, not the shard.
///
/// No `async fn`, which would keep the connection twice: as its argument, and pinned.
fn contained<P>(place: P, connection: impl Future<Output = ()>) -> impl Future<Output = ()> {
    let mut connection = Box::pin(connection);
    poll_fn(move |cx| {
        let _held = &place;
        let poll = catch_unwind(AssertUnwindSafe(|| connection.as_mut().poll(cx)));
        poll.unwrap_or_else(|_panic| {
            tracing::error!("a connection was dropped: this is a defect of the server");
            Poll::Ready(())
        })
    })
}

/// Whether the failure to accept was ours, and not a client's that left in the meantime.
fn is_ours(error: &io::Error) -> bool {
    error.kind() != io::ErrorKind::ConnectionAborted
}

const BREATH: Duration = Duration::from_millis(50);
const MAX_TURNED_AWAY: usize = 256;
