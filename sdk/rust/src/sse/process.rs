//! Event stream of a process that is called for each event of its connection.

use std::cell::OnceCell;
use std::rc::Rc;

use super::{Progress, Sse};
use crate::connection_info::OwnInfo;

/// Calls `f` with the client of this process, and ends the process if `f` has closed the stream.
pub fn with_sse(f: impl FnOnce(&Sse)) {
    thread_local! {
        static SSE: Sse = Sse {
            info: OwnInfo::new(),
            last_event_id: OnceCell::new(),
            progress: Rc::new(Progress::default()),
        };
    }
    SSE.with(|sse| {
        f(sse);
        if sse.progress.closed.get() {
            // The host ends the stream with the process.
            crate::exit(None);
        }
    });
}
