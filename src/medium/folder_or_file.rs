//! [`FolderOrFile`]: what stands at a path that the user named.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use crate::tools::file::open_regular;
use crate::tools::folder::Folder;
use crate::tools::withheld;
use crate::words::error::{Class, Error, Result, Subject};

/// What stands at a path.
#[derive(Debug)]
pub(super) enum FolderOrFile {
    /// A folder.
    Folder(Folder),
    /// A file.
    File(Arc<File>),
}

/// Opens what stands at `path`. A final symbolic link in it is followed: the user named it.
///
/// # Errors
/// [`Class::Incomplete`] when there is nothing, [`Class::Usage`] for what is neither a folder nor a
/// file, and any fault of the disk.
pub(super) fn look(path: &Path) -> Result<FolderOrFile> {
    let fault = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => {
            Error::new(Class::Incomplete, format!("{}: no such file or folder", path.display()))
                .subject(Subject::Path(path.to_owned()))
                .hint("check the path, and whether the medium is mounted")
        }
        _ => withheld::reading(format!("cannot read {}", path.display()), e),
    };
    let kind = std::fs::metadata(path).map_err(fault)?.file_type();
    if kind.is_file() {
        return Ok(FolderOrFile::File(Arc::new(open_regular(path).map_err(fault)?)));
    }
    if !kind.is_dir() {
        let text = format!("{} is neither a folder nor a file", path.display());
        return Err(Error::new(Class::Usage, text));
    }
    let folder = Folder::open(path);
    let fault = |e| withheld::reading(format!("cannot read {}", path.display()), e);
    Ok(FolderOrFile::Folder(folder.map_err(fault)?))
}
