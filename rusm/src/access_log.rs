//! The access log: a line on standard output for each finished request.
//!
//! The shard that served the request formats the line, and the thread of standard output writes it.
//! A slow or stopped reader costs lines, never a request. The operator's log reports how many lines
//! were lost.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use rusm_config::{LogFormat, Lookup, RouteTable};
use rusm_uring_net::AccessLog;
use rusm_uring_net::access::RequestRecord;
use rusm_uring_net::http1::Version;
use serde::Serialize;

use crate::log;
use crate::log::line::{self, Head};

/// The access log of a listener with these routes.
pub(crate) fn of(routes: Arc<RouteTable>, format: LogFormat) -> Arc<dyn AccessLog> {
    Arc::new(ListenerLog { routes, format })
}

struct ListenerLog {
    routes: Arc<RouteTable>,
    format: LogFormat,
}

impl AccessLog for ListenerLog {
    fn record(&self, record: &RequestRecord) {
        let entry = Entry::of(record, &self.routes);
        let mut line = match self.format {
            LogFormat::Text => entry.to_string(),
            LogFormat::Json => serde_json::to_string(&entry).unwrap_or_default(),
        };
        line.push('\n');
        log::print(line);
    }
}

impl fmt::Debug for ListenerLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerLog").finish_non_exhaustive()
    }
}

/// One line of the log.
#[derive(Serialize)]
struct Entry<'e> {
    #[serde(flatten)]
    head: Head<'e>,
    client: SocketAddr,
    method: Option<&'e str>,
    path: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    query: Option<&'e str>,
    protocol: Option<&'static str>,
    status: u16,
    bytes: u64,
    duration_ms: f64,
    action: Option<String>,
}

impl<'e> Entry<'e> {
    fn of(record: &'e RequestRecord, routes: &RouteTable) -> Self {
        let request = record.request.as_ref();
        let target = request.map(|request| request.target.as_str());
        let path = target.map(|target| target.split_once('?').map_or(target, |(path, _)| path));
        let micros = record.took.as_micros() as f64;
        Self {
            head: Head {
                time: line::now(),
                level: "info",
                kind: "access",
                message: match record.is_websocket {
                    true => "websocket ended",
                    false => "request ended",
                },
                request_id: Some(&record.id),
            },
            client: record.peer,
            method: request.map(|request| request.method.as_str()),
            path,
            query: target.and_then(|target| Some(target.split_once('?')?.1)),
            protocol: request.map(|request| match request.version {
                _ if record.is_websocket => "websocket",
                Version::Http10 => "HTTP/1.0",
                Version::Http11 => "HTTP/1.1",
                Version::Http2 => "HTTP/2.0",
            }),
            status: record.status.map_or(CLIENT_LEFT, |status| status.code()),
            bytes: record.sent,
            duration_ms: micros / 1000.0,
            action: request
                .zip(path)
                .and_then(|(request, path)| action(routes, &request.method, path)),
        }
    }
}

/// Formats `client "request line" status bytes duration component#action request-id`; the time
/// comes before it.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.head.time, self.client)?;
        match (self.method, self.path, self.protocol) {
            (Some(method), Some(path), Some(protocol)) => {
                let query = self.query.map(|query| format!("?{query}"));
                let line = format!("{method} {path}{} {protocol}", query.unwrap_or_default());
                // Escape whatever could end the quotes or the line.
                write!(f, "{line:?}")?;
            }
            _ => f.write_str("-")?,
        }
        let action = self.action.as_deref().unwrap_or("-");
        write!(
            f,
            " {} {} {:.3}ms {action} {}",
            self.status,
            self.bytes,
            self.duration_ms,
            self.head.request_id.unwrap_or("-")
        )
    }
}

/// Returns `component#action` as the manifest has it, if a route matches.
fn action(routes: &RouteTable, method: &str, path: &str) -> Option<String> {
    let Lookup::Found(found) = routes.lookup(method, path) else {
        return None;
    };
    let route = routes.routes().get(found.route.index())?;
    Some(route.target())
}

/// The status of a request whose client disconnected before the response began, as in nginx.
const CLIENT_LEFT: u16 = 499;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rusm_uring_net::access::RequestLine;
    use rusm_uring_net::http1::Status;

    use super::*;

    fn record(target: Option<&str>, status: Option<Status>) -> RequestRecord {
        RequestRecord {
            id: "f00-1".into(),
            peer: ([127, 0, 0, 1], 5000).into(),
            request: target.map(|target| RequestLine {
                method: "GET".into(),
                target: target.into(),
                version: Version::Http11,
            }),
            is_websocket: false,
            status,
            sent: 16,
            took: Duration::from_nanos(1_234_567),
        }
    }

    #[test]
    fn nothing_that_a_client_sends_ends_a_line() {
        let sent = record(Some("/a\"b\u{1b}[31m\n?c\\"), Some(Status::BAD_REQUEST));
        let routes = RouteTable::default();
        let text = Entry::of(&sent, &routes).to_string();
        let (_, text) = text.split_once(' ').unwrap();
        assert_eq!(
            text,
            r#"127.0.0.1:5000 "GET /a\"b\u{1b}[31m\n?c\\ HTTP/1.1" 400 16 1.234ms - f00-1"#
        );
        let json = serde_json::to_string(&Entry::of(&sent, &routes)).unwrap();
        assert!(!json.contains(['\n', '\u{1b}']), "{json}");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        for (name, value) in [
            ("kind", "access"),
            ("level", "info"),
            ("request_id", "f00-1"),
        ] {
            assert_eq!(json[name], value);
        }
        assert_eq!(json["path"], "/a\"b\u{1b}[31m\n");
        assert_eq!(json["query"], "c\\");
        assert_eq!(json["duration_ms"], 1.234);
    }

    #[test]
    fn what_is_not_known_is_left_open() {
        let routes = RouteTable::default();
        let text = Entry::of(&record(None, None), &routes).to_string();
        assert!(
            text.ends_with(" 127.0.0.1:5000 - 499 16 1.234ms - f00-1"),
            "{text}"
        );
    }
}
