//! Standard output and error of a component that uses WASI.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use rusm_core::RequestId;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

use super::log_lines::Diagnostics;

/// Takes what a guest writes. It is called on the guest's shard, so it does not wait.
pub(crate) trait Sink: Clone + Send + Sync + Unpin + 'static {
    fn take(&self, bytes: &[u8]);
}

/// A stream of the node's own, as it is.
impl Sink for fn(&[u8]) {
    fn take(&self, bytes: &[u8]) {
        self(bytes);
    }
}

/// Lines that are events of the operator's log. All clones are the same stream.
#[derive(Clone)]
pub(crate) struct LogLines(Arc<Mutex<Diagnostics>>);

impl LogLines {
    pub(crate) fn new(diagnostics: Diagnostics) -> Self {
        Self(Arc::new(Mutex::new(diagnostics)))
    }

    /// What comes from now on is about this request.
    pub(crate) fn answers(&self, request: RequestId) {
        self.lines().answers(request);
    }

    fn lines(&self) -> MutexGuard<'_, Diagnostics> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for LogLines {
    fn take(&self, bytes: &[u8]) {
        self.lines().write(bytes);
    }
}

/// WASI's stream into a sink, which always has room.
#[derive(Clone)]
pub(crate) struct StreamInto<S>(pub(crate) S);

impl<S: Sink> IsTerminal for StreamInto<S> {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl<S: Sink> StdoutStream for StreamInto<S> {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait::async_trait]
impl<S: Sink> Pollable for StreamInto<S> {
    async fn ready(&mut self) {}
}

impl<S: Sink> OutputStream for StreamInto<S> {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(AT_ONCE)
    }
}

impl<S: Sink> AsyncWrite for StreamInto<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.take(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Bytes that a guest may write in one go.
const AT_ONCE: usize = 16 * 1024;
