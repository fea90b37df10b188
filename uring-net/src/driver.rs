//! The I/O driver under a shard's event loop.

use std::fmt;
use std::future::Future;
use std::io;
use std::time::Duration;

use io_uring::IoUring;
use monoio::io::{AsyncReadRent, AsyncWriteRentExt};
use monoio::net::UnixStream;
use monoio::{IoUringDriver, LegacyDriver, RuntimeBuilder};

/// A macro, since monoio does not name the type of a builder with timers.
macro_rules! builder {
    ($driver:ty) => {
        RuntimeBuilder::<$driver>::new()
            .with_entries(RING_ENTRIES)
            .enable_timer()
    };
}

/// A runtime over io_uring. One thread uses its ring, and looks for completions itself, so the kernel need not
/// interrupt it for each (`IORING_SETUP_COOP_TASKRUN`, Linux 5.19; `IORING_SETUP_SINGLE_ISSUER`, 6.0).
macro_rules! uring {
    () => {{
        let mut ring = IoUring::builder();
        ring.setup_coop_taskrun().setup_single_issuer();
        builder!(IoUringDriver)
            .uring_builder(ring)
            .build()
            // Older kernels do not know these flags.
            .or_else(|_| builder!(IoUringDriver).build())
    }};
}

/// The interface between the event loops and the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// io_uring, which RUSM is built for.
    Uring,
    /// epoll: slower, for kernels and containers that forbid io_uring.
    Epoll,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Uring => "io_uring",
            Self::Epoll => "epoll",
        })
    }
}

impl Driver {
    /// Checks that this kernel permits the driver.
    ///
    /// # Errors
    /// The kernel's error: `ENOSYS` if io_uring isn't built in, `EPERM` if a
    /// container's seccomp profile or `kernel.io_uring_disabled` forbids it.
    pub fn probe(self) -> io::Result<()> {
        match self {
            Self::Uring => uring!().map(drop),
            Self::Epoll => builder!(LegacyDriver).build().map(drop),
        }
    }

    /// Runs `main` on this thread until it ends; `main` may spawn tasks with monoio.
    ///
    /// # Errors
    /// When the driver can't be set up.
    pub fn block_on<F: Future>(self, main: impl FnOnce() -> F) -> io::Result<F::Output> {
        match self {
            Self::Uring => Ok(uring!()?.block_on(async { main().await })),
            Self::Epoll => Ok(builder!(LegacyDriver)
                .build()?
                .block_on(async { main().await })),
        }
    }

    /// Returns a source of turns of this thread's event loop; see [`IoTurn::pass`].
    ///
    /// # Errors
    /// When the process is out of file descriptors.
    pub fn turns(self) -> io::Result<IoTurn> {
        Ok(match self {
            Self::Uring => {
                let (near, far) = UnixStream::pair()?;
                IoTurn::Completion { near, far }
            }
            Self::Epoll => IoTurn::Timer,
        })
    }
}

/// Waits for the event loop to have looked at every socket and timer.
///
/// A completion of the ring is only seen when the loop reaps all of them, so an operation
/// that the kernel completes at once is a turn of the loop. epoll's loop runs such an operation
/// without a look at anything else: there, only a timer goes through the poll.
pub enum IoTurn {
    /// A byte sent to ourselves through the ring.
    Completion {
        /// The end that is written.
        near: UnixStream,
        /// The end that is read.
        far: UnixStream,
    },
    /// The shortest sleep.
    Timer,
}

impl IoTurn {
    /// Completes after the loop has polled.
    pub async fn pass(&mut self) {
        match self {
            Self::Completion { near, far } => {
                let (written, byte) = near.write_all(vec![0]).await;
                if written.is_ok() {
                    let _ = far.read(byte).await;
                } else {
                    monoio::time::sleep(SHORTEST_SLEEP).await;
                }
            }
            Self::Timer => monoio::time::sleep(SHORTEST_SLEEP).await,
        }
    }
}

/// Operations that can be submitted in one turn of the loop; more are submitted in several.
const RING_ENTRIES: u32 = 1024;
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);
