//! `[[serve]]`: a protocol, an address, and its routes.

use std::net::{IpAddr, SocketAddr};

use thiserror::Error;

use crate::component::{Roster, name_fault};
use crate::error::Fault;
use crate::header;
use crate::limits::Limits;
use crate::manifest::{Section, Text, Value};
use crate::pattern::Pattern;
use crate::routes::{ANY_METHOD, GET, Route, RouteTable};
use crate::tls::Tls;
use crate::websocket::{LongLived, WebSocketSettings};

/// An address that the node serves.
#[derive(Clone, Debug)]
pub struct Listener {
    /// Its protocol.
    pub protocol: Protocol,
    /// Its address. Port 0 lets the system choose.
    pub addr: SocketAddr,
    /// Its routes.
    pub routes: RouteTable,
    /// Fields for every response, names in lower case, in the order of the file.
    pub headers: Vec<(String, String)>,
    /// Set if it speaks HTTP/2 besides HTTP/1.1.
    pub http2: bool,
    /// The files of TLS; without them it speaks none.
    pub tls: Option<Tls>,
    /// Its limits for each client.
    pub limits: Limits,
    /// The settings of its WebSockets; the default if it serves none. For [`Protocol::Sse`] the
    /// `ping_interval` is the longest silence of a stream.
    pub websocket: WebSocketSettings,
}

/// The protocol of a listener. All of them speak HTTP/1.1 and HTTP/1.0, and HTTP/2 unless it is
/// switched off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// Routes with an action, and routes without one to components that answer as a whole.
    Http,
    /// Server-Sent Events: routes with an action, and `GET` routes to components that serve a
    /// connection as a whole.
    Sse,
    /// WebSockets alone: no route has an action, and all are `GET`.
    Ws,
}

/// Parses an address to listen on: `IP:PORT`.
pub fn parse_addr(text: &str) -> Result<SocketAddr, AddrError> {
    text.parse().map_err(|_| AddrError {
        addr: text.to_owned(),
        advice: advice(text),
    })
}

/// Text that is not an address to listen on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{addr}` is not an IP address and a port: {advice}")]
pub struct AddrError {
    addr: String,
    advice: String,
}

impl Listener {
    /// Reads a `[[serve]]` table. Returns `None` if a fault was reported that leaves nothing to build.
    pub(crate) fn read(mut section: Section<'_>, roster: &mut Roster) -> Option<(Self, AddrPlace)> {
        let protocol = section.value("protocol");
        let protocol = protocol.map_or(Ok(Protocol::Http), |value| read_protocol(&value));
        let protocol = section.checked(protocol);
        let addr = section.value("listen");
        let component = section.value("component");
        let routes = section.section("routes", "[serve.routes]");
        let headers = section.section("headers", "[serve.headers]");
        // One with a fault was reported.
        let tls = (section.section("tls", "[serve.tls]")).map(Tls::read);
        let http2 = section.get("http2", Value::boolean).unwrap_or(true);
        let limits = Limits::read(&mut section);
        let long_lived = long_lived(protocol, routes.as_ref());
        let websocket = WebSocketSettings::read(&mut section, long_lived);

        let routes = match (component, routes) {
            (Some(component), None) => section.checked(whole(&component, protocol, roster)),
            (None, Some(routes)) => read_routes(routes, protocol, roster),
            (None, None) => {
                section.report(
                    Fault::new(section.span(), "[[serve]] has nothing to serve", "here")
                        .help("give it a `component`, or a [serve.routes]"),
                );
                None
            }
            (Some(component), Some(routes)) => {
                let message = "[[serve]] has both a `component` and routes";
                section.report(
                    Fault::new(component.span(), message, "all requests")
                        .also(routes.span(), "or some")
                        .help("remove one of them"),
                );
                None
            }
        };
        let place = addr.as_ref().map_or(section.span(), Value::span);
        let addr = match addr {
            Some(addr) => section.checked(read_addr(&addr)),
            None => {
                section.report(
                    Fault::new(section.span(), "[[serve]] has no `listen`", "here")
                        .help("say where: `listen = \"127.0.0.1:8080\"`"),
                );
                None
            }
        };
        let headers = headers.map(header::read).unwrap_or_default();
        section.finish();
        let listener = Self {
            protocol: protocol?,
            addr: addr?,
            routes: routes?,
            headers,
            http2,
            tls: tls.flatten(),
            limits,
            websocket,
        };
        Some((listener, place))
    }
}

