//! Process control: spawn, link, monitor, exit, names.

use crate::Pid;
use crate::bindings::rusm::runtime::actor;

/// Returns the pid of this process.
pub fn me() -> Pid {
    Pid(actor::own_pid())
}

/// Starts a component as a new process on this core. Needs `allow-spawn`.
///
/// # Errors
/// The component does not exist, is not a process, or the grant is missing: the host's text.
pub fn spawn(component: &str) -> Result<Pid, String> {
    actor::spawn(component).map(Pid)
}

/// Monitors a process: when it ends, or if it has already ended, this process receives a
/// [`Mail::Down`].
///
/// [`Mail::Down`]: crate::Mail::Down
pub fn monitor(target: Pid) {
    actor::monitor(target.0);
}

/// Stops monitoring a process.
pub fn demonitor(target: Pid) {
    actor::demonitor(target.0);
}

/// Links this process to another: when one ends abnormally, the other ends too, unless it
/// [traps exits](trap_exit). Needs `allow-process-control`, except for processes that this one
/// spawned.
///
/// # Errors
/// The grant is missing: the host's text.
pub fn link(other: Pid) -> Result<(), String> {
    actor::link(other.0)
}

/// Removes a link.
pub fn unlink(other: Pid) {
    actor::unlink(other.0);
}

/// Sets whether the end of a linked process arrives as a [`Mail::Exit`] instead of ending this
/// process.
///
/// [`Mail::Exit`]: crate::Mail::Exit
pub fn trap_exit(on: bool) {
    actor::trap_exit(on);
}

/// Ends this process: normally for `None`, else with a reason that links and monitors receive.
pub fn exit(reason: Option<&str>) -> ! {
    actor::exit(reason);
    unreachable!("the host has ended this process")
}

/// Kills a process, whether or not it traps exits. Returns false if it had already ended. Needs
/// `allow-process-control`, except for processes that this one spawned.
pub fn kill(pid: Pid) -> bool {
    actor::kill(pid.0)
}

/// Returns whether a process is alive.
pub fn is_alive(pid: Pid) -> bool {
    actor::is_alive(pid.0)
}

/// Returns the processes that this one may see: all with `allow-process-control`, else itself and
/// those that it spawned.
pub fn list() -> Vec<Pid> {
    actor::list_processes().into_iter().map(Pid).collect()
}

/// A snapshot of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The process.
    pub pid: Pid,
    /// Number of processes that it is linked to.
    pub links: u32,
    /// Number of processes that it monitors.
    pub monitors: u32,
    /// Registered names.
    pub names: Vec<String>,
    /// Label for logs and snapshots, see [`set_label`].
    pub label: Option<String>,
    /// Messages and calls in its mailbox.
    pub mailbox_depth: u32,
    /// Whether it [traps exits](trap_exit).
    pub trap_exit: bool,
}

/// Returns a snapshot of a process; `None` if it has ended, or is not among those of [`list`].
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

/// Registers a name for this process, until it ends. Returns false if the name is taken or belongs to
/// a resident service.
pub fn register(name: &str) -> bool {
    actor::register(name)
}

/// Returns the process of that name. A resident service has the name of its component.
pub fn whereis(name: &str) -> Option<Pid> {
    actor::whereis(name).map(Pid)
}

/// Unregisters a name of this process. Returns false if the process does not have it.
pub fn unregister(name: &str) -> bool {
    actor::unregister(name)
}

/// Sets the label of this process, for the log and for [`info`].
pub fn set_label(label: &str) {
    actor::set_label(label);
}

/// Returns the caller of the call that this process executes; `None` for a cast.
pub fn caller() -> Option<Pid> {
    actor::caller().map(Pid)
}
