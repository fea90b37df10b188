//! This process and others: their life, their names.

use crate::Pid;
use crate::bindings::rusm::runtime::actor;

/// The pid of this process.
pub fn me() -> Pid {
    Pid(actor::own_pid())
}

/// Starts a component as a process of its own, on this core. Needs `allow-spawn`.
///
/// # Errors
/// There is no such component, it is no process, or this one may not spawn: the host's text.
pub fn spawn(component: &str) -> Result<Pid, String> {
    actor::spawn(component).map(Pid)
}

/// When `target` ends, or if it is gone already, this process receives a [`Mail::Down`].
///
/// [`Mail::Down`]: crate::Mail::Down
pub fn monitor(target: Pid) {
    actor::monitor(target.0);
}

/// Ends what [`monitor`] began.
pub fn demonitor(target: Pid) {
    actor::demonitor(target.0);
}

/// When either process ends otherwise than normally, so does the other, unless it
/// [traps exits](trap_exit). Needs `allow-process-control`, except for processes that this one
/// spawned.
///
/// # Errors
/// The grant is missing: the host's text.
pub fn link(other: Pid) -> Result<(), String> {
    actor::link(other.0)
}

/// Ends what [`link`] began.
pub fn unlink(other: Pid) {
    actor::unlink(other.0);
}

/// Whether this process receives the end of linked ones as a [`Mail::Exit`] instead of ending
/// with them.
///
/// [`Mail::Exit`]: crate::Mail::Exit
pub fn trap_exit(on: bool) {
    actor::trap_exit(on);
}

/// Ends this process: normally, or with a reason that its links and monitors see.
pub fn exit(reason: Option<&str>) -> ! {
    actor::exit(reason);
    unreachable!("the host has ended this process")
}

/// Ends a process; it can't refuse. False if it was gone. Needs `allow-process-control`, except
/// for processes that this one spawned.
pub fn kill(pid: Pid) -> bool {
    actor::kill(pid.0)
}

/// Whether a process lives.
pub fn is_alive(pid: Pid) -> bool {
    actor::is_alive(pid.0)
}

/// The processes that this one may see: all, with `allow-process-control`, else itself and those
/// that it spawned.
pub fn list() -> Vec<Pid> {
    actor::list_processes().into_iter().map(Pid).collect()
}

/// A snapshot of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The process.
    pub pid: Pid,
    /// How many processes it is linked to.
    pub links: u32,
    /// How many processes it monitors.
    pub monitors: u32,
    /// Its registered names.
    pub names: Vec<String>,
    /// Its name for people.
    pub label: Option<String>,
    /// Messages and calls that wait for it.
    pub mailbox_depth: u32,
    /// See [`trap_exit`].
    pub trap_exit: bool,
}

/// A snapshot of a process; `None` if it is gone, or not among those of [`list`].
pub fn info(pid: Pid) -> Option<Info> {
    actor::info(pid.0).map(|info| Info {
        pid: Pid(info.pid),
        links: info.links,
        monitors: info.monitors,
        names: info.names,
        label: info.label,
        mailbox_depth: info.mailbox_depth,
        trap_exit: info.trap_exit,
    })
}

/// Takes a name for this process; false if another has it, or it is a resident service's. It is free
/// again when this one ends.
pub fn register(name: &str) -> bool {
    actor::register(name)
}

/// The process of that name. A resident service has the name of its component.
pub fn whereis(name: &str) -> Option<Pid> {
    actor::whereis(name).map(Pid)
}

/// Gives up a name of this process; false if it did not have it.
pub fn unregister(name: &str) -> bool {
    actor::unregister(name)
}

/// Sets this process's name for people, in the log and in [`info`].
pub fn set_label(label: &str) {
    actor::set_label(label);
}

/// Who made the call that this process is answering; `None` for a cast.
pub fn caller() -> Option<Pid> {
    actor::caller().map(Pid)
}
