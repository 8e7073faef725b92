//! [`Inventory`]: `SHA256SUMS`, the list of every file that the signature covers.

use std::collections::{BTreeMap, BTreeSet};

use crate::tools::file::is_leftover;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};

/// The file's name.
pub const SUMS: &str = "SHA256SUMS";
/// Largest list that is read: room for half a million blobs at 144 bytes a line.
pub const MAX_SUMS: u64 = 72 << 20;
/// Most files that are no blobs. There are three; a list of short names would take ten times the
/// room of one of blobs.
const MAX_OTHERS: usize = 10_000;
/// Longest path in a list. The longest that sealift writes has 77 bytes.
const MAX_PATH: usize = 128;

/// Paths and their digests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    files: BTreeMap<String, Digest>,
}

/// Whether `path` is covered by the list: signatures cannot sign themselves, and recovery data
/// is made afterwards.
#[must_use]
pub fn is_outside(path: &str) -> bool {
    path == SUMS || path.starts_with("sig/") || is_recovery(path)
}

/// Whether `path` is recovery data: `repair/*.par2`, what a run that was killed left of that, and nothing
/// else there. The names of such files have a plus in them.
#[must_use]
pub fn is_recovery(path: &str) -> bool {
    let Some(name) = path.strip_prefix("repair/").filter(|name| !name.contains('/')) else {
        return false;
    };
    let stem = name.strip_suffix(".par2").map(|stem| stem.replace('+', "-"));
    stem.is_some_and(|stem| is_portable(&stem)) || is_leftover(name)
}

/// Whether `path` may be one of a bundle's own files: those of the list, it itself, and signatures.
#[must_use]
pub fn is_member(path: &str) -> bool {
    is_portable(path) && !path.starts_with("repair/")
}

/// Whether `path` may stand in a list: relative, lower-case ASCII components that mean the same
/// on every file system, FAT included.
fn is_portable(path: &str) -> bool {
    let component = |part: &str| {
        let stem = part.split('.').next().unwrap_or(part).to_ascii_lowercase();
        let device = matches!(stem.as_str(), "con" | "prn" | "aux" | "nul")
            || (stem.len() == 4
                && (stem.starts_with("com") || stem.starts_with("lpt"))
                && stem.ends_with(|c: char| c.is_ascii_digit()));
        !part.is_empty()
            && !part.starts_with('.')
            && !part.ends_with('.')
            && !device
            && part.bytes().all(|c| c.is_ascii_alphanumeric() || b"._-".contains(&c))
    };
    path.len() <= MAX_PATH && path.split('/').all(component)
}

impl Inventory {
    /// Adds a file.
    pub fn insert(&mut self, path: impl Into<String>, digest: Digest) {
        self.files.insert(path.into(), digest);
    }

