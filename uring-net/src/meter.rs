//! Counts of requests: what they were, and how long they took.

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use crate::http1::Status;

/// Counts the requests of one listener on one shard. It is called in the connections' tasks, so it must not block.
pub trait RequestMeter {
    /// A request has begun: its head is there, or is not understood.
    fn began(&self);

    /// A request has ended: the last byte of its response was written, or its client has left. Each that began ends.
    fn ended(&self, request: &MeteredRequest);

    /// A WebSocket has begun. The request for it has ended before.
    fn websocket_began(&self);

    /// A WebSocket has ended.
    fn websocket_ended(&self);
}

/// A request that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeteredRequest {
    /// Its method.
    pub method: Method,
    /// The number of its route, if one matched: [`Service::route_number`](crate::Service::route_number).
    pub route: Option<u32>,
    /// The final status; `None` where the client left before there was one.
    pub status: Option<Status>,
    /// From the end of the request's head to the last byte of the response.
    pub took: Duration,
}

/// A method, of a bounded set: clients may send any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Connect,
    Trace,
    /// Another, or none that was understood.
    #[default]
    Other,
}

impl Method {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Get,
        Self::Head,
        Self::Post,
        Self::Put,
        Self::Patch,
        Self::Delete,
        Self::Options,
        Self::Connect,
        Self::Trace,
        Self::Other,
    ];

    /// Returns the method of this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            "CONNECT" => Self::Connect,
            "TRACE" => Self::Trace,
            _ => Self::Other,
        }
    }
}

/// The meter of one connection's requests.
pub(crate) struct ConnectionMeter {
    meter: Rc<dyn RequestMeter>,
    current: Cell<Option<Current>>,
}

#[derive(Clone, Copy)]
enum Current {
    Request {
        begun: Instant,
        method: Method,
        route: Option<u32>,
        status: Option<Status>,
    },
    WebSocket,
}

impl ConnectionMeter {
    pub(crate) fn new(meter: Rc<dyn RequestMeter>) -> Self {
        Self {
            meter,
            current: Cell::new(None),
        }
    }

    /// A request has begun.
    pub(crate) fn begin(&self, method: Method, now: Instant) {
        self.end();
        self.meter.began();
        self.current.set(Some(Current::Request {
            begun: now,
            method,
            route: None,
            status: None,
        }));
    }

    /// A route matches the request.
    pub(crate) fn routed(&self, number: Option<u32>) {
        if let Some(Current::Request {
            begun,
            method,
            status,
            ..
        }) = self.current.get()
        {
            self.current.set(Some(Current::Request {
                begun,
                method,
                route: number,
                status,
            }));
        }
    }

    /// The final response begins. Without a request it answers one that was not understood.
    pub(crate) fn response(&self, status: Status) {
        if self.current.get().is_none() {
            self.begin(Method::Other, Instant::now());
        }
        if let Some(Current::Request {
            begun,
            method,
            route,
            ..
        }) = self.current.get()
        {
            self.current.set(Some(Current::Request {
                begun,
                method,
                route,
                status: Some(status),
            }));
        }
    }

    /// The handshake has ended, and a WebSocket goes on.
    pub(crate) fn upgrade(&self) {
        self.end();
        self.meter.websocket_began();
        self.current.set(Some(Current::WebSocket));
    }

    /// The request or the WebSocket has ended, if there is one.
    pub(crate) fn end(&self) {
        match self.current.take() {
            Some(Current::Request {
                begun,
                method,
                route,
                status,
            }) => self.meter.ended(&MeteredRequest {
                method,
                route,
                status,
                took: begun.elapsed(),
            }),
            Some(Current::WebSocket) => self.meter.websocket_ended(),
            None => {}
        }
    }
}

impl Drop for ConnectionMeter {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[derive(Default)]
    struct Log(RefCell<Vec<String>>);

    impl Log {
        fn says(&self, line: impl Into<String>) {
            self.0.borrow_mut().push(line.into());
        }
    }

    impl RequestMeter for Log {
        fn began(&self) {
            self.says("began");
        }

        fn ended(&self, request: &MeteredRequest) {
            let status = request.status.map(Status::code);
            self.says(format!(
                "{:?} {:?} {status:?}",
                request.method, request.route
            ));
        }

        fn websocket_began(&self) {
            self.says("websocket");
        }

        fn websocket_ended(&self) {
            self.says("websocket ended");
        }
    }

    #[test]
    fn whatever_begins_ends_once() {
        let log = Rc::new(Log::default());
        let meter = ConnectionMeter::new(log.clone());
        let now = Instant::now();
        meter.end();
        meter.begin(Method::of("GET"), now);
        meter.routed(Some(3));
        meter.response(Status::OK);
        meter.end();
        meter.end();
        // Its head was not understood.
        meter.response(Status::BAD_REQUEST);
        meter.end();
        meter.begin(Method::of("BREW"), now);
        meter.begin(Method::of("GET"), now);
        meter.routed(Some(1));
        meter.response(Status::SWITCHING_PROTOCOLS);
        meter.upgrade();
        drop(meter);
        let expected = [
            "began",
            "Get Some(3) Some(200)",
            "began",
            "Other None Some(400)",
            "began",
            "Other None None",
            "began",
            "Get Some(1) Some(101)",
            "websocket",
            "websocket ended",
        ];
        assert_eq!(*log.0.borrow(), expected);
    }
}
