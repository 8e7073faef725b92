//! The files in a folder, each client's in one of its own.

use std::path::Path;

use super::report::ClientMirror;
use crate::tools::file::write_whole;
use crate::tools::folder::{Folder, OPEN_FOLDER};
use crate::tools::ground;
use crate::tools::over::only_over;
use crate::words::error::{Error, Result};
use crate::work::mirror::WRITTEN;

/// Permissions of the files: they are to be handed on, and hold no secret.
const MODE: u32 = 0o644;

/// Writes the files of `clients` below `folder`, each whole or not at all. What stands there is replaced if it
/// was written so before; else nothing is written.
pub(super) fn write(folder: &Path, clients: &[ClientMirror]) -> Result<()> {
    ground::folder(folder)?;
    let files = || clients.iter().flat_map(ClientMirror::files);
    for (client, file) in files() {
        only_over(&folder.join(client).join(&file.path), "file of mirror-config", is_ours)?;
    }
    let fault = |path: &Path, e| Error::io(format!("cannot make {}", path.display()), e);
    let root = Folder::make(folder, OPEN_FOLDER).map_err(|e| fault(folder, e))?;
    for (client, file) in files() {
        let mut parts: Vec<&str> = file.path.split('/').collect();
        let name = parts.pop().unwrap_or_default();
        let below = |into: Folder, part: &str| {
            into.make_below(part, OPEN_FOLDER).map_err(|e| fault(&into.at(part), e))
        };
        let into = std::iter::once(client).chain(parts).try_fold(root.clone(), below)?;
        write_whole(&into, name, MODE, file.text.as_bytes())?;
    }
    Ok(())
}

/// Whether a file begins as one of these: with the comment, as docker's, which can have none, or as a
/// certificate.
fn is_ours(start: &[u8]) -> bool {
    let begins = [WRITTEN, "{\n  \"registry-mirrors\": ", "-----BEGIN CERTIFICATE-----"];
    begins.iter().any(|it| start.starts_with(it.as_bytes()))
}
