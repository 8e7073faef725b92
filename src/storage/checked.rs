//! [`Checked`]: the only bytes that a sink takes.

use std::io::{self, Cursor, Read};

use super::content::Content;
use super::verifying::Verifying;
use crate::words::descriptor::Descriptor;
use crate::words::document::Document;
use crate::words::error::Result;

mod sealed {
    pub trait Sealed {}
}

/// Content that is known to be that of its descriptor when its end was reached: it fails before
/// otherwise. Nobody else can make such, so that a sink can be given no bytes that were not hashed.
pub trait Checked: Content + sealed::Sealed {
    /// What it is the content of.
    fn blob(&self) -> &Descriptor;
}

impl<R> sealed::Sealed for Verifying<'_, R> {}

impl<R: Content> Checked for Verifying<'_, R> {
    fn blob(&self) -> &Descriptor {
        self.about()
    }
}

/// The bytes of a document, which were hashed when it was read.
#[derive(Debug)]
pub struct DocumentBytes<'a> {
    about: &'a Descriptor,
    bytes: Cursor<&'a [u8]>,
}

impl<'a> DocumentBytes<'a> {
    /// The bytes of `document`, as they came.
    #[must_use]
    pub fn of(document: &'a Document) -> DocumentBytes<'a> {
        DocumentBytes { about: document.descriptor(), bytes: Cursor::new(document.raw()) }
    }
}

impl Read for DocumentBytes<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.bytes.read(buffer)
    }
}

impl Content for DocumentBytes<'_> {
    fn seek(&mut self, offset: u64) -> Result<()> {
        self.bytes.seek(offset)
    }
}

impl sealed::Sealed for DocumentBytes<'_> {}

impl Checked for DocumentBytes<'_> {
    fn blob(&self) -> &Descriptor {
        self.about
    }
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// Bytes of a test's own making, which may be wrong.
    pub(crate) struct Unchecked<'a>(pub &'a Descriptor, pub &'a mut dyn Content);

    impl Read for Unchecked<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1.read(buffer)
        }
    }

    impl Content for Unchecked<'_> {
        fn seek(&mut self, offset: u64) -> Result<()> {
            self.1.seek(offset)
        }

        fn resume(&mut self, there: &mut dyn Read) -> Result<u64> {
            self.1.resume(there)
        }
    }

    impl sealed::Sealed for Unchecked<'_> {}

    impl Checked for Unchecked<'_> {
        fn blob(&self) -> &Descriptor {
            self.0
        }
    }
}
