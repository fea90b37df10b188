//! Calls: each has exactly one answer, which bypasses the mailbox. An answer that arrives after the
//! caller has stopped waiting is dropped.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use bytes::Bytes;

use super::Shard;
use super::messages::bus_capacity;
use super::timers::ReceiveTimeout;
use crate::bus::Signal;
use crate::context::{CallContext, Caller};
use crate::id::{CallId, StreamId};
use crate::message::{Call, CallError, Delivery, SendError};
use crate::occupancy::Occupancy;
use crate::pid::Pid;
use crate::process::{PendingReply, take_first};
use crate::request_id::RequestId;
use crate::stream::Reader;

/// A call that a process waits for.
#[derive(Debug)]
pub(super) struct PendingCall {
    caller: Pid,
    answer: Option<Result<Bytes, CallError>>,
}

impl Shard {
    /// Calls a function of a process, and waits for the answer until `deadline`. Dropping the future
    /// abandons the call.
    ///
    /// A call to a process that waits for the caller, directly or through others, fails at once with
    /// [`CallError::Cycle`].
    pub fn call(
        &self,
        caller: impl Into<Caller>,
        to: Pid,
        function: Arc<str>,
        args: Bytes,
        deadline: Instant,
    ) -> impl Future<Output = Result<Bytes, CallError>> + Send + 'static {
        let Caller { pid: me, context } = caller.into();
        let mut timeout = ReceiveTimeout::new(me, Some(deadline));
        let mut unsent = Some((function, args));
        let mut waiting: Option<WaitGuard> = None;
        let mut capacity: Option<Pin<Box<dyn Future<Output = ()> + Send>>> = None;
        poll_fn(move |cx| {
            let Some(shard) = Self::current() else {
                return Poll::Ready(Err(CallError::NoProcess));
            };
            if !shard.attach_caller(me, cx.waker()) {
                return Poll::Ready(Err(CallError::NoProcess));
            }
            if me == to {
                return Poll::Ready(Err(CallError::OwnProcess));
            }
            while let Some((function, args)) = unsent.take() {
                let waits = shard.begin_call(me);
                let call = Call {
                    id: waits.0,
                    from: Some(me),
                    function: function.clone(),
                    args: args.clone(),
                    stream: None,
                    context: context.called(me, waits.0, deadline).into(),
                };
                if let Some(cycle) = shard.cycle(to, &call) {
                    return Poll::Ready(Err(cycle));
                }
                match shard.send_call(to, call) {
                    Ok(()) => waiting = Some(waits),
                    Err(SendError::BusFull) => {
                        unsent = Some((function, args));
                        let wait = capacity
                            .get_or_insert_with(|| Box::pin(shard.bus_capacity(to.shard())));
                        if wait.as_mut().poll(cx).is_pending() {
                            break;
                        }
                        capacity = None;
                    }
                    Err(error) => return Poll::Ready(Err(call_error(error))),
                }
            }
            if let Some(call) = &waiting
                && let Some(answer) = shard.take_answer(call.0)
            {
                return Poll::Ready(answer);
            }
            if timeout.has_elapsed(&shard) {
                return Poll::Ready(Err(CallError::Timeout));
            }
            Poll::Pending
        })
    }

    /// Registers that `caller` waits for another process until `until`, by other means than a call.
    /// Returns the context for the work done there, and a guard to hold while `caller` waits.
    pub fn wait_for(&self, caller: &Caller, until: Instant) -> (CallContext, WaitGuard) {
        let waits = self.begin_call(caller.pid);
        (caller.context.called(caller.pid, waits.0, until), waits)
    }

    /// Casts: calls a function without waiting for an answer. On success the call is in the mailbox, or on
    /// its way to space that is reserved there: it is lost only if the process ends.
    ///
    /// The first cast from a shard to a process of another asks that shard for the occupancy of the
    /// mailbox; later ones wait only for capacity on the bus.
    ///
    /// # Errors
    /// See [`SendError`].
    pub fn cast(
        &self,
        request: &RequestId,
        to: Pid,
        function: Arc<str>,
        args: Bytes,
    ) -> impl Future<Output = Result<(), SendError>> + Send + 'static {
        let call = Call {
            id: CallId::from_raw(self.next_id()),
            from: None,
            function,
            args,
            stream: None,
            context: CallContext::of_request(request.clone()).into(),
        };
        let done = if to.shard() == self.core.id {
            Ok(self.send_call(to, call))
        } else {
            Err(call)
        };
        async move {
            match done {
                Ok(done) => done,
                Err(call) => cast_remote(to, call).await,
            }
        }
    }

    /// Calls a function whose answer is a stream that the caller reads. The stream ends when the callee
    /// answers, and fails if the call does.
    pub fn call_stream(
        &self,
        caller: impl Into<Caller>,
        to: Pid,
        function: Arc<str>,
        args: Bytes,
    ) -> StreamId {
        let Caller { pid: me, context } = caller.into();
        let stream = StreamId::from_raw(self.next_id());
        if !self.add_stream(me, stream) {
            return stream;
        }
        let reader = Reader::new(me, to.shard());
        self.core.readers.borrow_mut().insert(stream, reader);
        if me == to {
            let why = CallError::OwnProcess.to_string();
            self.handle_stream_end(stream, Err(why.into()));
            return stream;
        }
        let call = Call {
            id: CallId::from_raw(self.next_id()),
            from: Some(me),
            function,
            args,
            stream: Some(stream),
            context: context.not_awaited().into(),
        };
        if let Err(error) = self.send_call(to, call) {
            self.handle_stream_end(stream, Err(call_error(error).to_string().into()));
        }
        stream
    }

    /// Answers a call that `me` has received. The answer to a [`Shard::call_stream`] ends its stream, with
    /// success or a failure.
    pub fn reply(&self, me: Pid, call: CallId, result: Result<Bytes, CallError>) {
        let mut table = self.core.table.borrow_mut();
        let state = table
            .get_mut(me)
            .and_then(|process| process.state.as_deref_mut());
        let pending = state.and_then(|state| {
            take_first(&mut state.pending_replies, |pending| pending.call == call)
        });
        drop(table);
        if let Some(pending) = pending {
            self.answer(pending, result);
        }
    }

    pub(super) fn answer(&self, pending: PendingReply, result: Result<Bytes, CallError>) {
        if let Some(stream) = pending.stream {
            let end = result.map(drop).map_err(|error| error.to_string().into());
            self.finish_writing(stream, end);
        } else if pending.reply_wanted {
            let caller = pending.call.shard();
            if caller == self.core.id {
                self.deliver_reply(pending.call, result);
            } else {
                self.dispatch(caller, Signal::Reply(pending.call, result));
            }
        }
    }

    fn send_call(&self, to: Pid, call: Call) -> Result<(), SendError> {
        if to.shard() != self.core.id {
            let sent = self.try_send_signal(to.shard(), Signal::Call(to, call));
            return sent.map_err(|(error, _)| error);
        }
        let stream = call.stream.zip(call.from);
        self.deliver(to, Delivery::Call(call))
            .map_err(|(error, _)| error)?;
        if let Some((stream, caller)) = stream {
            self.add_writer(stream, to, caller.shard());
        }
        Ok(())
    }

    /// Returns the error of a call that would close a cycle. Calls of other shards' processes are
    /// checked there.
    fn cycle(&self, to: Pid, call: &Call) -> Option<CallError> {
        let calls = self.core.calls.borrow();
        let is_waiting = |call| calls.get(&call).is_some_and(|call| call.answer.is_none());
        let callers = call.context.cycle(to, is_waiting)?;
        Some(CallError::Cycle(callers))
    }

    pub(super) fn deliver_call(&self, to: Pid, call: Call) {
        let pending = call.pending_reply();
        if let Some(cycle) = self.cycle(to, &call) {
            return self.answer(pending, Err(cycle));
        }
        let caller = call.from;
        if let Err(error) = self.send_call(to, call) {
            match (pending.stream, caller) {
                (Some(stream), Some(caller)) => {
                    let end = Err(call_error(error).to_string().into());
                    self.dispatch(caller.shard(), Signal::StreamEnd(stream, end));
                }
                _ => self.answer(pending, Err(call_error(error))),
            }
        }
    }

    /// Delivers a cast, for which the sender has reserved space.
    pub(super) fn deliver_cast(&self, to: Pid, call: Call) {
        let mut table = self.core.table.borrow_mut();
        let Some(process) = table.get_mut(to) else {
            return;
        };
        process.state().mailbox.push_reserved(Delivery::Call(call));
        drop(table);
        self.wake(to);
    }

    /// Returns the occupancy of a mailbox of this shard, for another.
    fn share_occupancy(&self, pid: Pid) -> Option<Arc<Occupancy>> {
        let mut table = self.core.table.borrow_mut();
        Some(table.get_mut(pid)?.state().mailbox.share())
    }

    fn known_occupancy(&self, pid: Pid) -> Option<Arc<Occupancy>> {
        let known = self.core.occupancies.borrow();
        let found = known.get(&pid).filter(|occupancy| !occupancy.is_closed());
        found.cloned()
    }

    fn know_occupancy(&self, pid: Pid, occupancy: Arc<Occupancy>) {
        let mut known = self.core.occupancies.borrow_mut();
        if known.len() >= MAX_OCCUPANCIES {
            known.retain(|_, occupancy| !occupancy.is_closed());
        }
        if known.len() >= MAX_OCCUPANCIES {
            // They are asked for again when they are needed.
            known.clear();
        }
        known.insert(pid, occupancy);
    }

    pub(super) fn deliver_reply(&self, call: CallId, result: Result<Bytes, CallError>) {
        let mut calls = self.core.calls.borrow_mut();
        // The caller has timed out, or ended.
        let Some(pending) = calls.get_mut(&call) else {
            return;
        };
        pending.answer = Some(result);
        let caller = pending.caller;
        drop(calls);
        self.wake(caller);
    }

    fn begin_call(&self, me: Pid) -> WaitGuard {
        let call = CallId::from_raw(self.next_id());
        let pending = PendingCall {
            caller: me,
            answer: None,
        };
        self.core.calls.borrow_mut().insert(call, pending);
        if let Some(process) = self.core.table.borrow_mut().get_mut(me) {
            process.state().pending_calls.push(call);
        }
        WaitGuard(call, me)
    }

    fn take_answer(&self, call: CallId) -> Option<Result<Bytes, CallError>> {
        let mut calls = self.core.calls.borrow_mut();
        calls.get_mut(&call)?.answer.take()
    }

    fn attach_caller(&self, me: Pid, waker: &std::task::Waker) -> bool {
        let mut table = self.core.table.borrow_mut();
        let process = table.get_mut(me);
        process.map(|process| process.wait(waker)).is_some()
    }
}

