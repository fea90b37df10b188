//! Supervisors: processes that start child processes and restart them, as Erlang's do.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::exit::ExitReason;
use crate::message::Delivery;
use crate::pid::Pid;
use crate::process::SpawnOptions;
use crate::shard::{ProcessContext, Shard, SpawnError};

/// The children that a supervisor restarts when one has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The child that died.
    OneForOne,
    /// All children; those that live are terminated first, last to first.
    OneForAll,
    /// The child that died and those that were started after it.
    RestForOne,
}

/// The exits after which a child is restarted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Any exit.
    Permanent,
    /// A failure: not a normal exit, nor a shutdown.
    Transient,
    /// None.
    Temporary,
}

/// The restart intensity: the restarts allowed within a time. With one more, the supervisor gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intensity {
    /// The number of restarts allowed.
    pub restarts: u32,
    /// The sliding window in which they are counted.
    pub within: Duration,
}

/// Exponential backoff of restarts. A child that was healthy, or lived for `min_uptime`, is restarted at
/// once; others after `first`, and then after twice as long each time, up to `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first delay.
    pub first: Duration,
    /// The longest delay.
    pub most: Duration,
    /// The uptime after which a child is restarted at once.
    pub min_uptime: Duration,
}

impl Default for Backoff {
    /// 10 ms, 5 s, and 1 s.
    fn default() -> Self {
        Self {
            first: Duration::from_millis(10),
            most: Duration::from_secs(5),
            min_uptime: Duration::from_secs(1),
        }
    }
}

/// The specification of a supervisor's child.
pub struct Child {
    /// Its name in events.
    pub name: Arc<str>,
    /// Starts it. The supervisor links itself to the process.
    pub start: Start,
    /// The exits after which it is restarted.
    pub restart: Restart,
    /// Set by the child once it has done some work: then it is restarted without delay when it dies.
    /// Reset at each start.
    pub healthy: Rc<Cell<bool>>,
}

/// Starts a child, or returns the reason why it can't be started.
pub type Start = Box<dyn FnMut(&Shard) -> Result<Pid, Arc<str>>>;

/// An event in the life of a supervisor's children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SupervisorEvent {
    /// A child was started.
    Started {
        /// The child.
        name: Arc<str>,
        /// Its process.
        pid: Pid,
    },
    /// A child died.
    Died {
        /// The child.
        name: Arc<str>,
        /// Its process.
        pid: Pid,
        /// Its exit reason.
        reason: ExitReason,
    },
    /// A child is going to be restarted.
    Restarting {
        /// The child.
        name: Arc<str>,
        /// The delay before the restart.
        after: Duration,
    },
    /// A child died too often: the supervisor terminates all children, and fails.
    GaveUp {
        /// The child.
        name: Arc<str>,
    },
}

/// A supervisor that was not started yet.
pub struct Supervisor {
    strategy: Strategy,
    children: Vec<Child>,
    intensity: Option<Intensity>,
    backoff: Option<Backoff>,
    on_event: OnEvent,
}

type OnEvent = Box<dyn FnMut(SupervisorEvent)>;