/// The place of a listener's `listen` in the file.
pub(crate) type AddrPlace = std::ops::Range<usize>;

fn read_protocol(value: &Value<'_>) -> Result<Protocol, Fault> {
    value.one_of(&[
        ("http", Protocol::Http),
        ("sse", Protocol::Sse),
        ("ws", Protocol::Ws),
    ])
}

/// Returns the kind of connections that a listener may hold. Where the protocol is not valid, this is
/// the most permissive kind, since another fault is reported.
fn long_lived(protocol: Option<Protocol>, routes: Option<&Section<'_>>) -> LongLived {
    let has_action = |target: &Value<'_>| target.text().is_ok_and(|text| text.text.contains('#'));
    match (protocol, routes) {
        (None | Some(Protocol::Ws), _) => LongLived::WebSockets,
        (Some(_), Some(routes)) if !routes.is_empty() && routes.values().all(has_action) => {
            LongLived::None
        }
        (Some(Protocol::Sse), _) => LongLived::EventStreams,
        (Some(Protocol::Http), _) => LongLived::WebSockets,
    }
}

/// Returns the routes of a listener with a `component`.
fn whole(
    value: &Value<'_>,
    protocol: Option<Protocol>,
    roster: &mut Roster,
) -> Result<RouteTable, Fault> {
    let component = roster.mention(&value.text()?)?;
    let method = match protocol {
        Some(Protocol::Ws | Protocol::Sse) => GET,
        Some(Protocol::Http) | None => ANY_METHOD,
    };
    Ok(RouteTable::whole(method, component))
}

/// Reads `IP:PORT`.
pub(crate) fn read_addr(value: &Value<'_>) -> Result<SocketAddr, Fault> {
    let text = value.text()?;
    parse_addr(text.text).map_err(|error| {
        let message = format!("`{}` is not an IP address and a port", error.addr);
        text.fault(message, "cannot listen here").help(error.advice)
    })
}

fn advice(text: &str) -> String {
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    if text.parse::<IpAddr>().is_ok() {
        let addr = text.parse().map(|ip| SocketAddr::new(ip, 8080));
        return addr.map_or_else(|_| FORM.to_owned(), |addr| format!("add a port: `{addr}`"));
    }
    if port.parse::<u16>().is_err() {
        return FORM.to_owned();
    }
    match host {
        "" | "*" => format!("`127.0.0.1:{port}` for this machine, `0.0.0.0:{port}` for all"),
        "localhost" => format!("did you mean `127.0.0.1:{port}`?"),
        _ => FORM.to_owned(),
    }
}

fn read_routes(
    section: Section<'_>,
    protocol: Option<Protocol>,
    roster: &mut Roster,
) -> Option<RouteTable> {
    if section.is_empty() {
        section.report(
            Fault::new(section.span(), "[serve.routes] has no route", "empty")
                .help("write one as `\"GET /\" = \"component#action\"`"),
        );
        return None;
    }
    let mut table = RouteTable::default();
    let mut places = Vec::new();
    for (key, value) in section.into_entries() {
        let route = read_route(&key, &value, protocol, roster)
            .and_then(|(route, pattern)| insert(&mut table, route, pattern, &key, &places));
        match route {
            Ok(()) => places.push(key.span()),
            Err(fault) => value.report(fault),
        }
    }
    Some(table)
}

fn insert(
    table: &mut RouteTable,
    route: Route,
    pattern: Pattern,
    key: &Text<'_>,
    places: &[AddrPlace],
) -> Result<(), Fault> {
    let name = format!("{} {}", route.method, route.pattern);
    match table.insert(route, pattern) {
        Ok(_) => Ok(()),
        Err(first) => {
            let fault = key.fault(
                format!("the route `{name}` is there twice"),
                "matches the very same requests",
            );
            Err(match places.get(first.index()) {
                Some(place) => fault.also(place.clone(), "as this"),
                None => fault,
            })
        }
    }
}

