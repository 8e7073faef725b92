//! [`DockerArchive`]: what `docker save` and `podman save` write, as a source of images.
//!
//! It holds configs and layers, but mostly no manifests. One is made where there is none, of the
//! config as it is and the layers as they are, so that the same image gets the same bytes from
//! whatever it comes (docs/decisions/005-local-storage.md, "Made manifests").

mod listing;
mod manifest;
mod originals;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use self::manifest::{Configs, Layers};
use self::originals::Originals;
use super::layout::Layout;
use super::tree::Tree;
use crate::seams::store::{BlobSource, ImageSource, Referrers};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

/// The file that lists the images.
pub const DOCKER_INDEX: &str = "manifest.json";

/// An archive to read from.
#[derive(Debug)]
pub struct DockerArchive {
    tree: Arc<Tree>,
    /// The layout that newer archives are as well.
    layout: Option<Layout>,
    images: Vec<Held>,
    /// The places in `images` by name; a name with several is refused when it is asked for.
    by_name: BTreeMap<Reference, Vec<usize>>,
    made: BTreeMap<Digest, Document>,
    /// Which file each part of a made manifest is.
    paths: BTreeMap<Digest, String>,
}

/// An image of the archive.
#[derive(Debug)]
struct Held {
    /// Its place in `manifest.json`, if it is listed there.
    place: Option<usize>,
    /// What it is called; one name at least.
    names: Vec<Reference>,
    root: Document,
}

/// Adds what only the layout lists: images that docker cannot load, or that have no name there.
fn add_others(images: &mut Vec<Held>, originals: &Originals<'_>) -> Result<()> {
    let known: BTreeSet<Reference> =
        images.iter().flat_map(|image| &image.names).cloned().collect();
    for entry in originals.layout().entries() {
        let Some(name) = &entry.name else { continue };
        let is_list = name.tag.as_ref().is_some_and(|tag| tag.subject().is_some());
        if !is_list && !known.contains(name) {
            let (names, root) = (vec![name.clone()], originals.document(&entry.descriptor)?);
            images.push(Held { place: None, names, root });
        }
    }
    Ok(())
}

/// Which of `images` have which name.
fn by_name(images: &[Held]) -> BTreeMap<Reference, Vec<usize>> {
    let mut by_name: BTreeMap<Reference, Vec<usize>> = BTreeMap::new();
    for (at, image) in images.iter().enumerate() {
        for name in &image.names {
            by_name.entry(name.clone()).or_default().push(at);
        }
    }
    by_name
}

/// What an image without a name is called.
fn nameless(stem: &str, root: &Document) -> Result<Reference> {
    format!("localhost/{stem}@{}", root.descriptor().digest).parse()
}

impl DockerArchive {
    /// Reads the list of images in `tree`, and makes the manifests that are not there. Images
    /// without a name are called `localhost/STEM` with their digests.
    ///
    /// Layers that are compressed are read and unpacked once, to see that they are what the
    /// config says, for original manifests as well; others are read only when they are opened.
    ///
    /// # Errors
    /// [`Class::Damaged`] for anything but an archive that can be read in one way only,
    /// [`Class::Incomplete`] when it lists a file that it does not hold.
    pub fn open(tree: Tree, stem: &str) -> Result<DockerArchive> {
        tree.refuse_faults()?;
        let tree = Arc::new(tree);
        let listed = listing::read(&tree)?;
        let is_layout = tree.size("oci-layout").is_some() && tree.size("index.json").is_some();
        let layout = is_layout.then(|| Layout::read(Arc::clone(&tree))).transpose()?;
        let mut originals = layout.as_ref().map(|it| Originals::read(it, &tree)).transpose()?;
        let layers = Layers::look(&tree, &listed)?;
        let (mut images, mut made, mut paths) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        let mut configs = Configs::default();
        for (place, mut listed) in listed.into_iter().enumerate() {
            let config = configs.of(&tree, &listed)?;
            let parts = manifest::parts(&tree, &listed, &config, &layers)?;
            let place = Some(place);
            let tags = std::mem::take(&mut listed.tags);
            let is_nameless = tags.is_empty();
            let mut rest = Vec::new();
            for name in tags {
                let original = originals.as_mut().map(|it| it.called(&name, &listed, &config));
                match original.transpose()?.flatten() {
                    Some(root) => images.push(Held { place, names: vec![name], root }),
                    None => rest.push(name),
                }
            }
            let original = originals.as_ref().filter(|_| is_nameless);
            if let Some(root) = original.and_then(|it| it.any(&listed, &config)) {
                let known = original.and_then(|it| it.name_of(&root.descriptor().digest));
                let name = known.cloned().map_or_else(|| nameless(stem, &root), Ok)?;
                images.push(Held { place, names: vec![name], root });
            } else if is_nameless || !rest.is_empty() {
                let new = manifest::make(&listed, &config, &parts)?;
                let root = new.document;
                if is_nameless {
                    rest.push(nameless(stem, &root)?);
                }
                paths.extend(new.paths);
                made.insert(root.descriptor().digest, root.clone());
                images.push(Held { place, names: rest, root });
            }
        }
        if let Some(originals) = &originals {
            add_others(&mut images, originals)?;
        }
        let mut archive =
            DockerArchive { tree, layout, images, by_name: BTreeMap::new(), made, paths };
        archive.by_name = by_name(&archive.images);
        Ok(archive)
    }

