//! The certificates of the listeners: read, checked, and read again.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rusm_config::Listener;
use rusm_uring_net::tls::{Acceptor, ClientAuth, FileError, Identity};

use crate::AppError;

/// Reads the files of a listener, and makes what its connections share. `None` if it speaks no TLS.
///
/// # Errors
/// If a file can't be used, or they don't fit together.
pub(crate) fn acceptor(dir: &Path, listener: &Listener) -> Result<Option<Acceptor>, AppError> {
    let Some(files) = read(dir, listener)? else {
        return Ok(None);
    };
    let acceptor = Acceptor::new(files.identities, files.clients);
    let acceptor = acceptor.map_err(|error| AppError::Tls {
        listener: listener.addr,
        error,
    })?;
    Ok(Some(match listener.http2 {
        true => acceptor.with_http2(),
        false => acceptor,
    }))
}

/// The acceptors of a node that serves, to be replaced when their files have changed.
#[derive(Clone, Default)]
pub(crate) struct Certificates(Arc<Mutex<Vec<Watched>>>);

struct Watched {
    dir: PathBuf,
    listener: Listener,
    acceptor: Acceptor,
}

impl Certificates {
    /// Adds the acceptor of a listener.
    pub(crate) fn add(&self, dir: &Path, listener: &Listener, acceptor: Acceptor) {
        self.lock().push(Watched {
            dir: dir.to_owned(),
            listener: listener.clone(),
            acceptor,
        });
    }

    /// Reads the files of all listeners again. A listener whose files can't be used goes on with
    /// what it has. Each outcome is logged. Returns whether any listener has files.
    pub(crate) fn reload(&self) -> bool {
        let all = self.lock();
        for watched in &*all {
            let listener = watched.listener.addr;
            match watched.reload() {
                Ok(()) => tracing::info!("certificates of {listener}: read again"),
                Err(error) => tracing::error!("the old certificates go on serving: {error}"),
            }
        }
        !all.is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Watched>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watched {
    fn reload(&self) -> Result<(), AppError> {
        let Some(files) = read(&self.dir, &self.listener)? else {
            return Ok(());
        };
        let replaced = self.acceptor.replace(files.identities, files.clients);
        replaced.map_err(|error| AppError::Tls {
            listener: self.listener.addr,
            error,
        })
    }
}

/// The content of a listener's files.
struct Files {
    identities: Vec<Identity>,
    clients: Option<ClientAuth>,
}

/// Reads the files of a listener, and warns of certificates that are not valid yet, have expired or soon
/// will.
fn read(dir: &Path, listener: &Listener) -> Result<Option<Files>, AppError> {
    let Some(tls) = &listener.tls else {
        return Ok(None);
    };
    let invalid = |key| {
        move |error: FileError| AppError::TlsFile {
            listener: listener.addr,
            key,
            error,
        }
    };
    let mut identities = Vec::new();
    for files in &tls.certificates {
        let (cert, key) = (dir.join(&files.cert), dir.join(&files.key));
        let identity = Identity::read(&cert, &key).map_err(|error| {
            let is_of_key = error.path != cert || error.problem.is_of_key();
            let of = if is_of_key { "key" } else { "cert" };
            invalid(of)(error)
        })?;
        warn_of_validity(&cert, &identity, SystemTime::now());
        identities.push(identity);
    }
    let clients = tls.clients.as_ref().map(|clients| {
        let authorities = ClientAuth::read(&dir.join(&clients.ca), clients.is_optional);
        authorities.map_err(invalid("client-ca"))
    });
    Ok(Some(Files {
        identities,
        clients: clients.transpose()?,
    }))
}

fn warn_of_validity(cert: &Path, identity: &Identity, now: SystemTime) {
    let until_start = identity.not_before().map(|start| start.duration_since(now));
    if let Some(Ok(wait)) = until_start
        && !wait.is_zero()
    {
        tracing::warn!(
            "{}: the certificate is not valid yet, but in {} hour(s): until then clients will refuse it (is the \
             clock of this machine right?)",
            cert.display(),
            wait.as_secs().div_ceil(3600)
        );
    }
    let Some(left) = identity.not_after().map(|end| end.duration_since(now)) else {
        return;
    };
    let cert = cert.display();
    match left {
        Err(past) => tracing::warn!(
            "{cert}: the certificate has expired {} day(s) ago: clients will refuse it",
            past.duration().as_secs() / DAY
        ),
        Ok(left) if left < SOON => tracing::warn!(
            "{cert}: the certificate expires in {} day(s)",
            left.as_secs() / DAY
        ),
        Ok(_) => {}
    }
}

const DAY: u64 = 24 * 3600;
/// Certificates are mostly renewed a third of their life before the end, which may be 45 days.
const SOON: Duration = Duration::from_secs(7 * DAY);
