//! Supervisors: processes that start others, and start them again.

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::exit::ExitReason;
use crate::message::Mail;
use crate::pid::Pid;
use crate::process::SpawnOptions;
use crate::shard::{ProcessRef, Shard, SpawnError};

/// Whom a supervisor starts again when one child has died.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// The one that died.
    OneForOne,
    /// All; those that live are ended first, last to first.
    OneForAll,
    /// The one that died and those that were started after it.
    RestForOne,
}

/// When a child is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Whenever it ends.
    Permanent,
    /// When it fails: not after it ended normally, or by a shutdown.
    Transient,
    /// Never.
    Temporary,
}

/// How many restarts there may be within a time: with one more, a supervisor gives up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intensity {
    /// Restarts that are borne.
    pub restarts: u32,
    /// The window, which moves along.
    pub within: Duration,
}

/// How long a child waits that dies again and again. One that was sound, or lived for `min_uptime`,
/// is started again at once; one that was not, after `first`, and then after twice as long each
/// time, up to `most`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first pause.
    pub first: Duration,
    /// The longest.
    pub most: Duration,
    /// A life of this length is a sound one.
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

/// A child of a supervisor.
pub struct Child {
    /// What it is called in events.
    pub name: Arc<str>,
    /// Starts it. The supervisor links itself to what is started.
    pub start: Start,
    /// When it is started again.
    pub restart: Restart,
    /// Set by whoever runs it when it has done some of its work: then its death is no reason to
    /// wait. Reset at each start.
    pub sound: Rc<Cell<bool>>,
}

/// Starts a child, or says why it can't.
pub type Start = Box<dyn FnMut(&Shard) -> Result<Pid, Arc<str>>>;

/// What happens to the children of a supervisor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SupervisorEvent {
    /// One was started.
    Started {
        /// The child.
        name: Arc<str>,
        /// Its process.
        pid: Pid,
    },
    /// One died.
    Died {
        /// The child.
        name: Arc<str>,
        /// Its process.
        pid: Pid,
        /// Why.
        reason: ExitReason,
    },
    /// One is going to be started again.
    Restarting {
        /// The child.
        name: Arc<str>,
        /// How long it waits.
        after: Duration,
    },
    /// One died once too often: the supervisor ends all, and itself.
    GaveUp {
        /// The child.
        name: Arc<str>,
    },
}

/// A supervisor, not started yet.
pub struct Supervisor {
    strategy: Strategy,
    children: Vec<Child>,
    intensity: Option<Intensity>,
    backoff: Option<Backoff>,
    on_event: OnEvent,
}

type OnEvent = Box<dyn FnMut(SupervisorEvent)>;

impl Supervisor {
    /// A supervisor without children, which never gives up.
    pub fn new(strategy: Strategy) -> Self {
        Self {
            strategy,
            children: Vec::new(),
            intensity: None,
            backoff: None,
            on_event: Box::new(drop),
        }
    }

    /// One more child, which is started after the others.
    #[must_use]
    pub fn child(mut self, child: Child) -> Self {
        self.children.push(child);
        self
    }

    /// Give up when children die more often.
    #[must_use]
    pub fn intensity(mut self, intensity: Intensity) -> Self {
        self.intensity = Some(intensity);
        self
    }

    /// Have children wait that die again and again.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Whom to tell what happens.
    #[must_use]
    pub fn on_event(mut self, on_event: impl FnMut(SupervisorEvent) + 'static) -> Self {
        self.on_event = Box::new(on_event);
        self
    }

    /// Start it, and at once its children in order. When it gives up, or is ended, it ends its children
    /// from the last to the first; giving up is a failure, which its own links see.
    ///
    /// # Errors
    /// When it can't be spawned.
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

/// A child, and how it is doing.
struct Supervised {
    child: Child,
    state: State,
    started: Instant,
    /// The pause before the last start.
    pause: Duration,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Alive(Pid),
    /// To be started then.
    Waiting(Instant),
    /// Not to be started again.
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
    me: ProcessRef,
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
            let exit = |delivery: &Mail| matches!(delivery, Mail::Exit { .. });
            let received = self.me.shard.receive_where(self.me.pid, deadline, exit);
            let Some(Mail::Exit { from, reason }) = received.await else {
                continue;
            };
            let dead = (self.children.iter()).position(|child| child.state == State::Alive(from));
            match dead {
                Some(index) => {
                    if let Err(reason) = self.child_died(index, from, reason) {
                        return reason;
                    }
                }
                // Who is linked to the supervisor and no child of it is a parent.
                None if reason.is_normal() => {}
                None => return reason,
            }
        }
    }

    /// Start the children whose time has come.
    fn start_due(&mut self) -> Result<(), ExitReason> {
        for index in 0..self.children.len() {
            let now = Instant::now();
            let child = &mut self.children[index];
            if !matches!(child.state, State::Waiting(at) if at <= now) {
                continue;
            }
            let name = child.child.name.clone();
            child.child.sound.set(false);
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

    /// Have a child started again, and those that go with it.
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
            let sound = child.child.sound.get();
            backoff.pause(sound, now.duration_since(child.started), child.pause)
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
            // Its exit is not news; nor is one that lies in the mailbox already.
            let (shard, me) = (&self.me.shard, self.me.pid);
            shard.unlink(me, pid);
            drop(shard.kill(pid));
            shard.discard(
                me,
                |delivery| matches!(delivery, Mail::Exit { from, .. } if *from == pid),
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
    /// The pause before the next start of a child that lived for so long, after this pause.
    fn pause(&self, sound: bool, lived: Duration, last: Duration) -> Duration {
        if sound || lived >= self.min_uptime {
            Duration::ZERO
        } else {
            (last * 2).clamp(self.first, self.most)
        }
    }
}

/// The restarts that a supervisor still has. Pure.
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

    /// Spend one; false if there is none left.
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
