//! [`Order`]: bytes of a blob that was found right before, or of a file as it lies, from there to a socket.

use std::fmt;
use std::io::{self, ErrorKind};
use std::sync::Arc;

use hyper::body::Bytes;
use rustix::fs::sendfile;
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::given::GivenFile;
use super::ledger::Ledger;
use super::queues::on_their_way;
use super::shelf::Shelf;
use crate::tools::stretch::{Position, Stretch, StretchState};
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};

/// How much the kernel sends before the file is looked at again.
const STEP: u64 = 1 << 20;
/// How much is handed over at a time where it is not for the socket itself.
const CHUNK: usize = 128 << 10;
/// How much is copied at a time; on the stack of the thread that does it.
const COPY: usize = 64 << 10;

/// Bytes of a blob that go to a socket without being hashed once more, since the file that they
/// lie in has not changed since its bytes were found to be the blob; or bytes of one state of a file.
///
/// The kernel sends them from its own memory of the file. What it has sent so is no copy: a change
/// of the file still shows in what waits in a socket. So the last bytes, as many as can wait, are
/// copied, and each copy is given out only if the file is unchanged after it was made. By then all
/// before them have arrived, and did so before the file was looked at: no client sees the end of an
/// answer of which any byte was changed.
pub struct Order {
    what: Ordered,
    stretch: Stretch,
    state: StretchState,
    /// The next byte, counted from the beginning of the stretch.
    at: u64,
    left: u64,
    /// How many of the last bytes are copied.
    copied: u64,
    /// Bytes that are noted in the ledger.
    noted: u64,
    shelf: Arc<Shelf>,
    log: Arc<dyn Progress>,
    ledger: Option<Arc<Ledger>>,
}

/// What the bytes are of.
#[derive(Debug)]
enum Ordered {
    Blob(Digest),
    File(Arc<GivenFile>),
}

impl fmt::Display for Ordered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ordered::Blob(digest) => write!(f, "blob {digest}"),
            Ordered::File(file) => write!(f, "bundle {}", file.name()),
        }
    }
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Order").field("what", &self.what).field("left", &self.left).finish()
    }
}

impl Order {
    /// `count` bytes of `blob` from `first` on (the span); nothing when all of the blob has to be
    /// read to know that they are right. Blocks, as looking at files does.
    pub fn find(
        shelf: &Arc<Shelf>,
        blob: &Descriptor,
        (first, count): (u64, u64),
        log: &Arc<dyn Progress>,
        ledger: Option<&Arc<Ledger>>,
    ) -> Option<Order> {
        let stretch = shelf.bytes().stretch(blob).ok()??;
        let state = shelf.sound().holds(&blob.digest, &stretch)?;
        let there = stretch.size() == blob.size;
        let what = Ordered::Blob(blob.digest);
        there.then(|| Order::new(shelf, what, (stretch, state), (first, count), log, ledger))
    }

    /// `count` bytes of `file` from `first` on (the span), which is a `stretch` in this state now.
    pub fn of_file(
        shelf: &Arc<Shelf>,
        file: &Arc<GivenFile>,
        (stretch, state): (Stretch, StretchState),
        (first, count): (u64, u64),
        log: &Arc<dyn Progress>,
    ) -> Order {
        let what = Ordered::File(Arc::clone(file));
        Order::new(shelf, what, (stretch, state), (first, count), log, None)
    }

    fn new(
        shelf: &Arc<Shelf>,
        what: Ordered,
        (stretch, state): (Stretch, StretchState),
        (first, count): (u64, u64),
        log: &Arc<dyn Progress>,
        ledger: Option<&Arc<Ledger>>,
    ) -> Order {
        Order {
            what,
            stretch,
            state,
            at: first,
            left: count,
            copied: on_their_way().unwrap_or(u64::MAX),
            noted: 0,
            shelf: Arc::clone(shelf),
            log: Arc::clone(log),
            ledger: ledger.cloned(),
        }
    }

