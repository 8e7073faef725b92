//! The roots that a site takes: the first one by its fingerprint, every other one by the one before it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::reading::read_root;
use super::report::RootReport;
use crate::bundle::roots::{MAX_ROOT, SignedRoot, TrustFolder, root_file};
use crate::medium::Medium;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::moment::Moment;

/// Takes the root in the file `path` as the first one into `folder`, if its fingerprint is `expected`.
///
/// # Errors
/// [`Class::Untrusted`] where it is another one, or not signed by enough; [`Class::Usage`] where there is one already;
/// when it cannot be written.
pub fn begin(path: &Path, folder: &Path, expected: &Digest, now: Moment) -> Result<RootReport> {
    let first = read_root(path)?;
    let own = first.root().fingerprint();
    if own != *expected {
        let text =
            format!("{} is not the root that was named: its fingerprint is {own}", path.display());
        return Err(Error::new(Class::Untrusted, text)
            .subject(Subject::Path(path.to_owned()))
            .hint("ask for the fingerprint again, by a way that nobody else can change"));
    }
    let folder = TrustFolder::begin(folder, first)?;
    let report = RootReport::of(folder.path().display(), folder.signed(), None, now);
    Ok(RootReport { versions: vec![report.version], ..report })
}

/// Takes the roots in `sources` that follow the one that counts in `folder`: files with them, each with the
/// signatures of some, or bundles that carry them.
///
/// # Errors
/// As [`TrustFolder::brought_up`]; [`Class::Stale`] where none of them follows.
pub fn rotate(folder: &TrustFolder, sources: &[PathBuf], now: Moment) -> Result<RootReport> {
    let (mut files, mut bundles) = (BTreeMap::<u64, SignedRoot>::new(), Vec::new());
    for path in sources {
        if !is_root(path) {
            bundles.push(path);
            continue;
        }
        let one = read_root(path)?;
        match files.remove(&one.root().version) {
            Some(mut other) => {
                other.join(one).map_err(|e| e.context(path.display()))?;
                files.insert(other.root().version, other);
            }
            None => drop(files.insert(one.root().version, one)),
        }
    }
    let before = folder.root().version;
    let mut after =
        folder.brought_up(|version| Ok(files.get(&version).map(SignedRoot::to_bytes)))?;
    for path in bundles {
        let tree = Medium::at(path).open()?;
        after = after.brought_up(|version| {
            let path = root_file(version);
            tree.size(&path).map(|_| tree.read_small(&path, MAX_ROOT)).transpose()
        })?;
    }
    let now_counts = after.root().version;
    if let Some(left) = files.into_values().find(|it| {
        let version = it.root().version;
        version > now_counts || (version < before && now_counts == before)
    }) {
        // Why it was not taken.
        after.root().check_next(&left)?;
    }
    let report = RootReport::of(after.path().display(), after.signed(), None, now);
    Ok(RootReport { versions: (before + 1..=now_counts).collect(), ..report })
}

/// Whether `path` is a file that begins as a root does.
fn is_root(path: &Path) -> bool {
    use std::io::Read as _;
    let mut begin = [0; 12];
    let file = crate::tools::file::open_regular(path);
    file.is_ok_and(|mut file| file.read_exact(&mut begin).is_ok()) && begin == *b"{\"payload\":\""
}

/// Goes through all roots in `folder`, each signed as the one before it and it itself demand.
///
/// # Errors
/// As [`TrustFolder::chain`]; [`Class::Stale`] where the one that counts has expired.
pub fn check_chain(folder: &TrustFolder, now: Moment) -> Result<RootReport> {
    let chain = folder.chain()?;
    let report = RootReport::of(folder.path().display(), folder.signed(), None, now);
    let versions = chain.iter().map(|it| it.root().version).collect();
    Ok(RootReport { versions, ..report })
}
