//! What the system says as a failure, and failures that travel through readers as what it says.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use super::medium_fault::medium_fails;
use super::{Class, Error, ErrorKind, MEDIUM_FAULT, READ_ONLY, Result, too_large};
use crate::words::phrase::Phrase;

impl Error {
    /// An I/O failure while doing `what` (`"cannot read /media/usb/index.json"`).
    ///
    /// A full disk becomes [`Class::NoRoom`], what nobody may do [`Class::Refused`]; an [`Error`] that travelled inside `error`
    /// (see [`Error::into_io`]) comes out again as itself, so that a fault of the source read
    /// through a destination's writer still names the source.
    pub fn io(what: impl Into<Phrase>, error: io::Error) -> Error {
        match Error::from_io(error) {
            Ok(inner) => inner,
            Err(error) => {
                let class = match error.kind() {
                    io::ErrorKind::StorageFull
                    | io::ErrorKind::QuotaExceeded
                    | io::ErrorKind::FileTooLarge => Class::NoRoom,
                    io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                        Class::Refused
                    }
                    _ => Class::Other,
                };
                let is_too_large = error.kind() == io::ErrorKind::FileTooLarge;
                let is_read_only = error.kind() == io::ErrorKind::ReadOnlyFilesystem;
                let fails = medium_fails(&error);
                let fault = Error::new(class, what).source(error);
                match class {
                    _ if fails => fault.of_kind(ErrorKind::MediumFault).hint(MEDIUM_FAULT),
                    _ if is_read_only => fault.of_kind(ErrorKind::ReadOnly).hint(READ_ONLY),
                    Class::NoRoom if is_too_large => {
                        fault.of_kind(ErrorKind::FileTooLarge).hint(too_large())
                    }
                    Class::NoRoom => fault
                        .of_kind(ErrorKind::NoSpace)
                        .hint("free some room and run the same command again"),
                    Class::Refused => fault.hint("see who may read it, or write there"),
                    _ => fault,
                }
            }
        }
    }

    /// The [`Error`] that was put into `error` by [`Error::into_io`], or `error` itself.
    ///
    /// # Errors
    /// Gives `error` back when it holds none.
    pub fn from_io(error: io::Error) -> Result<Error, io::Error> {
        error.downcast::<Carried>().map(|carried| carried.0)
    }

    /// Packs this error so that it can pass through a [`std::io::Read`].
    #[must_use]
    pub fn into_io(self) -> io::Error {
        io::Error::other(Carried(self))
    }
}

/// Carries an [`Error`] through `io::Error`.
#[derive(Debug)]
struct Carried(Error);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl StdError for Carried {}