    /// How many bytes are still to be sent.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Sends up to `most` bytes, as many as `socket` takes now. Blocks on the medium alone.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] when the socket takes none. All others are the end of the answer;
    /// those of the medium were told to the people at the server.
    pub fn send(&mut self, socket: &TcpStream, most: u64) -> io::Result<u64> {
        let mut sent = 0;
        while sent < most && self.left > 0 {
            match self.step(socket, most - sent) {
                Ok(bytes) => {
                    sent += bytes;
                    self.at += bytes;
                    self.left -= bytes;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock && sent > 0 => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(sent)
    }

    fn step(&mut self, socket: &TcpStream, most: u64) -> io::Result<u64> {
        self.log.check().map_err(Error::into_io)?;
        let by_kernel = self.left.saturating_sub(self.copied).min(STEP).min(most);
        if by_kernel == 0 {
            return self.copy(socket, most);
        }
        self.unchanged()?;
        let by_kernel = by_kernel.min(self.stretch.position(self.at).map_or(0, |p| p.left));
        self.note(by_kernel);
        let sent = match self.stretch.position(self.at) {
            Some(Position { file, mut at, .. }) => {
                let count = usize::try_from(by_kernel).unwrap_or(usize::MAX);
                let send = || Ok(sendfile(socket, file, Some(&mut at), count)?);
                socket.try_io(Interest::WRITABLE, send)
            }
            None => Ok(0),
        };
        match sent {
            Ok(0) => Err(self.failed(self.changed())),
            Ok(sent) => {
                self.shelf.sent_by_kernel(sent as u64);
                Ok(sent as u64)
            }
            // Not from every file system, and not where it is forbidden.
            Err(e) if matches!(e.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => {
                self.copied = u64::MAX;
                self.copy(socket, most)
            }
            Err(e) if is_the_clients(&e) => Err(e),
            Err(e) => Err(self.failed(Error::io("cannot read the bundle", e))),
        }
    }

    /// What the socket does not take is read again.
    fn copy(&mut self, socket: &TcpStream, most: u64) -> io::Result<u64> {
        let mut buffer = [0; COPY];
        let want = usize::try_from(self.left.min(most)).unwrap_or(COPY).min(COPY);
        let bytes = &mut buffer[..want];
        if let Err(error) = self.stretch.read_exact_at(bytes, self.at) {
            return Err(self.failed(Error::io("cannot read the bundle", error)));
        }
        self.unchanged()?;
        self.note(want as u64);
        socket.try_write(bytes).map(|sent| sent as u64)
    }

    /// Hands the bytes over as copies, until the client hangs up: those of a chunk once it is known that
    /// the file was not changed before they were copied. Blocks.
    pub fn copy_to(mut self, chunks: &mpsc::Sender<Result<Bytes>>) {
        while self.left > 0 {
            let chunk = self.next_copy();
            let is_over = chunk.is_err();
            if chunks.blocking_send(chunk.map_err(|e| Error::io("cannot serve", e))).is_err()
                || is_over
            {
                return;
            }
        }
    }

    fn next_copy(&mut self) -> io::Result<Bytes> {
        self.log.check().map_err(Error::into_io)?;
        let mut bytes = vec![0; usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK)];
        if let Err(error) = self.stretch.read_exact_at(&mut bytes, self.at) {
            return Err(self.failed(Error::io("cannot read the bundle", error)));
        }
        self.unchanged()?;
        let count = bytes.len() as u64;
        self.note(count);
        self.at += count;
        self.left -= count;
        Ok(bytes.into())
    }

    fn unchanged(&self) -> io::Result<()> {
        match self.stretch.state() == Some(self.state) {
            true => Ok(()),
            false => Err(self.failed(self.changed())),
        }
    }

    fn changed(&self) -> Error {
        let (text, hint) = match self.what {
            Ordered::Blob(_) => (
                "the file was changed while the blob was being sent",
                "the next request has it read again, and it is served if it is still right",
            ),
            Ordered::File(_) => (
                "it was changed while it was being sent",
                "leave a bundle as it is while others read it",
            ),
        };
        Error::new(Class::Damaged, text).hint(hint)
    }

    /// Tells those who should know, and gives what the client's connection ends with.
    fn failed(&self, error: Error) -> io::Error {
        self.log.event(Event::note(format!("cannot serve {}: {error}", self.what)));
        if let (Some(ledger), Ordered::Blob(blob)) = (&self.ledger, &self.what) {
            ledger.failed(*blob, error);
        }
        io::Error::other(format!("{} is broken off", self.what))
    }

    /// Notes the next `bytes`, before they are on their way: whoever has got all of it may look at
    /// once. What the socket did not take is not noted twice.
    fn note(&mut self, bytes: u64) {
        let end = self.at + bytes;
        let ledger = self.ledger.as_ref().filter(|_| end > self.noted);
        if let (Some(ledger), Ordered::Blob(blob)) = (ledger, &self.what) {
            ledger.gave(*blob, end - self.noted.max(self.at));
            self.noted = end;
        }
    }
}

/// Whether a client went away, which nobody need be told.
fn is_the_clients(error: &io::Error) -> bool {
    use ErrorKind::{
        BrokenPipe, ConnectionAborted, ConnectionReset, HostUnreachable, Interrupted,
        NetworkUnreachable, NotConnected, TimedOut, WouldBlock,
    };
    matches!(
        error.kind(),
        WouldBlock
            | Interrupted
            | BrokenPipe
            | ConnectionReset
            | ConnectionAborted
            | NotConnected
            | TimedOut
            | HostUnreachable
            | NetworkUnreachable
    )
}
