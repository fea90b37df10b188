//! System calls on sockets that others own.

use std::os::fd::{BorrowedFd, RawFd};

use socket2::{SockFilter, SockRef};

/// Makes the operations in flight on a socket complete. The descriptor is open: the guard that
/// keeps it in a slab of the shard is dropped before the socket.
pub(super) fn shutdown(socket: RawFd, how: libc::c_int) {
    // SAFETY: it takes no memory. On a socket whose peer is gone it fails, which is as good.
    unsafe { libc::shutdown(socket, how) };
}

/// Lets a listening socket complete the connections that are under way, and begin no further ones:
/// the first segment of a new one, which has SYN and not ACK set, is dropped. Its client repeats
/// it a second later, and is then refused, or served by the next server.
pub(super) fn ignore_new_clients(socket: RawFd) -> std::io::Result<()> {
    // SAFETY: the descriptor is open: the guard that keeps it in a slab of the shard is dropped
    // before the socket.
    let socket = unsafe { BorrowedFd::borrow_raw(socket) };
    // Classic BPF, over the segment from its TCP header on (RFC 9293 section 3.1).
    const FLAGS: u32 = 13;
    const SYN_ACK_RST: u32 = 0x16;
    const SYN: u32 = 0x02;
    let code = |code: u32| code as u16;
    let load = SockFilter::new(
        code(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS),
        0,
        0,
        FLAGS,
    );
    let mask = SockFilter::new(
        code(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K),
        0,
        0,
        SYN_ACK_RST,
    );
    let is_syn = SockFilter::new(code(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K), 0, 1, SYN);
    let drop = SockFilter::new(code(libc::BPF_RET | libc::BPF_K), 0, 0, 0);
    let keep = SockFilter::new(code(libc::BPF_RET | libc::BPF_K), 0, 0, u32::MAX);
    SockRef::from(&socket).attach_filter(&[load, mask, is_syn, drop, keep])
}

/// Returns whether one of `events` is true of a socket now.
pub(crate) fn poll(socket: RawFd, events: libc::c_short) -> bool {
    let mut polled = libc::pollfd {
        fd: socket,
        events,
        revents: 0,
    };
    // SAFETY: it is one entry, and lives as long as the call.
    unsafe { libc::poll(&raw mut polled, 1, 0) };
    polled.revents & events != 0
}
