//! The generator: one pinned thread for each of its cores, an io_uring runtime on each.
//!
//! A mode is an async function that a thread runs with its share of the load:
//!
//! ```ignore
//! let run = generator::run(&load, |worker: Rc<Worker>| async move {
//!     // What the thread's connections share goes here.
//!     worker.for_each_connection(|worker| async move {
//!         while let Some(op) = worker.next().await {            // waits in an open loop
//!             // ... send, receive, look at the answer ...
//!             worker.recorder().ok(op.begun, Instant::now());   // or .error(begun, now, failure)
//!         }
//!     }).await
//! }, &mut |interval| ())?;
//! ```
//!
//! The rules for a mode:
//! - [`Worker::next`] gives the next operation, and `None` when the run is over: then return. A
//!   closed loop gives it at once, an open loop when one is due; whichever connection asks first
//!   takes the next that is due. `op.begun` is the (intended) time that latency counts from.
//! - A mode without operations (a stream that only receives) looks at [`Worker::is_over`].
//! - Every operation taken ends in `recorder.ok` or `recorder.error`, except one that a closed loop
//!   had under way when the run ended ([`Worker::is_over`]): that one is left out.
//! - Connections are made by [`Worker::connect`]. [`Socket::begin`] starts the clock of the timeout,
//!   [`Socket::end`] stops it; a socket that takes too long, or that a closed loop holds when the
//!   run is over, is shut down, so that every read and write ends. [`Socket::failure`] says why.
//! - Never block, never sleep for less than a millisecond (the timers' resolution), and never let a
//!   future of a read or write be dropped before it ends: shut the socket down instead.
//!
//! Files: [`schedule`] says when operations are due (pure), `pacer` waits for those times, `queue`
//! hands them to idle connections, `sockets` are the connections and their deadlines.

pub mod conn;
mod endpoint;
pub mod http;
mod pacer;
mod queue;
pub mod schedule;
mod semaphore;
mod sockets;
pub mod sse;
mod tally;
mod thread;
mod usage;
mod worker;
pub mod ws;

use std::future::Future;
use std::rc::Rc;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

pub use endpoint::Endpoint;
pub use sockets::{Clock, Socket};
pub use tally::Tally;
pub use worker::{Op, Worker};

use crate::measure::{Collector, Ending, Membership, Recorder, Stop, Window};
use crate::model::{Arrivals, Interval, Run};

/// The load, for any protocol.
#[derive(Clone, Debug)]
pub struct Load {
    /// The label that distinguishes the run from others: [`Run::label`].
    pub label: String,
    /// The generator's cores, one thread on each. None: one thread that is not pinned.
    pub cores: Vec<usize>,
    /// Connections, over all threads.
    pub connections: usize,
    /// The arrival of operations.
    pub arrivals: Arrivals,
    /// The duration of load before the recording.
    pub warmup: Duration,
    /// The duration of the recording.
    pub duration: Duration,
    /// The time limit of connecting, and of an operation once it is sent.
    pub timeout: Duration,
    /// The number of operations after which the run ends, if it has not ended before.
    pub count: Option<u64>,
    /// The seed of random arrivals, and of the choice of targets.
    pub seed: u64,
    /// The request to end the run before its time.
    pub stop: Stop,
}

impl Default for Load {
    /// A closed loop on one connection, for ten seconds.
    fn default() -> Self {
        Self {
            label: String::new(),
            cores: Vec::new(),
            connections: 1,
            arrivals: Arrivals::Closed,
            warmup: Duration::ZERO,
            duration: Duration::from_secs(10),
            timeout: Duration::from_secs(5),
            count: None,
            seed: 0,
            stop: Stop::default(),
        }
    }
}

/// Runs a mode on every thread with its share of the load, and merges the recordings. `progress` is
/// called with each interval of the timeline as it completes.
///
/// # Errors
/// If a core does not exist, or a thread or its runtime cannot be created.
pub fn run<M, F>(load: &Load, mode: M, progress: &mut dyn FnMut(&Interval)) -> Result<Run, Error>
where
    M: Fn(Rc<Worker>) -> F + Sync,
    F: Future<Output = ()> + 'static,
{
    check_cores(&load.cores)?;
    let threads = load.threads();
    let membership = match load.arrivals {
        Arrivals::Closed => Membership::End,
        Arrivals::Constant { .. } | Arrivals::Poisson { .. } => Membership::Begin,
    };
    let window = Window::new(
        Instant::now() + START,
        load.warmup,
        load.duration,
        membership,
    );
    let (sender, messages) = mpsc::channel();
    let ending = Arc::new(Ending::new(load.stop.clone(), load.count));
    let mut collector = Collector::new(window, threads, Arc::clone(&ending));

    std::thread::scope(|scope| {
        let mut handles = Vec::with_capacity(threads);
        for index in 0..threads {
            let (mode, sender, ending) = (&mode, sender.clone(), Arc::clone(&ending));
            handles.push(
                std::thread::Builder::new()
                    .name(format!("generator-{index}"))
                    .spawn_scoped(scope, move || {
                        let recorder = Recorder::new(window, index, sender, Arc::clone(&ending));
                        thread::run(load, window, index, recorder, ending, mode)
                    })
                    .map_err(Error::Thread)?,
            );
        }
        drop(sender);
        // Ends when every thread has dropped its sender.
        for message in messages {
            collector.take(message).iter().for_each(&mut *progress);
        }
        for handle in handles {
            handle.join().map_err(|_| Error::Panicked)??;
        }
        Ok(())
    })?;
    Ok(collector.finish(load.label.clone(), load.arrivals, load.seed))
}

impl Load {
    /// Returns the number of threads: one for each core, but at most one for each connection.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.cores.len().min(self.connections).max(1)
    }
}

/// The reason why no load was generated.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum Error {
    /// A core of the list does not exist.
    #[error("the generator cannot run on core {core}: the cores are {have}")]
    #[diagnostic(help("choose other cores with --cores"))]
    Core {
        /// The requested core.
        core: usize,
        /// The existing cores, as `0, 1`.
        have: String,
    },
    /// A thread could not be started.
    #[error("a thread of the generator could not be started: {0}")]
    Thread(std::io::Error),
    /// The event loop of a thread could not be created.
    #[error("the event loop of the generator could not be made: {0}")]
    #[diagnostic(help(
        "look at the limits of open files and locked memory (ulimit -n, ulimit -l)"
    ))]
    Runtime(std::io::Error),
    /// A thread panicked: a bug.
    #[error("a thread of the generator panicked; this is a bug")]
    Panicked,
}

fn check_cores(cores: &[usize]) -> Result<(), Error> {
    let have = core_affinity::get_core_ids().unwrap_or_default();
    for &core in cores {
        if !have.iter().any(|id| id.id == core) {
            let have: Vec<String> = have.iter().map(|id| id.id.to_string()).collect();
            return Err(Error::Core {
                core,
                have: have.join(", "),
            });
        }
    }
    Ok(())
}

/// The time before the first operation, in which the threads start.
const START: Duration = Duration::from_millis(20);
