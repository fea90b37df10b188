//! The two halves of a socket, each read or written as it is or through TLS.
//!
//! A connection without TLS pays a branch for those with it. What TLS needs is in a box.

use std::io;
use std::ops::Range;
use std::rc::Rc;

use monoio::buf::{IoBuf, IoBufMut};
use monoio::io::{
    AsyncReadRent, AsyncWriteRent, CancelableAsyncReadRent, OwnedReadHalf, OwnedWriteHalf,
};
use monoio::net::TcpStream;

use crate::access::AccessRecorder;
use crate::deadline_guard::Reads;
use crate::tls::Session;

/// The number of bytes that were read, 0 at the end, and the buffer with them behind its content.
pub(crate) type Read = (io::Result<usize>, Vec<u8>);

/// The half of a socket that is read.
pub(super) struct ReadHalf {
    pub(super) tcp: OwnedReadHalf<TcpStream>,
    pub(super) tls: Option<Rc<Session>>,
}

impl ReadHalf {
    /// Another one of the same connection.
    pub(super) fn share(&self) -> Self {
        Self {
            tcp: OwnedReadHalf(self.tcp.0.clone()),
            tls: self.tls.clone(),
        }
    }
}

pub(super) async fn read_once(half: &mut ReadHalf, buffer: Vec<u8>) -> Read {
    let free = buffer.len()..buffer.capacity();
    match &half.tls {
        None => read_into(&mut half.tcp, buffer, free).await,
        Some(tls) => Box::pin(read_tls(tls, &mut half.tcp, None, buffer, free)).await,
    }
}

pub(super) async fn read_into(
    half: &mut OwnedReadHalf<TcpStream>,
    buffer: Vec<u8>,
    free: Range<usize>,
) -> Read {
    let (read, slice) = half.read(buffer.slice_mut(free)).await;
    (read, slice.into_inner())
}

/// Reads once, unless the connection's time is over: then it is as at the end of the input.
pub(super) async fn read_in_time(
    half: &mut ReadHalf,
    reads: &Reads,
    buffer: Vec<u8>,
    free: Range<usize>,
) -> Read {
    match &half.tls {
        None => read_tcp_in_time(&mut half.tcp, reads, buffer, free).await,
        Some(tls) => Box::pin(read_tls(tls, &mut half.tcp, Some(reads), buffer, free)).await,
    }
}

async fn read_tcp_in_time(
    half: &mut OwnedReadHalf<TcpStream>,
    reads: &Reads,
    buffer: Vec<u8>,
    free: Range<usize>,
) -> Read {
    let Some((handle, _reading)) = reads.begin() else {
        return (Ok(0), buffer);
    };
    let slice = buffer.slice_mut(free);
    let (read, slice) = half.cancelable_read(slice, handle).await;
    let is_cancelled = |error: &io::Error| error.raw_os_error() == Some(libc::ECANCELED);
    let read = match read {
        Err(error) if is_cancelled(&error) => Ok(0),
        read => read,
    };
    (read, slice.into_inner())
}

/// Reads until there is some content, and puts it into the free part of `buffer`, which the records
/// are read into first: a connection that waits holds one buffer, as without TLS. With `reads` it is
/// in time.
///
/// An end without close_notify is as one with it: what HTTP and WebSocket need more of says so by
/// itself.
async fn read_tls(
    tls: &Session,
    half: &mut OwnedReadHalf<TcpStream>,
    reads: Option<&Reads>,
    mut buffer: Vec<u8>,
    free: Range<usize>,
) -> Read {
    loop {
        let taken = tls.take(&mut buffer, free.end);
        if taken > 0 || tls.is_ended() || free.is_empty() {
            return (Ok(taken), buffer);
        }
        let decrypted = if free.len() < MIN_RECORDS {
            let records = Vec::with_capacity(MIN_RECORDS);
            let (read, records) = read_records(half, reads, records, 0..MIN_RECORDS).await;
            if !matches!(read, Ok(1..)) {
                return (read, buffer);
            }
            let taken = tls.take_in_all(&records);
            taken.map(|()| tls.take(&mut buffer, free.end))
        } else {
            let (read, records) = read_records(half, reads, buffer, free.clone()).await;
            buffer = records;
            if !matches!(read, Ok(1..)) {
                return (read, buffer);
            }
            tls.decrypt(&mut buffer, free.clone())
        };
        match decrypted {
            // Part of a record, or one without content.
            Ok(0) => {}
            Ok(count) => return (Ok(count), buffer),
            Err(error) => return (Err(io::Error::other(error)), buffer),
        }
    }
}

