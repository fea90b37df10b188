//! Records of requests for the access log, and for the meter.

use std::cell::RefCell;
use std::fmt;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::http1::{Head, Status, Version};
use crate::meter::{ConnectionMeter, Method, RequestMeter};
use crate::request_id::{RequestId, RequestIds};

/// Receives a record of each request that has ended, handshakes included, and of each
/// WebSocket that has. Called in the connection's task, so it must not block.
pub trait AccessLog: fmt::Debug + Send + Sync {
    /// A request, or a WebSocket, has ended.
    fn record(&self, record: &RequestRecord);
}

/// A request and its outcome. A WebSocket is two: its handshake, with status 101, and all
/// that followed it.
#[derive(Clone, Debug)]
pub struct RequestRecord {
    /// The identifier of the request in the logs; a WebSocket keeps that of its handshake.
    pub id: String,
    /// The client's address.
    pub peer: SocketAddr,
    /// `None` where its first line was not understood.
    pub request: Option<RequestLine>,
    /// Set for the WebSocket that followed its handshake.
    pub is_websocket: bool,
    /// The final status; `None` where the client left before there was one.
    pub status: Option<Status>,
    /// Bytes sent behind the head of the response, framing included: of chunks, or of frames.
    pub sent: u64,
    /// From the end of the request's head to the last byte of the response.
    pub took: Duration,
}

/// The first line of a request (RFC 9112 section 3).
#[derive(Clone, Debug)]
pub struct RequestLine {
    /// As sent.
    pub method: String,
    /// As sent, query included.
    pub target: String,
    /// The version of the protocol.
    pub version: Version,
}

impl RequestLine {
    /// The line that `input` begins with, if it is one, whatever is wrong behind it.
    fn read(input: &[u8]) -> Option<Self> {
        let line = input.split(|byte| *byte == b'\n').next()?;
        // Without its end, some of it is missing.
        (line.len() < input.len()).then_some(())?;
        let line = std::str::from_utf8(line.strip_suffix(b"\r").unwrap_or(line)).ok()?;
        let mut parts = line.splitn(3, ' ');
        let (method, target) = (parts.next()?, parts.next()?);
        let version = match parts.next()? {
            "HTTP/1.1" => Version::Http11,
            "HTTP/1.0" => Version::Http10,
            _ => return None,
        };
        Some(Self {
            method: method.to_owned(),
            target: target.to_owned(),
            version,
        })
    }
}

/// The recorder of one connection for the access log and the meter. Does nothing if there is neither.
pub(crate) struct AccessRecorder {
    meter: Option<ConnectionMeter>,
    log: Option<Arc<dyn AccessLog>>,
    peer: SocketAddr,
    /// For requests that were not understood.
    ids: Rc<RequestIds>,
    current: RefCell<Option<Box<Current>>>,
}

struct Current {
    id: String,
    request: Option<RequestLine>,
    is_websocket: bool,
    begun: Instant,
    status: Option<Status>,
    /// Bytes of the head, and of what was sent before it.
    head: u64,
    written: u64,
}

impl AccessRecorder {
    pub(crate) fn new(
        log: Option<Arc<dyn AccessLog>>,
        peer: SocketAddr,
        ids: Rc<RequestIds>,
    ) -> Self {
        Self {
            meter: None,
            log,
            peer,
            ids,
            current: RefCell::new(None),
        }
    }

    /// Counts the requests from now on.
    pub(crate) fn count_with(&mut self, meter: Option<Rc<dyn RequestMeter>>) {
        self.meter = meter.map(ConnectionMeter::new);
    }

    /// A request's head is there.
    pub(crate) fn begin(&self, head: &Head<'_>, id: RequestId<'_>) {
        if let Some(meter) = &self.meter {
            meter.begin(Method::of(head.method), Instant::now());
        }
        if self.log.is_some() {
            let line = RequestLine {
                method: head.method.to_owned(),
                target: head.target.to_owned(),
                version: head.version,
            };
            self.open(id.to_string(), Some(line));
        }
    }

