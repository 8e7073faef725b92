//! [`Layout`]: an OCI image layout (image-spec, image-layout.md) as a source of images, from a
//! folder or from an archive that is read in place.

pub mod archive;
mod blobs;
mod entry;
mod images;
mod index;
mod listed;
mod names;
mod spec;
mod store;
mod twins;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

pub use self::blobs::Blobs;
pub use self::entry::LayoutEntry;
use self::entry::are_one;
pub use self::images::{Images, Unreadable};
pub(super) use self::names::by_digest;
use self::names::{SubjectTags, entry_name, subject_of};
pub use self::spec::{CONTAINERD_NAME, LAYOUT_MARK, REF_NAME, blob_digest, blob_path};
pub use self::store::LayoutStore;
pub use self::store::removal::LayoutRemoval;
use crate::medium::kind;
use crate::medium::tree::Tree;
use crate::storage::raw::Raw;
use crate::storage::reading::read_small;
use crate::storage::store::{BlobSource, ImageSource, Referrers};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind, MAX_DOCUMENT};
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::phrase::phrase;
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;

/// An OCI image layout to read from.
#[derive(Debug)]
pub struct Layout {
    tree: Arc<Tree>,
    entries: Vec<LayoutEntry>,
    /// Entries that nothing can be made of.
    broken: Vec<Unreadable>,
    /// What is listed, and what the indexes among it list.
    known: BTreeSet<Digest>,
    /// Which of the listed manifests refer to what.
    referring: BTreeMap<Digest, Digest>,
    subjects: BTreeMap<Digest, Vec<Descriptor>>,
    tags: SubjectTags,
    /// What was said of names that stand for several images.
    notes: Vec<String>,
}

impl Layout {
    /// Reads the list of images in `tree`.
    ///
    /// # Errors
    /// [`Class::Damaged`] when it is no layout or holds anything but files,
    /// [`Class::Refused`] for another version than 1.0.0, [`Class::Incomplete`] when one of its
    /// files is missing or it was cut off.
    pub fn open(tree: impl Into<Arc<Tree>>) -> Result<Layout> {
        let tree = tree.into();
        kind::check(&tree, kind::LAYOUT)?;
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
        let mark = tree.read_small(kind::LAYOUT, MAX_DOCUMENT)?;
        index::check_version(&mark).map_err(|e| e.context(&path))?;
        let raw = tree.read_small("index.json", MAX_DOCUMENT)?;
        let (_, listed) =
            index::list(&raw).map_err(|e| e.context(format!("{path}: index.json")))?;
        let folder = tree.stem();
        let (mut entries, mut broken) = (Vec::new(), Vec::new());
        for (position, value) in listed.into_iter().enumerate() {
            let image = index::label(&value);
            match index::descriptor(&tree, value) {
                Ok(descriptor) => {
                    let name = entry_name(&descriptor, &folder);
                    entries.push(LayoutEntry { name, descriptor, position });
                }
                Err(error) if error.class() == Class::Other => return Err(error),
                Err(error) => {
                    let error = error.context(format!("layout {path}: {image}"));
                    broken.push(Unreadable { image, error });
                }
            }
        }
        let (known, referring, subjects, tags) = Default::default();
        let notes = Vec::new();
        let mut layout = Layout { tree, entries, broken, known, referring, subjects, tags, notes };
        layout.find_subjects()?;
        layout.tags = SubjectTags::of(&layout.entries, &layout.referring);
        Ok(layout)
    }

    /// The images listed, in the order of `index.json`.
    #[must_use]
    pub fn entries(&self) -> &[LayoutEntry] {
        &self.entries
    }

