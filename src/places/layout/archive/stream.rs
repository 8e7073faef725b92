//! [`Stream`]: where the bytes of an archive go, and how far they can be taken back.

use std::io::{self, Write};
use std::path::PathBuf;

use crate::tools::file::AtomicFile;
use crate::tools::gzip::Gzip;

/// What is opened when the first byte is there.
pub(super) enum Start {
    File(PathBuf),
    Writer(Box<dyn Write + Send>),
    Done,
}

/// Where the bytes go.
pub(super) enum Target {
    File(AtomicFile),
    Writer(Box<dyn Write + Send>),
    /// Nowhere: it was broken off, or is finished.
    Gone,
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Target::File(file) => file.write(bytes),
            Target::Writer(out) => out.write(bytes),
            Target::Gone => Err(io::Error::other("it was broken off before")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Target::File(file) => file.flush(),
            Target::Writer(out) => out.flush(),
            Target::Gone => Ok(()),
        }
    }
}

/// The tar on its way to the target.
pub(super) enum Stream {
    Plain(Target),
    Gzip(Box<Gzip<Target>>),
}

impl Stream {
    /// A tar that goes to `target`, compressed if `gzip` says so.
    pub(super) fn new(target: Target, gzip: bool) -> Stream {
        match gzip {
            true => Stream::Gzip(Box::new(Gzip::new(target))),
            false => Stream::Plain(target),
        }
    }

    /// Takes back what follows the first `len` bytes. Where that cannot be done, all of it is
    /// broken off; whether it could.
    pub(super) fn rewind(&mut self, len: u64) -> bool {
        let back = match self {
            Stream::Plain(Target::File(file)) => file.rewind(len).is_ok(),
            _ => false,
        };
        if !back {
            self.break_off();
        }
        back
    }

    /// Leaves the target as it is, or removes it where it has no name yet. Nothing follows.
    pub(super) fn break_off(&mut self) {
        *self.target() = Target::Gone;
    }

    /// Writes what the compressor holds back, and gives the target.
    pub(super) fn end(&mut self) -> io::Result<Target> {
        if let Stream::Gzip(encoder) = self {
            encoder.finish()?;
        }
        Ok(std::mem::replace(self.target(), Target::Gone))
    }

    fn target(&mut self) -> &mut Target {
        match self {
            Stream::Plain(target) => target,
            Stream::Gzip(encoder) => encoder.get_mut(),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Plain(target) => target.write(bytes),
            Stream::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.target().flush()
    }
}

impl std::fmt::Debug for Start {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Start")
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}
