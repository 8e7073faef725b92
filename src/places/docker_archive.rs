//! [`DockerArchive`]: what `docker save` and `podman save` write, as a source of images.
//!
//! It holds configs and layers, but mostly no manifests. One is made where there is none, of the
//! config as it is and the layers as they are, so that the same image gets the same bytes from
//! whatever it comes (docs/decisions/005-local-storage.md, "Made manifests").

mod image;
mod listing;
mod manifest;
mod opening;
mod originals;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use self::image::{ArchiveImage, FoundImages, by_name};
pub use self::listing::DOCKER_INDEX;
use super::layout::{Images, Layout, Unreadable};
use crate::medium::kind;
use crate::medium::tree::Tree;
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSource, ImageSource, Referrers};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// An archive to read from.
#[derive(Debug)]
pub struct DockerArchive {
    tree: Arc<Tree>,
    /// The layout that newer archives are as well.
    layout: Option<Layout>,
    /// Its images, the manifests that were made for them, and which file each of their parts is.
    found: FoundImages,
    /// The positions of its images by name; a name with several is refused when it is asked for.
    by_name: BTreeMap<Reference, Vec<usize>>,
}

impl DockerArchive {
    /// Reads the list of images in `tree`, and makes the manifests that are not there. Images
    /// without a name are called `localhost/STEM` with their digests. One that cannot be had is no
    /// reason to refuse the others: [`images`](DockerArchive::images) has it with its reason.
    ///
    /// Layers that are compressed are read and unpacked once, to see that they are what the
    /// config says, for original manifests as well; others are read only when they are opened.
    ///
    /// # Errors
    /// [`Class::Damaged`] for anything but an archive that can be read in one way only,
    /// [`Class::Incomplete`] for one that was cut off.
    pub fn open(tree: Tree, stem: &str) -> Result<DockerArchive> {
        kind::check(&tree, DOCKER_INDEX)?;
        let tree = Arc::new(tree);
        let listing = listing::read(&tree)?;
        let is_layout = tree.size(kind::LAYOUT).is_some() && tree.size("index.json").is_some();
        let layout = is_layout.then(|| Layout::read(Arc::clone(&tree))).transpose()?;
        let mut found = opening::find(&tree, layout.as_ref(), listing.images, stem)?;
        found.notes.extend(listing.notes);
        let by_name = by_name(&found.images);
        Ok(DockerArchive { tree, layout, found, by_name })
    }

    /// Its images: those that can be had, and those that cannot.
    #[must_use]
    pub fn images(&self) -> Images {
        let again =
            |it: &Unreadable| Unreadable { image: it.image.clone(), error: it.error.clone() };
        let mut known = BTreeSet::new();
        Images {
            names: self.names().filter(|name| known.insert(*name)).cloned().collect(),
            notes: self.found.notes.clone(),
            unreadable: self.found.unreadable.iter().map(again).collect(),
        }
    }

    /// Calls the one image of the archive `name`, whatever it says itself.
    ///
    /// # Errors
    /// [`Class::Damaged`] when it holds several images.
    pub fn call(&mut self, name: Reference) -> Result<()> {
        let mut roots = self.found.images.iter().map(|image| image.root.descriptor().digest);
        let first = roots.next();
        if roots.any(|other| Some(other) != first) {
            let text = format!("{self} holds several images where one was asked for");
            return Err(Error::new(Class::Damaged, text));
        }
        self.found.images.truncate(1);
        self.found.images.iter_mut().for_each(|image| image.names = vec![name.clone()]);
        self.by_name = by_name(&self.found.images);
        Ok(())
    }

    /// The names of its images: those of `manifest.json` in their order, then others.
    pub fn names(&self) -> impl Iterator<Item = &Reference> {
        self.found.images.iter().flat_map(|image| &image.names)
    }

    /// The image called `name`.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is none, with what there is.
    pub fn named(&self, name: &Reference) -> Result<&Reference> {
        let name = name.kept();
        let known = self.by_name.get_key_value(&name).map(|(known, _)| known);
        known.ok_or_else(|| self.has_no(&name))
    }

    /// The names of the image at `position` in `manifest.json`, from 0 on; with its digest where
    /// another one has the name, too.
    ///
    /// # Errors
    /// As [`named`](DockerArchive::named).
    pub fn at(&self, position: usize) -> Result<Vec<Reference>> {
        let there = self.found.images.iter().filter(|image| image.position == Some(position));
        let called = |image: &ArchiveImage, name: &Reference| match self.images_called(name).len() {
            0 | 1 => name.clone(),
            _ => Reference { digest: Some(image.root.descriptor().digest), ..name.clone() },
        };
        let names = there.flat_map(|image| image.names.iter().map(move |it| called(image, it)));
        let names: Vec<Reference> = names.collect();
        match names.is_empty() {
            true => Err(self.has_no(&format!("@{position}"))),
            false => Ok(names),
        }
    }

