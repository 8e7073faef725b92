//! [`Cutting`]: into what volumes a bundle is to be cut.

use super::volume_table::{MAX_LABEL, is_label};
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::size::parse_size;

/// Media by what they are called, and how large a volume for them is: discs have room beside it for the
/// file system and a label.
pub const PRESETS: [(&str, u64); 5] = [
    // The largest file there.
    ("fat32", (1 << 32) - 1),
    ("cd", 700_000_000),
    ("dvd", 4_690_000_000),
    ("dvd-dl", 8_500_000_000),
    // Of the 25.0 GB a writer keeps some back for bad places.
    ("bd", 24_000_000_000),
];

/// Into what volumes a bundle is to be cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cutting {
    /// How many bytes a volume has at most.
    pub volume_size: u64,
    /// What people call the set.
    pub label: String,
    /// The only one that is to be made, where it is not all.
    pub only: Option<u32>,
    /// Whether the table of each is signed. It is cut in the same way in any case.
    pub is_signed: bool,
}

#[cfg(feature = "age")]
impl Cutting {
    /// The same where each volume is encrypted for so many `recipients`, which takes more room.
    ///
    /// # Errors
    /// [`Class::Usage`] for more of them than there is room for.
    pub(super) fn encrypted_for(&self, recipients: usize) -> Result<Cutting> {
        use crate::tools::cipher::{MAX_RECIPIENTS, Unlocked};

        if recipients > MAX_RECIPIENTS {
            let text = format!("volumes are encrypted to {MAX_RECIPIENTS} recipients at most");
            return Err(Error::new(Class::Usage, text).hint("name fewer who may read them"));
        }
        Ok(Cutting { volume_size: Unlocked::plain_size(self.volume_size), ..self.clone() })
    }
}

/// Bytes in `text`: a size as on packages, or a medium by its name.
///
/// # Errors
/// [`Class::Usage`] for anything else.
pub fn parse_volume_size(text: &str) -> Result<u64> {
    let named = PRESETS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text.trim()));
    named.map_or_else(
        || {
            parse_size(text).map_err(|e| {
                e.hint("write fat32, cd, dvd, dvd-dl or bd, or a size as on packages: 4.7GB, 4GiB")
            })
        },
        |(_, size)| Ok(*size),
    )
}

/// `text`, if a set of volumes may be called so.
///
/// # Errors
/// [`Class::Usage`] when it may not.
pub fn parse_label(text: &str) -> Result<String> {
    match is_label(text) {
        true => Ok(text.to_owned()),
        false => {
            let text = format!("{} is no label", Safe(text));
            Err(Error::new(Class::Usage, text).hint(format!(
                "write up to {MAX_LABEL} of A-Z, a-z, 0-9, blanks, dots, hyphens and underscores"
            )))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_media_or_those_on_packages() {
        for (text, bytes) in [
            ("fat32", 4_294_967_295),
            ("DVD", 4_690_000_000),
            ("4.7GB", 4_700_000_000),
            ("4GiB", 4 << 30),
        ] {
            assert_eq!(parse_volume_size(text).unwrap(), bytes, "{text}");
        }
        assert!(parse_volume_size("floppy").is_err());
        assert!(parse_label("june 2026").is_ok());
        assert!(["", " x", "a/b", "ä", ".x"].iter().all(|bad| parse_label(bad).is_err()));
    }
}
