//! What the connections of a listener share.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use thiserror::Error;

use super::files::{ClientAuth, Identity};
use super::resolver::Resolver;

/// The certificates of a listener, its rules for clients, and the keys of its session tickets.
///
/// A clone is the same one: all shards that have one share it, and see a replacement at once.
#[derive(Clone)]
pub struct Acceptor {
    config: Arc<RwLock<Arc<ServerConfig>>>,
    /// Set if HTTP/2 is offered.
    http2: bool,
}

impl Acceptor {
    /// Creates the acceptor of a listener. The first identity is that of clients that ask for none
    /// of the others.
    ///
    /// The versions are TLS 1.2 and 1.3, and the cipher suites those of rustls, which are Mozilla's
    /// "intermediate" ones without the finite-field key exchange: ECDHE with AES-GCM or
    /// ChaCha20-Poly1305. The client's order decides.
    ///
    /// # Errors
    /// If there is no identity, or a part of the settings can't be used.
    pub fn new(
        identities: Vec<Identity>,
        clients: Option<ClientAuth>,
    ) -> Result<Self, ConfigError> {
        let config = config(identities, clients, false)?;
        Ok(Self {
            config: Arc::new(RwLock::new(Arc::new(config))),
            http2: false,
        })
    }

    /// Offers HTTP/2 besides HTTP/1.1 (ALPN, RFC 7301).
    #[must_use]
    pub fn with_http2(self) -> Self {
        let mut config = ServerConfig::clone(&self.current());
        config.alpn_protocols = protocols(true);
        Self {
            config: Arc::new(RwLock::new(Arc::new(config))),
            http2: true,
        }
    }

    /// Serves connections that begin from now on by these. Open ones are not affected, and tickets
    /// from before are not accepted: what they vouch for may not hold any more.
    ///
    /// # Errors
    /// As of [`Acceptor::new`], and then nothing has changed.
    pub fn replace(
        &self,
        identities: Vec<Identity>,
        clients: Option<ClientAuth>,
    ) -> Result<(), ConfigError> {
        let config = config(identities, clients, self.http2)?;
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
        Ok(())
    }

    pub(crate) fn current(&self) -> Arc<ServerConfig> {
        let config = self.config.read();
        config.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Acceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

/// The reason why a listener can't speak TLS.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// There is no certificate.
    #[error("TLS needs a certificate")]
    NoIdentity,
    /// The authorities of clients can't be used.
    #[error("the authorities of clients can't be used: {0}")]
    Clients(String),
    /// The library refused.
    #[error("TLS can't be set up: {0}")]
    Library(String),
}

fn config(
    identities: Vec<Identity>,
    clients: Option<ClientAuth>,
    http2: bool,
) -> Result<ServerConfig, ConfigError> {
    if identities.is_empty() {
        return Err(ConfigError::NoIdentity);
    }
    let library = |error: rustls::Error| ConfigError::Library(error.to_string());
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13, &TLS12])
        .map_err(library)?;
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let verifier =
                WebPkiClientVerifier::builder_with_provider(clients.authorities, provider);
            let verifier = match clients.is_optional {
                true => verifier.allow_unauthenticated(),
                false => verifier,
            };
            let verifier = verifier.build();
            let verifier = verifier.map_err(|error| ConfigError::Clients(error.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_cert_resolver(Arc::new(Resolver::new(identities)));
    config.alpn_protocols = protocols(http2);
    // A session is in the client's ticket alone: no shard stores any.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = ring::Ticketer::new().map_err(library)?;
    Ok(config)
}

/// The protocols that are offered, the preferred one first.
fn protocols(http2: bool) -> Vec<Vec<u8>> {
    let mut protocols = vec![b"http/1.1".to_vec()];
    if http2 {
        protocols.insert(0, HTTP2.to_vec());
    }
    protocols
}

/// The name of HTTP/2 (RFC 9113 section 3.2).
pub(super) const HTTP2: &[u8] = b"h2";
