//! Errors of the admin listener.

use std::io;
use std::path::PathBuf;

use rusm_uring_net::BindError;
use thiserror::Error;

/// The reason why the admin listener can't be started.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum AdminError {
    /// The address can't be listened on.
    #[error("[admin]")]
    Bind(#[source] BindError),
    /// The unix socket can't be listened on.
    #[error("[admin]: cannot listen on unix:{}", path.display())]
    BindUnix {
        /// The path of the socket.
        path: PathBuf,
        /// The error of the system.
        #[source]
        error: io::Error,
    },
    /// Another process listens on the unix socket.
    #[error("[admin]: another process listens on unix:{}", path.display())]
    InUse {
        /// The path of the socket.
        path: PathBuf,
    },
    /// The directory of the unix socket does not exist.
    #[error("[admin]: there is no directory {}; create it first", dir.display())]
    NoDirectory {
        /// The missing directory.
        dir: PathBuf,
    },
    /// The file with the key can't be read.
    #[error("[admin]: cannot read the key, {}", path.display())]
    KeyFile {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        error: io::Error,
    },
    /// The file holds no key.
    #[error("[admin]: {} holds no key: {reason}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        reason: &'static str,
    },
    /// The system refused the thread.
    #[error("[admin]: the thread could not be started")]
    Thread(#[source] io::Error),
}