fn read_route(
    key: &Text<'_>,
    value: &Value<'_>,
    protocol: Option<Protocol>,
    roster: &mut Roster,
) -> Result<(Route, Pattern), Fault> {
    let form = "a route is written `\"GET /path/:param\" = \"component#action\"`";
    let Some((method, path)) = key.text.split_once(' ') else {
        let help = match key.text.starts_with('/') {
            true => format!("did you mean `\"GET {}\"`?", key.text),
            false => form.to_owned(),
        };
        let message = format!("`{}` is not a method and a path", key.text);
        return Err(key.fault(message, "not a route").help(help));
    };
    let path_start = key.text.len() - path.trim_start().len();
    let method = key.slice(0..method.len());
    check_method(&method)?;
    let path = key.slice(path_start..key.text.len());
    let pattern = Pattern::parse(path.text).map_err(|error| {
        let fault = path.slice(error.part).fault(error.message, error.label);
        match error.help {
            Some(help) => fault.help(help),
            None => fault,
        }
    })?;

    let target = value.text()?;
    let (component, action) = match target.text.split_once('#') {
        Some((component, action)) => (component, Some(action)),
        None => (target.text, None),
    };
    let action = match action {
        Some(action) => {
            let action = target.slice(target.text.len() - action.len()..target.text.len());
            Some((action.text.parse()).map_err(|error| name_fault(&action, error).help(form))?)
        }
        None => None,
    };
    let component = roster.mention(&target.slice(0..component.len()))?;
    check_protocol(protocol, &method, &target)?;
    let route = Route::new(method.text, &pattern, component, action);
    Ok((route, pattern))
}

/// Checks that a listener of this protocol can have this route.
fn check_protocol(
    protocol: Option<Protocol>,
    method: &Text<'_>,
    target: &Text<'_>,
) -> Result<(), Fault> {
    let action = target.text.find('#');
    match (protocol, action) {
        (Some(Protocol::Ws), Some(hash)) => Err(target
            .slice(hash..target.text.len())
            .fault(
                "a WebSocket is served by a component, not by an action",
                "an action",
            )
            .help("remove this; actions, and WebSockets beside them, are for `http` listeners")),
        // RFC 6455 section 4.1, and WHATWG HTML section 9.2.
        (Some(protocol @ (Protocol::Ws | Protocol::Sse)), None) if method.text != GET => {
            let (served, help) = match protocol {
                Protocol::Ws => ("WebSockets are", "for HTTP, use an `http` listener".into()),
                _ => {
                    let help = format!("or name an action: `{}#action`", target.text);
                    ("the events of a component without an action are", help)
                }
            };
            let message = format!("{served} asked for with `GET`");
            Err(method.fault(message, "did you mean `GET`?").help(help))
        }
        _ => Ok(()),
    }
}

fn check_method(method: &Text<'_>) -> Result<(), Fault> {
    if method.text == ANY_METHOD {
        return Ok(());
    }
    let upper_case = method.text.to_ascii_uppercase();
    if !header::is_token(method.text) || method.text.contains('|') {
        let message = format!("`{}` is not a method", method.text);
        return Err(method
            .fault(message, "not one method")
            .help("write one route for each method, such as `GET`, or `*` for all"));
    }
    if upper_case != method.text {
        // RFC 9110 section 9.1: methods are case-sensitive.
        let message = format!("`{}` is not the method `{upper_case}`", method.text);
        return Err(method.fault(message, format!("did you mean `{upper_case}`?")));
    }
    if method.text == "CONNECT" {
        let message = "`CONNECT` asks for a host, not for a path";
        return Err(method.fault(message, "cannot be routed"));
    }
    Ok(())
}

const FORM: &str = "write it as `127.0.0.1:8080` or `[::1]:8080`";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_which_address_was_meant() {
        for (text, words) in [
            ("localhost:8080", "did you mean `127.0.0.1:8080`?"),
            (":8080", "`0.0.0.0:8080` for all"),
            ("8080", "`127.0.0.1:8080` for this machine"),
            ("127.0.0.1", "add a port: `127.0.0.1:8080`"),
            ("::1", "add a port: `[::1]:8080`"),
            ("example.org:80", "write it as"),
            ("127.0.0.1:65536", "write it as"),
            ("", "write it as"),
        ] {
            let error = parse_addr(text).unwrap_err().to_string();
            assert!(error.contains(words), "{text}: {error}");
        }
        assert_eq!(parse_addr("[::]:0").unwrap().port(), 0);
    }
}
