//! What a process works on, as far as it concerns those that it calls.

use std::sync::Arc;
use std::time::Instant;

use crate::id::CallId;
use crate::pid::Pid;
use crate::request_id::RequestId;

/// What a process works on: the request that is behind it, and who waits for it. It goes with each
/// call, and so from callee to callee.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallContext {
    /// The request.
    pub request: RequestId,
    /// Who waits for an answer to this, the last caller first.
    waiting: Option<Waiter>,
}

/// A process that calls another.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The process.
    pub pid: Pid,
    /// What it works on.
    pub context: CallContext,
}

impl From<Pid> for Caller {
    fn from(pid: Pid) -> Self {
        let context = CallContext::default();
        Self { pid, context }
    }
}

/// A process that waits for the answer to a call until then, at the latest.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiter {
    pid: Pid,
    call: CallId,
    until: Instant,
    /// Who waits for it.
    before: Option<Arc<Waiter>>,
    /// How many these are.
    depth: usize,
}

impl CallContext {
    /// What is done for a request, which no process waits for.
    pub fn of_request(request: RequestId) -> Self {
        Self {
            request,
            waiting: None,
        }
    }

    /// The context of what `pid` calls, which works on this.
    pub(crate) fn called(&self, pid: Pid, call: CallId, until: Instant) -> Self {
        // Those before the deepest are forgotten: what can't be seen any more is a cycle of more.
        let before = self.waiting.clone();
        let before = before.filter(|waiter| waiter.depth < MAX_DEPTH);
        let depth = before.as_ref().map_or(0, |waiter| waiter.depth + 1);
        Self {
            request: self.request.clone(),
            waiting: Some(Waiter {
                pid,
                call,
                until,
                before: before.map(Arc::new),
                depth,
            }),
        }
    }

    /// The context of what is called and not waited for; or of a streamed answer, whose reader may
    /// do other things in the meantime.
    pub(crate) fn not_awaited(&self) -> Self {
        Self::of_request(self.request.clone())
    }

    /// Those through which `to` waits for the answer to a call of `to`, from `to` to the last
    /// caller. `is_waiting` knows the calls of `to`.
    pub(crate) fn cycle(&self, to: Pid, is_waiting: impl Fn(CallId) -> bool) -> Option<Arc<[Pid]>> {
        let last = self.waiting.as_ref()?;
        // Most callees call nobody.
        last.before.as_ref()?;
        let now = Instant::now();
        let mut callers = Vec::new();
        let mut next = Some(last);
        while let Some(waiter) = next {
            // Whoever has given up waits for none of this any more, nor does who waits for them.
            if waiter.until <= now {
                return None;
            }
            callers.push(waiter.pid);
            if waiter.pid == to && is_waiting(waiter.call) {
                callers.reverse();
                return Some(callers.into());
            }
            next = waiter.before.as_deref();
        }
        None
    }
}

/// Callers that wait for one another, as far as a cycle of them is found.
const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn pid(number: u64) -> Pid {
        Pid::from_raw(number)
    }

    fn called(context: &CallContext, caller: u64, until: Instant) -> CallContext {
        context.called(pid(caller), CallId::from_raw(caller), until)
    }

    #[test]
    fn a_cycle_is_named_from_the_process_that_would_wait_for_itself() {
        let later = Instant::now() + Duration::from_secs(60);
        let first = called(&CallContext::default(), 1, later);
        let second = called(&first, 2, later);
        let third = called(&second, 3, later);
        let cycle = |to, waiting| third.cycle(pid(to), |_| waiting);
        assert_eq!(
            cycle(1, true).as_deref(),
            Some(&[pid(1), pid(2), pid(3)][..])
        );
        assert_eq!(cycle(2, true).as_deref(), Some(&[pid(2), pid(3)][..]));
        assert_eq!(cycle(4, true), None);
        assert_eq!(cycle(1, false), None, "it has its answer, or has given up");
    }

    #[test]
    fn who_has_given_up_is_in_no_cycle() {
        let now = Instant::now();
        let later = now + Duration::from_secs(60);
        let first = called(&CallContext::default(), 1, later);
        let second = called(&first, 2, now);
        let third = called(&second, 3, later);
        assert_eq!(third.cycle(pid(1), |_| true), None);
        assert_eq!(third.not_awaited().cycle(pid(3), |_| true), None);
    }

    #[test]
    fn chains_have_a_bound() {
        let later = Instant::now() + Duration::from_secs(60);
        let mut context = CallContext::default();
        for caller in 0..10_000 {
            context = called(&context, caller, later);
            let depth = context.waiting.as_ref().map(|waiter| waiter.depth);
            assert!(depth <= Some(MAX_DEPTH));
        }
    }
}
