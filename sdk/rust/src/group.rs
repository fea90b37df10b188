//! Groups of processes under a tag. A process leaves its groups when it ends.

use crate::Pid;
use crate::bindings::rusm::runtime::pg;

/// Joins this process to a group.
pub fn register_tag(tag: &str) {
    pg::register_tag(tag);
}

/// Leaves a group.
pub fn unregister_tag(tag: &str) {
    pg::unregister_tag(tag);
}

/// The members of a group.
pub fn whereis_tag(tag: &str) -> Vec<Pid> {
    pg::whereis_tag(tag).into_iter().map(Pid).collect()
}

/// Ends all members; how many. Needs `allow-process-control`.
pub fn kill_tag(tag: &str) -> u32 {
    pg::kill_tag(tag)
}

/// Sends bytes to all members, of all cores; how many.
pub fn publish(tag: &str, message: &[u8]) -> u32 {
    pg::publish(tag, message)
}
