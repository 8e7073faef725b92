//! [`look_through`]: what lies in a bundle that is a folder, finished or not.

use std::io;
use std::path::Path;

use rustix::fs::FileType;

use super::site::not_ours;
use crate::bundle::roots::is_root_file;
use crate::tools::file::TEMP_PREFIX;
use crate::tools::folder::Folder;
use crate::words::error::{Error, Result};

/// Where blobs and signatures lie.
pub(super) const BLOBS: &str = "blobs/sha256";
pub(super) const SIGNATURES: &str = "sig";
/// The other files of a bundle.
const FILES: [&str; 4] = ["oci-layout", "index.json", "SHA256SUMS", "manifest.json"];

/// A file in a bundle.
pub(super) struct Left {
    pub folder: Folder,
    pub name: String,
    /// Its path in the bundle.
    pub path: String,
    /// How many bytes it has.
    pub size: u64,
}

/// What lies in the bundle `root`. Anything but what an export puts there is refused,
/// and so is what another user may have put there.
pub(super) fn look_through(root: &Folder) -> Result<Vec<Left>> {
    let mut found = Vec::new();
    let mut ahead = vec![(root.clone(), String::new())];
    while let Some((folder, above)) = ahead.pop() {
        let fault = |e| cannot_list(folder.path(), e);
        for name in folder.names().map_err(fault)? {
            let at = folder.at(&name);
            let Some(name) = name.to_str().map(str::to_owned) else {
                return Err(not_ours(&at, "has a name that is not UTF-8"));
            };
            // It may go away meanwhile, as what is not there.
            let Some(about) = folder.look(&name).map_err(fault)? else { continue };
            let path = if above.is_empty() { name.clone() } else { format!("{above}/{name}") };
            match about.kind {
                FileType::Symlink => return Err(not_ours(&at, "is a symbolic link, not a file")),
                FileType::Directory if is_folder_of_ours(&path) => {
                    about.refuse_foreign(&folder, &at)?;
                    let below = folder.below(&name).map_err(|e| cannot_list(&at, e))?;
                    ahead.push((below, path));
                }
                FileType::RegularFile if is_file_of_ours(&above, &name) => {
                    match above == BLOBS && !name.starts_with(TEMP_PREFIX) {
                        // It may be that of another bundle, too, and is never written to.
                        true => about.refuse_others(&folder, &at)?,
                        false => about.refuse_foreign(&folder, &at)?,
                    }
                    let (folder, size) = (folder.clone(), about.size);
                    found.push(Left { folder, name, path, size });
                }
                _ => return Err(not_ours(&at, "is nothing that an export leaves behind")),
            }
        }
    }
    Ok(found)
}

pub(super) fn cannot_list(folder: &Path, error: io::Error) -> Error {
    Error::io(format!("cannot list {}", folder.display()), error)
}

fn is_folder_of_ours(path: &str) -> bool {
    matches!(path, "blobs" | BLOBS | SIGNATURES)
}

fn is_file_of_ours(above: &str, name: &str) -> bool {
    match above {
        "" => FILES.contains(&name) || is_root_file(name) || name.starts_with(TEMP_PREFIX),
        BLOBS | SIGNATURES => true,
        _ => false,
    }
}
