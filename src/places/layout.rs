//! [`Layout`]: an OCI image layout (image-spec, image-layout.md) as a source of images, from a
//! folder or from an archive that is read in place.

pub mod archive;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;
use std::sync::Arc;

pub use store::LayoutStore;

use super::tree::Tree;
use crate::seams::store::{BlobSource, ImageSource, Referrers};
use crate::seams::stream::read_small;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind, MAX_DOCUMENT, OCI_INDEX, is_document};
use crate::words::error::{Class, Error, Result};
use crate::words::json::parse_strict;
use crate::words::reference::{Reference, Tag};

/// Annotation with an image's name in `index.json` (image-spec, annotations.md).
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Annotation with the full image name that containerd reads and writes.
pub const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// The one content of `oci-layout`, as this version of the specification has it.
pub const LAYOUT_MARK: &str = "{\"imageLayoutVersion\":\"1.0.0\"}";

/// The path of a blob inside a layout.
#[must_use]
pub fn blob_path(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// An image listed in `index.json`.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its full name, where its annotations give one.
    pub name: Option<Reference>,
    /// What the list says about it.
    pub descriptor: Descriptor,
}

/// An OCI image layout to read from.
#[derive(Debug)]
pub struct Layout {
    tree: Arc<Tree>,
    entries: Vec<Entry>,
    subjects: BTreeMap<Digest, Vec<Descriptor>>,
}

impl Layout {
    /// Reads the list of images in `tree`.
    ///
    /// # Errors
    /// [`Class::Damaged`] when it is no layout of version 1.0.0 or holds anything but files,
    /// [`Class::Incomplete`] when one of its files is missing.
    pub fn open(tree: impl Into<Arc<Tree>>) -> Result<Layout> {
        let tree = tree.into();
        tree.refuse_faults()?;
        if let Some((link, _)) = tree.links().next() {
            let text = format!("{}: {link} is a symbolic link, not a file", tree.path().display());
            return Err(Error::new(Class::Damaged, text));
        }
        Layout::read(tree)
    }

    /// As [`open`](Layout::open), whatever stands beside the layout in `tree`.
    ///
    /// # Errors
    /// As there.
    pub fn read(tree: Arc<Tree>) -> Result<Layout> {
        let path = tree.path().display().to_string();
        let mark = tree.read_small("oci-layout", MAX_DOCUMENT).map_err(|e| {
            e.hint("name an OCI image layout: a folder, or a tar, with oci-layout in it")
        })?;
        let version = parse_strict(&mark).map_err(|e| e.context(format!("{path}: oci-layout")))?;
        if version.get("imageLayoutVersion").and_then(|v| v.as_str()) != Some("1.0.0") {
            let text = format!("{path}: is not an OCI image layout of version 1.0.0");
            return Err(Error::new(Class::Damaged, text));
        }
        let raw = tree.read_small("index.json", MAX_DOCUMENT)?;
        let index = Document::parse(raw, OCI_INDEX)
            .map_err(|e| e.context(format!("{path}: index.json")))?;
        let Kind::Index { manifests } = index.kind() else {
            return Err(Error::new(Class::Damaged, format!("{path}: index.json is no index")));
        };
        let folder = tree.stem();
        let entries = manifests
            .iter()
            .map(|d| Entry { name: entry_name(d, &folder), descriptor: d.clone() })
            .collect();
        let mut layout = Layout { tree, entries, subjects: BTreeMap::new() };
        layout.subjects = layout.find_subjects()?;
        Ok(layout)
    }

    /// The images listed, in the order of `index.json`.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What its images are called, where none of them has a name: as skopeo and buildah write an
    /// archive of one image. Each gets the layout's name below `localhost`, and its digest.
    #[must_use]
    pub fn nameless(&self) -> Vec<Reference> {
        let referrers: BTreeSet<Digest> =
            self.subjects.values().flatten().map(|d| d.digest).collect();
        let images = self.entries.iter().map(|entry| &entry.descriptor);
        let images = images
            .filter(|image| is_document(&image.media_type) && !referrers.contains(&image.digest));
        let stem = self.tree.stem();
        images
            .filter_map(|image| format!("localhost/{stem}@{}", image.digest).parse().ok())
            .collect()
    }

