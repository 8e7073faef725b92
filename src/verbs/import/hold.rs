//! [`choose`]: which parts of layers are held until the others come.

use crate::medium::part_store::HeldPart;
use crate::words::digest::Digest;

/// What becomes of parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Hold {
    /// Those that are held from now on.
    pub(super) new: Vec<HeldPart>,
    /// Those that are not held any more.
    pub(super) let_go: Vec<HeldPart>,
}

/// Chooses of the parts that are `held` and those that are `here` what is held, `limit` bytes at most:
/// first those of the blobs that begin in the `first` volumes. So whoever brings volumes in their order
/// always gets on, if the limit is that of the largest blob, and whoever brings them in another order
/// is asked for some of them twice.
pub(super) fn choose(
    held: &[HeldPart],
    here: impl Iterator<Item = HeldPart>,
    first: impl Fn(&Digest) -> Option<u32>,
    limit: u64,
) -> Hold {
    let old = held.iter().map(|part| (*part, true));
    let new = here.filter(|part| !held.contains(part)).map(|part| (part, false));
    let mut all: Vec<(HeldPart, bool)> = old.chain(new).collect();
    all.sort_by_key(|(part, _)| (first(&part.blob), part.blob, part.offset));
    let (mut hold, mut bytes) = (Hold::default(), 0u64);
    for (part, is_old) in all {
        let with = bytes.saturating_add(part.size);
        match (with <= limit, is_old) {
            (true, true) => bytes = with,
            (true, false) => {
                bytes = with;
                hold.new.push(part);
            }
            (false, true) => hold.let_go.push(part),
            (false, false) => {}
        }
    }
    hold
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(blob: &str, offset: u64, size: u64) -> HeldPart {
        let blob = Digest::of(blob.as_bytes());
        HeldPart { blob, offset, sha256: Digest::of(&[]), size }
    }

    fn first(blob: &Digest) -> Option<u32> {
        (1..9).find(|number: &u32| Digest::of(number.to_string().as_bytes()) == *blob)
    }

    #[test]
    fn what_begins_first_is_held_and_what_has_no_room_is_let_go() {
        let (a, b, c) = (part("1", 0, 40), part("2", 50, 40), part("3", 0, 30));

        let all = choose(&[a], [b, c].into_iter(), first, 110);
        assert_eq!(all, Hold { new: vec![b, c], let_go: vec![] });
        let full = choose(&[c, b], [a].into_iter(), first, 80);
        assert_eq!(full, Hold { new: vec![a], let_go: vec![c] });
        // A smaller one goes where a larger one has no room.
        let less = choose(&[a], [b, c].into_iter(), first, 70);
        assert_eq!(less, Hold { new: vec![c], let_go: vec![] });
        assert_eq!(choose(&[a, b], [a].into_iter(), first, 80), Hold::default());
    }
}
