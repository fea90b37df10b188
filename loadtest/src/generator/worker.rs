//! The worker: the part of a run on one thread, as a mode sees it.

use std::cell::Cell;
use std::future::Future;
use std::net::SocketAddr;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use monoio::net::TcpStream;
use monoio::time::timeout;

use crate::generator::Load;
use crate::generator::queue::Queue;
use crate::generator::sockets::{Socket, Sockets};
use crate::measure::{Ending, Failure, Recorder, Window};
use crate::model::Arrivals;

/// The part of a run on one thread: its share of the connections, its recorder, its operations.
pub struct Worker {
    thread: usize,
    connections: Range<usize>,
    arrivals: Arrivals,
    window: Cell<Window>,
    timeout: Duration,
    seed: u64,
    recorder: Recorder,
    ending: Arc<Ending>,
    /// The due operations of an open loop.
    queue: Queue,
    /// True once everything that falls due within the window has been queued.
    all_due: Cell<bool>,
    sockets: Sockets,
    over: Cell<bool>,
}

/// An operation to begin now.
#[derive(Clone, Copy, Debug)]
pub struct Op {
    /// The time from which its latency counts: now in a closed loop, its intended time in an open
    /// one.
    pub begun: Instant,
}

impl Worker {
    pub(super) fn new(
        thread: usize,
        connections: Range<usize>,
        load: &Load,
        window: Window,
        recorder: Recorder,
        ending: Arc<Ending>,
    ) -> Self {
        Self {
            thread,
            connections,
            arrivals: load.arrivals,
            window: Cell::new(window),
            timeout: load.timeout,
            seed: load.seed.wrapping_add(thread as u64),
            recorder,
            ending,
            queue: Queue::default(),
            all_due: Cell::new(load.arrivals == Arrivals::Closed),
            sockets: Sockets::default(),
            over: Cell::new(false),
        }
    }

    /// Returns the number of the thread, from 0.
    #[must_use]
    pub fn thread(&self) -> usize {
        self.thread
    }

    /// Returns the seed of the thread's random choices.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Returns this thread's connections, numbered over all threads.
    #[must_use]
    pub fn connections(&self) -> Range<usize> {
        self.connections.clone()
    }

    /// Returns the arrival of operations.
    #[must_use]
    pub fn arrivals(&self) -> Arrivals {
        self.arrivals
    }

