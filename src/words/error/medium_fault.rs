//! What the system says of a medium that does not work.

use std::io;

use rustix::io::Errno;

/// Whether `error` says that a medium does not work, or is gone.
#[must_use]
pub fn medium_fails(error: &io::Error) -> bool {
    let Some(number) = error.raw_os_error() else { return false };
    matches!(
        Errno::from_raw_os_error(number),
        Errno::IO
            | Errno::BADMSG
            | Errno::UCLEAN
            | Errno::NODEV
            | Errno::NXIO
            | Errno::NOMEDIUM
            | Errno::STALE
            | Errno::REMOTEIO
    )
}
