//! Settings of the connections of one listener.

use std::sync::Arc;
use std::time::Duration;

use crate::access::AccessLog;
use crate::http1::{HeadLimits, HeaderLines};
use crate::tls::Acceptor;

/// The limits of a listener's clients.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The limits of a head.
    pub head: HeadLimits,
    /// Bytes a body may have, streamed ones included; beyond, 413.
    pub max_body: u64,
    /// From a head's first byte to its last; beyond, 408.
    pub header_timeout: Duration,
    /// From a head's end to the body's end; beyond, 408. Of a body that is streamed to its consumer:
    /// the time for which the client may send nothing of it while the consumer waits.
    pub body_timeout: Duration,
    /// From one response to the first byte of the next request; beyond, the connection is closed.
    pub idle_timeout: Duration,
    /// The time for which a client may take none of a response; beyond, the connection is cut.
    pub write_timeout: Duration,
    /// Headers of every response.
    pub headers: HeaderLines,
    /// The receiver of a record of each request that has ended.
    pub access_log: Option<Arc<dyn AccessLog>>,
    /// Set if clients may speak HTTP/2: over TLS as [`Acceptor::with_http2`] offers it, else those that
    /// begin with it ("prior knowledge").
    pub http2: bool,
    /// The listener speaks TLS if it is set.
    pub tls: Option<Acceptor>,
}
