//! What a full or failing disk says, told from what a file system cannot do.

use std::io;

use rustix::io::Errno;

use crate::words::error::medium_fails;

/// Whether `error` is one of the disk, as a full or a failing one, and not how a file system says that it
/// cannot do such a thing at all, for which each has another number.
#[must_use]
pub fn is_disk_fault(error: &io::Error) -> bool {
    let is_refused = |number| {
        let number = Errno::from_raw_os_error(number);
        matches!(number, Errno::NOSPC | Errno::DQUOT | Errno::ROFS | Errno::NOMEM)
    };
    medium_fails(error) || error.raw_os_error().is_some_and(is_refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_the_disk_is_told_from_what_a_file_system_does_not_have() {
        for number in [Errno::NOSPC, Errno::DQUOT, Errno::ROFS, Errno::IO, Errno::STALE] {
            assert!(is_disk_fault(&number.into()), "{number}");
        }
        for number in [Errno::INVAL, Errno::NOSYS, Errno::OPNOTSUPP, Errno::PERM, Errno::XDEV] {
            assert!(!is_disk_fault(&number.into()), "{number}");
        }
    }
}
