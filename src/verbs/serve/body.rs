//! The bytes of an answer. Those of a blob come from a thread of their own, a few chunks ahead of
//! the client, so that a slow client holds back the medium and not the memory.

use std::io::{self, Read};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::ledger::Ledger;
use super::order::Order;
use super::shelf::Shelf;
use crate::storage::raw::Raw;
use crate::words::cancel::Cancel;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Cancellable, Event, Progress, Silent};

/// How a blob moves. Larger chunks measured no faster.
const CHUNK: usize = 128 << 10;
/// Chunks that wait for the client. One more is being read and one being written: four a
/// connection, half a megabyte.
const AHEAD: usize = 2;

/// The body of every answer.
#[derive(Debug)]
pub enum AnswerBody {
    /// Bytes in memory; empty once they were handed out.
    Memory(Bytes),
    /// A blob, or a part of one, hashed on its way.
    Blob(Flow),
    /// The same of a blob that is known to be right, or of a file as it lies; nothing once it was handed
    /// out.
    Sound(Option<Box<Order>>),
}

/// Chunks of a blob, on their way.
#[derive(Debug)]
pub struct Flow {
    first: Bytes,
    rest: mpsc::Receiver<Result<Bytes>>,
    left: u64,
}

impl AnswerBody {
    /// Nothing.
    pub fn empty() -> AnswerBody {
        AnswerBody::Memory(Bytes::new())
    }

    /// The document's own bytes, not a copy: many clients may be slow to take a large one.
    pub fn document(document: &Arc<Document>) -> AnswerBody {
        struct Whole(Arc<Document>);
        impl AsRef<[u8]> for Whole {
            fn as_ref(&self) -> &[u8] {
                self.0.raw()
            }
        }
        AnswerBody::Memory(Bytes::from_owner(Whole(Arc::clone(document))))
    }

    /// `count` bytes of `blob` from `first` on (the span), once the first of them were read.
    ///
    /// A blob that was found right, and whose file is the same since, is sent as an [`Order`]. Any
    /// other one is read whole, for its verdict, even if only a part was asked for: when the bytes
    /// are no longer those of the digest, the last chunk is withheld and the connection breaks off,
    /// so that no client ever sees the end. What fits into one chunk is checked before anything is
    /// answered, and so is every part of a blob that was wrong when it was read last.
    ///
    /// Where it is not to be sent `by_kernel`, the bytes of an order come in chunks as well.
    ///
    /// # Errors
    /// When the medium cannot give the first chunk, or it is wrong already.
    pub async fn blob(
        shelf: &Arc<Shelf>,
        (blob, by_kernel): (&Arc<Descriptor>, bool),
        span: (u64, u64),
        log: &Arc<dyn Progress>,
        ledger: Option<&Arc<Ledger>>,
    ) -> Result<AnswerBody> {
        let (answer, found) = oneshot::channel();
        let (chunks, mut rest) = mpsc::channel(AHEAD);
        let (shelf, blob, log) = (Arc::clone(shelf), Arc::clone(blob), Arc::clone(log));
        let ledger = ledger.cloned();
        tokio::task::spawn_blocking(move || {
            let mut order = Order::find(&shelf, &blob, span, &log, ledger.as_ref());
            if let Some(order) = order.take_if(|_| !by_kernel) {
                // Fails when the client is gone.
                if answer.send(None).is_ok() {
                    order.copy_to(&chunks);
                }
                return;
            }
            let is_sound = order.is_some();
            // Fails when the client is gone.
            if answer.send(order).is_err() || is_sound {
                return;
            }
            if let Err(error) = read(&shelf, &blob, span, &chunks, ledger.as_deref(), &log.handle())
            {
                log.event(Event::note(format!("cannot serve blob {}: {error}", blob.digest)));
                let gone = io::Error::other(format!("blob {} is broken off", blob.digest));
                let told = match &ledger {
                    Some(ledger) => {
                        ledger.failed(blob.digest, error);
                        Error::io("cannot read the bundle", gone)
                    }
                    None => error,
                };
                // Fails when the client is gone as well, who then need not know.
                let _ = chunks.blocking_send(Err(told));
            }
        });
        if let Ok(Some(order)) = found.await {
            return Ok(AnswerBody::Sound(Some(Box::new(order))));
        }
        let first = first_of(&mut rest).await?;
        Ok(AnswerBody::Blob(Flow { first, rest, left: span.1 }))
    }

    /// The bytes of `order`, which come in chunks where they are not to be sent `by_kernel`.
    ///
    /// # Errors
    /// When the first chunk cannot be had.
    pub async fn ordered(order: Order, by_kernel: bool) -> Result<AnswerBody> {
        if by_kernel {
            return Ok(AnswerBody::Sound(Some(Box::new(order))));
        }
        let (left, (chunks, mut rest)) = (order.left(), mpsc::channel(AHEAD));
        tokio::task::spawn_blocking(move || order.copy_to(&chunks));
        let first = first_of(&mut rest).await?;
        Ok(AnswerBody::Blob(Flow { first, rest, left }))
    }

