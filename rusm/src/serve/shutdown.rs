//! Signals: how the server is told to stop, and those that must not harm it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

/// Whether to stop. The shards look at it at every tick.
#[derive(Clone, Default)]
pub(super) struct Shutdown(Arc<State>);

#[derive(Default)]
struct State {
    is_requested: AtomicBool,
    /// Whether clients are served, who have to be waited for.
    is_serving: AtomicBool,
}

impl Shutdown {
    /// Stop at the first SIGINT, SIGTERM or SIGQUIT: at once, as long as nobody is served. At the
    /// second, do not wait for anybody.
    ///
    /// SIGHUP, which a terminal sends when it is closed, is one of them where `hangup_stops`. The
    /// others that would end the process do nothing from now on. This has to come before all
    /// else: process 1 of a container is not sent a signal that it does not handle.
    ///
    /// # Errors
    /// When the system refuses a handler or the thread.
    pub(super) fn on_signals(hangup_stops: bool) -> io::Result<Self> {
        let mut signals = Signals::new([
            SIGINT,
            SIGTERM,
            SIGQUIT,
            SIGHUP,
            SIGUSR1,
            SIGUSR2,
            // With a handler, a write beyond the limit of a file's size (ulimit -f) is an error of
            // that write. An ignored signal would be inherited by the programs that we start.
            libc::SIGXFSZ,
        ])?;
        let shutdown = Self::default();
        let state = shutdown.0.clone();
        let wait = move || {
            for signal in signals.forever() {
                match signal {
                    SIGINT | SIGTERM | SIGQUIT => state.request(signal),
                    SIGHUP if hangup_stops => state.request(signal),
                    SIGHUP => tracing::info!(
                        "SIGHUP: nothing is read anew; restart to use a changed manifest"
                    ),
                    _ => tracing::debug!("{} is ignored", name(signal)),
                }
            }
        };
        thread::Builder::new()
            .name("rusm-signals".into())
            .spawn(wait)?;
        Ok(shutdown)
    }

    /// Clients are served from now on.
    pub(super) fn serving(&self) {
        self.0.is_serving.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_requested(&self) -> bool {
        self.0.is_requested.load(Ordering::Relaxed)
    }
}

impl State {
    fn request(&self, signal: i32) {
        if self.is_requested.swap(true, Ordering::Relaxed) {
            std::process::exit(128 + signal);
        }
        if !self.is_serving.load(Ordering::Relaxed) {
            std::process::exit(0);
        }
        tracing::info!(
            "{}: stopping, waiting for the requests in flight",
            name(signal)
        );
    }
}

fn name(signal: i32) -> &'static str {
    signal_name(signal).unwrap_or("a signal")
}
