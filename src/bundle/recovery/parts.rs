//! What of a bundle has recovery data of its own.

use crate::medium::{Medium, in_volumes};
use crate::tools::folder::{Folder, is_folder_at};
use crate::words::error::{Error, Result};

/// What of the bundle on `medium` has recovery data of its own: each volume, where it is a folder of those,
/// since each lies on a medium of its own; else all of it.
///
/// # Errors
/// Those of the disk.
pub fn parts(medium: &Medium) -> Result<Vec<Medium>> {
    let path = medium.path();
    if !is_folder_at(path)? {
        return Ok(vec![medium.clone()]);
    }
    let fault = |e| Error::io(format!("cannot list {}", path.display()), e);
    let names = Folder::open(path).and_then(|folder| in_volumes::names(&folder)).map_err(fault)?;
    match names.is_empty() {
        true => Ok(vec![medium.clone()]),
        false => Ok(names.iter().map(|name| medium.beside(path.join(name))).collect()),
    }
}
