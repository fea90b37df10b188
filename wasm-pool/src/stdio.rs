//! The node's own standard streams, for guests that may write to them as they are.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Where guests write that may write to the node's standard streams. Called on the guest's shard,
/// so neither may wait: a reader that stands still costs text, and nobody's time.
#[derive(Clone, Copy, Debug)]
pub struct Stdio {
    /// Standard output.
    pub out: fn(&[u8]),
    /// Standard error.
    pub err: fn(&[u8]),
}

impl Stdio {
    /// Nothing is written.
    pub const NONE: Self = Self {
        out: |_| {},
        err: |_| {},
    };
}

/// One of them.
#[derive(Clone, Copy)]
pub(crate) struct RawStream(pub(crate) fn(&[u8]));

impl IsTerminal for RawStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for RawStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(*self)
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(*self)
    }
}

#[async_trait::async_trait]
impl Pollable for RawStream {
    async fn ready(&mut self) {}
}

impl OutputStream for RawStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        (self.0)(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(AT_ONCE)
    }
}

impl AsyncWrite for RawStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        (self.0)(bytes);
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
