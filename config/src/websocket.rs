//! The settings of a listener's WebSockets: flat keys of `[[serve]]`.

use std::net::Ipv6Addr;
use std::time::Duration;

use crate::error::Fault;
use crate::header::is_token;
use crate::limits::{DAY_MS, advise};
use crate::manifest::{Section, Text, Value};

/// The settings of a listener's WebSockets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebSocketSettings {
    /// The origins whose pages may connect besides the listener's own, as browsers write them (RFC
    /// 6454 section 6.2): `https://example.com`. `None`: any.
    pub allowed_origins: Option<Vec<String>>,
    /// The supported subprotocols, in order of preference, none twice.
    pub subprotocols: Vec<String>,
    /// The maximum size of a client's message in bytes, all fragments together; a larger one gets
    /// 1009.
    pub max_message: u64,
    /// After this silence a client is sent a ping, or a comment on an event stream. `None`: never.
    pub ping_interval: Option<Duration>,
    /// A client that is silent for so long after a ping is disconnected.
    pub ping_timeout: Duration,
    /// The time in which a client has to answer a close.
    pub close_timeout: Duration,
}

impl WebSocketSettings {
    /// Takes its keys out of a `[[serve]]` table. A key without an effect is an error.
    pub(crate) fn read(section: &mut Section<'_>, long_lived: LongLived) -> Self {
        let default = Self::default();
        let mut keys = [
            "allowed-origins",
            "subprotocols",
            "max-message",
            "ping-interval-ms",
            "ping-timeout-ms",
            "close-timeout-ms",
        ]
        .map(|key| section.value(key));
        if long_lived != LongLived::WebSockets {
            for key in &mut keys {
                let useful = |key: &Value<'_>| {
                    long_lived == LongLived::EventStreams && key.name() == "ping-interval-ms"
                };
                if let Some(key) = key.take_if(|key| !useful(key)) {
                    key.report(not_served(&key));
                }
            }
        }
        let [origins, subprotocols, size, interval, ping, close] = keys;
        let timeout = |value: Option<Value<'_>>, default| {
            let read = value.map(|v| v.integer(1..=DAY_MS).map_err(advise));
            let read = read.and_then(|read| section.checked(read));
            read.map_or(default, Duration::from_millis)
        };
        let interval = interval.map(|v| {
            let fault = |fault: Fault| fault.help("with 0, a client is never pinged");
            v.integer(0..=DAY_MS).map_err(fault)
        });
        Self {
            allowed_origins: origins.and_then(|v| section.checked(list(&v, origin))),
            subprotocols: subprotocols
                .and_then(|v| section.checked(list(&v, subprotocol)))
                .unwrap_or_default(),
            max_message: size
                .and_then(|v| section.checked(v.size(MAX_MESSAGE).map_err(advise)))
                .unwrap_or(default.max_message),
            ping_interval: match interval.and_then(|read| section.checked(read)) {
                None => default.ping_interval,
                Some(0) => None,
                Some(interval) => Some(Duration::from_millis(interval)),
            },
            ping_timeout: timeout(ping, default.ping_timeout),
            close_timeout: timeout(close, default.close_timeout),
        }
    }
}

/// The kind of connections that a listener holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LongLived {
    None,
    EventStreams,
    /// WebSockets, and possibly event streams.
    WebSockets,
}

impl Default for WebSocketSettings {
    /// Returns any origin, no subprotocol, messages of 1 MiB, pings after 30 s, 20 s for an answer,
    /// 5 s to close.
    fn default() -> Self {
        Self {
            allowed_origins: None,
            subprotocols: Vec::new(),
            max_message: 1 << 20,
            ping_interval: Some(Duration::from_secs(30)),
            ping_timeout: Duration::from_secs(20),
            close_timeout: Duration::from_secs(5),
        }
    }
}

