//! Listening sockets, one for each shard, on the same address.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};
use thiserror::Error;

/// Listens on `addr` with `shards` sockets, between which the kernel spreads connections
/// (`SO_REUSEPORT`). Port 0 is replaced by one free port for all of them. On IPv6's unspecified
/// address, `[::]`, clients of IPv4 are taken, too, where `with_ipv4`.
///
/// # Errors
/// When the address is not available. An address on which another server of the same user
/// listens counts as taken, though `SO_REUSEPORT` alone would let us in.
pub fn bind(
    addr: SocketAddr,
    with_ipv4: bool,
    shards: usize,
) -> Result<Vec<TcpListener>, BindError> {
    let refused = |error: io::Error| BindError { addr, error };
    let first = listen_alone(addr, with_ipv4).map_err(refused)?;
    let addr = first.local_addr().map_err(refused)?;
    let mut listeners = vec![first];
    for _ in 1..shards {
        listeners.push(listen_beside(addr, with_ipv4).map_err(refused)?);
    }
    Ok(listeners)
}

/// An address that could not be listened on.
#[derive(Debug, Error)]
#[error("cannot listen on {addr}: {}", reason(.error))]
pub struct BindError {
    addr: SocketAddr,
    /// Told by `reason`, in an operator's words, and so no source.
    error: io::Error,
}

/// The first socket must not share: `listen` fails if another process listens there. Only
/// then may other sockets join it.
///
/// The kernel closes the sockets of a process that has just ended only when it has taken its
/// rings apart, some 20 ms later: a restart must not fail on them.
fn listen_alone(addr: SocketAddr, with_ipv4: bool) -> io::Result<TcpListener> {
    let started = Instant::now();
    loop {
        match try_listen_alone(addr, with_ipv4) {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse
                    && started.elapsed() < LAST_SERVER_ENDS =>
            {
                thread::sleep(RETRY);
            }
            result => return result,
        }
    }
}

fn try_listen_alone(addr: SocketAddr, with_ipv4: bool) -> io::Result<TcpListener> {
    let socket = socket(addr, with_ipv4)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    socket.set_reuse_port(true)?;
    Ok(socket.into())
}

fn listen_beside(addr: SocketAddr, with_ipv4: bool) -> io::Result<TcpListener> {
    let socket = socket(addr, with_ipv4)?;
    socket.set_reuse_port(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn socket(addr: SocketAddr, with_ipv4: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the connections of the last run to leave TIME_WAIT.
    socket.set_reuse_address(true)?;
    if addr.is_ipv6() {
        // Said in any case: the default is the system's (net.ipv6.bindv6only).
        socket.set_only_v6(!(with_ipv4 && addr.ip().is_unspecified()))?;
    }
    // Accepted sockets inherit it, which saves a system call for each.
    socket.set_tcp_nodelay(true)?;
    // Else the kernel takes megabytes of a response that a slow client has not asked for yet,
    // and whether such a client still reads would show only when it has drained a third of them.
    socket.set_tcp_notsent_lowat(UNSENT)?;
    // Of a client whose host or network is gone nothing is heard, and a stream without events has
    // nothing to say that would go unanswered. Accepted sockets inherit this, too.
    let keepalive = TcpKeepalive::new()
        .with_time(PEER_IDLE)
        .with_interval(PROBE)
        .with_retries(PROBES);
    socket.set_tcp_keepalive(&keepalive)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => "another server already listens there".into(),
        io::ErrorKind::PermissionDenied => {
            "permission denied (ports below 1024 need CAP_NET_BIND_SERVICE)".into()
        }
        io::ErrorKind::AddrNotAvailable => "no interface of this host has that address".into(),
        _ => error.to_string(),
    }
}

/// Connections that the kernel completes before they are accepted; it caps the number at
/// `net.core.somaxconn`.
const BACKLOG: i32 = 4096;
/// The time to wait for the last server's sockets to be closed.
const LAST_SERVER_ENDS: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(10);

/// The silence after which the kernel probes a client, the interval, and the number of unanswered probes.
const PEER_IDLE: Duration = Duration::from_secs(60);
const PROBE: Duration = Duration::from_secs(15);
const PROBES: u32 = 4;

/// Bytes of a response that may wait in the kernel without being on their way.
const UNSENT: u32 = 256 * 1024;

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    fn any_port() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[test]
    fn a_second_server_is_refused_though_it_would_share() {
        let ours = bind(any_port(), true, 2).unwrap();
        let addr = ours[0].local_addr().unwrap();
        let refused = bind(addr, true, 2).unwrap_err();
        assert_eq!(
            refused.to_string(),
            format!("cannot listen on {addr}: another server already listens there")
        );
        drop(ours);
        bind(addr, true, 2).unwrap();
    }

    #[test]
    fn every_shard_gets_connections() {
        let ours = bind(any_port(), true, 2).unwrap();
        let addr = ours[0].local_addr().unwrap();
        let _clients: Vec<_> = (0..64).map(|_| TcpStream::connect(addr).unwrap()).collect();
        for listener in ours {
            let (accepted, _) = listener.accept().unwrap();
            let accepted = socket2::SockRef::from(&accepted);
            assert!(accepted.keepalive().unwrap() && accepted.tcp_nodelay().unwrap());
            assert_eq!(accepted.tcp_keepalive_time().unwrap(), PEER_IDLE);
        }
    }
}