async fn cast_remote(to: Pid, call: Call) -> Result<(), SendError> {
    let occupancy = occupancy_of(to).await.ok_or(SendError::NoProcess)?;
    let size = call.size();
    occupancy.reserve(size)?;
    let reserved = Reserved(&occupancy, size);
    let mut signal = Signal::Cast(to, call);
    #[expect(
        clippy::result_large_err,
        reason = "a signal that does not fit goes back to its sender"
    )]
    let try_send = |signal| match Shard::current() {
        Some(shard) => shard.try_send_signal(to.shard(), signal),
        None => Err((SendError::NoProcess, signal)),
    };
    loop {
        let Err((error, back)) = try_send(signal) else {
            // The mailbox releases the space when the call is received.
            std::mem::forget(reserved);
            return Ok(());
        };
        if error != SendError::BusFull {
            return Err(error);
        }
        signal = back;
        bus_capacity(to.shard()).await;
    }
}

/// Returns the occupancy of a mailbox of another shard; `None` if the process has ended.
async fn occupancy_of(to: Pid) -> Option<Arc<Occupancy>> {
    if let Some(known) = Shard::current()?.known_occupancy(to) {
        return Some(known);
    }
    // Requests on the bus are unbounded, so a process that casts without end has to wait here.
    bus_capacity(to.shard()).await;
    let share = move |shard: &Shard| shard.share_occupancy(to);
    let asking = Shard::current()?.ask(to.shard(), share);
    let occupancy = asking.await.flatten()?;
    Shard::current()?.know_occupancy(to, occupancy.clone());
    Some(occupancy)
}

/// Space reserved in a mailbox, released unless the message was sent.
struct Reserved<'a>(&'a Occupancy, usize);

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        self.0.release(self.1);
    }
}

/// Guard of a registered wait, which ends when this is dropped.
#[must_use]
pub struct WaitGuard(CallId, Pid);

impl Drop for WaitGuard {
    fn drop(&mut self) {
        let Some(shard) = Shard::current() else {
            return;
        };
        shard.core.calls.borrow_mut().remove(&self.0);
        let mut table = shard.core.table.borrow_mut();
        let state = table
            .get_mut(self.1)
            .and_then(|process| process.state.as_deref_mut());
        if let Some(state) = state {
            take_first(&mut state.pending_calls, |call| *call == self.0);
        }
    }
}

fn call_error(error: SendError) -> CallError {
    match error {
        SendError::NoProcess => CallError::NoProcess,
        SendError::TooLarge(most) => CallError::TooLarge(most),
        SendError::MailboxFull | SendError::BusFull => CallError::MailboxFull,
    }
}

/// The number of mailboxes of other shards whose occupancy a shard caches.
const MAX_OCCUPANCIES: usize = 4096;
