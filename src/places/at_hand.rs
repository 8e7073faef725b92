//! [`AtHand`]: folders and bundles on this side, of which blobs are taken instead of being fetched.
//!
//! They are found by the name that their file has, and are never believed: whoever takes one hashes
//! it, and says where the bytes were others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Mutex;

use crate::medium::Medium;
use crate::medium::reader::TreeReader;
use crate::medium::tree::Tree;
use crate::storage::documents::DocumentsAtHand;
use crate::storage::raw::Raw;
use crate::storage::store::BlobSource;
use crate::tools::mutex::lock;
use crate::tools::named_file::NamedFile;
use crate::words::at::At;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, MAX_DOCUMENT};
use crate::words::error::{Class, Error, Result};

/// What a registry of distribution's keeps the bytes of a blob in, below a folder with its digest.
const DATA: &str = "/data";

/// Places on this side: bundles, as folders or packed, and layouts and other folders whose files are
/// called by their digests.
#[derive(Debug, Default)]
pub struct AtHand {
    places: Vec<AtHandPlace>,
    blobs: BTreeMap<Digest, Vec<FoundBlob>>,
    /// What proved to have other bytes.
    wrong: Mutex<BTreeSet<(At<AtHandPlace>, Digest)>>,
    notes: Mutex<Vec<String>>,
}

/// One of the places.
#[derive(Debug)]
pub struct AtHandPlace {
    tree: Tree,
    /// Whether it is to go away once its blobs were taken.
    goes: bool,
}

/// Where a blob is said to lie.
#[derive(Debug)]
struct FoundBlob {
    place: At<AtHandPlace>,
    path: Box<str>,
    size: u64,
}

/// A file that is said to have the bytes of a blob, which nobody has checked.
#[derive(Debug, Clone, Copy)]
pub struct CandidateFile<'a> {
    place: At<AtHandPlace>,
    of: &'a AtHandPlace,
    path: &'a str,
}

impl AtHand {
    /// Lists what is in `place`.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is nothing, and any fault of the disk.
    pub fn add(&mut self, place: &Medium, cancel: &Cancel) -> Result<()> {
        let tree = place.open()?;
        cancel.check()?;
        if self.take(tree, false) == 0 {
            let text = format!("{place}: no blob is there that could be used again");
            self.note(text);
        }
        Ok(())
    }

    /// As [`add`](AtHand::add), of a place that nobody named: one that is gone, or cannot be read, is
    /// not used.
    pub fn add_if_there(&mut self, place: &Medium) {
        if let Ok(tree) = place.open() {
            self.take(tree, false);
        }
    }

    /// Lists what is in `tree`, which goes away once its blobs were taken.
    pub fn add_passing(&mut self, tree: Tree) {
        self.take(tree, true);
    }

    fn take(&mut self, tree: Tree, goes: bool) -> usize {
        let (place, mut count) = (At::nth(self.places.len()), 0);
        for (path, size) in tree.files() {
            if let Some(digest) = digest_of(path) {
                let found = FoundBlob { place, path: path.into(), size };
                self.blobs.entry(digest).or_default().push(found);
                count += 1;
            }
        }
        self.places.push(AtHandPlace { tree, goes });
        count
    }

    /// Whether no place has any blob.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// Whether a file is there that may be `blob`.
    #[must_use]
    pub fn may_have(&self, blob: &Descriptor) -> bool {
        self.candidates(blob).next().is_some()
    }

    /// The files that may be `blob`: they have its name and size, and were not found wrong.
    pub fn candidates(&self, blob: &Descriptor) -> impl Iterator<Item = CandidateFile<'_>> {
        self.named(&blob.digest).filter_map({
            let size = blob.size;
            move |(found, candidate)| (found.size == size).then_some(candidate)
        })
    }

    fn named(&self, digest: &Digest) -> impl Iterator<Item = (&FoundBlob, CandidateFile<'_>)> {
        let (found, digest) = (self.blobs.get(digest), *digest);
        found.into_iter().flatten().filter_map(move |found| {
            let wrong = lock(&self.wrong).contains(&(found.place, digest));
            let of = found.place.of(&self.places);
            let candidate = CandidateFile { place: found.place, of, path: &found.path };
            (!wrong).then_some((found, candidate))
        })
    }

    /// Hears that `candidate` is not `digest`, as `error` says: it is not used, and told.
    pub fn distrust(&self, candidate: &CandidateFile<'_>, digest: &Digest, error: &Error) {
        if lock(&self.wrong).insert((candidate.place, *digest)) {
            let why = match error.class() {
                Class::Damaged => "its bytes are others".to_owned(),
                _ => format!("it cannot be read: {}", error.message()),
            };
            let path = candidate.path();
            self.note(format!("{} is not used for {digest}: {why}", path.display()));
        }
    }

    fn note(&self, text: String) {
        lock(&self.notes).push(text);
    }

    /// What was wrong since this was asked last.
    #[must_use]
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.notes))
    }

    /// The bytes of `blob`, hashed, where they are here and at most `limit`.
    ///
    /// # Errors
    /// [`Class::Interrupted`] alone.
    pub fn small(&self, blob: &Descriptor, limit: u64, cancel: &Cancel) -> Result<Option<Vec<u8>>> {
        for candidate in self.candidates(blob) {
            cancel.check()?;
            if let Some(bytes) = self.whole(&candidate, &blob.digest, limit) {
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }

    fn whole(&self, it: &CandidateFile<'_>, digest: &Digest, limit: u64) -> Option<Vec<u8>> {
        match it.of.tree.read_small(it.path, limit) {
            Ok(bytes) if Digest::of(&bytes) == *digest => Some(bytes),
            Ok(_) => {
                self.distrust(it, digest, &Error::new(Class::Damaged, ""));
                None
            }
            Err(error) => {
                self.distrust(it, digest, &error);
                None
            }
        }
    }
}

impl DocumentsAtHand for AtHand {
    fn bytes(&self, digest: &Digest) -> Option<Vec<u8>> {
        let small = self.named(digest).filter(|(found, _)| found.size <= MAX_DOCUMENT);
        small.into_iter().find_map(|(_, it)| self.whole(&it, digest, MAX_DOCUMENT))
    }
}

impl<'a> CandidateFile<'a> {
    /// Where it is, for people.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.of.tree.path().join(self.path)
    }

    /// Its bytes from `offset` on.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn reader(&self, offset: u64) -> Result<TreeReader> {
        self.of.tree.open_file(self.path, offset)
    }

    /// Whether the place that it is in is to go away.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.of.goes
    }

    /// The file, where it is one of its own.
    #[must_use]
    pub fn named(&self) -> Option<NamedFile> {
        self.of.tree.named(self.path)
    }
}

impl BlobSource for CandidateFile<'_> {
    fn open(&self, _blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        Ok(Raw::new(self.reader(offset)?))
    }
}

/// The digest that the file `path` is called by, wherever it lies: `blobs/sha256/HEX` in a layout or
/// a bundle, `HEX` in what skopeo calls a directory, `HEX/data` in a registry's storage.
fn digest_of(path: &str) -> Option<Digest> {
    let path = path.strip_suffix(DATA).unwrap_or(path);
    let name = path.rsplit_once('/').map_or(path, |(_, name)| name);
    Digest::from_hex(name).ok()
}
