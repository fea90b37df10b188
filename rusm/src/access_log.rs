//! The access log: a line on standard output for each exchange that has ended.
//!
//! The lines are made on the shard that served, and written by a thread of their own: a reader that
//! is slow, or stands still, costs lines and never a request. How many it cost is said in the log.

use std::fmt;
use std::io::{BufWriter, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use rusm_config::{LogFormat, Lookup, RouteTable};
use rusm_uring_net::AccessLog;
use rusm_uring_net::access::Exchange;
use rusm_uring_net::http1::Version;
use serde::Serialize;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};

/// Writes the access log of a node. What was not written when it is dropped, is then.
pub(crate) struct AccessWriter {
    format: LogFormat,
    lines: NonBlocking,
    lost: Arc<Lost>,
    guard: Option<WorkerGuard>,
}

impl AccessWriter {
    /// Start the thread that writes.
    pub(crate) fn start(format: LogFormat) -> Self {
        let (lines, guard) = NonBlockingBuilder::default()
            .buffered_lines_limit(WAITING_LINES)
            .lossy(true)
            .thread_name("rusm-access-log")
            // Lines that wait are written together.
            .finish(BufWriter::with_capacity(64 * 1024, std::io::stdout()));
        let lost = Lost {
            counter: lines.error_counter(),
            told: AtomicUsize::new(0),
        };
        Self {
            format,
            lines,
            lost: Arc::new(lost),
            guard: Some(guard),
        }
    }

    /// The log of a listener with these routes.
    pub(crate) fn of(&self, routes: Arc<RouteTable>) -> Arc<dyn AccessLog> {
        Arc::new(ListenerLog {
            routes,
            format: self.format,
            lines: self.lines.clone(),
            lost: self.lost.clone(),
        })
    }
}

impl Drop for AccessWriter {
    fn drop(&mut self) {
        self.lost.tell(1);
        let guard = self.guard.take();
        let (flushed, done) = mpsc::channel();
        // The guard waits for a reader that may never read on.
        let flushing = thread::Builder::new().spawn(move || {
            drop(guard);
            let _ = flushed.send(());
        });
        if flushing.is_ok() {
            let _ = done.recv_timeout(FLUSHED_WITHIN);
        }
    }
}

/// Lines that the writer had no room for.
struct Lost {
    counter: ErrorCounter,
    told: AtomicUsize,
}

impl Lost {
    /// Say so, if there are `least` more than were told of.
    fn tell(&self, least: usize) {
        let lost = self.counter.dropped_lines();
        let told = self.told.load(Ordering::Relaxed);
        if lost < told.saturating_add(least) {
            return;
        }
        let ours = self
            .told
            .compare_exchange(told, lost, Ordering::Relaxed, Ordering::Relaxed);
        if ours.is_ok() {
            tracing::warn!(
                lines = lost - told,
                "the access log is not read fast enough: lines were left out"
            );
        }
    }
}

struct ListenerLog {
    routes: Arc<RouteTable>,
    format: LogFormat,
    lines: NonBlocking,
    lost: Arc<Lost>,
}

impl AccessLog for ListenerLog {
    fn record(&self, exchange: &Exchange) {
        let entry = Entry::of(exchange, &self.routes);
        let mut line = match self.format {
            LogFormat::Text => entry.to_string(),
            LogFormat::Json => serde_json::to_string(&entry).unwrap_or_default(),
        };
        line.push('\n');
        // It never fails: a line without room is counted.
        let _ = self.lines.clone().write_all(line.as_bytes());
        self.lost.tell(TOLD_OF);
    }
}

impl fmt::Debug for ListenerLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListenerLog").finish_non_exhaustive()
    }
}

/// A line.
#[derive(Serialize)]
struct Entry<'e> {
    time: String,
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
    fn of(exchange: &'e Exchange, routes: &RouteTable) -> Self {
        let request = exchange.request.as_ref();
        let target = request.map(|request| request.target.as_str());
        let path = target.map(|target| target.split_once('?').map_or(target, |(path, _)| path));
        let micros = exchange.took.as_micros() as f64;
        Self {
            time: humantime::format_rfc3339_micros(SystemTime::now()).to_string(),
            client: exchange.peer,
            method: request.map(|request| request.method.as_str()),
            path,
            query: target.and_then(|target| Some(target.split_once('?')?.1)),
            protocol: request.map(|request| match request.version {
                _ if exchange.is_websocket => "websocket",
                Version::Http10 => "HTTP/1.0",
                Version::Http11 => "HTTP/1.1",
            }),
            status: exchange.status.map_or(CLIENT_LEFT, |status| status.code()),
            bytes: exchange.sent,
            duration_ms: micros / 1000.0,
            action: request
                .zip(path)
                .and_then(|(request, path)| action(routes, &request.method, path)),
        }
    }
}

/// `client "request line" status bytes duration component#action`, behind the time.
impl fmt::Display for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.time, self.client)?;
        match (self.method, self.path, self.protocol) {
            (Some(method), Some(path), Some(protocol)) => {
                let query = self.query.map(|query| format!("?{query}"));
                let line = format!("{method} {path}{} {protocol}", query.unwrap_or_default());
                // What could end the quotes, or the line, is escaped.
                write!(f, "{line:?}")?;
            }
            _ => f.write_str("-")?,
        }
        let action = self.action.as_deref().unwrap_or("-");
        write!(
            f,
            " {} {} {:.3}ms {action}",
            self.status, self.bytes, self.duration_ms
        )
    }
}

/// `component#action`, as the manifest has it, if a route leads there.
fn action(routes: &RouteTable, method: &str, path: &str) -> Option<String> {
    let Lookup::Found(found) = routes.lookup(method, path) else {
        return None;
    };
    let route = routes.routes().get(found.route.index())?;
    Some(route.target())
}

/// The status of an exchange whose client left before the response began: nginx's.
const CLIENT_LEFT: u16 = 499;
/// Lines that may wait to be written.
const WAITING_LINES: usize = 16 * 1024;
/// How long the end of the server waits for what is still to be written.
const FLUSHED_WITHIN: Duration = Duration::from_secs(2);
/// Lines left out until that is said again.
const TOLD_OF: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rusm_uring_net::access::RequestLine;
    use rusm_uring_net::http1::Status;

    use super::*;

    fn exchange(target: Option<&str>, status: Option<Status>) -> Exchange {
        Exchange {
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
        let sent = exchange(Some("/a\"b\u{1b}[31m\n?c\\"), Some(Status::BAD_REQUEST));
        let routes = RouteTable::default();
        let text = Entry::of(&sent, &routes).to_string();
        let (_, text) = text.split_once(' ').unwrap();
        assert_eq!(
            text,
            r#"127.0.0.1:5000 "GET /a\"b\u{1b}[31m\n?c\\ HTTP/1.1" 400 16 1.234ms -"#
        );
        let json = serde_json::to_string(&Entry::of(&sent, &routes)).unwrap();
        assert!(!json.contains(['\n', '\u{1b}']), "{json}");
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["path"], "/a\"b\u{1b}[31m\n");
        assert_eq!(json["query"], "c\\");
        assert_eq!(json["duration_ms"], 1.234);
    }

    #[test]
    fn what_is_not_known_is_left_open() {
        let routes = RouteTable::default();
        let text = Entry::of(&exchange(None, None), &routes).to_string();
        assert!(
            text.ends_with(" 127.0.0.1:5000 - 499 16 1.234ms -"),
            "{text}"
        );
    }
}
