//! TLS 1.2 and 1.3 on a listener's connections, by rustls.
//!
//! - [`Identity`]: a certificate and its key, from PEM files; [`ClientAuth`]: the authorities of
//!   clients; `validity`: the end of a certificate
//! - [`Acceptor`]: what the connections of a listener share, which can be replaced while it serves;
//!   `resolver`: which certificate a client gets
//! - `session`: the state of one connection, as functions over bytes
//! - `failures`: what the operator learns of handshakes that failed
//!
//! The shards share one [`Acceptor`], and so the keys of session tickets: a client resumes its
//! session on any shard.

mod acceptor;
mod failures;
mod files;
mod resolver;
mod session;
mod validity;

pub use self::acceptor::{Acceptor, ConfigError};
pub(crate) use self::failures::HandshakeFailures;
pub use self::files::{ClientAuth, FileError, FileProblem, Identity};
pub(crate) use self::session::Session;
