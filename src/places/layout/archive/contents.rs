//! [`ArchiveContents`]: what an archive is to hold.

use std::collections::{BTreeMap, BTreeSet};

use crate::medium::header::BLOCK;
use crate::places::layout::names::entry_name;
use crate::places::layout::spec::LAYOUT_MARK;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind, MAX_DOCUMENT};
use crate::words::error::{Class, Error, Result};
use crate::words::media::OCI_INDEX;
use crate::words::reference::Reference;

/// Where docker looks for its own list of images.
pub(super) const DOCKER_INDEX: &str = "manifest.json";

/// What an archive is to hold: known before its first byte is written.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ArchiveContents {
    pub(super) index: Vec<u8>,
    pub(super) docker: Option<Vec<u8>>,
    pub(super) names: BTreeMap<String, BTreeSet<Digest>>,
    pub(super) documents: BTreeMap<Digest, Document>,
    pub(super) blobs: BTreeMap<Digest, u64>,
}

impl ArchiveContents {
    /// An archive with this `index.json` and, if docker is to load it, `manifest.json`, over
    /// `documents` and `blobs`.
    ///
    /// # Errors
    /// [`Class::Usage`] when the index is larger than any reader takes.
    pub fn new(
        index: Vec<u8>,
        docker: Option<Vec<u8>>,
        documents: BTreeMap<Digest, Document>,
        blobs: &[Descriptor],
    ) -> Result<ArchiveContents> {
        if index.len() as u64 > MAX_DOCUMENT {
            let text = "too many images for one archive: its index.json would be larger than 4 MiB";
            return Err(Error::new(Class::Usage, text).hint("fill a folder, with a file an image"));
        }
        let names = names(&index)?;
        let blobs = blobs.iter().filter(|blob| !documents.contains_key(&blob.digest));
        let blobs = blobs.map(|blob| (blob.digest, blob.size)).collect();
        Ok(ArchiveContents { index, docker, names, documents, blobs })
    }

    /// How many bytes the archive has before it is compressed.
    #[must_use]
    pub fn size(&self) -> u64 {
        let small = self.head().map(|(_, bytes)| bytes.len() as u64);
        let documents = self.documents.values().map(|document| document.descriptor().size);
        let entries = small.chain(documents).chain(self.blobs.values().copied());
        let entry = |size: u64| size.div_ceil(BLOCK).saturating_add(1).saturating_mul(BLOCK);
        entries.map(entry).fold(2 * BLOCK, u64::saturating_add)
    }

    /// The files that come first.
    pub(super) fn head(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        let lists = [("oci-layout", LAYOUT_MARK.as_bytes()), ("index.json", &self.index)];
        lists.into_iter().chain(self.docker.as_deref().map(|bytes| (DOCKER_INDEX, bytes)))
    }

    /// Every blob and document with its size.
    pub(super) fn contents(&self) -> impl Iterator<Item = (Digest, u64)> {
        let documents = self.documents.iter();
        let documents = documents.map(|(digest, document)| (*digest, document.descriptor().size));
        documents.chain(self.blobs.iter().map(|(digest, size)| (*digest, *size)))
    }

    pub(super) fn size_of(&self, digest: &Digest) -> Option<u64> {
        let document = self.documents.get(digest).map(|document| document.descriptor().size);
        document.or(self.blobs.get(digest).copied())
    }

    /// The document listed as `name`.
    pub(super) fn named(&self, name: &Reference) -> Option<&Document> {
        self.documents.get(self.names.get(&name.to_string())?.first()?)
    }
}

/// What an `index.json` lists, by name; what has none stands under the empty one.
pub(super) fn names(index: &[u8]) -> Result<BTreeMap<String, BTreeSet<Digest>>> {
    let index = Document::parse(index.to_vec(), OCI_INDEX)?;
    let mut names: BTreeMap<String, BTreeSet<Digest>> = BTreeMap::new();
    if let Kind::Index { manifests } = index.kind() {
        for entry in manifests {
            let name = entry_name(entry, "archive").map(|name| name.to_string());
            names.entry(name.unwrap_or_default()).or_default().insert(entry.digest);
        }
    }
    Ok(names)
}
