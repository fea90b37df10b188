//! The context of a call: the request behind it, and the processes that wait for its answer.

use std::sync::Arc;
use std::time::Instant;

use crate::id::CallId;
use crate::pid::Pid;
use crate::request_id::RequestId;

/// The request that a process works on, and the callers that wait for it. Each call passes it on to
/// its callee.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallContext {
    /// The request.
    pub request: RequestId,
    /// The callers that wait for an answer, the last one first.
    waiting: Option<Waiter>,
}

/// A process that calls another.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The process.
    pub pid: Pid,
    /// The context of its own work.
    pub context: CallContext,
}

impl From<Pid> for Caller {
    fn from(pid: Pid) -> Self {
        let context = CallContext::default();
        Self { pid, context }
    }
}

/// A process that waits for the answer to a call, at most until `until`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Waiter {
    pid: Pid,
    call: CallId,
    until: Instant,
    /// The caller that waits for this one.
    before: Option<Arc<Waiter>>,
    /// The number of callers before this one.
    depth: usize,
}

impl CallContext {
    /// Creates the context of work for a request that no process waits for.
    pub fn of_request(request: RequestId) -> Self {
        Self {
            request,
            waiting: None,
        }
    }

    /// Returns the context of a call that `pid` makes while it works on this.
    pub(crate) fn called(&self, pid: Pid, call: CallId, until: Instant) -> Self {
        // Callers beyond the maximum are forgotten: only longer cycles go undetected.
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

    /// Returns the context of a call that the caller does not wait for, or of a streamed answer, whose
    /// reader may do other things in the meantime.
    pub(crate) fn not_awaited(&self) -> Self {
        Self::of_request(self.request.clone())
    }

    /// Returns the cycle that a call of `to` would close: the processes from `to` to the last caller,
    /// each of which waits for the next. `is_waiting` says whether `to` still waits for a call.
    pub(crate) fn cycle(&self, to: Pid, is_waiting: impl Fn(CallId) -> bool) -> Option<Arc<[Pid]>> {
        let last = self.waiting.as_ref()?;
        // Most callees make no calls.
        last.before.as_ref()?;
        let now = Instant::now();
        let mut callers = Vec::new();
        let mut next = Some(last);
        while let Some(waiter) = next {
            // A caller that has timed out waits no longer, nor do the callers before it.
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

/// The longest cycle of calls that is detected.
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