    /// Returns the recorded window.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window.get()
    }

    /// Returns the time limit of connecting, and of an operation once it is sent.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Returns the recorder of operations.
    #[must_use]
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Returns whether the run is over, so that nothing more may begin. A closed loop's sockets are
    /// shut down then.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.over.get()
    }

    /// Returns the next operation: immediately in a closed loop, when one is due in an open loop;
    /// none when the run is over.
    pub async fn next(&self) -> Option<Op> {
        if self.over.get() {
            return None;
        }
        if self.arrivals == Arrivals::Closed {
            let now = Instant::now();
            if let Some(op) = self.closed(now) {
                return Some(op);
            }
            // Every operation of a run of so many has begun: it is over when they have ended.
            if now < self.window().end {
                self.queue.next().await;
            }
            return None;
        }
        let due = self.queue.next().await?;
        Some(self.open(due, Instant::now()))
    }

    /// Returns the next operation if there is one now, without waiting: for pipelining.
    #[must_use]
    pub fn try_next(&self, now: Instant) -> Option<Op> {
        if self.over.get() {
            return None;
        }
        if self.arrivals == Arrivals::Closed {
            return self.closed(now);
        }
        let due = self.queue.try_next()?;
        Some(self.open(due, now))
    }

    /// Connects to the server under test, with TCP_NODELAY. Fails with [`Failure::Connect`] or
    /// [`Failure::Timeout`]; nothing is recorded.
    ///
    /// # Errors
    /// If the server refuses, is unreachable, or does not answer within the timeout.
    pub async fn connect(&self, address: SocketAddr) -> Result<Socket, Failure> {
        let stream = timeout(self.timeout, TcpStream::connect_addr(address))
            .await
            .map_err(|_| Failure::Timeout)?
            .map_err(|_| Failure::Connect)?;
        stream.set_nodelay(true).map_err(|_| Failure::Connect)?;
        Ok(self.sockets.socket(stream))
    }

    /// Waits before the next attempt to connect, longer after each failure: 5 ms doubling to 640
    /// ms. Ends early when the run is over.
    pub async fn back_off(&self, failed: u32) {
        let mut left = BACKOFF * (1 << failed.min(BACKOFF_DOUBLINGS));
        while !left.is_zero() && !self.is_over() {
            let step = left.min(BACKOFF);
            monoio::time::sleep(step).await;
            left -= step;
        }
    }

    /// Runs a future for each of the thread's connections, and waits for all of them.
    pub async fn for_each_connection<F, C>(self: &Rc<Self>, connection: C)
    where
        C: Fn(Rc<Self>, usize) -> F,
        F: Future<Output = ()> + 'static,
    {
        let handles: Vec<_> = self
            .connections()
            .map(|index| monoio::spawn(connection(Rc::clone(self), index)))
            .collect();
        for handle in handles {
            handle.await;
        }
    }

    /// Adds a due operation. If the run is over, which a thread without processor time may see
    /// first, it is counted as unsent.
    pub(super) fn push_due(&self, at: Instant) {
        if self.is_over() {
            self.recorder.error(at, Instant::now(), Failure::Unsent);
        } else {
            self.queue.push(at);
        }
    }

    /// Takes back an operation of a closed loop that was begun and will not be recorded.
    pub(super) fn give_back(&self) {
        self.ending.give_back();
    }

    pub(super) fn ending(&self) -> &Ending {
        &self.ending
    }

    /// Ends the run at this time, if that is before its end.
    pub(super) fn cut(&self, end: Instant) {
        let mut window = self.window.get();
        window.cut(end);
        self.window.set(window);
        self.recorder.cut(end);
    }

    /// Marks that nothing more falls due.
    pub(super) fn no_more_due(&self) {
        self.all_due.set(true);
    }

    /// Returns whether connections have taken everything that was due.
    pub(super) fn is_drained(&self) -> bool {
        self.all_due.get() && self.queue.is_empty()
    }

    pub(super) fn sockets(&self) -> &Sockets {
        &self.sockets
    }

    /// Ends the operations: waiting connections get none.
    pub(super) fn close(&self) {
        self.over.set(true);
        let now = Instant::now();
        for due in self.queue.close() {
            self.recorder.error(due, now, Failure::Unsent);
        }
        if self.arrivals == Arrivals::Closed {
            self.sockets.shut_down_all();
        }
    }

    fn closed(&self, now: Instant) -> Option<Op> {
        (now < self.window().end && self.ending.take()).then_some(Op { begun: now })
    }

    fn open(&self, due: super::queue::DueOperation, now: Instant) -> Op {
        if due.idle {
            let lateness = now.saturating_duration_since(due.at);
            self.recorder.lateness(due.at, lateness);
        }
        Op { begun: due.at }
    }
}

const BACKOFF: Duration = Duration::from_millis(5);
const BACKOFF_DOUBLINGS: u32 = 7;

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::measure::{Membership, Message};

    /// The pacer may be late: its operations are not lost then.
    #[test]
    fn what_is_due_when_the_run_is_over_is_unsent() {
        let second = Duration::from_secs(1);
        let window = Window::new(Instant::now(), Duration::ZERO, second, Membership::Begin);
        let (sender, receiver) = mpsc::channel();
        let arrivals = Arrivals::Constant { rate: 2.0 };
        let ending = Arc::new(Ending::default());
        let recorder = Recorder::new(window, 0, sender, Arc::clone(&ending));
        let load = Load {
            arrivals,
            ..Load::default()
        };
        let worker = Worker::new(0, 0..1, &load, window, recorder, ending);
        assert!(!worker.is_drained(), "something may still fall due");
        worker.push_due(window.begin);
        assert!(!worker.is_drained());
        worker.close();
        worker.push_due(window.begin + second / 2);
        worker.no_more_due();
        assert!(worker.is_drained());
        worker.recorder().finish();
        let unsent = receiver.iter().find_map(|message| match message {
            Message::Done { totals, .. } => totals.errors.get(&Failure::Unsent).copied(),
            Message::Slice { .. } => None,
        });
        assert_eq!(unsent, Some(2));
    }
}
