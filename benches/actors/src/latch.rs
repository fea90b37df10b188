//! Waiting for the last of many.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_channel::oneshot;

/// Tells one that waits when so many have arrived, from whatever thread.
#[derive(Clone)]
pub struct Latch(Arc<Inner>);

struct Inner {
    left: AtomicU64,
    done: Mutex<Option<oneshot::Sender<()>>>,
}

impl Latch {
    /// One for so many, and what is sent when the last has arrived.
    pub fn new(count: u64) -> (Self, oneshot::Receiver<()>) {
        let (done, all) = oneshot::channel();
        let inner = Inner {
            left: AtomicU64::new(count),
            done: Mutex::new(Some(done)),
        };
        (Self(Arc::new(inner)), all)
    }

    /// One more has arrived.
    pub fn arrive(&self) {
        if self.0.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let mut done = self.0.done.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(done) = done.take() {
                let _ = done.send(());
            }
        }
    }
}
