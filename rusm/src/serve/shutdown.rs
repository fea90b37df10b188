//! Signals: those that stop the server, and those that must not harm it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use signal_hook::iterator::Signals;
use signal_hook::low_level::signal_name;

use crate::tls::Certificates;

/// The request to stop, which the shards check at every tick.
#[derive(Clone, Default)]
pub(super) struct Shutdown(Arc<State>);

#[derive(Default)]
struct State {
    is_requested: AtomicBool,
    /// True if the server serves clients, which have to finish.
    is_serving: AtomicBool,
}

impl Shutdown {
    /// Stops at the first SIGINT, SIGTERM or SIGQUIT: immediately until the server serves. At the
    /// second, it stops without waiting for requests.
    ///
    /// With `hangup_stops`, SIGHUP, which a terminal sends when it is closed, stops the server,
    /// too; otherwise it has `certificates` read again. Other signals that would end the process are ignored from now on. This must come before
    /// everything else: process 1 of a container does not receive a signal that it does not handle.
    ///
    /// # Errors
    /// If the system refuses a handler or the thread.
    pub(super) fn on_signals(hangup_stops: bool, certificates: Certificates) -> io::Result<Self> {
        let mut signals = Signals::new([
            SIGINT,
            SIGTERM,
            SIGQUIT,
            SIGHUP,
            SIGUSR1,
            SIGUSR2,
            // With a handler, a write beyond the file-size limit (ulimit -f) fails. An ignored
            // signal would be inherited by the programs that we start.
            libc::SIGXFSZ,
        ])?;
        let shutdown = Self::default();
        let state = shutdown.0.clone();
        let wait = move || {
            for signal in signals.forever() {
                match signal {
                    SIGINT | SIGTERM | SIGQUIT => state.request(signal),
                    SIGHUP if hangup_stops => state.request(signal),
                    SIGHUP => {
                        let what = match certificates.reload() {
                            true => "only certificates are read again",
                            false => "nothing is read again",
                        };
                        tracing::info!("SIGHUP: {what}; restart to use a changed manifest");
                    }
                    _ => tracing::debug!("{} is ignored", name(signal)),
                }
            }
        };
        thread::Builder::new()
            .name("rusm-signals".into())
            .spawn(wait)?;
        Ok(shutdown)
    }

    /// Marks that the server serves clients from now on.
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
