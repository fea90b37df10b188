//! The certificate that a client gets.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::SignatureScheme;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::files::Identity;

/// Chooses the certificate for a client by the name that it asks for (SNI, RFC 6066 section 3).
///
/// Of several for one name it is the first whose key the client can check, so that a name can have
/// one with an ECDSA key and one with an RSA key. A client that gives no name, or one that no
/// certificate is for, gets the first of all.
#[derive(Debug)]
pub(super) struct Resolver {
    keys: Vec<Arc<CertifiedKey>>,
    /// By name, in lower case.
    names: HashMap<String, Vec<usize>>,
    /// Of `*.example.com`, by `example.com`.
    wildcards: HashMap<String, Vec<usize>>,
}

impl Resolver {
    pub(super) fn new(identities: Vec<Identity>) -> Self {
        let mut names = HashMap::<_, Vec<_>>::new();
        let mut wildcards = HashMap::<_, Vec<_>>::new();
        let mut keys = Vec::new();
        for (index, identity) in identities.into_iter().enumerate() {
            for name in identity.names {
                match name.strip_prefix("*.") {
                    Some(parent) => wildcards.entry(parent.to_owned()).or_default().push(index),
                    None => names.entry(name).or_default().push(index),
                }
            }
            keys.push(identity.key);
        }
        Self {
            keys,
            names,
            wildcards,
        }
    }

    fn choose(&self, name: Option<&str>, can_check: impl Fn(usize) -> bool) -> Option<usize> {
        let name = name.map(str::to_ascii_lowercase);
        let of_name = name.and_then(|name| {
            let exact = self.names.get(&name);
            // A wildcard stands for one label (RFC 6125 section 6.4.3).
            let parent = || self.wildcards.get(name.split_once('.')?.1);
            exact.or_else(parent)
        });
        let mut of_name = of_name.into_iter().flatten().copied();
        of_name
            .find(|index| can_check(*index))
            .or_else(|| (0..self.keys.len()).find(|index| can_check(*index)))
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let schemes: &[SignatureScheme] = hello.signature_schemes();
        let can_check = |index: usize| {
            let key = self.keys.get(index);
            key.is_some_and(|key| key.key.choose_scheme(schemes).is_some())
        };
        self.keys
            .get(self.choose(hello.server_name(), can_check)?)
            .cloned()
    }
}
