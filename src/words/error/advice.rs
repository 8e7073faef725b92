//! The ways out that several failures have.

use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// The way out where a medium does not give what it has.
pub const UNREADABLE: &str = "see who may read it, and whether the medium is sound; nothing is known to \
    be wrong with what it holds";

/// The way out where a medium fails, or is not there any more.
pub const MEDIUM_FAULT: &str = "the medium, or the share, was taken away or is failing (`dmesg` may say \
    which): put it back, or take another one, and run the same command again";

/// The way out where a medium takes nothing.
pub const READ_ONLY: &str = "see whether it has a switch and how it is mounted; a system makes a medium \
    read-only, too, once it found faults on it (`dmesg` says so): then check it, or take another one";

/// The way out where a file system takes no file of a size.
#[must_use]
pub fn too_large() -> Phrase {
    phrase![
        "the file system, or a limit of the user's (ulimit -f), takes no file of that size; FAT takes \
         less than 4 GiB: use exFAT or ext4, or write a folder instead of one file (",
        Remedy::Output,
        " NAME without .tar; a slash behind docker-archive:DIR/)"
    ]
}