    /// The files, in bytewise order of their paths.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Digest> {
        &self.files
    }

    /// The file: a line a path, `hex`, two spaces, `path`, as `sha256sum` reads it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = String::with_capacity(self.files.len() * 144);
        for (path, digest) in &self.files {
            out.push_str(&digest.hex());
            out.push_str("  ");
            out.push_str(path);
            out.push('\n');
        }
        out.into_bytes()
    }

    /// Reads such a file: sorted, each path once, none of them outside the bundle, every blob
    /// under the name of its digest.
    ///
    /// # Errors
    /// [`Class::Damaged`], naming the first line that is not acceptable.
    pub fn from_bytes(bytes: &[u8]) -> Result<Inventory> {
        let bad = |line: usize, why: &str| {
            Error::new(Class::Damaged, format!("{SUMS}, line {line}: {why}"))
        };
        let text = std::str::from_utf8(bytes).map_err(|_| bad(1, "is not text"))?;
        if !text.ends_with('\n') {
            return Err(bad(text.lines().count(), "does not end in a line feed"));
        }
        let mut files: BTreeMap<String, Digest> = BTreeMap::new();
        let mut others = 0;
        // Only a path with capitals can differ from another in case alone.
        let mut folded = BTreeSet::new();
        for (index, line) in text.split_terminator('\n').enumerate() {
            let bad = |why: &str| bad(index + 1, why);
            let (hex, path) = line.split_once("  ").ok_or_else(|| bad("is not `hex  path`"))?;
            let digest = Digest::from_hex(hex).map_err(|_| bad("has no SHA-256 digest"))?;
            if !is_portable(path) || is_outside(path) || path.starts_with("repair/") {
                return Err(bad("has a path that is not acceptable"));
            }
            if files.last_key_value().is_some_and(|(last, _)| last.as_str() >= path) {
                return Err(bad("is not in order"));
            }
            if path.bytes().any(|c| c.is_ascii_uppercase()) {
                if !folded.insert(path.to_ascii_lowercase()) {
                    return Err(bad("differs from another path in case only"));
                }
            } else if !path.starts_with("blobs/") {
                others += 1;
            }
            if folded.len() + others > MAX_OTHERS {
                return Err(bad("is one more file than a bundle has beside its blobs"));
            }
            if let Some(name) = path.strip_prefix("blobs/")
                && name.strip_prefix("sha256/") != Some(hex)
            {
                return Err(bad("has a blob whose name is not its digest"));
            }
            files.insert(path.to_owned(), digest);
        }
        match folded.iter().any(|path| files.contains_key(path)) {
            true => Err(bad(1, "is in a list in which paths differ in case only")),
            false => Ok(Inventory { files }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_survives_its_file() {
        let mut list = Inventory::default();
        let blob = Digest::of(b"x");
        list.insert("oci-layout", Digest::of(b"l"));
        list.insert(format!("blobs/sha256/{}", blob.hex()), blob);

        let bytes = list.to_bytes();

        assert_eq!(Inventory::from_bytes(&bytes).unwrap(), list);
        assert!(bytes.ends_with(b"  oci-layout\n"));
    }

    #[test]
    fn a_path_that_could_mean_something_else_is_refused() {
        let hex = Digest::of(b"x").hex();
        for path in [
            "../x",
            "/x",
            "a//b",
            "./a",
            "a/../b",
            "a\\b",
            "CON",
            "nul.txt",
            "com1",
            "a b",
            "a\tb",
            "a.",
            "ä",
            "",
            "SHA256SUMS",
            "sig/x",
            "repair/x",
            "blobs/sha256/00",
            "blobs/x",
            &"a".repeat(129),
        ] {
            let line = format!("{hex}  {path}\n");
            assert!(Inventory::from_bytes(line.as_bytes()).is_err(), "{path:?}");
        }
        Inventory::from_bytes(format!("{hex}  a/b-c_d.e\n").as_bytes()).unwrap();
    }

    #[test]
    fn recovery_data_has_names_of_its_own() {
        let left = "repair/.sealift-locked-0123456789abcdef";
        for path in ["repair/bundle.par2", "repair/bundle.vol000+05.par2", "repair/x.par2", left] {
            assert!(is_recovery(path) && is_outside(path), "{path}");
        }
        for path in [
            "repair/.par2",
            "repair/a/b.par2",
            "repair/x",
            "repair/.x.par2",
            "x.par2",
            "repair/.sealift-x",
        ] {
            assert!(!is_recovery(path), "{path}");
        }
    }

    #[test]
    fn what_is_a_bundles_own_is_told_from_what_is_not() {
        for path in
            ["SHA256SUMS", "sig/0123456789abcdef.dsse.json", "index.json", "blobs/sha256/00"]
        {
            assert!(is_member(path), "{path}");
        }
        for path in
            ["../SHA256SUMS", "/etc/passwd", "sig/../x", ".profile", "repair/x.par2", "a//b", ""]
        {
            assert!(!is_member(path), "{path}");
        }
    }

    #[test]
    fn a_list_has_one_order_and_one_spelling() {
        let hex = Digest::of(b"x").hex();
        for bad in [
            format!("{hex}  b\n{hex}  a\n"),
            format!("{hex}  a\n{hex}  a\n"),
            format!("{hex}  A\n{hex}  a\n"),
            format!("{hex}  a"),
            format!("{hex} a\n"),
            format!("{hex} *a\n"),
            format!("{}  a\n", hex.to_uppercase()),
            format!("{hex}  a\r\n"),
            format!("{hex}  a\n\n"),
            String::new(),
        ] {
            assert!(Inventory::from_bytes(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
