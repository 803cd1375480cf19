//! A pipe from a thread that writes to a request that sends: a few buffers of one MiB, so that a slow engine slows the
//! thread down.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

const BUFFER: usize = 1024 * 1024;
const BUFFERS: usize = 4;

/// The writing side, seen from the request: how far it is, and how it ended.
pub(super) struct Pipe {
    receiver: Arc<Mutex<mpsc::Receiver<io::Result<Bytes>>>>,
    sent: Arc<AtomicU64>,
    thread: JoinHandle<io::Result<()>>,
}

impl Pipe {
    /// Runs `write` on a thread of its own; the stream yields what it writes. If it fails the stream ends in an error, so
    /// that the request breaks off instead of ending early.
    pub(super) fn open(
        write: impl FnOnce(&mut dyn Write) -> io::Result<()> + Send + 'static,
    ) -> (Self, impl Stream<Item = io::Result<Bytes>> + Send + 'static) {
        let (sender, receiver) = mpsc::channel(BUFFERS);
        let receiver = Arc::new(Mutex::new(receiver));
        let sent = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&sent);
        let thread = std::thread::spawn(move || {
            let mut writer = Writer::new(sender, counter);
            let result = write(&mut writer).and_then(|()| writer.flush());
            if result.is_err() {
                let broken = io::Error::other("the archive broke off");
                let _receiver_may_be_gone = writer.sender.blocking_send(Err(broken));
            }
            result
        });
        let reader = Arc::clone(&receiver);
        let stream = futures_util::stream::poll_fn(move |context| {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            reader.poll_recv(context)
        });
        let pipe = Self {
            receiver,
            sent,
            thread,
        };
        (pipe, stream)
    }

    /// Returns how many bytes were sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Ends the reading side and returns the writer's own failure; that the reader left early is none.
    pub(super) fn close(self) -> io::Result<()> {
        // Before the join: a request that was refused keeps its body, and the thread would wait for room forever.
        let mut receiver = self.receiver.lock().unwrap_or_else(PoisonError::into_inner);
        receiver.close();
        drop(receiver);
        let panicked = |_| Err(io::Error::other("the writing thread panicked"));
        match self.thread.join().unwrap_or_else(panicked) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

struct Writer {
    sender: mpsc::Sender<io::Result<Bytes>>,
    sent: Arc<AtomicU64>,
    buffer: Vec<u8>,
}

impl Writer {
    fn new(sender: mpsc::Sender<io::Result<Bytes>>, sent: Arc<AtomicU64>) -> Self {
        let buffer = Vec::with_capacity(BUFFER);
        Self {
            sender,
            sent,
            buffer,
        }
    }
}

impl Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = BUFFER - self.buffer.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.buffer.extend_from_slice(taken);
        if self.buffer.len() == BUFFER {
            self.flush()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(BUFFER));
        let length = full.len() as u64;
        let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        self.sender.blocking_send(Ok(full.into())).map_err(gone)?;
        self.sent.fetch_add(length, Ordering::Relaxed);
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_writer_whose_reader_stops_reading_is_released() {
        let (pipe, _unread) = Pipe::open(|sink| io::copy(&mut io::repeat(0), sink).map(drop));
        assert!(pipe.close().is_ok());
    }

    #[test]
    fn a_failure_of_the_writer_is_returned() {
        let (pipe, _unread) = Pipe::open(|_| Err(io::Error::other("gone")));
        assert_eq!(pipe.close().unwrap_err().to_string(), "gone");
    }
}
