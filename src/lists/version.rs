//! [`Version`]: a tag as a version, as far as it is one.

use std::cmp::Ordering;

/// Most digits of a number in a version: it has room in 64 bits.
const MAX_DIGITS: usize = 18;
/// Most numbers in a version; semantic ones have three, and four are seen.
const MAX_NUMBERS: usize = 6;

/// A tag as a version: numbers with points between them, a `v` before them or not, and what is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version<'a> {
    numbers: Vec<u64>,
    /// What is behind the numbers, with its sign, as in `-alpine`; mostly nothing.
    pub(super) behind: &'a str,
}

impl<'a> Version<'a> {
    /// Reads `tag`; nothing where it is no version.
    pub(super) fn of(tag: &'a str) -> Option<Version<'a>> {
        let mut rest = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
        let mut numbers = Vec::new();
        loop {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let digits = rest.get(..end).filter(|it| (1..=MAX_DIGITS).contains(&it.len()))?;
            numbers.push(digits.parse().ok()?);
            rest = &rest[end..];
            match rest.strip_prefix('.') {
                Some(more)
                    if more.starts_with(|c: char| c.is_ascii_digit())
                        && numbers.len() < MAX_NUMBERS =>
                {
                    rest = more;
                }
                _ => break,
            }
        }
        match rest.is_empty() || rest.starts_with(['-', '+', '_', '.']) {
            true => Some(Version { numbers, behind: rest }),
            false => None,
        }
    }

    fn number(&self, at: usize) -> u64 {
        self.numbers.get(at).copied().unwrap_or(0)
    }

    /// As a semantic version, without what is behind.
    pub(super) fn semantic(&self) -> semver::Version {
        semver::Version::new(self.number(0), self.number(1), self.number(2))
    }

    /// Its first two numbers, with what is behind: what patches have in common.
    pub(super) fn line(&self) -> (u64, u64, &'a str) {
        (self.number(0), self.number(1), self.behind)
    }

    /// Compares by number, number by number; one that is not there is zero.
    pub(super) fn compare(&self, other: &Version<'_>) -> Ordering {
        let most = self.numbers.len().max(other.numbers.len());
        let by_number = (0..most).map(|at| self.number(at).cmp(&other.number(at)));
        by_number.fold(Ordering::Equal, Ordering::then)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_versions_as_far_as_they_begin_with_numbers() {
        for (tag, numbers, behind) in [
            ("3.20", &[3, 20][..], ""),
            ("v1.2.3", &[1, 2, 3], ""),
            ("1.25.3-alpine", &[1, 25, 3], "-alpine"),
            ("2024.06.01", &[2024, 6, 1], ""),
            ("1.2.3.4", &[1, 2, 3, 4], ""),
            ("7", &[7], ""),
            ("1.2.x", &[1, 2], ".x"),
        ] {
            let version = Version::of(tag).unwrap();
            assert_eq!((&version.numbers[..], version.behind), (numbers, behind), "{tag}");
        }
        for tag in ["latest", "alpine3", "3a", "", "v", "1234567890123456789012", "sha256-ab"] {
            assert_eq!(Version::of(tag), None, "{tag}");
        }
        let compare = |a, b| Version::of(a).unwrap().compare(&Version::of(b).unwrap());
        assert_eq!(compare("1.9", "1.10"), Ordering::Less);
        assert_eq!(compare("1.2", "1.2.0"), Ordering::Equal);
        assert_eq!(compare("1.2.0.1", "1.2"), Ordering::Greater);
    }
}
