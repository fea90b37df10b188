//! Writes lines to a standard stream from its own thread.
//!
//! The thread that logs never waits for the reader of the stream. A slow, stopped or disconnected
//! reader, a full disk and a file-size limit cost lines, which are counted. The queue is bounded by
//! lines and by bytes.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// A standard stream. All clones share it.
#[derive(Clone)]
pub(crate) struct LineWriter {
    queue: SyncSender<Item>,
    state: Arc<State>,
}

struct State {
    /// Bytes in the queue.
    waiting: AtomicUsize,
    /// Lines that did not fit into the queue, or could not be written.
    lost: AtomicU64,
    /// The lost lines that have been reported.
    told: AtomicU64,
}

enum Item {
    Text(Vec<u8>),
    /// Reports that everything before it was written, or could not be.
    Flush(Sender<()>),
}

/// A periodic task of the thread that writes. It returns text to write.
pub(crate) type Chores = Box<dyn FnMut() -> Vec<u8> + Send>;

impl LineWriter {
    /// Starts a thread that writes to `stream`.
    ///
    /// # Errors
    /// If the thread can't be started.
    pub(crate) fn start(name: &str, stream: &impl AsFd) -> io::Result<Self> {
        Self::with_chores(name, stream, None)
    }

    /// Starts a thread that also runs a task every second.
    ///
    /// # Errors
    /// If the thread can't be started.
    pub(crate) fn with_chores(
        name: &str,
        stream: &impl AsFd,
        chores: Option<Chores>,
    ) -> io::Result<Self> {
        let (queue, items) = sync_channel(WAITING_LINES);
        let state = Arc::new(State {
            waiting: AtomicUsize::new(0),
            lost: AtomicU64::new(0),
            told: AtomicU64::new(0),
        });
        // Not the handle of the standard library: a stuck write would hold its lock, and its buffer
        // would be flushed at the end of the process. Without a stream every line is lost.
        let file = stream.as_fd().try_clone_to_owned().ok().map(File::from);
        let output = Output {
            file,
            is_amid_line: false,
            state: state.clone(),
        };
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || output.run(&items, chores))?;
        Ok(Self { queue, state })
    }

    /// Enqueues text: one line, or several with their line feeds. Text that does not fit is lost.
    pub(crate) fn write(&self, text: Vec<u8>) {
        let (lines, bytes) = (line_count(&text), text.len());
        let waiting = self.state.waiting.fetch_add(bytes, Ordering::Relaxed);
        let has_room = waiting.saturating_add(bytes) <= WAITING_BYTES;
        if !has_room || self.queue.try_send(Item::Text(text)).is_err() {
            self.state.waiting.fetch_sub(bytes, Ordering::Relaxed);
            self.state.lost.fetch_add(lines, Ordering::Relaxed);
        }
    }

    /// Waits until everything written so far is in the stream, but no longer than until `deadline`.
    pub(crate) fn flush(&self, deadline: Instant) {
        let (done, flushed) = channel();
        let mut item = Item::Flush(done);
        // A full queue does not take this item either.
        while let Err(error) = self.queue.try_send(item) {
            use std::sync::mpsc::TrySendError::{Disconnected, Full};
            item = match error {
                Full(item) if Instant::now() < deadline => item,
                Full(_) | Disconnected(_) => return,
            };
            thread::sleep(Duration::from_millis(5));
        }
        let _ = flushed.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }

    /// Returns the number of lines that were ever lost.
    pub(crate) fn lost(&self) -> u64 {
        self.state.lost.load(Ordering::Relaxed)
    }

    /// Returns the number of lost lines since the last call.
    pub(crate) fn take_lost(&self) -> u64 {
        let lost = self.state.lost.load(Ordering::Relaxed);
        let told = self.state.told.swap(lost, Ordering::Relaxed);
        lost.saturating_sub(told)
    }
}

/// The state of the thread.
struct Output {
    file: Option<File>,
    /// True if the last write ended within a line: the next one must begin a new line.
    is_amid_line: bool,
    state: Arc<State>,
}