    /// Calls the one image of the archive `name`, whatever it says itself.
    ///
    /// # Errors
    /// [`Class::Damaged`] when it holds several images.
    pub fn call(&mut self, name: Reference) -> Result<()> {
        let mut roots = self.images.iter().map(|image| image.root.descriptor().digest);
        let first = roots.next();
        if roots.any(|other| Some(other) != first) {
            let text = format!("{self} holds several images where one was asked for");
            return Err(Error::new(Class::Damaged, text));
        }
        self.images.truncate(1);
        self.images.iter_mut().for_each(|image| image.names = vec![name.clone()]);
        self.by_name = by_name(&self.images);
        Ok(())
    }

    /// The names of its images: those of `manifest.json` in their order, then others.
    pub fn names(&self) -> impl Iterator<Item = &Reference> {
        self.images.iter().flat_map(|image| &image.names)
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

    /// The names of the image at `place` in `manifest.json`, from 0 on.
    ///
    /// # Errors
    /// As [`named`](DockerArchive::named).
    pub fn at(&self, place: usize) -> Result<Vec<&Reference>> {
        let there = self.images.iter().filter(|image| image.place == Some(place));
        let names: Vec<&Reference> = there.flat_map(|image| &image.names).collect();
        match names.is_empty() {
            true => Err(self.has_no(&format!("@{place}"))),
            false => Ok(names),
        }
    }

    fn has_no(&self, what: &dyn fmt::Display) -> Error {
        let names: Vec<String> = self.names().map(ToString::to_string).collect();
        Error::new(Class::Incomplete, format!("{self} has no image {what}"))
            .hint(format!("it has: {}", names.join(", ")))
    }
}

impl fmt::Display for DockerArchive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "archive {}", self.tree.path().display())
    }
}

impl BlobSource for DockerArchive {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Box<dyn Read + Send + '_>> {
        match (self.paths.get(&blob.digest), &self.layout) {
            (Some(path), _) => Ok(Box::new(self.tree.open_file(path, offset)?)),
            (None, Some(layout)) => layout.open(blob, offset),
            (None, None) => {
                Err(Error::new(Class::Incomplete, format!("{self} has no blob {}", blob.digest)))
            }
        }
    }

    fn position(&self, blob: &Descriptor) -> u64 {
        match (self.paths.get(&blob.digest), &self.layout) {
            (Some(path), _) => self.tree.position(path),
            (None, Some(layout)) => layout.position(blob),
            (None, None) => 0,
        }
    }
}

impl ImageSource for DockerArchive {
    fn resolve(&self, name: &Reference) -> Result<Document> {
        if let Some(digest) = name.digest {
            let mut roots = self.images.iter().map(|image| &image.root);
            let found = roots.find(|root| root.descriptor().digest == digest);
            return found.cloned().ok_or_else(|| self.has_no(name));
        }
        let there = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let mut found = there.iter().filter_map(|at| self.images.get(*at));
        let first = &found.next().ok_or_else(|| self.has_no(name))?.root;
        match found.find(|other| other.root.descriptor().digest != first.descriptor().digest) {
            None => Ok(first.clone()),
            Some(_) => Err(Error::new(Class::Damaged, format!("{self} lists {name} twice"))
                .hint("name its images by place, as in docker-archive:FILE:@0")),
        }
    }

    fn document(&self, descriptor: &Descriptor) -> Result<Document> {
        match (self.made.get(&descriptor.digest), &self.layout) {
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
        self.made.contains_key(digest)
    }
}

#[cfg(test)]
mod tests;
