//! Faults of reading, told from those of what is read: a file that nobody may read, or that lies on a
//! bad spot, may hold anything, and is neither damaged nor missing.

use std::io;

use rustix::io::Errno;

use crate::words::error::{Class, Error, ErrorKind, UNREADABLE};
use crate::words::phrase::Phrase;

/// What `error`, met in doing `what` with a medium (`"cannot read june/index.json"`), amounts to:
/// [`Class::Refused`] where the medium, or who guards it, does not give what is there, and whatever
/// [`Error::io`] makes of everything else.
pub fn reading(what: impl Into<Phrase>, error: io::Error) -> Error {
    match is_withheld(&error) {
        true => Error::new(Class::Refused, what)
            .source(error)
            .hint(UNREADABLE)
            .of_kind(ErrorKind::Unreadable),
        false => Error::io(what, error),
    }
}

/// Whether `error` says that something is there and is not given.
fn is_withheld(error: &io::Error) -> bool {
    let Some(number) = error.raw_os_error() else {
        return error.kind() == io::ErrorKind::PermissionDenied;
    };
    matches!(
        Errno::from_raw_os_error(number),
        // Who may read it.
        Errno::ACCESS | Errno::PERM | Errno::NOKEY | Errno::KEYREJECTED
        // Bad spots, as disks, their drivers and file systems with checksums tell them.
        | Errno::IO | Errno::BADMSG | Errno::NODATA | Errno::UCLEAN | Errno::ILSEQ
        // A medium, or a share, that went away.
        | Errno::NODEV | Errno::NXIO | Errno::NOMEDIUM | Errno::STALE | Errno::REMOTEIO
        | Errno::TIMEDOUT | Errno::NOTCONN | Errno::SHUTDOWN | Errno::HOSTDOWN | Errno::NOLINK
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_withheld_is_told_from_what_is_not_there() {
        let class = |number: Errno| {
            let error = reading("cannot read x", number.into());
            (error.class(), error.kind() == ErrorKind::Unreadable)
        };

        for number in [Errno::ACCESS, Errno::PERM, Errno::IO, Errno::STALE, Errno::NODEV] {
            assert_eq!(class(number), (Class::Refused, true), "{number}");
        }
        for number in [Errno::NOENT, Errno::MFILE, Errno::NOMEM, Errno::ISDIR] {
            assert_eq!(class(number), (Class::Other, false), "{number}");
        }
        // What travels inside is what it was.
        let carried = Error::new(Class::Damaged, "bad").into_io();
        assert_eq!(reading("cannot read x", carried).class(), Class::Damaged);
    }
}