impl Supervisor {
    /// Creates a supervisor without children, which never gives up.
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            children: Vec::new(),
            intensity: None,
            backoff: None,
            on_event: Box::new(drop),
        }
    }

    /// Adds a child, which is started after the others.
    #[must_use]
    pub fn child(mut self, child: Child) -> Self {
        self.children.push(child);
        self
    }

    /// Sets the restart intensity at which it gives up.
    #[must_use]
    pub fn intensity(mut self, intensity: Intensity) -> Self {
        self.intensity = Some(intensity);
        self
    }

    /// Sets the backoff for children that die again and again.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Sets the function that is called with each event.
    #[must_use]
    pub fn on_event(mut self, on_event: impl FnMut(SupervisorEvent) + 'static) -> Self {
        self.on_event = Box::new(on_event);
        self
    }

    /// Starts the supervisor, and its children in order before this returns. When it gives up or ends, it
    /// terminates its children from the last to the first. Giving up is a failure, which its own links
    /// receive.
    ///
    /// # Errors
    /// When the supervisor can't be spawned.
    pub fn start(self, shard: &Shard, options: SpawnOptions) -> Result<Pid, SpawnError> {
        shard.spawn(options, move |me| {
            me.shard.set_trap_exit(me.pid, true);
            let mut running = RunningSupervisor {
                strategy: self.strategy,
                children: self.children.into_iter().map(Supervised::new).collect(),
                budget: self.intensity.map(Budget::new),
                backoff: self.backoff,
                on_event: self.on_event,
                me,
            };
            // The children are there when this returns.
            let begun = running.start_due();
            async move {
                match begun {
                    Ok(()) => running.run().await,
                    Err(reason) => reason,
                }
            }
        })
    }
}

/// A child and its state.
struct Supervised {
    child: Child,
    state: State,
    started: Instant,
    /// The delay before the last start.
    pause: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Alive(Pid),
    /// To be started at this time.
    Waiting(Instant),
    /// Not to be restarted.
    Done,
}

impl Supervised {
    fn new(child: Child) -> Self {
        let now = Instant::now();
        Self {
            child,
            state: State::Waiting(now),
            started: now,
            pause: Duration::ZERO,
        }
    }
}

struct RunningSupervisor {
    strategy: Strategy,
    children: Vec<Supervised>,
    budget: Option<Budget>,
    backoff: Option<Backoff>,
    on_event: OnEvent,
    me: ProcessContext,
}

impl RunningSupervisor {
    async fn run(mut self) -> ExitReason {
        loop {
            if let Err(reason) = self.start_due() {
                return reason;
            }
            let next = self.children.iter().filter_map(|child| match child.state {
                State::Waiting(at) => Some(at),
                _ => None,
            });
            let deadline = next.min();
            let exit = |delivery: &Delivery| matches!(delivery, Delivery::Exit { .. });
            let received = self.me.shard.receive_where(self.me.pid, deadline, exit);
            let Some(Delivery::Exit { from, reason }) = received.await else {
                continue;
            };
            let dead = (self.children.iter()).position(|child| child.state == State::Alive(from));
            match dead {
                Some(index) => {
                    if let Err(reason) = self.child_died(index, from, reason) {
                        return reason;
                    }
                }
                // A linked process that is not a child is the parent.
                None if reason.is_normal() => {}
                None => return reason,
            }
        }
    }

    /// Starts the children that are due.
    fn start_due(&mut self) -> Result<(), ExitReason> {
        for index in 0..self.children.len() {
            let now = Instant::now();
            let child = &mut self.children[index];
            if !matches!(child.state, State::Waiting(at) if at <= now) {
                continue;
            }
            let name = child.child.name.clone();
            child.child.healthy.set(false);
            match (child.child.start)(&self.me.shard) {
                Ok(pid) => {
                    child.state = State::Alive(pid);
                    child.started = now;
                    // It has no more links than children.
                    let _ = self.me.shard.link(self.me.pid, pid);
                    (self.on_event)(SupervisorEvent::Started { name, pid });
                }
                // As if it had died at once.
                Err(_) => {
                    child.started = now;
                    self.restart(index)?;
                }
            }
        }
        Ok(())
    }

    fn child_died(&mut self, index: usize, pid: Pid, reason: ExitReason) -> Result<(), ExitReason> {
        let child = &mut self.children[index];
        let again = match child.child.restart {
            Restart::Permanent => true,
            Restart::Transient => !matches!(reason, ExitReason::Normal | ExitReason::Shutdown),
            Restart::Temporary => false,
        };
        let name = child.child.name.clone();
        child.state = State::Done;
        (self.on_event)(SupervisorEvent::Died { name, pid, reason });
        if again { self.restart(index) } else { Ok(()) }
    }

