//! Supervisors: processes that restart their children.

use std::time::Duration;

use crate::bindings::rusm::runtime::actor;
use crate::mail::millis;
use crate::{Mail, Pid};

/// The children that a supervisor restarts when one ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Only the one that ended.
    OneForOne,
    /// All children.
    OneForAll,
    /// The one that ended and those started after it.
    RestForOne,
}

/// A supervisor of components. A process [starts](Self::start) it beside its own work, or
/// [runs](Self::run) it as its only work.
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
    /// Creates a supervisor without children and without a limit of restarts.
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            children: Vec::new(),
            max_restarts: 0,
            within: Duration::ZERO,
        }
    }

    /// Adds a child, by the name of its component.
    #[must_use]
    pub fn child(mut self, component: &str) -> Self {
        self.children.push(component.to_owned());
        self
    }

    /// Sets the number of restarts after which the supervisor gives up; 0, the default, is no limit.
    #[must_use]
    pub fn max_restarts(mut self, restarts: u32) -> Self {
        self.max_restarts = restarts;
        self
    }

    /// Sets the window in which restarts are counted, in whole milliseconds.
    #[must_use]
    pub fn within(mut self, window: Duration) -> Self {
        self.within = window;
        self
    }

    /// Starts the supervisor and its children, and returns the supervisor's pid. It is linked to this
    /// process. Needs `allow-spawn`.
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

    /// [Starts](Self::start) the supervisor and waits for its end. Returns if it could not start, or if
    /// it gave up while this process [traps exits](crate::trap_exit).
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
