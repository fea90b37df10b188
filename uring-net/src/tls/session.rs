//! The state of TLS on one connection, as functions over bytes.

use std::cell::{Cell, RefCell};
use std::io::BufRead;
use std::ops::Range;
use std::sync::Arc;

use rustls::{ProtocolVersion, ServerConfig, ServerConnection};

use super::acceptor::HTTP2;

/// TLS on one connection, which its reading and its writing side share.
///
/// It holds records that came in part, and content that there was no room for: less than a record
/// of each. What is to be sent is taken out at once, except for what may wait for the next
/// response.
pub(crate) struct Session {
    connection: RefCell<ServerConnection>,
    /// Set if the client has said that it sends no more.
    is_ended: Cell<bool>,
}

impl Session {
    pub(crate) fn new(config: Arc<ServerConfig>) -> Result<Self, rustls::Error> {
        let mut connection = ServerConnection::new(config)?;
        // How much is encrypted at once is bounded by `CHUNK`.
        connection.set_buffer_limit(None);
        Ok(Self {
            connection: RefCell::new(connection),
            is_ended: Cell::new(false),
        })
    }

    /// Returns whether the client has said that it sends no more. What it sent before may not have
    /// been taken.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended.get()
    }

    /// Appends content that was decrypted to `buffer`, up to `end`. Returns the number of bytes.
    pub(crate) fn take(&self, buffer: &mut Vec<u8>, end: usize) -> usize {
        let start = buffer.len();
        let mut connection = self.connection.borrow_mut();
        let mut reader = connection.reader();
        while buffer.len() < end
            && let Ok(content @ [_, ..]) = reader.fill_buf()
        {
            let count = content.len().min(end - buffer.len());
            buffer.extend_from_slice(&content[..count]);
            reader.consume(count);
        }
        buffer.len() - start
    }

    /// Decrypts the records in `buffer` behind `room.start`, and puts as much of their content in
    /// their place as there is `room` for. Returns the number of its bytes.
    pub(crate) fn decrypt(
        &self,
        buffer: &mut Vec<u8>,
        room: Range<usize>,
    ) -> Result<usize, rustls::Error> {
        let mut at = room.start;
        let mut end = room.start;
        while at < buffer.len() && !self.is_ended() {
            at += self.take_in(&buffer[at..])?;
            // Content never needs more room than the records that it came in and those before.
            let free = &mut buffer[end..at.min(room.end).max(end)];
            let mut connection = self.connection.borrow_mut();
            end += std::io::Read::read(&mut connection.reader(), free).unwrap_or(0);
        }
        buffer.truncate(end);
        self.take(buffer, room.end);
        Ok(buffer.len() - room.start)
    }

    /// Takes in what begins `records`. Returns how many bytes of it.
    pub(crate) fn take_in(&self, mut records: &[u8]) -> Result<usize, rustls::Error> {
        let mut connection = self.connection.borrow_mut();
        let count = connection
            .read_tls(&mut records)
            .map_err(|error| rustls::Error::General(error.to_string()))?;
        let state = connection.process_new_packets()?;
        if state.peer_has_closed() || count == 0 {
            self.is_ended.set(true);
        }
        Ok(count)
    }

    /// Takes in all of `records`.
    pub(crate) fn take_in_all(&self, records: &[u8]) -> Result<(), rustls::Error> {
        let mut at = 0;
        while at < records.len() && !self.is_ended() {
            at += self.take_in(&records[at..])?;
        }
        Ok(())
    }

    /// Encrypts the beginning of `content`, up to [`CHUNK`] bytes, behind what else is to be sent.
    /// Returns how many bytes of it.
    pub(crate) fn encrypt(&self, content: &[u8], out: &mut Vec<u8>) -> usize {
        let content = &content[..content.len().min(CHUNK)];
        let mut connection = self.connection.borrow_mut();
        // It fails on no connection whose handshake is complete.
        let count = std::io::Write::write(&mut connection.writer(), content).unwrap_or(0);
        take_sendable(&mut connection, out);
        count
    }

    /// Appends what is to be sent beside content.
    pub(crate) fn take_sendable(&self, out: &mut Vec<u8>) {
        take_sendable(&mut self.connection.borrow_mut(), out);
    }

    /// Appends the end of what we send (close_notify).
    pub(crate) fn end(&self, out: &mut Vec<u8>) {
        let mut connection = self.connection.borrow_mut();
        connection.send_close_notify();
        take_sendable(&mut connection, out);
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.connection.borrow().is_handshaking()
    }

    /// Returns whether the client and we have agreed on HTTP/2.
    pub(crate) fn is_http2(&self) -> bool {
        self.connection.borrow().alpn_protocol() == Some(HTTP2)
    }

    /// Returns whether what is to be sent now can wait for the first response: the client needs none of
    /// it to begin.
    pub(crate) fn may_wait(&self) -> bool {
        let connection = self.connection.borrow();
        // In 1.3 it is the session tickets, in 1.2 the end of the handshake.
        !connection.is_handshaking()
            && connection.protocol_version() == Some(ProtocolVersion::TLSv1_3)
    }
}

fn take_sendable(connection: &mut ServerConnection, out: &mut Vec<u8>) {
    // Writes to memory do not fail.
    while connection.wants_write() && connection.write_tls(out).is_ok() {}
}

/// Bytes that are encrypted at once: the memory that a client takes that is slow to read.
pub(crate) const CHUNK: usize = 64 * 1024;
