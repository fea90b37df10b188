//! Certificates and keys from PEM files.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use rustls::{InconsistentKeys, RootCertStore};
use thiserror::Error;
use webpki::EndEntityCert;

use super::validity::{Validity, validity};

/// A certificate of the server, with its chain and its key.
#[derive(Clone)]
pub struct Identity {
    pub(super) key: Arc<CertifiedKey>,
    pub(super) names: Vec<String>,
    validity: Validity,
}

impl Identity {
    /// Reads a certificate, behind which its chain may follow, and its key: PEM files.
    ///
    /// # Errors
    /// If one of them can't be read or is not what it should be, or the key is another
    /// certificate's.
    pub fn read(certificate: &Path, key: &Path) -> Result<Self, FileError> {
        let chain = certificates(certificate)?;
        let pem = read(key)?;
        if is_encrypted(&pem) {
            return Err(FileProblem::EncryptedKey.of(key));
        }
        let key_der = PrivateKeyDer::from_pem_slice(&pem).map_err(|error| {
            let problem = match error {
                pem::Error::NoItemsFound => FileProblem::NoKey,
                error => FileProblem::malformed(&error),
            };
            problem.of(key)
        })?;
        let identity = CertifiedKey::from_der(chain, key_der, &default_provider());
        let identity = identity.map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                FileProblem::OtherKey(certificate.to_owned()).of(key)
            }
            rustls::Error::InvalidCertificate(error) => {
                FileProblem::NotCertificate(error.to_string()).of(certificate)
            }
            error => FileProblem::UnusableKey(error.to_string()).of(key),
        })?;
        let first = identity.cert.first();
        let first = first.ok_or_else(|| FileProblem::NoCertificate.of(certificate))?;
        let names = EndEntityCert::try_from(first)
            .map_err(|error| FileProblem::NotCertificate(error.to_string()).of(certificate))?
            .valid_dns_names()
            .map(str::to_ascii_lowercase)
            .collect();
        Ok(Self {
            names,
            validity: validity(first),
            key: Arc::new(identity),
        })
    }

    /// Returns the DNS names that the certificate is for, in lower case.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Returns from when the certificate is valid.
    pub fn not_before(&self) -> Option<SystemTime> {
        self.validity.not_before
    }

    /// Returns until when the certificate is valid.
    pub fn not_after(&self) -> Option<SystemTime> {
        self.validity.not_after
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the key.
        f.debug_struct("Identity")
            .field("names", &self.names)
            .field("validity", &self.validity)
            .finish_non_exhaustive()
    }
}

/// The authorities that the certificates of clients are checked against.
#[derive(Clone, Debug)]
pub struct ClientAuth {
    pub(super) authorities: Arc<RootCertStore>,
    pub(super) is_optional: bool,
}

