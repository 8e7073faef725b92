//! [`Keeping`]: what a file system makes of owners, and what is taken for another's there.

use super::about::FileInfo;

/// Permissions by which others may write: of the group, and of everybody.
const OTHERS_WRITE: u32 = 0o022;

/// What a file system makes of owners and permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// It keeps them.
    Owners,
    /// It keeps none, and shows the same of all.
    Nothing,
    /// What we make there belongs to `owner`, with the permissions `open` for others to write,
    /// whatever we ask for: how it was mounted says so, or whoever serves it.
    Shown {
        /// The user.
        owner: u32,
        /// Of [`OTHERS_WRITE`].
        open: u32,
    },
}

/// File systems that keep no owners: FAT, exFAT, NTFS.
const WITHOUT_OWNERS: [i128; 3] = [0x4d44, 0x2011_bab0, 0x7366_746e];
/// NFS keeps them, and may show others than it keeps.
const NFS: i128 = 0x6969;

impl Keeping {
    /// What the file system of the kind `kind` does, of which `made` is a file that we made there
    /// just now for nobody else, if there is one.
    pub(super) fn of(kind: i128, made: impl FnOnce() -> Option<FileInfo>) -> Keeping {
        match kind {
            kind if WITHOUT_OWNERS.contains(&kind) => Keeping::Nothing,
            NFS => Keeping::Owners,
            _ => made().map_or(Keeping::Owners, |made| Keeping::Shown {
                owner: made.owner,
                open: made.mode & OTHERS_WRITE,
            }),
        }
    }
}

/// Why what has this `owner` and `mode` may be another's than `me`, if it may. Only what seems so is
/// a reason to see what the file system does.
pub(super) fn foreign(
    owner: u32,
    mode: u32,
    me: u32,
    keeping: impl FnOnce() -> Keeping,
) -> Option<&'static str> {
    let beside = |of: u32, open: u32| match mode & OTHERS_WRITE & !open {
        _ if owner != of => Some("belongs to another user"),
        0 => None,
        _ => Some("can be written by other users"),
    };
    beside(me, 0).and_then(|why| match keeping() {
        Keeping::Owners => Some(why),
        Keeping::Nothing => None,
        Keeping::Shown { owner, open } => beside(owner, open),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: &str = "belongs to another user";
    const OPEN: &str = "can be written by other users";

    #[test]
    fn a_leftover_is_ours_where_it_looks_as_what_we_make() {
        let kept = || Keeping::Owners;
        let shown = |owner, open| move || Keeping::Shown { owner, open };
        let nothing = || Keeping::Nothing;

        for (owner, mode, why) in [
            (7, 0o644, None),
            (8, 0o644, Some(SECOND)),
            (7, 0o664, Some(OPEN)),
            (7, 0o646, Some(OPEN)),
        ] {
            assert_eq!(foreign(owner, mode, 7, kept), why, "{owner} {mode:o}");
            // A file system that keeps owners shows what we make as ours.
            assert_eq!(foreign(owner, mode, 7, shown(7, 0)), why, "{owner} {mode:o}");
            assert_eq!(foreign(owner, mode, 7, nothing), None, "{owner} {mode:o}");
        }
        // A stick mounted for everybody; one mounted for another user, as for a desktop's, and used
        // by root.
        assert_eq!(foreign(7, 0o777, 7, shown(7, 0o022)), None);
        assert_eq!(foreign(1000, 0o755, 0, shown(1000, 0)), None);
        assert_eq!(foreign(1000, 0o777, 0, shown(1000, 0o022)), None);
        // What looks otherwise than all that we make there is not ours.
        assert_eq!(foreign(1001, 0o755, 0, shown(1000, 0)), Some(SECOND));
        assert_eq!(foreign(0, 0o755, 7, shown(1000, 0)), Some(SECOND));
        assert_eq!(foreign(1000, 0o757, 0, shown(1000, 0o020)), Some(OPEN));
    }

    #[test]
    fn a_file_system_is_known_by_its_kind() {
        let unasked = || unreachable!("nothing is made where it is known");
        for kind in [0x4d44, 0x2011_bab0, 0x7366_746e] {
            assert_eq!(Keeping::of(kind, unasked), Keeping::Nothing);
        }
        assert_eq!(Keeping::of(NFS, unasked), Keeping::Owners);
        // What lets nothing be made tells nothing.
        assert_eq!(Keeping::of(0xef53, || None), Keeping::Owners);
    }
}
