//! A supervisor that gives up at the third end of its child.

use std::time::Duration;

use rusm_rs::{Strategy, Supervisor};

#[rusm_rs::main]
fn run() {
    Supervisor::new(Strategy::OneForOne)
        .child("brief")
        .max_restarts(2)
        .within(Duration::from_secs(60))
        .run();
}
