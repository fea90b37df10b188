//! The queue in which a preempted process waits until the others have run.
//!
//! An executor may run a task that wakes itself again at once, before it looks at its
//! sockets and timers (monoio does: its issue 362). A process that is preempted must not
//! wake itself, then: it leaves its waker here, and the shard wakes the queue after it has
//! polled for I/O.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::mem;
use std::task::{Poll, Waker};

/// Waits until the shard has polled for I/O and timers.
///
/// The future holds nothing of the shard, so it is `Send` as Wasmtime asks of host futures;
/// it has to be polled on the shard's own thread, where the executor keeps it anyway.
pub fn yield_to_io() -> impl Future<Output = ()> + Send + 'static {
    let mut queued = false;
    poll_fn(move |cx| {
        if mem::replace(&mut queued, true) {
            return Poll::Ready(());
        }
        QUEUE.with_borrow_mut(|queue| {
            queue.waiting.push(cx.waker().clone());
            if let Some(server) = queue.server.take() {
                server.wake();
            }
        });
        Poll::Pending
    })
}

/// Serves the queue of this thread, and never completes: whenever a process waits, runs `poll_io`,
/// which must complete only after the executor has polled its sockets and timers, and then wakes
/// all that were waiting.
pub async fn serve_queue(mut poll_io: impl AsyncFnMut()) {
    loop {
        poll_fn(|cx| {
            QUEUE.with_borrow_mut(|queue| {
                if queue.waiting.is_empty() {
                    queue.server = Some(cx.waker().clone());
                    Poll::Pending
                } else {
                    Poll::Ready(())
                }
            })
        })
        .await;
        poll_io().await;
        let turn = QUEUE.with_borrow_mut(|queue| mem::take(&mut queue.waiting));
        turn.into_iter().for_each(Waker::wake);
    }
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Waker>,
    /// The waker of [`serve_queue`], present while the queue is empty.
    server: Option<Waker>,
}

thread_local! {
    static QUEUE: RefCell<Queue> = RefCell::default();
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::pin::pin;
    use std::rc::Rc;
    use std::task::Context;

    use super::*;

    #[test]
    fn a_process_waits_for_the_io_poll() {
        let mut cx = Context::from_waker(Waker::noop());
        let io_polled = Rc::new(Cell::new(false));
        let io = io_polled.clone();
        let mut server = pin!(serve_queue(async || io.set(true)));
        assert!(server.as_mut().poll(&mut cx).is_pending());
        assert!(!io_polled.get(), "nobody waits, so nothing to do");

        let mut process = pin!(yield_to_io());
        assert!(process.as_mut().poll(&mut cx).is_pending());
        assert!(!io_polled.get());
        assert!(server.as_mut().poll(&mut cx).is_pending());
        assert!(io_polled.get());
        assert!(process.as_mut().poll(&mut cx).is_ready());
        QUEUE.with_borrow(|queue| assert!(queue.waiting.is_empty()));
    }
}
