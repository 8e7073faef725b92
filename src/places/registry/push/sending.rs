//! [`Sending`]: in which form a host takes the bytes of blobs, learnt once for all transfers.
//! Pure: it is told what happened and says how to go on.

/// First piece after a proxy refused a whole blob. Most limits that people set lie above it.
const FIRST_PIECE: u64 = 8 << 20;
/// First piece on a line that broke off: large enough to cost no throughput, since a registry
/// that keeps what it got loses nothing of a large one either.
const FIRST_RESUMED: u64 = 32 << 20;
/// Smallest piece that is tried. nginx, unless told otherwise, takes 1 MiB; nobody takes less
/// than this, and a gigabyte in such pieces is thousands of requests already.
const LEAST_PIECE: u64 = 256 << 10;
/// A blob up to this size is sent again rather than in pieces: two more requests cost as much.
const NOT_WORTH: u64 = 1 << 20;
/// So many transfers in a row broke off: then small pieces are tried even where nothing can be
/// resumed, because some proxies cut a body that is too long instead of refusing it.
const IN_A_ROW: u32 = 3;
/// Halvings beyond this leave the smallest piece of any size that is started with.
const MOST_STUCK: u32 = 32;
/// Largest `OCI-Chunk-Min-Length` that is honoured; beyond it there would be no pieces.
const MOST_MINIMUM: u64 = 1 << 30;

/// How a blob is to be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UploadWay {
    /// In one streamed PUT.
    Whole,
    /// In PATCHes of at most so many bytes.
    Pieces(u64),
}

/// Whether a body of `size` bytes is large enough to be halved. What is smaller is hardly refused
/// for its size, and would teach pieces of a few bytes.
pub(crate) fn divisible(size: u64) -> bool {
    size / 2 >= LEAST_PIECE
}

/// What is known of a host.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sending {
    /// As the user wants it.
    asked: Option<u64>,
    /// Largest piece that is still tried after refusals.
    limit: Option<u64>,
    /// Largest body that was taken.
    worked: u64,
    /// Whether any transfer broke off.
    broke: bool,
    in_a_row: u32,
    /// Transfers that broke off without getting anywhere, as far as pieces can cure that.
    stuck: u32,
    /// Whether an upload can be gone on with.
    resumes: Option<bool>,
    /// The registry's own minimum.
    least: u64,
    /// Whether the last request of an upload has to come without a body.
    bare: bool,
}

impl Sending {
    /// Nothing is known but what the user `asked` for.
    pub(crate) fn new(asked: Option<u64>) -> Sending {
        Sending { asked, ..Sending::default() }
    }

    /// How a blob of `size` bytes is sent now.
    pub(crate) fn way(&self, size: u64) -> UploadWay {
        if self.bare {
            return UploadWay::Pieces(self.piece());
        }
        if let Some(most) = self.limit.or(self.asked)
            && size > self.at_least(most)
        {
            return UploadWay::Pieces(self.piece());
        }
        let again = self.broke && (self.resumes != Some(false) || self.in_a_row >= IN_A_ROW);
        match again && size > NOT_WORTH {
            true => UploadWay::Pieces(self.piece()),
            false => UploadWay::Whole,
        }
    }

    /// The size of a piece.
    pub(crate) fn piece(&self) -> u64 {
        let first = if self.broke { FIRST_RESUMED } else { FIRST_PIECE };
        let size = self.limit.or(self.asked).unwrap_or(first);
        let size = (size >> self.stuck).max(LEAST_PIECE.min(size));
        self.at_least(size)
    }

    fn at_least(&self, size: u64) -> u64 {
        size.max(self.least).max(1)
    }

    /// A whole blob was refused as if there were no such upload, which was opened a moment ago.
    /// Whether it is worth a try to send it ahead of the last request: not where a whole one was
    /// taken before.
    pub(crate) fn bare(&mut self) -> bool {
        self.bare |= self.worked == 0;
        self.bare
    }

    /// The host said that no piece but the last may be smaller.
    pub(crate) fn minimum(&mut self, least: u64) {
        self.least = self.least.max(least.min(MOST_MINIMUM));
    }

    /// A body of `size` bytes was refused as too large. Whether a smaller one may do; and whether
    /// this is the first that is heard of it.
    pub(crate) fn refused(&mut self, size: u64) -> Refused {
        let first = self.limit.is_none();
        if self.limit.is_some_and(|limit| limit < size) {
            // Another thread has learnt more by now.
            return Refused { again: self.piece() < size, first: false };
        }
        let half = (size / 2).min(if first { FIRST_PIECE } else { u64::MAX });
        // What has been taken once is taken again, unless it is what was refused.
        let known = if self.worked < size { self.worked } else { 0 };
        let next = half.max(known.min(FIRST_PIECE));
        self.limit = Some(next);
        Refused { again: next >= LEAST_PIECE && self.piece() < size, first }
    }