impl ClientAuth {
    /// Reads the certificates of authorities from a PEM file. With `is_optional`, a client may have
    /// no certificate; one that it has must be valid.
    ///
    /// # Errors
    /// If the file can't be read, or has no certificate of an authority.
    pub fn read(authorities: &Path, is_optional: bool) -> Result<Self, FileError> {
        let mut store = RootCertStore::empty();
        for certificate in certificates(authorities)? {
            store
                .add(certificate)
                .map_err(|error| FileProblem::NotCertificate(error.to_string()).of(authorities))?;
        }
        Ok(Self {
            authorities: Arc::new(store),
            is_optional,
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileError> {
    let pem = read(path)?;
    let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
    let certificates = certificates.map_err(|error| FileProblem::malformed(&error).of(path))?;
    match certificates.is_empty() {
        true => Err(FileProblem::NoCertificate.of(path)),
        false => Ok(certificates),
    }
}

/// Reads a file of PEM. A pipe or a device could keep the server waiting, or have no end.
fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let unreadable = |error| FileProblem::Unreadable(error).of(path);
    let is_regular = path.metadata().map_err(unreadable)?.is_file();
    if !is_regular {
        return Err(FileProblem::NotRegular.of(path));
    }
    let mut content = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    let read = file.take(MAX_FILE + 1).read_to_end(&mut content);
    if read.map_err(unreadable)? as u64 > MAX_FILE {
        return Err(FileProblem::TooLarge.of(path));
    }
    if content.first() == Some(&DER_SEQUENCE) {
        let problem = FileProblem::NotPem("it begins as DER or PKCS #12 does".into());
        return Err(problem.of(path));
    }
    // Some editors put it before a text; the parser of PEM takes it for a part of the first line.
    if content.starts_with(BYTE_ORDER_MARK) {
        content.drain(..BYTE_ORDER_MARK.len());
    }
    Ok(content)
}

/// Returns whether the key has a passphrase, in the form of PKCS #8 or in that of OpenSSL before it.
fn is_encrypted(pem: &[u8]) -> bool {
    pem.split(|byte| *byte == b'\n').any(|line| {
        line.starts_with(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
            || line.starts_with(b"Proc-Type: 4,ENCRYPTED")
    })
}

/// Bytes of a file: more than the certificates of all public authorities.
const MAX_FILE: u64 = 4 << 20;
const DER_SEQUENCE: u8 = 0x30;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A file that can't be used for TLS.
#[derive(Debug, Error)]
#[error("{}: {problem}", path.display())]
pub struct FileError {
    /// The file.
    pub path: PathBuf,
    /// The problem with it.
    pub problem: FileProblem,
}

/// The problem with a file.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FileProblem {
    /// The system can't read it.
    #[error("can't be read: {0}")]
    Unreadable(io::Error),
    /// It is a directory, a pipe or a device.
    #[error("it is not a regular file")]
    NotRegular,
    /// It is larger than any file of certificates.
    #[error("it has more than 4 MiB")]
    TooLarge,
    /// It is malformed.
    #[error("it is not PEM: {0}")]
    NotPem(String),
    /// It has no certificate.
    #[error("it has no certificate (BEGIN CERTIFICATE)")]
    NoCertificate,
    /// It has no key.
    #[error("it has no private key (BEGIN PRIVATE KEY)")]
    NoKey,
    /// Its key has a passphrase.
    #[error("its private key has a passphrase")]
    EncryptedKey,
    /// A certificate in it is malformed, or of a kind that is not supported.
    #[error("its certificate can't be used: {0}")]
    NotCertificate(String),
    /// Its key is malformed, or of a kind that is not supported.
    #[error("its private key can't be used: {0}")]
    UnusableKey(String),
    /// Its key is not that of the certificate in this file.
    #[error("its private key is not the key of the certificate in {}", .0.display())]
    OtherKey(PathBuf),
}

impl FileProblem {
    /// Returns what the operator can do.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::Unreadable(error) if error.kind() == io::ErrorKind::NotFound => {
                "relative paths begin at the directory of the app"
            }
            Self::Unreadable(_) => "the user that the server runs as has to be able to read it",
            Self::NotRegular => "give the file itself: it is read again at each SIGHUP",
            Self::TooLarge => "give a file with the certificate and its chain, or its key, alone",
            Self::NotPem(_) => {
                "a PEM file is text; `openssl x509 -inform DER -in FILE`, `openssl pkey -inform DER -in FILE` and \
                 `openssl pkcs12 -nodes -in FILE` turn other forms into it"
            }
            Self::NoCertificate => "give the file with the certificate, its chain behind it",
            Self::NoKey => "give the file with the key",
            Self::EncryptedKey => "`openssl pkey -in FILE` prints the key without it",
            Self::NotCertificate(_) => {
                "it has to be an X.509 certificate of version 3: `openssl x509 -text -in FILE` shows it"
            }
            Self::UnusableKey(_) => {
                "keys may be RSA of 2048 to 8192 bits, ECDSA P-256 or P-384, or Ed25519"
            }
            Self::OtherKey(_) => {
                "the certificate of the server has to be the first in its file, before its chain"
            }
        }
    }

    /// Returns whether it is a problem with a key.
    pub fn is_of_key(&self) -> bool {
        matches!(
            self,
            Self::NoKey | Self::EncryptedKey | Self::UnusableKey(_) | Self::OtherKey(_)
        )
    }

    fn malformed(error: &pem::Error) -> Self {
        Self::NotPem(match error {
            pem::Error::MissingSectionEnd { .. } => "its last section has no END line".into(),
            error => error.to_string(),
        })
    }

    fn of(self, path: &Path) -> FileError {
        FileError {
            path: path.to_owned(),
            problem: self,
        }
    }
}