impl Output {
    fn run(mut self, items: &Receiver<Item>, mut chores: Option<Chores>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut flushed = Vec::new();
        let mut chores_at = Instant::now() + CHORES;
        loop {
            let pause = match chores {
                Some(_) => chores_at.saturating_duration_since(Instant::now()),
                None => Duration::from_secs(3600),
            };
            let mut next = match items.recv_timeout(pause) {
                Ok(item) => Some(item),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // Lines that wait are written together.
            while let Some(item) = next {
                match item {
                    Item::Text(text) => batch.extend_from_slice(&text),
                    Item::Flush(done) => flushed.push(done),
                }
                next = match batch.len() < BATCH {
                    true => items.try_recv().ok(),
                    false => None,
                };
            }
            let len = batch.len();
            self.write(&batch);
            self.state.waiting.fetch_sub(len, Ordering::Relaxed);
            batch.clear();
            batch.shrink_to(BATCH);
            for done in flushed.drain(..) {
                let _ = done.send(());
            }
            if let Some(chores) = &mut chores
                && Instant::now() >= chores_at
            {
                chores_at = Instant::now() + CHORES;
                self.write(&chores());
            }
        }
    }

    /// Writes text, and counts lines that can't be written.
    fn write(&mut self, text: &[u8]) {
        if text.is_empty() {
            return;
        }
        if self.is_amid_line && self.write_some(b"\n") == 1 {
            self.is_amid_line = false;
        }
        let written = self.write_some(text);
        if let Some(last) = text[..written].last() {
            self.is_amid_line = *last != b'\n' && written < text.len();
        }
        let lost = line_count(&text[written..]);
        self.state.lost.fetch_add(lost, Ordering::Relaxed);
    }

    /// Returns the number of bytes that the stream has taken: all, unless it failed.
    fn write_some(&mut self, text: &[u8]) -> usize {
        let Some(file) = &mut self.file else { return 0 };
        let mut written = 0;
        while written < text.len() {
            match file.write(&text[written..]) {
                Ok(0) => break,
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Another process has made this stream non-blocking.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => wait_for_room(file),
                Err(_) => break,
            }
        }
        written
    }
}

/// Waits until a non-blocking stream takes more, or fails.
fn wait_for_room(file: &File) {
    let mut polled = libc::pollfd {
        fd: file.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: `polled` is one entry, which lives as long as the call.
    unsafe { libc::poll(&raw mut polled, 1, 1000) };
}

/// Counts lines. Text without a line feed at its end is a line, too.
fn line_count(text: &[u8]) -> u64 {
    let ends = text.iter().filter(|byte| **byte == b'\n').count() as u64;
    ends + u64::from(text.last().is_some_and(|last| *last != b'\n'))
}

/// Maximum queued lines and bytes.
const WAITING_LINES: usize = 16 * 1024;
const WAITING_BYTES: usize = 8 << 20;
/// Bytes written together.
const BATCH: usize = 64 * 1024;
/// The interval of the periodic task.
const CHORES: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn lines_come_in_order_and_flush_waits_for_them() {
        let (mut reader, writer) = io::pipe().unwrap();
        let lines = LineWriter::start("test", &writer).unwrap();
        for line in ["one\n", "two\n", "three\n"] {
            lines.write(line.into());
        }
        lines.flush(soon());
        let mut read = [0; 64];
        let count = reader.read(&mut read).unwrap();
        assert_eq!(&read[..count], b"one\ntwo\nthree\n");
        assert_eq!(lines.take_lost(), 0);
    }

    #[test]
    fn a_reader_that_stands_still_costs_lines_and_nobody_waits() {
        let (reader, writer) = io::pipe().unwrap();
        let lines = LineWriter::start("test", &writer).unwrap();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        let began = Instant::now();
        for _ in 0..20_000 {
            lines.write(line.clone());
        }
        lines.flush(Instant::now() + Duration::from_millis(100));
        assert!(began.elapsed() < Duration::from_secs(5));
        let lost = lines.take_lost();
        assert!((11_000..20_000).contains(&lost), "{lost}");
        assert_eq!(lines.take_lost(), 0, "they are told once");
        assert!(lines.state.waiting.load(Ordering::Relaxed) <= WAITING_BYTES);
        drop(reader);
    }

    #[test]
    fn what_cannot_be_written_is_counted() {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let full = File::options().write(true).open("/dev/full").unwrap();
        let gone = LineWriter::start("test", &writer).unwrap();
        let full = LineWriter::start("test", &full).unwrap();
        for lines in [gone, full] {
            lines.write(b"one\ntwo\n".to_vec());
            lines.write(b"three\n".to_vec());
            lines.flush(soon());
            assert_eq!(lines.take_lost(), 3);
        }
    }
}
