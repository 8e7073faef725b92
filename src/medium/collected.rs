//! [`MayBeVolumes`]: the files that may be volumes of a set, open, and what is wrong beside them.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;

use super::fault::{FaultKind, TreeFault};
use super::header::{BLOCK, read_header};
use super::volume_bytes::VolumeBytes;
use super::volume_table::{MAX_TABLE, VOLUME, VolumeTable};
use crate::tools::folder::Folder;
use crate::words::error::{Class, Result};

/// The files of a layout, beside which tars are no volumes.
const LAYOUT: [&str; 2] = ["oci-layout", "SHA256SUMS"];

/// What may be volumes: what each is called for people, and its bytes; and what is wrong beside them.
#[derive(Default)]
pub(super) struct MayBeVolumes {
    pub volumes: Vec<(String, VolumeBytes)>,
    pub others: Vec<TreeFault>,
}

/// Opens files that may be encrypted, each with its path.
pub(super) type OpenVolume<'o> = dyn Fn(&Path, Arc<File>) -> Result<VolumeBytes> + 'o;

/// Adds to `found` what in `folder` may be volumes, with `within` before their names; nothing where it is
/// a bundle itself.
pub(super) fn collect(
    folder: &Folder,
    within: &str,
    open: &OpenVolume<'_>,
    found: &mut MayBeVolumes,
) -> Result<()> {
    // Why a folder cannot be listed, whoever lists it as a bundle says.
    let Ok(names) = names(folder) else { return Ok(()) };
    let MayBeVolumes { volumes, others } = found;
    for name in names {
        let shown = format!("{within}{}", name.to_string_lossy());
        let file = match folder.file(&name).map(Arc::new) {
            Ok(file) => file,
            Err(e) => {
                let what = format!("cannot be opened: {e}");
                others.push(TreeFault { path: shown, kind: FaultKind::Unreadable, what });
                continue;
            }
        };
        let bytes = match open(&folder.at(&name), file) {
            Ok(bytes) => bytes,
            // One that was not copied whole, or is not as it was, is told beside what else is wrong.
            Err(e) if matches!(e.class(), Class::Damaged | Class::Incomplete) => {
                let kind = match e.class() {
                    Class::Incomplete => FaultKind::Truncated,
                    _ => FaultKind::Unacceptable,
                };
                others.push(TreeFault { path: shown, kind, what: e.message().to_owned() });
                continue;
            }
            Err(e) => return Err(e),
        };
        match bytes.is_volume() {
            true => volumes.push((shown, bytes)),
            false => {
                let what = "is no volume, or its beginning is damaged".to_owned();
                others.push(TreeFault { path: shown, kind: FaultKind::Unacceptable, what });
            }
        }
    }
    Ok(())
}

/// The names in `folder` that volumes have, in order; none where it is a bundle itself.
///
/// # Errors
/// When it cannot be listed.
pub(crate) fn names(folder: &Folder) -> io::Result<Vec<OsString>> {
    if LAYOUT.iter().any(|name| folder.look(name).is_ok_and(|it| it.is_some())) {
        return Ok(Vec::new());
    }
    let mut names = folder.names()?;
    names.retain(|name| {
        // What cannot be looked at is told where it is opened.
        let about = folder.look(name);
        let is_file = |about: FileType| about == FileType::RegularFile;
        is_tar(name) && about.map_or(true, |it| it.is_some_and(|it| is_file(it.kind)))
    });
    names.sort();
    Ok(names)
}

/// Whether a file of this name may be a volume.
fn is_tar(name: &OsString) -> bool {
    let name = name.to_string_lossy().to_ascii_lowercase();
    [".tar", ".tar.age"].iter().any(|ending| name.ends_with(ending) && name.len() > ending.len())
}

/// What the volume in `file` says of itself; nothing where it is none, or is not finished.
#[must_use]
pub fn table_of(file: &File) -> Option<VolumeTable> {
    let mut block = [0; BLOCK as usize];
    file.read_exact_at(&mut block, 0).ok()?;
    let (path, size) = read_header(&block, false).ok()?;
    if path != VOLUME || size > MAX_TABLE {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(size).ok()?];
    file.read_exact_at(&mut bytes, BLOCK).ok()?;
    VolumeTable::from_bytes(&bytes).ok()
}
