//! What a person may call a bundle that is to be made.

use std::path::{Path, PathBuf};

use super::Medium;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

impl Medium {
    /// The medium that a bundle is to be made as which a person calls `given`: without a slash or a
    /// dot behind its name.
    ///
    /// # Errors
    /// [`Class::Usage`] for what can be no name of a bundle.
    pub fn to_make(given: &Path) -> Result<Medium> {
        let bad = |why: &str, hint: Phrase| {
            let text = format!("{} {why}", Safe(&given.display().to_string()));
            Err(Error::new(Class::Usage, text).hint(hint))
        };
        let path: PathBuf = given.components().collect();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let lower = name.to_ascii_lowercase();
        let packed = [".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2"];
        if name.is_empty() || name == "-" || name == ".tar" {
            return bad(
                "is no name for a bundle",
                phrase![
                    "write ",
                    Remedy::Output,
                    " NAME, or ",
                    Remedy::Output,
                    " NAME.tar for a packed one",
                ],
            );
        }
        if packed.iter().any(|ending| lower.ends_with(ending)) {
            return bad(
                "would be compressed",
                "a packed bundle is a plain .tar: layers are compressed already".into(),
            );
        }
        let encrypted = lower.ends_with(".tar.age");
        if encrypted && cfg!(not(feature = "age")) {
            return bad(
                "would be encrypted, which this build leaves to others",
                "make a packed bundle, whose name ends in .tar, and encrypt that with age".into(),
            );
        }
        if encrypted && !name.ends_with(".tar.age") {
            return bad(
                "does not end in .tar.age",
                "write the ending of an encrypted bundle in lower case".into(),
            );
        }
        if lower.ends_with(".tar") && !name.ends_with(".tar") {
            return bad(
                "does not end in .tar",
                "write the ending of a packed bundle in lower case".into(),
            );
        }
        if (name.ends_with(".tar") || encrypted)
            && given.as_os_str().as_encoded_bytes().ends_with(b"/")
        {
            return bad(
                "is a folder by its slash and a packed file by its ending",
                "leave out the slash".into(),
            );
        }
        Ok(Medium::at(path))
    }
}