    /// The images called `name`, by their digests, with their positions in `manifest.json`.
    fn images_called(&self, name: &Reference) -> BTreeMap<Digest, Option<usize>> {
        let there = self.by_name.get(name).into_iter().flatten();
        let images = there.filter_map(|at| self.found.images.get(*at));
        images.map(|image| (image.root.descriptor().digest, image.position)).collect()
    }

    /// The one whose manifest has `digest`.
    ///
    /// # Errors
    /// As [`named`](DockerArchive::named).
    pub fn with_digest(&self, digest: Digest) -> Result<Reference> {
        let mut images = self.found.images.iter();
        let image = images.find(|image| image.root.descriptor().digest == digest);
        let name = image.and_then(|image| image.names.first());
        let name = name.ok_or_else(|| self.has_no(&digest))?;
        Ok(Reference { digest: Some(digest), ..name.clone() })
    }

    /// Why the image `what`, a name or a position in the list, cannot be had, if it is there.
    fn refused(&self, what: &str) -> Option<Error> {
        let name = what.parse::<Reference>().ok();
        let mut broken = self.found.unreadable.iter();
        let is_it = |it: &&Unreadable| {
            it.image == what || name.is_some() && it.image.parse::<Reference>().ok() == name
        };
        Some(broken.find(is_it)?.error.clone())
    }

    fn has_no(&self, what: &dyn fmt::Display) -> Error {
        if let Some(error) = self.refused(&what.to_string()) {
            return error;
        }
        let names: Vec<String> = self.names().map(ToString::to_string).collect();
        Error::new(Class::Incomplete, format!("{self} has no image {what}")).hint(
            match &names[..] {
                [] => "it has no images with names; :@0 is the first one".to_owned(),
                names => format!("it has: {}", names.join(", ")),
            },
        )
    }
}

impl fmt::Display for DockerArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "archive {}", self.tree.path().display())
    }
}

impl BlobSource for DockerArchive {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        match (self.found.paths.get(&blob.digest), &self.layout) {
            (Some(path), _) => Ok(Raw::new(self.tree.open_file(path, offset)?)),
            (None, Some(layout)) => layout.open(blob, offset),
            (None, None) => {
                Err(Error::new(Class::Incomplete, format!("{self} has no blob {}", blob.digest)))
            }
        }
    }

    fn look(&self, blob: &Descriptor) -> Result<()> {
        match (self.found.paths.contains_key(&blob.digest), &self.layout) {
            (false, Some(layout)) => layout.look(blob),
            _ => Ok(()),
        }
    }

    fn called(&self, blob: &Descriptor) -> Option<&str> {
        self.found.paths.get(&blob.digest).map(String::as_str)
    }

    fn is_at_hand(&self) -> bool {
        true
    }

    fn position(&self, blob: &Descriptor) -> u64 {
        match (self.found.paths.get(&blob.digest), &self.layout) {
            (Some(path), _) => self.tree.position(path),
            (None, Some(layout)) => layout.position(blob),
            (None, None) => 0,
        }
    }
}

impl ImageSource for DockerArchive {
    fn resolve(&self, name: &Reference) -> Result<Document> {
        if let Some(digest) = name.digest {
            let mut roots = self.found.images.iter().map(|image| &image.root);
            let found = roots.find(|root| root.descriptor().digest == digest);
            return found.cloned().ok_or_else(|| self.has_no(name));
        }
        let images = self.images_called(name);
        let digest = images.keys().next().ok_or_else(|| self.has_no(name))?;
        if images.len() > 1 {
            let shown = images.iter().map(|(digest, position)| match position {
                Some(position) => format!("@{position} is {digest}"),
                None => format!("its index has {digest}"),
            });
            let mut shown: Vec<String> = shown.collect();
            shown.sort();
            let text = format!("{self} lists {name} twice, for {} images", images.len());
            return Err(Error::new(Class::Damaged, text).details(shown).hint(
                "name its images by place, as in docker-archive:FILE:@0, and one of them anew, as \
                 in docker-archive:FILE:@1=NAME",
            ));
        }
        self.resolve(&Reference { digest: Some(*digest), ..name.clone() })
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document> {
        match (self.found.made.get(&descriptor.digest), &self.layout) {
            (Some(made), _) => Ok(made.clone()),
            (None, Some(layout)) => layout.document(descriptor),
            (None, None) => Err(self.has_no(&descriptor.digest)),
        }
    }

    fn referrers(&self, subject: &Descriptor) -> Result<Referrers> {
        match &self.layout {
            Some(layout) if !self.is_made(&subject.digest) => layout.referrers(subject),
            _ => Ok(Referrers::default()),
        }
    }

    fn is_made(&self, digest: &Digest) -> bool {
        self.found.made.contains_key(digest)
    }
}

#[cfg(test)]
mod tests;