    /// Schedules the restart of a child, and of those that the strategy restarts with it.
    fn restart(&mut self, index: usize) -> Result<(), ExitReason> {
        let name = self.children[index].child.name.clone();
        let now = Instant::now();
        if let Some(budget) = &mut self.budget
            && !budget.spend(now)
        {
            (self.on_event)(SupervisorEvent::GaveUp { name: name.clone() });
            let reason = format!("`{name}` died too often");
            return Err(ExitReason::Failed(reason.into()));
        }
        let together = match self.strategy {
            Strategy::OneForOne => index..index + 1,
            Strategy::OneForAll => 0..self.children.len(),
            Strategy::RestForOne => index..self.children.len(),
        };
        for other in together.clone().rev() {
            self.end(other);
        }
        let child = &mut self.children[index];
        let after = self.backoff.map_or(Duration::ZERO, |backoff| {
            let healthy = child.child.healthy.get();
            backoff.pause(healthy, now.duration_since(child.started), child.pause)
        });
        child.pause = after;
        (self.on_event)(SupervisorEvent::Restarting { name, after });
        for other in together {
            let child = &mut self.children[other];
            let over = child.state == State::Done && other != index;
            if !over || child.child.restart == Restart::Permanent {
                child.state = State::Waiting(now + after);
            }
        }
        Ok(())
    }

    fn end(&mut self, index: usize) {
        let child = &mut self.children[index];
        if let State::Alive(pid) = child.state {
            // Its exit must not be handled; nor must one that is in the mailbox already.
            let (shard, me) = (&self.me.shard, self.me.pid);
            shard.unlink(me, pid);
            drop(shard.kill(pid));
            shard.discard(
                me,
                |delivery| matches!(delivery, Delivery::Exit { from, .. } if *from == pid),
            );
            child.state = State::Waiting(Instant::now());
        }
    }
}

impl Drop for RunningSupervisor {
    fn drop(&mut self) {
        for index in (0..self.children.len()).rev() {
            self.end(index);
        }
    }
}

impl Backoff {
    /// Returns the delay before the next start of a child that lived for `lived`, and whose last delay
    /// was `last`.
    fn pause(&self, healthy: bool, lived: Duration, last: Duration) -> Duration {
        if healthy || lived >= self.min_uptime {
            Duration::ZERO
        } else {
            (last * 2).clamp(self.first, self.most)
        }
    }
}

/// The restarts of a supervisor within the sliding window. Pure.
struct Budget {
    intensity: Intensity,
    spent: VecDeque<Instant>,
}

impl Budget {
    fn new(intensity: Intensity) -> Self {
        Self {
            intensity,
            spent: VecDeque::new(),
        }
    }

    /// Counts a restart. Returns false if there were too many.
    fn spend(&mut self, now: Instant) -> bool {
        while let Some(first) = self.spent.front()
            && now.duration_since(*first) > self.intensity.within
        {
            self.spent.pop_front();
        }
        self.spent.push_back(now);
        self.spent.len() <= self.intensity.restarts as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_of_a_window_that_moves() {
        let mut budget = Budget::new(Intensity {
            restarts: 2,
            within: Duration::from_secs(10),
        });
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        assert!(budget.spend(at(0)));
        assert!(budget.spend(at(8)));
        assert!(budget.spend(at(12)), "the first is forgotten");
        assert!(!budget.spend(at(13)));
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_end_with_a_sound_life() {
        let backoff = Backoff::default();
        let mut pause = Duration::ZERO;
        let mut pauses = Vec::new();
        for _ in 0..11 {
            pause = backoff.pause(false, Duration::from_millis(1), pause);
            pauses.push(pause.as_millis());
        }
        assert_eq!(
            pauses,
            [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 5000, 5000]
        );
        assert_eq!(
            backoff.pause(false, Duration::from_secs(1), pause),
            Duration::ZERO
        );
        assert_eq!(backoff.pause(true, Duration::ZERO, pause), Duration::ZERO);
    }
}
