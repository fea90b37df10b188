//! URLs of the server.

use std::fmt;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::str::FromStr;

use miette::Diagnostic;
use thiserror::Error;

/// A URL that can be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Its scheme.
    pub scheme: Scheme,
    /// Its host: a name, or an address without brackets.
    pub host: String,
    /// Its port, 80 by default.
    pub port: u16,
    /// Host and port as in the URL: the value of `Host`.
    pub authority: String,
    /// Path and query, beginning with `/`.
    pub target: String,
}

/// The protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// `http`.
    Http,
    /// `ws`.
    Ws,
}

/// The reason why a text is not a usable URL.
#[derive(Clone, Debug, Error, Diagnostic, PartialEq, Eq)]
pub enum UrlError {
    /// It has no `://`.
    #[error("`{0}` is no URL")]
    #[diagnostic(help("write it out, as http://127.0.0.1:8080/path"))]
    NoScheme(String),
    /// It is `https` or `wss`.
    #[error("`{0}` needs TLS, which this version does not speak")]
    #[diagnostic(help("load the server behind whatever ends TLS, with http:// or ws://"))]
    Tls(String),
    /// It has another scheme.
    #[error("`{0}` has a scheme that cannot be loaded")]
    #[diagnostic(help("the schemes are http and ws"))]
    Scheme(String),
    /// It has a user name (`@`).
    #[error("`{0}` has a user name")]
    #[diagnostic(help("send it in a header: -H 'Authorization: Basic ...'"))]
    User(String),
    /// It has no host.
    #[error("`{0}` has no host")]
    #[diagnostic(help(
        "write it as http://127.0.0.1:8080/path; an IPv6 address in brackets, [::1]"
    ))]
    Host(String),
    /// Its port is invalid.
    #[error("`{0}` has a port that is no number from 1 to 65535")]
    Port(String),
    /// It has a space or a control character.
    #[error("`{0}` has a character that no URL has")]
    #[diagnostic(help("write it percent-encoded, a space as %20"))]
    Character(String),
}

/// The reason why a host has no address.
#[derive(Debug, Error, Diagnostic)]
#[error("the host `{host}` has no address: {reason}")]
#[diagnostic(help("is the name right?"))]
pub struct Resolve {
    host: String,
    reason: String,
}

impl Url {
    /// Resolves the addresses of the host, in the resolver's order. This waits for the network.
    ///
    /// # Errors
    /// If there are none.
    pub fn addresses(&self) -> Result<Vec<SocketAddr>, Resolve> {
        let error = |reason: String| Resolve {
            host: self.host.clone(),
            reason,
        };
        let addresses: Vec<_> = (self.host.as_str(), self.port)
            .to_socket_addrs()
            .map_err(|reason| error(reason.to_string()))?
            .collect();
        if addresses.is_empty() {
            return Err(error("the resolver gave none".to_owned()));
        }
        Ok(addresses)
    }
}

impl FromStr for Url {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let whole = || text.to_owned();
        if text.bytes().any(|byte| byte <= b' ' || byte == 0x7f) || !text.is_ascii() {
            return Err(UrlError::Character(whole()));
        }
        let (scheme, rest) = text
            .split_once("://")
            .ok_or_else(|| UrlError::NoScheme(whole()))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "ws" => Scheme::Ws,
            "https" | "wss" => return Err(UrlError::Tls(whole())),
            _ => return Err(UrlError::Scheme(whole())),
        };
        // The fragment is not sent to the server.
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UrlError::User(whole()));
        }
        let (host, port) = split_port(authority).ok_or_else(|| UrlError::Host(whole()))?;
        let port = match port {
            None => HTTP,
            Some(port) => match port.parse() {
                Ok(port) if port > 0 => port,
                _ => return Err(UrlError::Port(whole())),
            },
        };
        let slash = if target.starts_with('/') { "" } else { "/" };
        Ok(Self {
            scheme,
            host: host.to_owned(),
            port,
            authority: authority.to_owned(),
            target: format!("{slash}{target}"),
        })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Ws => "ws",
        };
        write!(f, "{scheme}://{}{}", self.authority, self.target)
    }
}

/// Splits host, without brackets, and port. None without a host.
fn split_port(authority: &str) -> Option<(&str, Option<&str>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        host.parse::<IpAddr>().ok().filter(IpAddr::is_ipv6)?;
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => after.is_empty().then_some((host, None)),
        };
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    (!host.is_empty() && host.bytes().all(named)).then_some((host, port))
}

const HTTP: u16 = 80;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(String, u16, String, String), UrlError> {
        let url: Url = text.parse()?;
        Ok((url.host, url.port, url.authority, url.target))
    }

    fn parts(
        host: &str,
        port: u16,
        authority: &str,
        target: &str,
    ) -> (String, u16, String, String) {
        (host.into(), port, authority.into(), target.into())
    }

    #[test]
    fn urls() {
        assert_eq!(
            parse("http://127.0.0.1:8080/a/b?c=d#e"),
            Ok(parts("127.0.0.1", 8080, "127.0.0.1:8080", "/a/b?c=d"))
        );
        assert_eq!(parse("http://host"), Ok(parts("host", 80, "host", "/")));
        assert_eq!(parse("ws://host?x"), Ok(parts("host", 80, "host", "/?x")));
        assert_eq!(
            parse("HTTP://[::1]:81/"),
            Ok(parts("::1", 81, "[::1]:81", "/"))
        );
    }

    #[test]
    fn what_is_no_url_says_why() {
        type Is = fn(&UrlError) -> bool;
        let cases: [(&str, Is); 14] = [
            ("localhost:8080", |e| matches!(e, UrlError::NoScheme(_))),
            ("https://host/", |e| matches!(e, UrlError::Tls(_))),
            ("wss://host/", |e| matches!(e, UrlError::Tls(_))),
            ("ftp://host/", |e| matches!(e, UrlError::Scheme(_))),
            ("http://me:x@host/", |e| matches!(e, UrlError::User(_))),
            ("http:///path", |e| matches!(e, UrlError::Host(_))),
            ("http://::1/", |e| matches!(e, UrlError::Host(_))),
            ("http://[host]/", |e| matches!(e, UrlError::Host(_))),
            ("http://[::1]x/", |e| matches!(e, UrlError::Host(_))),
            ("http://host:0/", |e| matches!(e, UrlError::Port(_))),
            ("http://host:/", |e| matches!(e, UrlError::Port(_))),
            ("http://host:99999/", |e| matches!(e, UrlError::Port(_))),
            ("http://host/a b", |e| matches!(e, UrlError::Character(_))),
            ("http://host/\r\nX: y", |e| {
                matches!(e, UrlError::Character(_))
            }),
        ];
        for (text, is) in cases {
            let error = parse(text).unwrap_err();
            assert!(is(&error), "{text}: {error:?}");
        }
    }

    #[test]
    fn a_url_is_written_as_it_was_read() {
        for text in ["http://[::1]:81/a?b", "ws://host/"] {
            assert_eq!(text.parse::<Url>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn addresses() {
        let url: Url = "http://127.0.0.1:81/".parse().unwrap();
        assert_eq!(url.addresses().unwrap(), ["127.0.0.1:81".parse().unwrap()]);
        let url: Url = "http://[::1]:81/".parse().unwrap();
        assert_eq!(url.addresses().unwrap(), ["[::1]:81".parse().unwrap()]);
    }
}
