//! `[serve.tls]`: the files of a listener that speaks TLS.

use std::path::PathBuf;

use crate::error::Fault;
use crate::manifest::{Section, Value};

/// The files of a listener that speaks TLS. Relative paths start at the app's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// Its certificates, at least one. The first is that of clients that ask for none of the others.
    pub certificates: Vec<CertificateFiles>,
    /// The authorities that certificates of clients are checked against, if clients need one.
    pub clients: Option<ClientCertificates>,
}

/// A certificate and its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate, with its chain behind it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// The rules for certificates of clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCertificates {
    /// The certificates of the authorities.
    pub ca: PathBuf,
    /// Set if a client may have none.
    pub is_optional: bool,
}

impl Tls {
    /// Reads a `[serve.tls]`. Returns `None` if a fault was reported that leaves nothing to build.
    pub(crate) fn read(mut section: Section<'_>) -> Option<Self> {
        let first = CertificateFiles::read(&mut section, "[serve.tls]");
        let others = section.get("additional", Value::list).unwrap_or_default();
        let others = others.iter().map(|value| {
            let name = "an entry of `additional`";
            let mut section = section.checked(value.section(name))?;
            let files = CertificateFiles::read(&mut section, name);
            section.finish();
            files
        });
        let others: Vec<_> = others.collect();
        let ca = section.get("client-ca", path);
        let has_ca = section.has("client-ca");
        let rule = section.value("client-cert");
        if let Some(rule) = rule.as_ref().filter(|_| !has_ca) {
            section.report(
                Fault::new(
                    rule.span(),
                    "`client-cert` without `client-ca`",
                    "of which authority?",
                )
                .help(
                    "`client-ca` is the file of the authorities that clients have certificates of",
                ),
            );
        }
        let is_optional = rule.and_then(|rule| {
            section.checked(rule.one_of(&[("required", false), ("optional", true)]))
        });
        section.finish();
        let certificates = std::iter::once(first)
            .chain(others)
            .collect::<Option<_>>()?;
        Some(Self {
            certificates,
            clients: ca.map(|ca| ClientCertificates {
                ca,
                is_optional: is_optional.unwrap_or(false),
            }),
        })
    }
}

impl CertificateFiles {
    fn read(section: &mut Section<'_>, name: &str) -> Option<Self> {
        for key in ["cert", "key"] {
            if !section.has(key) {
                section.report(
                    Fault::new(section.span(), format!("{name} has no `{key}`"), "here")
                        .help("it needs a certificate and its key: `cert = \"cert.pem\"`, `key = \"key.pem\"`"),
                );
            }
        }
        let (cert, key) = (section.get("cert", path), section.get("key", path));
        Some(Self {
            cert: cert?,
            key: key?,
        })
    }
}

fn path(value: &Value<'_>) -> Result<PathBuf, Fault> {
    let text = value.text()?;
    match text.text.is_empty() {
        true => Err(value.fault("the path of a file", "empty")),
        false => Ok(text.text.into()),
    }
}
