//! Ctrl-C and SIGTERM: the first ends the run, and what was measured is reported; the second ends
//! the process.

use signal_hook::consts::TERM_SIGNALS;
use signal_hook::flag;

use crate::measure::Stop;

/// Returns a request that the next signal makes.
pub(super) fn stop() -> Stop {
    let stop = Stop::default();
    for signal in TERM_SIGNALS {
        // In this order: the condition of the first is set by the second. Without a handler the
        // signal ends the process, as it would anyway.
        let _ = flag::register_conditional_shutdown(*signal, i32::from(INTERRUPTED), stop.flag());
        let _ = flag::register(*signal, stop.flag());
    }
    stop
}

/// The exit code of a measurement that was ended before its time, as a shell has it for SIGINT.
pub(super) const INTERRUPTED: u8 = 130;
