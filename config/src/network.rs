//! The hosts that a component may connect to: `allow-network`.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use crate::error::Fault;
use crate::manifest::{Text, Value};

/// The hosts that a component may connect to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Network {
    /// No host.
    #[default]
    Denied,
    /// These hosts, and only by HTTP: a raw socket connects to an address, which can't be attributed to
    /// a host.
    Hosts(Hosts),
    /// Any host, by HTTP and raw sockets.
    Any,
}

/// Lists of hosts that a component may send requests to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    /// The lists of the component's own profile and of its spawners. A host has to be in each.
    lists: Vec<Arc<[HostPattern]>>,
}

/// A host, or a domain's hosts, and a port or all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct HostPattern {
    /// In lower case; an IPv6 address without its brackets.
    host: String,
    /// True if it matches all names below `host`, but not `host` itself.
    below: bool,
    port: Option<u16>,
}

impl Network {
    /// Returns whether a component may send a request to this host: a name, or an address without
    /// brackets, in any case.
    pub fn allows(&self, host: &str, port: u16) -> bool {
        match self {
            Self::Denied => false,
            Self::Any => true,
            Self::Hosts(hosts) => {
                let host = host.to_ascii_lowercase();
                let matches = |pattern: &HostPattern| pattern.matches(&host, port);
                hosts.lists.iter().all(|list| list.iter().any(matches))
            }
        }
    }

    /// Returns the hosts that both allow.
    pub(crate) fn within(&self, spawner: &Self) -> Self {
        match (self, spawner) {
            (Self::Denied, _) | (_, Self::Denied) => Self::Denied,
            (Self::Any, other) | (other, Self::Any) => other.clone(),
            (Self::Hosts(own), Self::Hosts(spawner)) => {
                let mut lists = own.lists.clone();
                for list in &spawner.lists {
                    if !lists.contains(list) {
                        lists.push(list.clone());
                    }
                }
                Self::Hosts(Hosts { lists })
            }
        }
    }

    pub(crate) fn read(value: &Value<'_>) -> Result<Self, Fault> {
        if let Ok(any) = value.boolean() {
            return Ok(if any { Self::Any } else { Self::Denied });
        }
        let form = "true, false, or a list of hosts";
        let items = value.list().map_err(|_| value.mismatch(form))?;
        let mut list = Vec::new();
        for item in items {
            let text = item.text().map_err(|_| item.mismatch("a host"))?;
            list.push(read_host(&text)?);
        }
        if list.is_empty() {
            return Err(
                Fault::new(value.span(), "`allow-network` names no host", "empty")
                    .help("to deny the network, write `allow-network = false`"),
            );
        }
        Ok(Self::Hosts(Hosts {
            lists: vec![list.into()],
        }))
    }
}

impl HostPattern {
    fn matches(&self, host: &str, port: u16) -> bool {
        let is_host = if self.below {
            host.strip_suffix(self.host.as_str())
                .and_then(|name| name.strip_suffix('.'))
                .is_some_and(|name| !name.is_empty())
        } else {
            host == self.host
        };
        is_host && self.port.is_none_or(|own| own == port)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wildcard = if self.below { "*." } else { "" };
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => write!(f, "{wildcard}{}", self.host)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl fmt::Display for Network {
    /// Writes it as the manifest has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied => f.write_str("false"),
            Self::Any => f.write_str("true"),
            Self::Hosts(hosts) => {
                let lists = hosts.lists.iter().map(|list| {
                    let names: Vec<_> = list.iter().map(|host| format!("\"{host}\"")).collect();
                    format!("[{}]", names.join(", "))
                });
                f.write_str(&lists.collect::<Vec<_>>().join(" and "))
            }
        }
    }
}

fn read_host(text: &Text<'_>) -> Result<HostPattern, Fault> {
    parse(text.text).ok_or_else(|| {
        let message = format!("`{}` is not a host", text.text);
        let fault = text.fault(message, "cannot be connected to");
        match text.text.split_once("://") {
            Some((_, rest)) => {
                let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
                fault.help(format!("without scheme and path: `{host}`"))
            }
            None if text.text == "*" => fault.help("for all hosts, write `allow-network = true`"),
            None => fault.help(
                "write it as `example.com`, `*.example.com`, `example.com:8443`, `192.0.2.1` or \
                 `[2001:db8::1]:443`",
            ),
        }
    })
}

fn parse(text: &str) -> Option<HostPattern> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            match rest {
                "" => (address, None),
                rest => (address, Some(rest.strip_prefix(':')?)),
            }
        }
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
        None => None,
    };
    let (host, below) = match host.strip_prefix("*.") {
        Some(domain) => (domain, true),
        None => (host, false),
    };
    let is_address = host.parse::<IpAddr>().is_ok();
    if (below && is_address) || (!is_address && !is_name(host)) {
        return None;
    }
    Some(HostPattern {
        host: host.to_ascii_lowercase(),
        below,
        port,
    })
}

/// Host names of RFC 1123 section 2.1, and underscores, which are in use.
fn is_name(host: &str) -> bool {
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        !label.is_empty()
            && label.len() <= 63
            && bytes
                .iter()
                .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(b))
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(list: &[&str]) -> Network {
        let list = list.iter().map(|text| parse(text).unwrap());
        Network::Hosts(Hosts {
            lists: vec![list.collect()],
        })
    }

    #[test]
    fn a_host_is_allowed_as_it_is_named() {
        let network = hosts(&["Example.com", "*.example.org:8443", "192.0.2.1", "[::1]:80"]);
        for (host, port) in [
            ("example.com", 443),
            ("EXAMPLE.com", 1),
            ("a.example.org", 8443),
            ("a.b.example.org", 8443),
            ("192.0.2.1", 9),
            ("::1", 80),
        ] {
            assert!(network.allows(host, port), "{host}:{port}");
        }
        for (host, port) in [
            ("www.example.com", 443),
            ("example.com.evil.test", 443),
            ("notexample.org", 8443),
            ("example.org", 8443),
            (".example.org", 8443),
            ("a.example.org", 443),
            ("::1", 81),
            ("::2", 80),
            ("", 80),
        ] {
            assert!(!network.allows(host, port), "{host}:{port}");
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "*",
            "*.",
            "a..b",
            "-a",
            "a:0",
            "a:x",
            "a:65536",
            "::1",
            "[::1",
            "[::1]80",
            "https://a",
            "a/b",
            "a b",
            "*.192.0.2.1",
            "*.*.a",
            "é",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_child_reaches_what_both_may() {
        let (a, b) = (hosts(&["a", "b"]), hosts(&["b", "c"]));
        let both = a.within(&b);
        assert!(both.allows("b", 1) && !both.allows("a", 1) && !both.allows("c", 1));
        assert_eq!(a.within(&Network::Any), a);
        assert_eq!(Network::Any.within(&b), b);
        assert_eq!(a.within(&a), a);
        assert_eq!(Network::Any.within(&Network::Denied), Network::Denied);
        assert_eq!(both.to_string(), r#"["a", "b"] and ["b", "c"]"#);
    }
}
