//! Bundles and layouts on this machine, as options name them.

use std::path::{Path, PathBuf};

use crate::places::location::{Place, Source};
use crate::words::error::{Class, Error, Result};

/// Where the bundle or layout lies that `option` names by `given`: a path, or `oci:DIR` or
/// `oci-archive:FILE` as everywhere. What is there under that very name is a path.
///
/// # Errors
/// For places that are not on this machine, and for one image of a place.
pub(super) fn at_hand(option: &str, given: PathBuf) -> Result<PathBuf> {
    let Some(text) = given.to_str().filter(|text| !Path::new(text).exists()) else {
        return Ok(given);
    };
    let bad = |why: &str| {
        Err(Error::new(Class::Usage, format!("{option} {text}: {why}"))
            .hint("name a bundle by its path, or a layout as DIR, oci:DIR or oci-archive:FILE"))
    };
    match text.parse() {
        Ok(Place::Local(Source::Layout { path, name: None, called: None, .. })) => Ok(path),
        Ok(Place::Local(Source::Layout { .. })) => bad("that is one image of a layout"),
        Ok(_) => bad("that is no bundle and no layout on this machine"),
        // What is meant as a place, and is none, is told as such.
        Err(error) if ["oci:", "oci-archive:"].iter().any(|it| text.starts_with(it)) => Err(error),
        Err(_) => Ok(given),
    }
}

/// As [`at_hand`], of all that are `given`.
///
/// # Errors
/// As there.
pub(super) fn all_at_hand<P: From<PathBuf>>(option: &str, given: Vec<PathBuf>) -> Result<Vec<P>> {
    given.into_iter().map(|one| at_hand(option, one).map(P::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layout_is_named_as_a_path_or_as_a_place() {
        let folder = tempfile::tempdir().unwrap();
        let colon = folder.path().join("oci:x");
        std::fs::write(&colon, "").unwrap();
        let colon = colon.to_str().unwrap();
        for (given, path) in [
            ("june.tar", "june.tar"),
            ("a/b:c", "a/b:c"),
            ("oci:a/b", "a/b"),
            ("oci-archive:a.tar", "a.tar"),
            (colon, colon),
        ] {
            assert_eq!(at_hand("--base", given.into()).unwrap(), PathBuf::from(path), "{given}");
        }
        for bad in [
            "oci:a:b:1",
            "oci:",
            "docker://h.example/a",
            "docker-archive:a.tar",
            "containers-storage:",
        ] {
            let error = at_hand("--base", bad.into()).unwrap_err();
            assert_eq!(error.class(), Class::Usage, "{bad}");
        }
    }
}
