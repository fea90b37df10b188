//! The admin listener: health, metrics, processes and services, for operators.
//!
//! - `socket`: the listening socket, of TCP or a unix socket; `key`: the token that clients send
//! - `server`: the thread that serves, and its `connection`s; `http`: their requests and responses
//! - `pages`: the response to each path: `health`, `metrics`, `lists` of processes and services
//! - `state`: the facts about the node that need no shard; `shards`: questions to the shards
//!
//! The thread never touches the path of the app's requests. What only a shard knows, the shard tells at its next
//! tick.

mod connection;
mod error;
mod health;
mod http;
mod key;
mod lists;
mod metrics;
mod pages;
mod server;
mod shards;
mod socket;
mod state;

use std::path::Path;
use std::sync::Arc;

use rusm_config::{Admin, AdminAddr};

pub use error::AdminError;
use key::Key;
use pages::Pages;
use socket::Listener;

pub(crate) use metrics::RequestMetrics;
pub(crate) use shards::{Queries, ShardClient, ShardView};
pub(crate) use state::{ListenerFacts, NodeState, ServicePhase, ServiceState};

/// Checks that this machine has what the admin listener needs, without listening.
///
/// # Errors
/// If the key can't be read, or the directory of the socket does not exist.
pub(crate) fn check(admin: &Admin, app_dir: &Path) -> Result<(), AdminError> {
    if let Some(key) = &admin.key {
        Key::read(&app_dir.join(key))?;
    }
    match &admin.listen {
        AdminAddr::Tcp(_) => Ok(()),
        AdminAddr::Unix(path) => socket::check_directory(&app_dir.join(path)),
    }
}

/// The running admin listener. Dropping it removes the file of its unix socket.
pub(crate) struct AdminServer {
    addr: String,
    /// Removes the file.
    _file: Option<socket::SocketFile>,
}

impl AdminServer {
    /// Listens, and starts the thread that serves.
    ///
    /// # Errors
    /// If the address can't be listened on, the key can't be read, or the system refuses the thread.
    pub(crate) fn start(
        admin: &Admin,
        app_dir: &Path,
        state: Arc<NodeState>,
    ) -> Result<Self, AdminError> {
        let key = admin.key.as_ref().map(|key| Key::read(&app_dir.join(key)));
        let (listener, file) = Listener::bind(&admin.listen, app_dir)?;
        let addr = listener.addr();
        server::start(listener, Pages::new(state, key.transpose()?))?;
        Ok(Self { addr, _file: file })
    }

    /// Returns the address: a URL, or `unix:` and the path.
    pub(crate) fn addr(&self) -> &str {
        &self.addr
    }
}
