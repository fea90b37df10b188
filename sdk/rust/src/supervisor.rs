//! Components kept alive by a process.

use std::time::Duration;

use crate::bindings::rusm::runtime::actor;
use crate::mail::millis;
use crate::{Mail, Pid};

/// Which children are started again when one ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// That one.
    OneForOne,
    /// All of them.
    OneForAll,
    /// That one and those after it.
    RestForOne,
}

/// A supervisor of components, to be [started](Self::start) by a process or to be all that it
/// does.
///
/// ```no_run
/// use std::time::Duration;
/// use rusm_rs::{Strategy, Supervisor};
///
/// Supervisor::new(Strategy::OneForOne)
///     .child("mailer")
///     .max_restarts(5)
///     .within(Duration::from_secs(60))
///     .run();
/// ```
#[derive(Clone, Debug)]
pub struct Supervisor {
    strategy: Strategy,
    children: Vec<String>,
    max_restarts: u32,
    within: Duration,
}

impl Supervisor {
    /// A supervisor without children, which never gives up.
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            children: Vec::new(),
            max_restarts: 0,
            within: Duration::ZERO,
        }
    }

    /// One more child, by the name of its component.
    #[must_use]
    pub fn child(mut self, component: &str) -> Self {
        self.children.push(component.to_owned());
        self
    }

    /// Give up after so many restarts; 0, the default: never.
    #[must_use]
    pub fn max_restarts(mut self, restarts: u32) -> Self {
        self.max_restarts = restarts;
        self
    }

    /// Count the restarts of the last `window` only, in whole milliseconds.
    #[must_use]
    pub fn within(mut self, window: Duration) -> Self {
        self.within = window;
        self
    }

    /// Starts the children and their supervisor, which is linked to this process: the pid of the
    /// supervisor. Needs `allow-spawn`.
    ///
    /// # Errors
    /// A child could not be started, or the grant is missing: the host's text.
    pub fn start(&self) -> Result<Pid, String> {
        let strategy = match self.strategy {
            Strategy::OneForOne => actor::SuperviseStrategy::OneForOne,
            Strategy::OneForAll => actor::SuperviseStrategy::OneForAll,
            Strategy::RestForOne => actor::SuperviseStrategy::RestForOne,
        };
        let within_ms = u32::try_from(millis(self.within)).unwrap_or(u32::MAX);
        actor::supervise(strategy, &self.children, self.max_restarts, within_ms).map(Pid)
    }

    /// [Starts](Self::start) and waits, as the whole life of this process. Returns if it could
    /// not start, or has given up while this process [traps exits](crate::trap_exit).
    pub fn run(self) {
        match self.start() {
            Err(error) => crate::log::error(format!("the supervisor could not start: {error}")),
            Ok(supervisor) => loop {
                match crate::receive_mail(None) {
                    Some(Mail::Exit { pid, .. }) if pid == supervisor => return,
                    _ => {}
                }
            },
        }
    }
}