    /// Which listed manifests refer to which, and what is there to be referred to. What cannot be
    /// read is told when it is asked for.
    fn find_subjects(&mut self) -> Result<()> {
        let listed: Vec<Descriptor> =
            self.entries.iter().map(|entry| entry.descriptor.clone()).collect();
        self.known.extend(listed.iter().map(|descriptor| descriptor.digest));
        for descriptor in listed {
            // A blob that is not there is a sparse layout's right; reading it later will tell.
            let there = self.tree.size(&blob_path(&descriptor.digest)).is_some();
            if !descriptor.is_document() || !there {
                continue;
            }
            let document = match self.document(&descriptor) {
                Err(e) if matches!(e.class(), Class::Damaged | Class::Refused) => continue,
                document => document?,
            };
            if let Kind::Index { manifests } = document.kind() {
                self.known.extend(manifests.iter().map(|child| child.digest));
            }
            if let Some(subject) = document.subject() {
                self.referring.insert(descriptor.digest, subject.digest);
                let referrers = self.subjects.entry(subject.digest).or_default();
                referrers.push(document.descriptor().clone());
            }
        }
        Ok(())
    }

    /// What stands under `name`. Other readers take the first or the last of several, so that a
    /// name with two meanings is refused.
    fn tagged(&self, name: &Reference) -> Result<Option<&Descriptor>> {
        let same = self.entries.iter().filter(|entry| entry.name.as_ref() == Some(name));
        let same: Vec<&LayoutEntry> = same.collect();
        match are_one(&same) {
            true => Ok(same.first().map(|entry| &entry.descriptor)),
            false => Err(self.twice(&name.to_string(), &same)),
        }
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "layout {}", self.tree.path().display())
    }
}

impl BlobSource for Layout {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        Ok(Raw::new(self.tree.open_file(&blob_path(&blob.digest), offset)?))
    }

    fn look(&self, blob: &Descriptor) -> Result<()> {
        match self.tree.size(&blob_path(&blob.digest)) {
            Some(size) if size == blob.size => Ok(()),
            Some(size) => {
                let what = format!("has {size} bytes, and {} are listed", blob.size);
                Err(Error::new(Class::Damaged, format!("{self}: {} {what}", blob.digest)))
            }
            None => Err(Error::new(Class::Incomplete, format!("{self} lacks {}", blob.digest))
                .subject(Subject::Digest(blob.digest))),
        }
    }

    fn is_at_hand(&self) -> bool {
        true
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
            Some(descriptor) if !descriptor.is_document() => {
                let what = format!("is of type {:?}, which is no image", descriptor.media_type);
                let text = format!("{self}: {name} {what}");
                Err(Error::new(Class::Refused, text).hint("name the images that are to be taken"))
            }
            Some(descriptor) => self.document(descriptor),
            None => Err(self.has_no(&name.to_string())),
        }
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document> {
        let cancel = self.tree.cancel();
        let raw = read_small(self, descriptor, MAX_DOCUMENT, &self.to_string(), cancel);
        let raw = raw.map_err(|e| match e.class() {
            Class::Incomplete => e.hint(phrase![
                "the layout does not hold all platforms of its images; choose those it has with ",
                Remedy::Platform
            ]),
            _ => e,
        })?;
        Document::parse(raw, &descriptor.media_type).map_err(|e| e.context(self))
    }

    fn referrers(&self, subject: &Descriptor) -> Result<Referrers> {
        let manifests = self.subjects.get(&subject.digest).cloned().unwrap_or_default();
        let mut found = Referrers { manifests, ..Referrers::default() };
        for (tag, listed) in self.tags.of_subject(&subject.digest) {
            let document = self.document(listed)?;
            if let (Some((_, "")), Kind::Index { manifests }) = (subject_of(tag), document.kind()) {
                found.claimed.extend(manifests.iter().cloned());
            }
            found.tags.push((tag.clone(), document));
        }
        for listed in self.tags.lists_of(&subject.digest) {
            if let Kind::Index { manifests } = self.document(listed)?.kind() {
                found.claimed.extend(manifests.iter().cloned());
            }
        }
        found.claimed.sort_by_key(|d| d.digest);
        found.claimed.dedup_by_key(|d| d.digest);
        Ok(found)
    }
}

#[cfg(test)]
mod tests;
