//! Byte streams between two processes.

use crate::Pid;
use crate::bindings::rusm::runtime::streams;

/// One end of a byte stream to another process. The stream is bounded: the writer waits while the
/// reader is slow.
#[derive(Debug)]
pub struct Stream {
    handle: u64,
}

impl Stream {
    /// Opens a stream to a process, which [accepts](Self::accept) it. Returns `None` if the process has
    /// ended.
    pub fn open(to: Pid) -> Option<Self> {
        streams::stream_open(to.0).map(Self::from_handle)
    }

    /// Waits for the next stream that another process opens to this one, and returns its reading end.
    pub fn accept() -> Self {
        Self::from_handle(streams::stream_accept())
    }

    /// Writes a chunk. Returns false once the reader has closed its end.
    pub fn write(&self, chunk: &[u8]) -> bool {
        streams::stream_write(self.handle, chunk)
    }

    /// Waits for the next chunk. Returns `None` at the end of the stream, and if it
    /// [failed](Self::failure).
    pub fn read(&self) -> Option<Vec<u8>> {
        streams::stream_read(self.handle)
    }

    /// Returns why the stream failed, after [`read`](Self::read) returned `None`; `None` if it ended
    /// normally.
    pub fn failure(&self) -> Option<String> {
        streams::stream_failure(self.handle)
    }

    /// Closes this end: the writer ends the stream, the reader stops reading.
    pub fn close(self) {
        streams::stream_close(self.handle);
    }

    pub(crate) fn from_handle(handle: u64) -> Self {
        Self { handle }
    }
}
