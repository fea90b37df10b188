//! Groups of processes under a tag. A process leaves its groups when it ends.

use crate::Pid;
use crate::bindings::rusm::runtime::pg;

/// Adds this process to a group.
pub fn register_tag(tag: &str) {
    pg::register_tag(tag);
}

/// Removes this process from a group.
pub fn unregister_tag(tag: &str) {
    pg::unregister_tag(tag);
}

/// Returns the members of a group.
pub fn whereis_tag(tag: &str) -> Vec<Pid> {
    pg::whereis_tag(tag).into_iter().map(Pid).collect()
}

/// Kills all members of a group and returns their number. Needs `allow-process-control`.
pub fn kill_tag(tag: &str) -> u32 {
    pg::kill_tag(tag)
}

/// Sends a message to all members of a group, on all cores, and returns their number.
pub fn publish(tag: &str, message: &[u8]) -> u32 {
    pg::publish(tag, message)
}
