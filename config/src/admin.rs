//! `[admin]`: the listener for operators.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::PathBuf;

use crate::error::Fault;
use crate::listener::read_addr;
use crate::manifest::{Section, Value};

/// The listener for operators: metrics, health, processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admin {
    /// The address.
    pub listen: AdminAddr,
    /// The file with the token that clients have to send, if there is one; a relative path starts at the
    /// app's directory. Always set if the address is not one of this machine alone.
    pub key: Option<PathBuf>,
}

/// The address of the admin listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminAddr {
    /// An IP address and a port. Port 0 lets the system choose.
    Tcp(SocketAddr),
    /// The path of a unix socket; a relative path starts at the app's directory.
    Unix(PathBuf),
}

impl Admin {
    /// Reads `[admin]`, and returns the place of its address. Returns `None` if a fault was reported.
    pub(crate) fn read(mut section: Section<'_>) -> Option<(Self, Range<usize>)> {
        let listen = section.value("listen");
        let has_key = section.has("key");
        let key = section.get("key", path);
        let place = listen.as_ref().map_or(section.span(), Value::span);
        let listen = match listen {
            Some(listen) => section.checked(read_listen(&listen)),
            None => {
                section.report(
                    Fault::new(section.span(), "[admin] has no `listen`", "here")
                        .help("say where: `listen = \"127.0.0.1:9090\"`"),
                );
                None
            }
        };
        if let Some(AdminAddr::Tcp(addr)) = &listen
            && !addr.ip().to_canonical().is_loopback()
            && !has_key
        {
            section.report(
                Fault::new(
                    place.clone(),
                    "[admin] can be reached from other machines, and has no `key`",
                    "not an address of this machine alone",
                )
                .help(
                    "listen on 127.0.0.1, [::1] or a unix socket, or set `key = \"admin.key\"`: a file with the \
                     token that clients have to send",
                ),
            );
        }
        section.finish();
        let listen = listen?;
        Some((Self { listen, key }, place))
    }
}

fn read_listen(value: &Value<'_>) -> Result<AdminAddr, Fault> {
    let text = value.text().map_err(|_| value.mismatch(EXPECTED))?;
    match text.text.strip_prefix("unix:") {
        Some(path) if path.is_empty() || path.contains('\0') || path.ends_with('/') => Err(value
            .fault(EXPECTED, "not the path of a socket")
            .help("write `listen = \"unix:/run/rusm/admin.sock\"`")),
        Some(path) if path.len() > MAX_SOCKET_PATH => Err(value.fault(
            EXPECTED,
            format!("the path of a socket has at most {MAX_SOCKET_PATH} bytes"),
        )),
        Some(path) => Ok(AdminAddr::Unix(path.into())),
        None if text.text.starts_with('/') || text.text.starts_with("./") => Err(value
            .fault(EXPECTED, "a path alone")
            .help(format!("write `listen = \"unix:{}\"`", text.text))),
        None => read_addr(value).map(AdminAddr::Tcp),
    }
}

fn path(value: &Value<'_>) -> Result<PathBuf, Fault> {
    let path = value.text()?;
    if path.text.is_empty() || path.text.contains('\0') {
        return Err(value
            .fault("the path of a file", "not a path")
            .help("write `key = \"/etc/rusm/admin.key\"`: a file with the token"));
    }
    Ok(PathBuf::from(path.text))
}

const EXPECTED: &str = "an address, `\"IP:PORT\"` or `\"unix:PATH\"`";
/// The kernel's limit for the address of a unix socket, without its last byte.
const MAX_SOCKET_PATH: usize = 107;