/// Reads a list of strings, each by `read`, none twice.
fn list(
    value: &Value<'_>,
    read: fn(&Text<'_>) -> Result<String, Fault>,
) -> Result<Vec<String>, Fault> {
    let mut list = Vec::new();
    for item in value.list()? {
        let text = (item.text()).map_err(|_| item.mismatch("a list of strings"))?;
        let read = read(&text)?;
        if list.contains(&read) {
            return Err(text.fault(format!("`{read}` is named twice"), "again"));
        }
        list.push(read);
    }
    Ok(list)
}

fn origin(text: &Text<'_>) -> Result<String, Fault> {
    parse_origin(text.text).ok_or_else(|| {
        let message = format!("`{}` is not an origin", text.text);
        text.fault(message, "no page has this")
            .help(advice(text.text))
    })
}

/// Reads a token (RFC 6455 section 11.3.4).
fn subprotocol(text: &Text<'_>) -> Result<String, Fault> {
    if !is_token(text.text) {
        let message = format!("`{}` cannot name a subprotocol", text.text);
        return Err(text
            .fault(message, "not a token of RFC 9110")
            .help("letters, digits, `-`, `.` and `_` make a subprotocol's name"));
    }
    Ok(text.text.to_owned())
}

/// Returns `scheme://host[:port]` as a browser writes it: in lower case, without the default port
/// of the scheme.
fn parse_origin(text: &str) -> Option<String> {
    let text = text.to_ascii_lowercase();
    let (scheme, authority) = text.split_once("://")?;
    // A page has the scheme that it was loaded by, whatever it connects with.
    if !is_scheme(scheme) || matches!(scheme, "ws" | "wss") {
        return None;
    }
    let host_end = authority.find(']').map_or(0, |bracket| bracket + 1);
    let (host, port) = match authority.get(host_end..)?.find(':') {
        Some(colon) => {
            let (host, port) = authority.split_at(host_end + colon);
            (host, Some(parse_port(port.strip_prefix(':')?)?))
        }
        None => (authority, None),
    };
    let own_port = match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    };
    let host = parse_host(host)?;
    Some(match port {
        Some(port) if Some(port) != own_port => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

/// Returns whether it is a scheme (RFC 3986 section 3.1) in lower case.
fn is_scheme(text: &str) -> bool {
    let of_scheme = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+-.".contains(&b);
    text.starts_with(|c: char| c.is_ascii_lowercase()) && text.bytes().all(of_scheme)
}

/// Parses a name, an IPv4 address, or an IPv6 address in brackets.
fn parse_host(text: &str) -> Option<String> {
    if let Some(addr) = text.strip_prefix('[') {
        let addr: Ipv6Addr = addr.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{addr}]"));
    }
    let of_name = |b: u8| b.is_ascii_alphanumeric() || b"-._".contains(&b);
    (!text.is_empty() && text.bytes().all(of_name)).then(|| text.to_owned())
}

fn parse_port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Returns what to write instead of `text`.
fn advice(text: &str) -> String {
    match text {
        "*" => return "leave `allowed-origins` out to let any page connect".to_owned(),
        "null" => return FORM.to_owned(),
        _ => {}
    }
    let (scheme, rest) = text.split_once("://").unwrap_or(("https", text));
    let scheme = match scheme {
        "ws" => "http",
        "wss" => "https",
        other => other,
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match parse_origin(&format!("{scheme}://{authority}")) {
        Some(near) => format!("did you mean `{near}`?"),
        None => FORM.to_owned(),
    }
}

fn not_served(key: &Value<'_>) -> Fault {
    let message = format!(
        "`{}` is for WebSockets, and this listener serves none",
        key.name()
    );
    Fault::new(key.span(), message, "of a listener without WebSockets").help(
        "set `protocol = \"ws\"`, or name a component without an action in a route of an `http` \
         listener; or remove this",
    )
}

/// A larger message does not fit into a list of bytes for a component.
const MAX_MESSAGE: u64 = 256 << 20;
const FORM: &str = "write it as `https://example.com` or `http://localhost:3000`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_what_a_browser_writes() {
        for (text, origin) in [
            ("https://example.com", "https://example.com"),
            ("HTTPS://Example.COM", "https://example.com"),
            ("https://example.com:443", "https://example.com"),
            ("http://example.com:443", "http://example.com:443"),
            ("http://localhost:080", "http://localhost"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("http://[::1]", "http://[::1]"),
            ("http://[0::1]:81", "http://[::1]:81"),
            ("chrome-extension://abc", "chrome-extension://abc"),
        ] {
            assert_eq!(parse_origin(text).as_deref(), Some(origin), "{text}");
        }
    }

    #[test]
    fn what_is_no_origin_gets_advice() {
        for (text, words) in [
            (
                "https://example.com/",
                "did you mean `https://example.com`?",
            ),
            ("https://a.example:8443/a?b#c", "`https://a.example:8443`?"),
            ("example.com:81", "did you mean `https://example.com:81`?"),
            ("wss://example.com", "did you mean `https://example.com`?"),
            (
                "ws://example.com:81",
                "did you mean `http://example.com:81`?",
            ),
            ("*", "leave `allowed-origins` out"),
            ("https://*.example.com", "write it as"),
            ("https://user@example.com", "write it as"),
            ("https://example.com:", "write it as"),
            ("https://example.com:+1", "write it as"),
            ("https://example.com:65536", "write it as"),
            ("https://a:1:2", "write it as"),
            ("https://::1", "write it as"),
            ("https://[::1", "write it as"),
            ("https://[::1]a", "write it as"),
            ("https://[::1]a:1", "write it as"),
            ("https://a]:1", "write it as"),
            ("https://bücher.example", "write it as"),
            ("https://", "write it as"),
            ("1a://example.com", "write it as"),
            ("://example.com", "write it as"),
            ("null", "write it as"),
            ("", "write it as"),
        ] {
            assert_eq!(parse_origin(text), None, "{text}");
            let advice = advice(text);
            assert!(advice.contains(words), "{text}: {advice}");
        }
    }
}