    /// Which listed manifests refer to which.
    fn find_subjects(&self) -> Result<BTreeMap<Digest, Vec<Descriptor>>> {
        let mut subjects: BTreeMap<Digest, Vec<Descriptor>> = BTreeMap::new();
        for entry in &self.entries {
            // A blob that is not there is a sparse layout's right; reading it later will tell.
            let there = self.tree.size(&blob_path(&entry.descriptor.digest)).is_some();
            if !is_document(&entry.descriptor.media_type) || !there {
                continue;
            }
            let document = self.document(&entry.descriptor)?;
            if let Some(subject) = document.subject() {
                subjects.entry(subject.digest).or_default().push(document.descriptor().clone());
            }
        }
        Ok(subjects)
    }

    /// What stands under `name`. Other readers take the first or the last of several, so that a
    /// name with two meanings is refused.
    fn tagged(&self, name: &Reference) -> Result<Option<&Descriptor>> {
        let mut same = self.entries.iter().filter(|entry| entry.name.as_ref() == Some(name));
        let first = same.next().map(|entry| &entry.descriptor);
        match same.find(|other| Some(other.descriptor.digest) != first.map(|d| d.digest)) {
            None => Ok(first),
            Some(other) => {
                let text =
                    format!("{self} lists {name} twice, the other as {}", other.descriptor.digest);
                Err(Error::new(Class::Damaged, text)
                    .hint("give the images names of their own, or join them in an index"))
            }
        }
    }
}

/// The full name of an entry. A name with no `/` and no `:` is a bare tag, as umoci and skopeo
/// write it; the image then gets the folder's name below `localhost`, as podman does.
fn entry_name(descriptor: &Descriptor, folder: &str) -> Option<Reference> {
    let text = |key: &str| descriptor.annotations.get(key).map(String::as_str);
    if let Some(name) = text(CONTAINERD_NAME).and_then(|name| name.parse().ok()) {
        return Some(name);
    }
    let name = text(REF_NAME)?;
    match name.contains(['/', ':']) {
        true => name.parse().ok(),
        false => format!("localhost/{folder}:{name}").parse().ok(),
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "layout {}", self.tree.path().display())
    }
}

impl BlobSource for Layout {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(self.tree.open_file(&blob_path(&blob.digest), offset)?))
    }

    fn position(&self, blob: &Descriptor) -> u64 {
        self.tree.position(&blob_path(&blob.digest))
    }
}

impl ImageSource for Layout {
    fn resolve(&self, name: &Reference) -> Result<Document> {
        let listed = match name.digest {
            Some(digest) => self.entries.iter().map(|e| &e.descriptor).find(|d| d.digest == digest),
            None => self.tagged(name)?,
        };
        match listed {
            Some(descriptor) => self.document(descriptor),
            None => {
                let names: Vec<String> = self
                    .entries
                    .iter()
                    .filter_map(|e| Some(e.name.as_ref()?.to_string()))
                    .collect();
                Err(Error::new(Class::Incomplete, format!("{self} has no image {name}"))
                    .hint(format!("it has: {}", names.join(", "))))
            }
        }
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document> {
        let raw = read_small(self, descriptor, MAX_DOCUMENT, &self.to_string()).map_err(|e| {
            match e.class() {
                Class::Incomplete => e.hint("the layout does not hold all platforms of its images; choose those it has with --platform"),
                _ => e,
            }
        })?;
        Document::parse(raw, &descriptor.media_type).map_err(|e| e.context(self))
    }

    fn referrers(&self, subject: &Descriptor) -> Result<Referrers> {
        let manifests = self.subjects.get(&subject.digest).cloned().unwrap_or_default();
        let mut found = Referrers { manifests, ..Referrers::default() };
        let prefix = Tag::referrers_of(&subject.digest);
        for entry in &self.entries {
            let Some(tag) = entry.name.as_ref().and_then(|name| name.tag.as_ref()) else {
                continue;
            };
            let rest = tag.as_str().strip_prefix(prefix.as_str());
            if matches!(rest, Some("" | ".sig" | ".att" | ".sbom")) {
                let document = self.document(&entry.descriptor)?;
                if let (Some(""), Kind::Index { manifests }) = (rest, document.kind()) {
                    found.claimed.extend(manifests.iter().cloned());
                }
                found.tags.push((tag.clone(), document));
            }
        }
        found.claimed.sort_by_key(|d| d.digest);
        found.claimed.dedup_by_key(|d| d.digest);
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
