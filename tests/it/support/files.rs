//! Folders as values: listed, compared, copied.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::content::digest;

/// Every regular file below `dir` with its digest; anything else by what it is.
pub fn tree(dir: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    for entry in walkdir::WalkDir::new(dir) {
        let entry = entry.unwrap();
        let path = entry.path().strip_prefix(dir).unwrap().to_path_buf();
        if entry.file_type().is_file() {
            found.insert(path, digest(&std::fs::read(entry.path()).unwrap()));
        } else if !entry.file_type().is_dir() {
            found.insert(path, format!("{:?}", entry.file_type()));
        }
    }
    found
}

/// A real copy, so that damage done to it stays there.
pub fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::copy(from, to).unwrap();
        return;
    }
    for entry in walkdir::WalkDir::new(from) {
        let entry = entry.unwrap();
        let target = to.join(entry.path().strip_prefix(from).unwrap());
        if entry.file_type().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// The blobs of the layout in `dir` whose bytes are whole: the content hashes to the name.
pub fn whole_blobs(dir: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(dir.join("blobs/sha256")) else { return Vec::new() };
    entries
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = format!("sha256:{}", path.file_name()?.to_str()?);
            (digest(&std::fs::read(&path).ok()?) == name).then_some(name)
        })
        .collect()
}

/// Changes one byte at `offset` by turning its lowest bit.
pub fn flip(file: &Path, offset: u64) {
    use std::os::unix::fs::FileExt as _;
    make_writable(file);
    let file = std::fs::File::options().read(true).write(true).open(file).unwrap();
    let mut byte = [0];
    file.read_exact_at(&mut byte, offset).unwrap();
    file.write_all_at(&[byte[0] ^ 1], offset).unwrap();
}

/// Lets the owner write, for bundles that are kept read-only.
pub fn make_writable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let mut permissions = std::fs::metadata(path).unwrap().permissions();
    permissions.set_mode(permissions.mode() | 0o200);
    std::fs::set_permissions(path, permissions).unwrap();
}

/// Removes a folder whatever its files' permissions.
pub fn remove(dir: &Path) {
    for entry in walkdir::WalkDir::new(dir).into_iter().flatten() {
        if entry.file_type().is_dir() {
            make_writable(entry.path());
        }
    }
    std::fs::remove_dir_all(dir).unwrap();
}
