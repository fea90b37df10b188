//! `rusm-otp` 0.7 on Tokio.

use std::future::{Future, pending};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use core_affinity::CoreId;
use tokio::runtime::{Builder, Handle, Runtime as Tokio};

/// A runtime of `rusm-otp` 0.7 and the executor that runs its processes.
pub struct Peer {
    tokio: Tokio,
    otp: rusm_otp::Runtime,
}

impl Peer {
    /// All on the calling thread, which is pinned to core 0.
    pub fn one_thread() -> Self {
        core_affinity::set_for_current(CoreId { id: 0 });
        Self::on(&mut Builder::new_current_thread())
    }

    /// Two worker threads that steal from one another, pinned to cores 0 and 1.
    pub fn two_threads() -> Self {
        let next = AtomicUsize::new(0);
        Self::on(
            Builder::new_multi_thread()
                .worker_threads(2)
                .on_thread_start(move || {
                    let id = next.fetch_add(1, Ordering::Relaxed) % 2;
                    core_affinity::set_for_current(CoreId { id });
                }),
        )
    }

    fn on(builder: &mut Builder) -> Self {
        Self {
            tokio: builder.enable_time().build().expect("Tokio runs here"),
            otp: rusm_otp::Runtime::new(),
        }
    }

    /// Run `work`, and wait for it.
    ///
    /// # Panics
    /// When it does.
    pub fn run<F>(&self, work: impl FnOnce(rusm_otp::Runtime) -> F) -> F::Output
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let work = work(self.otp.clone());
        let ran = self.tokio.block_on(async { tokio::spawn(work).await });
        ran.expect("it ran")
    }

    /// An executor on a thread of its own, pinned to core 1: what is spawned while its handle is
    /// entered stays there.
    pub fn elsewhere() -> Handle {
        let tokio = Builder::new_current_thread()
            .enable_time()
            .build()
            .expect("Tokio runs here");
        let handle = tokio.handle().clone();
        thread::spawn(move || {
            core_affinity::set_for_current(CoreId { id: 1 });
            tokio.block_on(pending::<()>());
        });
        handle
    }
}
