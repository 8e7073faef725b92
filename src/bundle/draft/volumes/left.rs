//! [`left_in`]: what lies in a folder of volumes in the making.

use rustix::fs::FileType;

use super::super::site::{Site, not_ours};
use crate::tools::file::TEMP_PREFIX;
use crate::tools::folder::{FileInfo, Folder};
use crate::words::error::{Error, Result};

/// What the file of a volume is called, which is the `at`th from zero on.
pub(super) fn volume_name(site: &Site, at: usize) -> String {
    named(&site.name.to_string_lossy(), at, ".tar")
}

/// What a file about the `at`th volume of the set `name` is called.
pub(in crate::bundle) fn named(name: &str, at: usize, ending: &str) -> String {
    format!("{name}.{:03}{ending}", at + 1)
}

/// The files in the folder `root`, one a volume, that end in `ending`, and those called as one of `others`.
/// Anything else is refused, and so is what another user may have put there.
pub(in crate::bundle) fn left_in(
    root: &Folder,
    site: &Site,
    ending: &str,
    others: &[&str],
) -> Result<Vec<(String, FileInfo)>> {
    let fault = |e| Error::io(format!("cannot list {}", root.path().display()), e);
    let mut found = Vec::new();
    for name in root.names().map_err(fault)? {
        let path = root.at(&name);
        let Some(about) = root.look(&name).map_err(fault)? else { continue };
        let number = name.to_str().and_then(|name| {
            name.strip_prefix(&*site.name.to_string_lossy())?
                .strip_prefix('.')?
                .strip_suffix(ending)
        });
        let is_number = |it: &str| it.len() >= 3 && it.bytes().all(|c| c.is_ascii_digit());
        let is_ours = name
            .to_str()
            .is_some_and(|name| name.starts_with(TEMP_PREFIX) || others.contains(&name));
        if about.kind != FileType::RegularFile || !(is_ours || number.is_some_and(is_number)) {
            return Err(not_ours(&path, "is no volume that was left behind"));
        }
        about.refuse_foreign(root, &path)?;
        found.push((name.to_string_lossy().into_owned(), about));
    }
    Ok(found)
}