    /// The order that this is, to be sent by somebody else. Given once.
    pub fn take_order(&mut self) -> Option<Order> {
        match self {
            AnswerBody::Sound(order) => order.take().map(|order| *order),
            AnswerBody::Memory(_) | AnswerBody::Blob(_) => None,
        }
    }

    /// How many bytes are still to be handed out.
    pub fn left(&self) -> u64 {
        match self {
            AnswerBody::Memory(bytes) => bytes.len() as u64,
            AnswerBody::Blob(flow) => flow.left,
            AnswerBody::Sound(order) => order.as_ref().map_or(0, |order| order.left()),
        }
    }

    /// The next bytes, but for those of an order.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        match self {
            AnswerBody::Memory(bytes) if !bytes.is_empty() => {
                Poll::Ready(Some(Ok(std::mem::take(bytes))))
            }
            AnswerBody::Blob(flow) => flow.poll_chunk(cx),
            AnswerBody::Memory(_) | AnswerBody::Sound(_) => Poll::Ready(None),
        }
    }
}

/// The first of the chunks that come.
async fn first_of(chunks: &mut mpsc::Receiver<Result<Bytes>>) -> Result<Bytes> {
    let lost = || Err(Error::io("cannot read it", io::ErrorKind::Other.into()));
    chunks.recv().await.unwrap_or_else(lost)
}

/// Sends the bytes asked for into `chunks`, until the client hangs up. Reads the whole blob in any
/// case, for its verdict; it is remembered if the file can tell that it stays the same.
fn read(
    shelf: &Shelf,
    blob: &Descriptor,
    (first, count): (u64, u64),
    chunks: &mpsc::Sender<Result<Bytes>>,
    ledger: Option<&Ledger>,
    cancel: &Cancel,
) -> Result<()> {
    let silent = Cancellable::new(Silent, cancel.clone());
    if shelf.sound().is_wrong(&blob.digest) {
        check(shelf, blob, &silent)?;
    }
    let file = shelf.bytes().stretch(blob)?.filter(|file| file.size() == blob.size);
    let before = file.as_ref().and_then(|file| shelf.sound().begin(file));
    let raw = match &file {
        Some(file) => Raw::new(file.reader(0)),
        None => shelf.bytes().open(blob, 0)?,
    };
    let whence = shelf.bytes().whence(blob);
    let mut reader = raw.verified(blob, whence.as_deref().unwrap_or("bundle"), &silent);
    let rest = blob.size - first - count;
    // Before it is on its way: whoever has got all of it may look, or ask again, at once.
    let before_sent = |bytes, is_last| {
        if let Some(ledger) = ledger {
            ledger.gave(blob.digest, bytes);
        }
        if let (true, Some(file)) = (is_last, &file) {
            shelf.sound().found(blob.digest, file, before);
        }
    };
    let sent = skip(&mut reader, first)
        .and_then(|()| send(reader, (count, rest), chunks, before_sent))
        .map_err(|e| Error::io("cannot read the bundle", e));
    if sent.as_ref().is_err_and(|error| error.class() != Class::Interrupted) {
        shelf.sound().found_wrong(blob.digest);
    }
    sent
}

/// Reads all of `blob`, which was wrong before.
fn check(shelf: &Shelf, blob: &Descriptor, silent: &dyn Progress) -> Result<()> {
    let mut reader = shelf.bytes().open(blob, 0)?.verified(blob, "bundle", silent);
    io::copy(&mut reader, &mut io::sink()).map_err(|e| Error::io("cannot read the bundle", e))?;
    shelf.sound().found_right(&blob.digest);
    Ok(())
}

fn skip(reader: &mut impl Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut reader.take(bytes), &mut io::sink()).map(drop)
}

/// Sends `left` bytes of `reader`, the last of them when the `rest` behind them was read as well.
/// `before_sent` hears how many bytes a chunk has, and whether it is the last.
fn send(
    mut reader: impl Read,
    (mut left, rest): (u64, u64),
    chunks: &mpsc::Sender<Result<Bytes>>,
    before_sent: impl Fn(u64, bool),
) -> io::Result<()> {
    loop {
        let mut chunk = vec![0; usize::try_from(left).unwrap_or(CHUNK).min(CHUNK)];
        match chunk.is_empty() {
            // An empty blob has a digest, too; this asks for the verdict.
            true => drop(reader.read(&mut [0])?),
            false => reader.read_exact(&mut chunk)?,
        }
        left -= chunk.len() as u64;
        if left == 0 {
            skip(&mut reader, rest)?;
        }
        before_sent(chunk.len() as u64, left == 0);
        let gone = chunks.blocking_send(Ok(chunk.into())).is_err();
        if gone || left == 0 {
            return Ok(());
        }
    }
}

impl Flow {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let chunk = match self.first.is_empty() {
            false => std::mem::take(&mut self.first),
            true => match ready!(self.rest.poll_recv(cx)) {
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => return Poll::Ready(Some(Err(error.into_io()))),
                // The reading thread died. An early end would do as well, since the length was
                // announced; an error says it.
                None => return Poll::Ready(Some(Err(io::ErrorKind::UnexpectedEof.into()))),
            },
        };
        self.left -= chunk.len() as u64;
        Poll::Ready(Some(Ok(chunk)))
    }
}
