//! One thread of the generator.

use std::cell::Cell;
use std::future::Future;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use monoio::time::TimeDriver;
use monoio::{FusionDriver, FusionRuntime, IoUringDriver, LegacyDriver, RuntimeBuilder};

use crate::generator::schedule::Schedule;
use crate::generator::usage::thread_cpu;
use crate::generator::worker::Worker;
use crate::generator::{Error, Load, pacer};
use crate::measure::{Ending, Recorder, Window};

/// Runs the mode with the thread's share of the load.
pub(super) fn run<M, F>(
    load: &Load,
    window: Window,
    index: usize,
    recorder: Recorder,
    ending: Arc<Ending>,
    mode: &M,
) -> Result<(), Error>
where
    M: Fn(Rc<Worker>) -> F,
    F: Future<Output = ()> + 'static,
{
    pin(load, index)?;
    let threads = load.threads();
    let connections = share(load.connections, index, threads);
    let mut runtime = runtime(connections.len()).map_err(Error::Runtime)?;
    let legacy = matches!(runtime, FusionRuntime::Legacy(_));
    let worker = Rc::new(Worker::new(
        index,
        connections,
        load,
        window,
        recorder,
        ending,
    ));
    let schedule = Schedule::new(load.arrivals, index, threads, load.seed);
    runtime.block_on(async {
        let worker = Rc::clone(&worker);
        monoio::time::sleep_until(window.begin.into()).await;
        let done = Rc::new(Cell::new(false));
        let supervise = monoio::spawn(supervise(Rc::clone(&worker), Rc::clone(&done), legacy));
        let pacer = schedule.map(|due| monoio::spawn(pacer::pace(Rc::clone(&worker), due)));
        mode(Rc::clone(&worker)).await;
        done.set(true);
        // A task that remains is leaked with the runtime, including its shared state: the collector
        // would wait for its recorder.
        if let Some(pacer) = pacer {
            pacer.await;
        }
        supervise.await;
    });
    worker.recorder().finish();
    Ok(())
}

fn pin(load: &Load, index: usize) -> Result<(), Error> {
    let Some(&core) = load.cores.get(index) else {
        return Ok(());
    };
    if core_affinity::set_for_current(core_affinity::CoreId { id: core }) {
        return Ok(());
    }
    Err(Error::Core {
        core,
        have: "those that the process may use".to_owned(),
    })
}

type Runtime = FusionRuntime<TimeDriver<IoUringDriver>, TimeDriver<LegacyDriver>>;

/// Creates the thread's event loop.
///
/// Completions wait until the thread asks for them (`IORING_SETUP_DEFER_TASKRUN`, Linux 6.1): it
/// does so in batches, and otherwise each would interrupt it.
fn runtime(connections: usize) -> std::io::Result<Runtime> {
    let entries = u32::try_from(connections.saturating_mul(2)).unwrap_or(u32::MAX);
    let entries = entries.clamp(MIN_ENTRIES, MAX_ENTRIES).next_power_of_two();
    let build = |ring: io_uring::Builder| {
        RuntimeBuilder::<FusionDriver>::new()
            .with_entries(entries)
            .uring_builder(ring)
            .enable_timer()
            .build()
    };
    let mut ring = io_uring::IoUring::builder();
    ring.setup_single_issuer().setup_defer_taskrun();
    // Older kernels do not know these flags.
    build(ring).or_else(|_| build(io_uring::IoUring::builder()))
}

/// Returns the `index`th of `parts` parts of `all`, as even as possible.
fn share(all: usize, index: usize, parts: usize) -> Range<usize> {
    all * index / parts..all * (index + 1) / parts
}

/// Checks deadlines and intervals, ends the run, and then everything that does not end by itself.
/// Measures the thread's processor time over the window. Ends when the mode has.
async fn supervise(worker: Rc<Worker>, done: Rc<Cell<bool>>, legacy: bool) {
    let (mut closed, mut used) = (false, Usage::default());
    while !done.get() {
        let now = Instant::now();
        if let Some(end) = worker.ending().look(now) {
            worker.cut(end);
        }
        let window = worker.window();
        let grace = (window.end - window.start) / GRACE_SHARE;
        used.look(now, &window);
        worker.recorder().tick(now);
        worker.sockets().sweep(now, worker.timeout());
        let drained = worker.is_drained() || now >= window.end + grace;
        if !closed && now >= window.end && drained {
            worker.close();
            closed = true;
        }
        // Each operation has its deadline; this is for a mode that does not set it.
        if now >= window.end + grace + worker.timeout() + SPARE {
            worker.sockets().shut_down_all();
        }
        let next = if now < window.start {
            window.start
        } else {
            window.end
        };
        let left = next.saturating_duration_since(now);
        let pause = if left.is_zero() {
            TICK_AT_END
        } else {
            left.min(TICK)
        };
        monoio::time::sleep(pause).await;
    }
    let (cpu, wall) = used.total();
    worker.recorder().used(cpu, wall, legacy);
}

/// The thread's processor time over the window.
#[derive(Default)]
struct Usage {
    begun: Option<(Duration, Instant)>,
    ended: Option<(Duration, Instant)>,
}

impl Usage {
    fn look(&mut self, now: Instant, window: &Window) {
        if self.begun.is_none() && now >= window.start {
            self.begun = Some((thread_cpu(), now));
        }
        if self.ended.is_none() && now >= window.end {
            self.ended = Some((thread_cpu(), now));
        }
    }

    /// Returns the processor time, and the time in which it was used.
    fn total(&self) -> (Duration, Duration) {
        let Some((from, begun)) = self.begun else {
            return (Duration::ZERO, Duration::ZERO);
        };
        let (to, ended) = self.ended.unwrap_or_else(|| (thread_cpu(), Instant::now()));
        let wall = ended.saturating_duration_since(begun);
        (to.saturating_sub(from), wall)
    }
}

/// The interval of checking deadlines.
const TICK: Duration = Duration::from_millis(20);
/// The interval once the run has ended.
const TICK_AT_END: Duration = Duration::from_millis(2);
/// Operations that are queued when an open loop ends may still be sent within this share of the
/// run: an operation due in the last moment is not the server's failure.
const GRACE_SHARE: u32 = 100;
/// The time past its timeout after which an operation is ended by force.
const SPARE: Duration = Duration::from_secs(1);
const MIN_ENTRIES: u32 = 1024;
const MAX_ENTRIES: u32 = 16_384;
