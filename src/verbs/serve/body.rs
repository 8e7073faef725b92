//! The bytes of an answer. Those of a blob come from a thread of their own, a few chunks ahead of
//! the client, so that a slow client holds back the medium and not the memory.

use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::sync::mpsc;

use super::Shelf;
use super::ledger::Ledger;
use crate::seams::stream::Verified;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Error, Result};
use crate::words::progress::{Event, Progress, Silent};

/// How a blob moves. Larger chunks measured no faster.
const CHUNK: usize = 128 << 10;
/// Chunks that wait for the client. One more is being read and one being written: four a
/// connection, half a megabyte.
const AHEAD: usize = 2;

/// The body of every answer.
#[derive(Debug)]
pub enum Content {
    /// Bytes in memory; empty once they were handed out.
    Memory(Bytes),
    /// A blob, or a part of one.
    Blob(Flow),
}

/// Chunks of a blob, on their way.
#[derive(Debug)]
pub struct Flow {
    first: Bytes,
    rest: mpsc::Receiver<Result<Bytes>>,
    left: u64,
}

impl Content {
    /// Nothing.
    pub fn empty() -> Content {
        Content::Memory(Bytes::new())
    }

    /// The document's own bytes, not a copy: many clients may be slow to take a large one.
    pub fn document(document: &Arc<Document>) -> Content {
        struct Raw(Arc<Document>);
        impl AsRef<[u8]> for Raw {
            fn as_ref(&self) -> &[u8] {
                self.0.raw()
            }
        }
        Content::Memory(Bytes::from_owner(Raw(Arc::clone(document))))
    }

    /// `count` bytes of `blob` from `first` on (the span), once the first of them were read.
    ///
    /// The whole blob is checked as it passes: when the bytes are no longer those of the digest,
    /// the last chunk is withheld and the connection breaks off, so that no client ever sees the
    /// end. A part cannot be checked; the client, which puts parts together, does that. Blobs of
    /// one chunk are checked before anything is answered. With a `ledger`, parts are checked as
    /// well: all of the blob is read for them.
    ///
    /// # Errors
    /// When the medium cannot give the first chunk, or it is wrong already.
    pub async fn blob(
        shelf: &Arc<Shelf>,
        blob: &Arc<Descriptor>,
        (first, count): (u64, u64),
        log: &Arc<dyn Progress>,
        ledger: Option<&Arc<Ledger>>,
    ) -> Result<Content> {
        let (chunks, mut rest) = mpsc::channel(AHEAD);
        let (shelf, blob, log) = (Arc::clone(shelf), Arc::clone(blob), Arc::clone(log));
        let ledger = ledger.cloned();
        tokio::task::spawn_blocking(move || {
            let read = match &ledger {
                Some(ledger) => read_checked(&shelf, &blob, (first, count), &chunks, ledger),
                None => read(&shelf, &blob, (first, count), &chunks),
            };
            if let Err(error) = read {
                log.event(Event::Note(format!("cannot serve blob {}: {error}", blob.digest)));
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
        let first = match rest.recv().await {
            Some(chunk) => chunk?,
            None => return Err(Error::io("cannot read the blob", io::ErrorKind::Other.into())),
        };
        Ok(Content::Blob(Flow { first, rest, left: count }))
    }
}

/// Sends the bytes asked for into `chunks`, until the client hangs up.
fn read(
    shelf: &Shelf,
    blob: &Descriptor,
    (first, count): (u64, u64),
    chunks: &mpsc::Sender<Result<Bytes>>,
) -> Result<()> {
    let raw = shelf.bytes().open(blob, first)?;
    let sent = match count == blob.size {
        true => send(Verified::new(raw, blob, "bundle", &Silent), (count, 0), chunks, |_| {}),
        false => send(raw, (count, 0), chunks, |_| {}),
    };
    sent.map_err(|e| Error::io("cannot read the bundle", e))
}

/// As [`read`], but reads the whole blob in any case, for its verdict.
fn read_checked(
    shelf: &Shelf,
    blob: &Descriptor,
    (first, count): (u64, u64),
    chunks: &mpsc::Sender<Result<Bytes>>,
    ledger: &Ledger,
) -> Result<()> {
    let raw = shelf.bytes().open(blob, 0)?;
    let mut reader = Verified::new(raw, blob, "bundle", &Silent);
    let rest = blob.size - first - count;
    skip(&mut reader, first)
        .and_then(|()| send(reader, (count, rest), chunks, |sent| ledger.gave(blob.digest, sent)))
        .map_err(|e| Error::io("cannot read the bundle", e))
}

fn skip(reader: &mut impl Read, bytes: u64) -> io::Result<()> {
    io::copy(&mut reader.take(bytes), &mut io::sink()).map(drop)
}

/// Sends `left` bytes of `reader`, the last of them when the `rest` behind them was read as well.
fn send(
    mut reader: impl Read,
    (mut left, rest): (u64, u64),
    chunks: &mpsc::Sender<Result<Bytes>>,
    sent: impl Fn(u64),
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
        // Before it is on its way: whoever has got all of it may look at once.
        sent(chunk.len() as u64);
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

impl Body for Content {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let chunk = match self.get_mut() {
            Content::Memory(bytes) if bytes.is_empty() => None,
            Content::Memory(bytes) => Some(Ok(std::mem::take(bytes))),
            Content::Blob(flow) => ready!(flow.poll_chunk(cx)),
        };
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.size_hint().exact() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Content::Memory(bytes) => bytes.len() as u64,
            Content::Blob(flow) => flow.left,
        })
    }
}
