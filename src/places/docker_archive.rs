//! [`DockerArchive`]: what `docker save` and `podman save` write, as a source of images.
//!
//! It holds configs and layers, but mostly no manifests. One is made where there is none, of the
//! config as it is and the layers as they are, so that the same image gets the same bytes from
//! whatever it comes (docs/decisions/005-local-storage.md, "Made manifests").

mod listing;
mod manifest;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::sync::Arc;

use self::listing::Listed;
use self::manifest::Layers;
use super::layout::Layout;
use super::tree::Tree;
use crate::seams::store::{BlobSource, ImageSource, Referrers};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
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

/// An image of `manifest.json` that has names, or none, for which no original was found.
struct Unmade {
    place: usize,
    listed: Listed,
    config: manifest::Config,
}

fn has_config(document: &Document, config: &Digest) -> bool {
    matches!(document.kind(), Kind::Manifest { config: Some(it), .. } if it.digest == *config)
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
    /// config says; others only when they are opened.
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
        let mut archive = DockerArchive {
            images: Vec::new(),
            made: BTreeMap::new(),
            paths: BTreeMap::new(),
            layout,
            tree,
        };
        let unmade = archive.add_originals(listed, stem)?;
        let layers = Layers::look(&archive.tree, unmade.iter().map(|image| &image.listed))?;
        for image in unmade {
            archive.add_made(image, &layers, stem)?;
        }
        archive.add_others()?;
        Ok(archive)
    }

    /// Adds the images whose original manifests are there; gives the others.
    fn add_originals(&mut self, listed: Vec<Listed>, stem: &str) -> Result<Vec<Unmade>> {
        let all = match &self.layout {
            Some(layout) => {
                layout.whole_manifests(layout.entries().iter().map(|e| e.descriptor.clone()))?
            }
            None => Vec::new(),
        };
        let mut unmade = Vec::new();
        for (place, mut listed) in listed.into_iter().enumerate() {
            let config = manifest::config(&self.tree, &listed.config)?;
            let mut rest = Vec::new();
            for name in std::mem::take(&mut listed.tags) {
                match self.original(&name, &config.digest, &all)? {
                    Some(root) => {
                        self.images.push(Held { place: Some(place), names: vec![name], root });
                    }
                    None => rest.push(name),
                }
            }
            let is_done = rest.is_empty() && self.images.iter().any(|i| i.place == Some(place));
            match all.iter().find(|document| has_config(document, &config.digest)) {
                _ if is_done => {}
                Some(root) if rest.is_empty() => {
                    let names = vec![nameless(stem, root)?];
                    self.images.push(Held { place: Some(place), names, root: root.clone() });
                }
                _ => {
                    listed.tags = rest;
                    unmade.push(Unmade { place, listed, config });
                }
            }
        }
        Ok(unmade)
    }

    /// The original of the image `name`, if it is there: what the layout has under that name if
    /// it has all of it, for docker lists one platform only; else the manifest of that platform,
    /// with `config`.
    fn original(
        &self,
        name: &Reference,
        config: &Digest,
        all: &[Document],
    ) -> Result<Option<Document>> {
        let listed = |layout: &Layout| match layout.resolve(name) {
            Err(e) if e.class() == Class::Incomplete => Ok(None),
            root => root.map(Some),
        };
        let Some(layout) = &self.layout else { return Ok(None) };
        let Some(root) = listed(layout)? else {
            return Ok(all.iter().find(|document| has_config(document, config)).cloned());
        };
        let below = layout.whole_manifests([root.descriptor().clone()])?;
        let found = below.into_iter().find(|document| has_config(document, config));
        match (layout.is_whole(root.descriptor())?, found) {
            (true, Some(_)) => Ok(Some(root)),
            (true, None) => {
                let text = format!("{self} lists {name} as one image for docker and as another");
                Err(Error::new(Class::Damaged, text))
            }
            (false, found) => Ok(found),
        }
    }

    /// Adds an image without an original, with a manifest that is made for it.
    fn add_made(&mut self, image: Unmade, layers: &Layers, stem: &str) -> Result<()> {
        let Unmade { place, listed, config } = image;
        let made = manifest::make(&self.tree, &listed, &config, layers)?;
        self.paths.extend(made.paths);
        let root = made.document;
        self.made.insert(root.descriptor().digest, root.clone());
        let names = match listed.tags.is_empty() {
            true => vec![nameless(stem, &root)?],
            false => listed.tags,
        };
        self.images.push(Held { place: Some(place), names, root });
        Ok(())
    }

    /// Adds what only the layout lists: images that docker cannot load, or that have no name
    /// there.
    fn add_others(&mut self) -> Result<()> {
        let Some(layout) = &self.layout else { return Ok(()) };
        let mut others = Vec::new();
        for entry in layout.entries() {
            let Some(name) = &entry.name else { continue };
            let is_list = name.tag.as_ref().is_some_and(|tag| tag.subject().is_some());
            if !is_list && !self.names().any(|known| known == name) {
                let (names, root) = (vec![name.clone()], layout.document(&entry.descriptor)?);
                others.push(Held { place: None, names, root });
            }
        }
        self.images.extend(others);
        Ok(())
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
        self.names().find(|known| **known == name).ok_or_else(|| self.has_no(&name))
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
        let is_it = |image: &&Held| match name.digest {
            Some(digest) => image.root.descriptor().digest == digest,
            None => image.names.contains(name),
        };
        let mut found = self.images.iter().filter(is_it);
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
