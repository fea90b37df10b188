//! The sockets of the admin listener, of TCP and of a file.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rusm_config::AdminAddr;

use super::error::AdminError;

/// A listening socket. It does not block.
pub(super) enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    /// If the address is in use, or the system refuses it.
    pub(super) fn bind(
        addr: &AdminAddr,
        app_dir: &Path,
    ) -> Result<(Self, Option<SocketFile>), AdminError> {
        match addr {
            AdminAddr::Tcp(addr) => {
                let bound = rusm_uring_net::bind(*addr, true, 1).map_err(AdminError::Bind)?;
                let listener = bound.into_iter().next().ok_or_else(|| {
                    AdminError::Thread(io::Error::other("there is no listening socket"))
                })?;
                listener.set_nonblocking(true).map_err(AdminError::Thread)?;
                Ok((Self::Tcp(listener), None))
            }
            AdminAddr::Unix(path) => {
                let path = app_dir.join(path);
                check_directory(&path)?;
                let listener = bind_unix(&path)?;
                let file = SocketFile(path.clone());
                listener.set_nonblocking(true).map_err(AdminError::Thread)?;
                Ok((Self::Unix(listener, path), Some(file)))
            }
        }
    }

    /// Returns the address, for people.
    pub(super) fn addr(&self) -> String {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(addr) => format!("http://{addr}"),
                Err(_) => String::new(),
            },
            Self::Unix(_, path) => format!("unix:{}", path.display()),
        }
    }

    /// Takes the next client that waits. It does not block either.
    pub(super) fn accept(&self) -> io::Result<Stream> {
        let stream = match self {
            Self::Tcp(listener) => Stream::Tcp(listener.accept()?.0),
            Self::Unix(listener, _) => Stream::Unix(listener.accept()?.0),
        };
        match &stream {
            Stream::Tcp(stream) => stream.set_nonblocking(true)?,
            Stream::Unix(stream) => stream.set_nonblocking(true)?,
        }
        Ok(stream)
    }
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(listener) => listener.as_raw_fd(),
            Self::Unix(listener, _) => listener.as_raw_fd(),
        }
    }
}

/// The file of a unix socket, which goes with the server.
pub(super) struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // One that is left is replaced at the next start.
        let _ = fs::remove_file(&self.0);
    }
}

/// Checks the directory of a unix socket.
///
/// # Errors
/// If it does not exist.
pub(super) fn check_directory(socket: &Path) -> Result<(), AdminError> {
    match socket.parent() {
        Some(dir) if !dir.as_os_str().is_empty() && !dir.is_dir() => Err(AdminError::NoDirectory {
            dir: dir.to_owned(),
        }),
        _ => Ok(()),
    }
}

/// Listens on a unix socket. The file of a server that was killed is replaced.
fn bind_unix(path: &Path) -> Result<UnixListener, AdminError> {
    let bind_error = |error| AdminError::BindUnix {
        path: path.to_owned(),
        error,
    };
    match UnixListener::bind(path) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && is_socket(path) => {
            let connected = UnixStream::connect(path);
            if !connected.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused) {
                return Err(AdminError::InUse {
                    path: path.to_owned(),
                });
            }
            fs::remove_file(path).map_err(bind_error)?;
            UnixListener::bind(path).map_err(bind_error)
        }
        bound => bound.map_err(bind_error),
    }
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket())
}

/// The socket of a client. It does not block.
pub(super) enum Stream {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Stream {
    /// Says that nothing more will be written.
    pub(super) fn end(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        }
    }
}
