//! Byte streams between two processes.

use crate::Pid;
use crate::bindings::rusm::runtime::streams;

/// One end of a byte stream to another process. It is bounded: a slow reader makes the writer
/// wait.
#[derive(Debug)]
pub struct Stream {
    handle: u64,
}

impl Stream {
    /// Opens a stream to a process, which [accepts](Self::accept) it; `None` if it is gone.
    pub fn open(to: Pid) -> Option<Self> {
        streams::stream_open(to.0).map(Self::from_handle)
    }

    /// Waits for the next stream that is opened to this process, to read from.
    pub fn accept() -> Self {
        Self::from_handle(streams::stream_accept())
    }

    /// Writes a chunk; false once the reader is gone.
    pub fn write(&self, chunk: &[u8]) -> bool {
        streams::stream_write(self.handle, chunk)
    }

    /// Waits for the next chunk; `None` at the end of the stream, and when it [failed](Self::failure).
    pub fn read(&self) -> Option<Vec<u8>> {
        streams::stream_read(self.handle)
    }

    /// Why the stream failed, after [`read`](Self::read) gave `None`; `None` if it just ended.
    pub fn failure(&self) -> Option<String> {
        streams::stream_failure(self.handle)
    }

    /// The writer: end of stream. The reader: it reads no more.
    pub fn close(self) {
        streams::stream_close(self.handle);
    }

    pub(crate) fn from_handle(handle: u64) -> Self {
        Self { handle }
    }
}
