//! [`ArchiveStream`]: where the bytes of an archive go, and how far they can be taken back.

use std::io::{self, Write};
use std::path::PathBuf;

use crate::tools::file::AtomicFile;
use crate::tools::gzip::Gzip;

/// What is opened when the first byte is there.
pub(super) enum ArchiveStart {
    File(PathBuf),
    Writer(Box<dyn Write + Send>),
    Done,
}

/// Where the bytes go.
pub(super) enum ArchiveTarget {
    File(AtomicFile),
    Writer(Box<dyn Write + Send>),
    /// Nowhere: it was broken off, or is finished.
    Gone,
}

impl Write for ArchiveTarget {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            ArchiveTarget::File(file) => file.write(bytes),
            ArchiveTarget::Writer(out) => out.write(bytes),
            ArchiveTarget::Gone => Err(io::Error::other("it was broken off before")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            ArchiveTarget::File(file) => file.flush(),
            ArchiveTarget::Writer(out) => out.flush(),
            ArchiveTarget::Gone => Ok(()),
        }
    }
}

/// The tar on its way to the target.
pub(super) enum ArchiveStream {
    Plain(ArchiveTarget),
    Gzip(Box<Gzip<ArchiveTarget>>),
}

impl ArchiveStream {
    /// A tar that goes to `target`, compressed if `gzip` says so.
    pub(super) fn new(target: ArchiveTarget, gzip: bool) -> ArchiveStream {
        match gzip {
            true => ArchiveStream::Gzip(Box::new(Gzip::new(target))),
            false => ArchiveStream::Plain(target),
        }
    }

    /// Takes back what follows the first `len` bytes. Where that cannot be done, all of it is
    /// broken off; whether it could.
    pub(super) fn rewind(&mut self, len: u64) -> bool {
        let back = match self {
            ArchiveStream::Plain(ArchiveTarget::File(file)) => file.rewind(len).is_ok(),
            _ => false,
        };
        if !back {
            self.break_off();
        }
        back
    }

    /// Leaves the target as it is, or removes it where it has no name yet. Nothing follows.
    pub(super) fn break_off(&mut self) {
        *self.target() = ArchiveTarget::Gone;
    }

    /// Writes what the compressor holds back, and gives the target.
    pub(super) fn end(&mut self) -> io::Result<ArchiveTarget> {
        if let ArchiveStream::Gzip(encoder) = self {
            encoder.finish()?;
        }
        Ok(std::mem::replace(self.target(), ArchiveTarget::Gone))
    }

    fn target(&mut self) -> &mut ArchiveTarget {
        match self {
            ArchiveStream::Plain(target) => target,
            ArchiveStream::Gzip(encoder) => encoder.get_mut(),
        }
    }
}

impl Write for ArchiveStream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            ArchiveStream::Plain(target) => target.write(bytes),
            ArchiveStream::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.target().flush()
    }
}

impl std::fmt::Debug for ArchiveStart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ArchiveStart")
    }
}

impl std::fmt::Debug for ArchiveStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ArchiveStream")
    }
}