    /// A body of `size` bytes was taken.
    pub(crate) fn took(&mut self, size: u64) {
        self.worked = self.worked.max(size);
        self.in_a_row = 0;
    }

    /// A transfer broke off. Whether this is the first.
    pub(crate) fn broke_off(&mut self) -> bool {
        self.in_a_row = self.in_a_row.saturating_add(1);
        !std::mem::replace(&mut self.broke, true)
    }

    /// A piece broke off, and the registry has nothing of it: smaller ones may get through.
    pub(crate) fn got_nowhere(&mut self) {
        self.stuck = (self.stuck + 1).min(MOST_STUCK);
    }

    /// Whether what the registry had got could be gone on with.
    pub(crate) fn resumed(&mut self, yes: bool) {
        self.resumes = Some(yes);
    }
}

/// What follows from a refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Whether a smaller piece is worth trying.
    pub(crate) again: bool,
    /// Whether nobody was told yet.
    pub(crate) first: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn whole_until_there_is_a_reason() {
        let mut sending = Sending::new(None);
        assert_eq!(sending.way(50 << 30), UploadWay::Whole);
        assert_eq!(Sending::new(Some(MIB)).way(MIB), UploadWay::Whole, "it fits");
        assert_eq!(Sending::new(Some(MIB)).way(MIB + 1), UploadWay::Pieces(MIB));

        assert!(sending.broke_off());
        assert!(!sending.broke_off(), "said once");
        assert_eq!(sending.way(100), UploadWay::Whole);
        assert_eq!(sending.way(50 << 30), UploadWay::Pieces(FIRST_RESUMED));
    }

    #[test]
    fn a_refusal_halves_the_piece_down_to_what_worked() {
        let mut sending = Sending::new(None);
        sending.took(3 * MIB);

        assert_eq!(sending.refused(100 * MIB), Refused { again: true, first: true });
        assert_eq!(sending.way(100 * MIB), UploadWay::Pieces(8 * MIB));
        assert_eq!(sending.refused(100 * MIB), Refused { again: true, first: false });
        assert_eq!(sending.piece(), 8 * MIB, "a refusal of old news changes nothing");
        sending.refused(8 * MIB);
        assert_eq!(sending.piece(), 4 * MIB);
        sending.refused(4 * MIB);
        assert_eq!(sending.piece(), 3 * MIB, "that much has worked");
        assert_eq!(sending.way(3 * MIB), UploadWay::Whole);
    }

    #[test]
    fn a_small_blob_that_is_refused_leads_to_pieces_smaller_than_it() {
        let mut sending = Sending::new(None);

        assert!(sending.refused(MIB + 100).again);

        assert_eq!(sending.way(MIB + 100), UploadWay::Pieces(MIB / 2 + 50));
        assert!(!sending.refused(MIB / 2 - 50).again || sending.piece() < MIB / 2);
    }

    #[test]
    fn refusals_end() {
        let mut sending = Sending::new(None);
        let mut size = 1 << 30;
        let mut tries = 0;
        while sending.refused(size).again {
            size = sending.piece();
            tries += 1;
        }
        assert!(tries < 10, "{tries}");

        let mut sending = Sending::new(None);
        sending.minimum(5 * MIB);
        sending.refused(100 * MIB);
        assert_eq!(sending.piece(), 8 * MIB);
        assert!(sending.refused(8 * MIB).again, "the registry's own minimum is left to try");
        assert_eq!(sending.piece(), 5 * MIB);
        assert!(!sending.refused(5 * MIB).again, "nothing smaller is allowed");
    }

    #[test]
    fn the_registrys_minimum_counts_more_than_the_users_wish() {
        let mut sending = Sending::new(Some(MIB));
        sending.minimum(5 * MIB);
        assert_eq!(sending.way(6 * MIB), UploadWay::Pieces(5 * MIB));
        assert_eq!(sending.way(5 * MIB), UploadWay::Whole);

        sending.minimum(u64::MAX);
        assert!(sending.piece() <= MOST_MINIMUM, "a hostile minimum is no way to fill memory");
    }

    #[test]
    fn where_nothing_is_resumed_blobs_go_whole_until_that_fails_again_and_again() {
        let mut sending = Sending::new(None);
        sending.broke_off();
        sending.resumed(false);
        assert_eq!(sending.way(100 * MIB), UploadWay::Whole);

        for _ in 0..IN_A_ROW {
            sending.broke_off();
        }
        assert_eq!(sending.way(100 * MIB), UploadWay::Pieces(FIRST_RESUMED));
        sending.got_nowhere();
        assert_eq!(sending.piece(), FIRST_RESUMED / 2);
        (0..40).for_each(|_| sending.got_nowhere());
        assert_eq!(sending.piece(), LEAST_PIECE);
        sending.took(LEAST_PIECE);
        assert_eq!(sending.way(100 * MIB), UploadWay::Whole);
    }
}
