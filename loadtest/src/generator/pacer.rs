//! Waits for intended times.
//!
//! monoio's timers have a resolution of a millisecond, and a loop that polls the clock would use up
//! the processor whose usage is reported. So the pacer sleeps on a `timerfd`, which the ring polls.

use std::io;
use std::os::fd::{AsRawFd, FromRawFd};
use std::rc::Rc;
use std::time::{Duration, Instant};

use monoio::net::UnixStream;

use crate::generator::schedule::Schedule;
use crate::generator::worker::Worker;

/// Pushes each operation of the schedule to the thread's queue when it is due, until the window
/// ends.
pub(super) async fn pace(worker: Rc<Worker>, schedule: Schedule) {
    let begin = worker.window().begin;
    let timer = Timer::new();
    let mut due = schedule
        .map(|offset| begin + offset)
        // The end may come sooner than it was planned.
        .take_while(|at| *at < worker.window().end)
        .peekable();
    while let Some(next) = due.peek().copied() {
        let now = Instant::now();
        if next > now {
            if worker.window().end <= now {
                break;
            }
            let gap = (next - now).clamp(SHORTEST, LONGEST);
            sleep(timer.as_ref().ok(), gap).await;
            continue;
        }
        while let Some(at) = due.next_if(|at| *at <= now) {
            if !worker.ending().take() {
                worker.no_more_due();
                return;
            }
            worker.push_due(at);
        }
    }
    worker.no_more_due();
}

async fn sleep(timer: Option<&Timer>, gap: Duration) {
    if let Some(timer) = timer
        && timer.sleep(gap).await.is_ok()
    {
        return;
    }
    monoio::time::sleep(gap).await;
}

/// A `timerfd(2)` of the monotonic clock.
///
/// It is wrapped as a socket because monoio polls sockets only; it is never read or written as one.
struct Timer(UnixStream);

impl Timer {
    fn new() -> io::Result<Self> {
        // SAFETY: no memory is passed.
        let fd = unsafe {
            libc::timerfd_create(
                libc::CLOCK_MONOTONIC,
                libc::TFD_CLOEXEC | libc::TFD_NONBLOCK,
            )
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor is open and has no other owner.
        let stream = unsafe { std::os::unix::net::UnixStream::from_raw_fd(fd) };
        UnixStream::from_std(stream).map(Self)
    }

    async fn sleep(&self, gap: Duration) -> io::Result<()> {
        let zero = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let time = libc::itimerspec {
            it_interval: zero,
            it_value: libc::timespec {
                tv_sec: libc::time_t::try_from(gap.as_secs()).unwrap_or(libc::time_t::MAX),
                tv_nsec: libc::c_long::from(gap.subsec_nanos().cast_signed()),
            },
        };
        // Setting it clears what it counted, so that it is not readable until it fires.
        // SAFETY: `time` is valid for the call; no old value is asked for.
        let set = unsafe {
            libc::timerfd_settime(self.0.as_raw_fd(), 0, &raw const time, std::ptr::null_mut())
        };
        if set < 0 {
            return Err(io::Error::last_os_error());
        }
        self.0.readable(true).await
    }
}

/// The minimum interval between wake-ups, which are costly: operations due in between are begun
/// together, at most this late.
const SHORTEST: Duration = Duration::from_micros(20);
/// The maximum, after which the pacer looks whether the run was ended.
const LONGEST: Duration = Duration::from_millis(50);
