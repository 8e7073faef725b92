//! From the list of a docker archive to its images: each original or made, and those that cannot
//! be had with their reasons.

use std::collections::BTreeSet;

use super::image::{ArchiveImage, FoundImages, is_about_content};
use super::listing::{DockerEntry, DockerImageFiles};
use super::manifest::{self, ListedConfigs, PackedLayers};
use super::originals::Originals;
use crate::medium::tree::Tree;
use crate::places::layout::{Layout, Unreadable, by_digest};
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::Result;
use crate::words::reference::Reference;

/// Looks at every image of `entries`, and then at what only the layout lists.
pub(super) fn find(
    tree: &Tree,
    layout: Option<&Layout>,
    entries: Vec<DockerEntry>,
    stem: &str,
) -> Result<FoundImages> {
    let originals = layout.map(|it| Originals::read(it, tree)).transpose()?;
    let readable = entries.iter().filter_map(|entry| entry.listed.as_ref().ok());
    let layers = PackedLayers::look(tree, readable)?;
    let mut opening = Opening {
        tree,
        stem,
        originals,
        layers,
        configs: ListedConfigs::default(),
        found: FoundImages::default(),
        known: BTreeSet::new(),
    };
    for (position, entry) in entries.into_iter().enumerate() {
        match entry.listed.and_then(|listed| opening.add(position, listed)) {
            Ok(()) => {}
            Err(error) if is_about_content(error.class()) => {
                opening.found.unreadable.push(Unreadable { image: entry.label, error });
            }
            Err(error) => return Err(error),
        }
    }
    opening.add_others()?;
    Ok(opening.found)
}

struct Opening<'t> {
    tree: &'t Tree,
    stem: &'t str,
    originals: Option<Originals<'t>>,
    layers: PackedLayers,
    configs: ListedConfigs,
    found: FoundImages,
    /// The configs of the images that are listed for docker.
    known: BTreeSet<Digest>,
}

impl Opening<'_> {
    /// Adds the image that is `listed` at `position`, under each of its names.
    fn add(&mut self, position: usize, mut listed: DockerImageFiles) -> Result<()> {
        let config = self.configs.of(self.tree, &listed)?;
        self.known.insert(config.digest);
        let parts = manifest::parts(self.tree, &listed, &config, &self.layers)?;
        let position = Some(position);
        let tags = std::mem::take(&mut listed.tags);
        let is_nameless = tags.is_empty();
        let (mut held, mut rest) = (Vec::new(), Vec::new());
        for name in tags {
            let original = self.originals.as_mut().map(|it| it.called(&name, &listed, &config));
            match original.transpose()?.flatten() {
                Some(root) => {
                    held.push(ArchiveImage { position, names: vec![pinned(name, &root)], root })
                }
                None => rest.push(name),
            }
        }
        let original = self.originals.as_ref().filter(|_| is_nameless);
        if let Some(root) = original.and_then(|it| it.any(&listed, &config)) {
            let digest = root.descriptor().digest;
            let known = original.and_then(|it| it.name_of(&digest)).cloned();
            let names = known.or_else(|| by_digest(None, self.stem, &digest)).into_iter().collect();
            held.push(ArchiveImage { position, names, root });
        } else if is_nameless || !rest.is_empty() {
            let new = manifest::make(&listed, &config, &parts)?;
            let root = new.document;
            let digest = root.descriptor().digest;
            if is_nameless {
                rest.extend(by_digest(None, self.stem, &digest));
            }
            let names = rest.into_iter().map(|name| pinned(name, &root)).collect();
            self.found.paths.extend(new.paths);
            self.found.made.insert(digest, root.clone());
            held.push(ArchiveImage { position, names, root });
        }
        self.found.images.extend(held);
        Ok(())
    }

    /// Adds what only the layout lists: images that docker cannot load, or that have no name
    /// there. An entry without a name that is for an image listed for docker is that image.
    fn add_others(&mut self) -> Result<()> {
        let Some(originals) = &self.originals else { return Ok(()) };
        let others = originals.layout().images();
        let known: BTreeSet<Reference> =
            self.found.images.iter().flat_map(|image| &image.names).cloned().collect();
        let told = self.found.unreadable.iter().filter_map(|it| it.image.parse().ok());
        let told: BTreeSet<Reference> = told.collect();
        let is_new = |name: &Reference| !known.contains(name) && !told.contains(name);
        for name in others.names.into_iter().filter(is_new) {
            match originals.root(&name) {
                Ok(root) if name.tag.is_none() && originals.is_for(&root, &self.known) => {}
                Ok(root) => {
                    self.found.images.push(ArchiveImage { position: None, names: vec![name], root })
                }
                Err(error) if is_about_content(error.class()) => {
                    self.found.unreadable.push(Unreadable { image: name.to_string(), error });
                }
                Err(error) => return Err(error),
            }
        }
        self.found.unreadable.extend(others.unreadable);
        Ok(())
    }
}

/// A name that goes by a digest, with that of the image as it is here.
fn pinned(name: Reference, root: &Document) -> Reference {
    match name.tag {
        Some(_) => name,
        None => Reference { digest: Some(root.descriptor().digest), ..name },
    }
}