async fn read_records(
    half: &mut OwnedReadHalf<TcpStream>,
    reads: Option<&Reads>,
    buffer: Vec<u8>,
    free: Range<usize>,
) -> Read {
    match reads {
        Some(reads) => read_tcp_in_time(half, reads, buffer, free).await,
        None => read_into(half, buffer, free).await,
    }
}

/// The half of a socket that is written.
pub(crate) struct Writer {
    pub(super) tcp: OwnedWriteHalf<TcpStream>,
    pub(super) tls: Option<Rc<Session>>,
}

impl Writer {
    /// Tells a client of TLS that all was sent.
    pub(crate) async fn end(&mut self) -> Result<(), Disconnected> {
        let Some(tls) = &self.tls else { return Ok(()) };
        let mut out = Vec::new();
        tls.end(&mut out);
        write_tcp(&mut self.tcp, out, || {}, |_| {}).await.map(drop)
    }

    /// Prepares the beginning of `content` for [`Writer::write_prepared`], behind what `out` has
    /// already: encrypted, or as it is. Returns how many bytes of it.
    pub(crate) fn prepare(&self, content: &[u8], out: &mut Vec<u8>) -> usize {
        match &self.tls {
            None => {
                out.extend_from_slice(content);
                content.len()
            }
            Some(tls) => tls.encrypt(content, out),
        }
    }

    /// Writes all of what was prepared, and returns the buffer.
    pub(crate) async fn write_prepared(
        &mut self,
        bytes: Vec<u8>,
        before_each: impl FnMut(),
    ) -> Result<Vec<u8>, Disconnected> {
        write_tcp(&mut self.tcp, bytes, before_each, |_| {}).await
    }

    /// Ends the way out.
    pub(crate) async fn shutdown(&mut self) -> io::Result<()> {
        self.tcp.shutdown().await
    }
}

/// The client can't be written to.
pub(crate) struct Disconnected;

/// Writes all of `bytes`, and returns the buffer. `before_each` write the deadline can be
/// set by which the client has to take some of them.
pub(crate) async fn write_all(
    writer: &mut Writer,
    recorder: &AccessRecorder,
    bytes: Vec<u8>,
    before_each: impl FnMut(),
) -> Result<Vec<u8>, Disconnected> {
    match &writer.tls {
        None => {
            let wrote = |count| recorder.wrote(count);
            write_tcp(&mut writer.tcp, bytes, before_each, wrote).await
        }
        Some(tls) => {
            let writing = write_tls(tls, &mut writer.tcp, recorder, bytes, before_each);
            Box::pin(writing).await
        }
    }
}

async fn write_tcp(
    tcp: &mut OwnedWriteHalf<TcpStream>,
    mut bytes: Vec<u8>,
    mut before_each: impl FnMut(),
    mut wrote: impl FnMut(usize),
) -> Result<Vec<u8>, Disconnected> {
    let mut written = 0;
    while written < bytes.len() {
        before_each();
        let (result, slice) = tcp.write(bytes.slice(written..)).await;
        bytes = slice.into_inner();
        match result {
            Ok(0) | Err(_) => return Err(Disconnected),
            Ok(count) => {
                wrote(count);
                written += count;
            }
        }
    }
    Ok(bytes)
}

/// Encrypts a part after the other, each when the last was written: a slow client holds no more
/// than one.
async fn write_tls(
    tls: &Session,
    tcp: &mut OwnedWriteHalf<TcpStream>,
    recorder: &AccessRecorder,
    bytes: Vec<u8>,
    mut before_each: impl FnMut(),
) -> Result<Vec<u8>, Disconnected> {
    let mut records = Vec::new();
    let mut written = 0;
    while written < bytes.len() {
        records.clear();
        let count = tls.encrypt(&bytes[written..], &mut records);
        if count == 0 {
            return Err(Disconnected);
        }
        records = write_tcp(tcp, records, &mut before_each, |_| {}).await?;
        recorder.wrote(count);
        written += count;
    }
    Ok(bytes)
}

/// Room for less than this is too little for what is around the content of a record.
const MIN_RECORDS: usize = 256;
