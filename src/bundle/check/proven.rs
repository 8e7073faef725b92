//! [`ProvenBytes`]: which bytes were found right, of what a bundle lies in.

use std::collections::BTreeSet;
use std::ops::Range;

use super::examined::Examined;
use crate::bundle::inventory::SUMS;

/// Which bytes were found right, of the files that a bundle lies in.
#[derive(Debug, Clone)]
pub enum ProvenBytes {
    /// Whole files of a folder.
    Files(BTreeSet<String>),
    /// Parts of the one packed file, in order.
    Parts(Vec<Range<u64>>),
    /// Nobody can say.
    Nothing,
}

impl ProvenBytes {
    /// Whether these bytes of `file` were found right.
    #[must_use]
    pub fn has(&self, file: &str, bytes: &Range<u64>) -> bool {
        match self {
            ProvenBytes::Files(files) => files.contains(file),
            ProvenBytes::Parts(parts) => {
                let at = parts.partition_point(|part| part.start <= bytes.start);
                let part = at.checked_sub(1).and_then(|at| parts.get(at));
                part.is_some_and(|part| bytes.end <= part.end)
            }
            ProvenBytes::Nothing => false,
        }
    }
}

impl Examined {
    /// Which bytes were found right, once [every byte](Examined::hash_everything) was read.
    #[must_use]
    pub fn proven(&self) -> ProvenBytes {
        let wrong: BTreeSet<&str> = self.problems.iter().map(|it| it.path.as_str()).collect();
        let right = self.sums.files().keys().filter(|path| !wrong.contains(path.as_str()));
        let right = right.filter_map(|path| Some((path, self.tree.size(path)?)));
        if self.tree.is_folder() {
            let files = right.map(|(path, _)| path.clone()).chain([SUMS.to_owned()]);
            return ProvenBytes::Files(files.collect());
        }
        // What is decrypted, or lies in several files, is at none of its positions.
        let is_placed = self.tree.volumes().is_none()
            && self.tree.open_file(SUMS, 0).is_ok_and(|reader| reader.stretch().is_some());
        if !is_placed {
            return ProvenBytes::Nothing;
        }
        let part = |(path, size): (&String, u64)| {
            let begin = self.tree.position(path);
            begin..begin.saturating_add(size)
        };
        let mut parts: Vec<Range<u64>> = right.map(part).collect();
        parts.sort_by_key(|part| part.start);
        ProvenBytes::Parts(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_covers_what_lies_in_it_whole() {
        let proven = ProvenBytes::Parts(vec![100..200, 300..400]);

        for (bytes, is) in [
            (100..200, true),
            (120..130, true),
            (90..110, false),
            (150..310, false),
            (400..401, false),
        ] {
            assert_eq!(proven.has("x", &bytes), is, "{bytes:?}");
        }
        assert!(!ProvenBytes::Nothing.has("x", &(0..0)));
        let proven = ProvenBytes::Files(["a".to_owned()].into());
        assert!(proven.has("a", &(0..9)) && !proven.has("b", &(0..9)));
    }
}