    /// A route matches the request.
    pub(crate) fn routed(&self, number: impl FnOnce() -> Option<u32>) {
        if let Some(meter) = &self.meter {
            meter.routed(number());
        }
    }

    /// A request begins with `input`, and its head is not understood.
    pub(crate) fn begin_unparsed(&self, input: &[u8]) {
        if let Some(meter) = &self.meter {
            meter.begin(Method::Other, Instant::now());
        }
        if self.log.is_some() {
            self.open(self.new_id(), RequestLine::read(input));
        }
    }

    /// The handshake has ended, and a WebSocket goes on.
    pub(crate) fn upgrade(&self) {
        if let Some(meter) = &self.meter {
            meter.upgrade();
        }
        let current = self.current.borrow();
        let handshake = current
            .as_ref()
            .map(|current| (current.id.clone(), current.request.clone(), current.status));
        drop(current);
        let Some((id, request, status)) = handshake else {
            return;
        };
        self.open(id, request);
        if let Some(current) = &mut *self.current.borrow_mut() {
            current.is_websocket = true;
            current.status = status;
        }
    }

    /// The head of its final response, of `len` bytes, is about to be written. Without a request it
    /// answers one that was not understood.
    pub(crate) fn response(&self, status: Status, len: usize) {
        if let Some(meter) = &self.meter {
            meter.response(status);
        }
        if self.log.is_none() {
            return;
        }
        if self.current.borrow().is_none() {
            self.open(self.new_id(), None);
        }
        if let Some(current) = &mut *self.current.borrow_mut() {
            current.status = Some(status);
            current.head = current.written.saturating_add(len as u64);
        }
    }

    /// Bytes were taken by the client's socket.
    pub(crate) fn wrote(&self, count: usize) {
        if self.log.is_some()
            && let Some(current) = &mut *self.current.borrow_mut()
        {
            current.written = current.written.saturating_add(count as u64);
        }
    }

    /// The request, if there is one, has ended.
    pub(crate) fn end(&self) {
        if let Some(meter) = &self.meter {
            meter.end();
        }
        self.end_record();
    }

    fn end_record(&self) {
        let Some(log) = &self.log else { return };
        if let Some(current) = self.current.borrow_mut().take() {
            log.record(&RequestRecord {
                id: current.id,
                peer: self.peer,
                request: current.request,
                is_websocket: current.is_websocket,
                status: current.status,
                sent: current.written.saturating_sub(current.head),
                took: current.begun.elapsed(),
            });
        }
    }

    fn new_id(&self) -> String {
        self.ids.next().to_string()
    }

    fn open(&self, id: String, request: Option<RequestLine>) {
        self.end_record();
        *self.current.borrow_mut() = Some(Box::new(Current {
            id,
            request,
            is_websocket: false,
            begun: Instant::now(),
            status: None,
            head: 0,
            written: 0,
        }));
    }
}

impl Drop for AccessRecorder {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_request_that_is_refused_the_line_is_kept_if_it_is_one() {
        let read = |input: &[u8]| {
            let line = RequestLine::read(input)?;
            Some((line.method, line.target, line.version))
        };
        let line = |target: &str| Some(("GET".to_owned(), target.to_owned(), Version::Http11));
        assert_eq!(read(b"GET /a?b HTTP/1.1\r\na b\r\n\r\n"), line("/a?b"));
        assert_eq!(read(b"GET /\"\x1b HTTP/1.1\n"), line("/\"\u{1b}"));
        for input in [
            &b""[..],
            b"GET / HTTP/1.1",
            b"GET / HTTP/2.0\r\n",
            b"GET /\r\n",
            b"\x16\x03\x01\x02\0\x01\n",
            b"GET /\xff HTTP/1.1\r\n",
        ] {
            assert_eq!(read(input), None, "{}", input.escape_ascii());
        }
    }
}
