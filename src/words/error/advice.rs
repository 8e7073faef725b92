//! The ways out that several failures have.

use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// The way out where a medium does not give what it has.
pub const UNREADABLE: &str = "see who may read it, and whether the medium is sound; nothing is known to \
    be wrong with what it holds";

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
