//! [`Originals`]: the manifests that a docker archive holds as a layout too, by what they are for.

use std::collections::{BTreeMap, BTreeSet};

use super::listing::DockerImageFiles;
use super::manifest::ListedConfig;
use crate::medium::tree::Tree;
use crate::places::layout::{Layout, blob_path};
use crate::storage::store::ImageSource as _;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Error, Result};
use crate::words::media::Role;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// Most bytes of manifests and indexes: they are held while their images are looked for. Those of
/// five thousand images fit.
const MAX_DOCUMENTS: u64 = 16 << 20;
/// Most entries of indexes that are looked at, an index once for each of its names. More than a
/// hundred for each of ten thousand images are made to keep us busy.
const MAX_STEPS: usize = 2_000_000;

/// The documents of an archive, each read once.
#[derive(Debug)]
pub(super) struct Originals<'l> {
    layout: &'l Layout,
    documents: BTreeMap<Digest, Document>,
    /// The documents of which everything is there.
    whole: BTreeSet<Digest>,
    /// The whole manifests by their configs, in the order of their digests.
    by_config: BTreeMap<Digest, Vec<Digest>>,
    by_name: BTreeMap<&'l Reference, Vec<&'l Descriptor>>,
    names: BTreeMap<Digest, &'l Reference>,
    steps: usize,
    /// What errors call the archive.
    shown: String,
}

/// Manifests, and the platforms that they are listed for.
type Leaves = BTreeSet<(Digest, Option<Platform>)>;

impl<'l> Originals<'l> {
    /// Reads the manifests and indexes of `layout`, in the order of its `tree`.
    ///
    /// # Errors
    /// [`Class::Damaged`] for a document that is there and wrong, and when there are too many.
    pub(super) fn read(layout: &'l Layout, tree: &Tree) -> Result<Originals<'l>> {
        let shown = format!("archive {}", tree.path().display());
        let mut documents: BTreeMap<Digest, Document> = BTreeMap::new();
        let mut ahead: BTreeMap<(u64, Digest), Descriptor> = BTreeMap::new();
        let is_there = |part: &Descriptor| tree.size(&blob_path(&part.digest)) == Some(part.size);
        let position = |part: &Descriptor| (tree.position(&blob_path(&part.digest)), part.digest);
        let wanted = |part: &&Descriptor| part.is_document() && is_there(part);
        let listed = layout.entries().iter().map(|entry| &entry.descriptor);
        ahead.extend(listed.filter(wanted).map(|part| (position(part), part.clone())));
        let mut bytes = 0;
        while let Some((_, part)) = ahead.pop_first() {
            bytes += part.size;
            if bytes > MAX_DOCUMENTS {
                let text = format!("{shown} holds more than 16 MiB of manifests");
                return Err(
                    Error::new(Class::Damaged, text).hint("save its images to several archives")
                );
            }
            let document = layout.document(&part)?;
            let children = document.children().into_iter().filter(wanted);
            let new = children.filter(|child| !documents.contains_key(&child.digest));
            ahead.extend(new.map(|child| (position(child), child.clone())));
            documents.insert(part.digest, document);
        }
        let mut by_name: BTreeMap<&Reference, Vec<&Descriptor>> = BTreeMap::new();
        let mut names = BTreeMap::new();
        for entry in layout.entries() {
            if let Some(name) = &entry.name {
                by_name.entry(name).or_default().push(&entry.descriptor);
                names.entry(entry.descriptor.digest).or_insert(name);
            }
        }
        let whole = whole(&documents, is_there);
        let mut by_config: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        for (digest, document) in documents.iter().filter(|(digest, _)| whole.contains(*digest)) {
            if let Kind::Manifest { config: Some(config), .. } = document.kind() {
                by_config.entry(config.digest).or_default().push(*digest);
            }
        }
        Ok(Originals { layout, documents, whole, by_config, by_name, names, steps: 0, shown })
    }

    /// The manifest of the image that is `listed` with `config`, whatever it is called: one with
    /// this config and these layers.
    pub(super) fn any(&self, listed: &DockerImageFiles, config: &ListedConfig) -> Option<Document> {
        let known = self.by_config.get(&config.digest)?.iter();
        known
            .filter_map(|digest| self.documents.get(digest))
            .find(|document| is_of(document, listed, config))
            .cloned()
    }

    /// What the layout calls the document `digest`, if it lists it under a name.
    pub(super) fn name_of(&self, digest: &Digest) -> Option<&Reference> {
        self.names.get(digest).copied()
    }

    /// The layout that they stand in.
    pub(super) fn layout(&self) -> &'l Layout {
        self.layout
    }

    /// The document of the image `name`, which the layout lists.
    ///
    /// # Errors
    /// Those of the layout.
    pub(super) fn root(&self, name: &Reference) -> Result<Document> {
        let known = name.digest.and_then(|digest| self.documents.get(&digest)).cloned();
        known.map_or_else(|| self.layout.resolve(name), Ok)
    }

    /// Whether an image below `root` has one of `configs`.
    pub(super) fn is_for(&self, root: &Document, configs: &BTreeSet<Digest>) -> bool {
        let (mut seen, mut ahead) = (BTreeSet::new(), vec![root]);
        while let Some(document) = ahead.pop() {
            match document.kind() {
                Kind::Manifest { config: Some(config), .. } if configs.contains(&config.digest) => {
                    return true;
                }
                Kind::Manifest { .. } => {}
                Kind::Index { manifests } => {
                    let new = manifests.iter().filter(|entry| seen.insert(entry.digest));
                    ahead.extend(new.filter_map(|entry| self.documents.get(&entry.digest)));
                }
            }
        }
        false
    }

    /// The original of the image `name`, if it is there: what the layout has under that name if
    /// it has all of it, for docker lists one platform only; else the manifest of that platform.
    ///
    /// # Errors
    /// [`Class::Damaged`] when it is one image for docker and another for who reads the layout.
    pub(super) fn called(
        &mut self,
        name: &Reference,
        listed: &DockerImageFiles,
        config: &ListedConfig,
    ) -> Result<Option<Document>> {
        let entries = self.by_name.get(name).map_or(&[][..], Vec::as_slice);
        let Some(entry) = entries.first().copied() else { return Ok(self.any(listed, config)) };
        if entries.iter().any(|other| other.digest != entry.digest) {
            // Its words for a name that stands twice.
            return self.layout.resolve(name).map(Some);
        }
        let Some(root) = self.documents.get(&entry.digest).cloned() else {
            return Ok(self.any(listed, config));
        };
        let leaves = self.leaves(entry)?;
        let is_whole = self.whole.contains(&entry.digest);
        let two_meanings = |how: &str| {
            let text = format!("{} lists {name} {how}", self.shown);
            Error::new(Class::Damaged, text)
                .hint("if its index is to be believed, write oci-archive: before it")
        };
        let found = leaves.iter().find_map(|(leaf, platform)| {
            let document = self.documents.get(leaf)?;
            let is_it = self.whole.contains(leaf)
                && is_of(document, listed, config)
                && may_be(config.platform.as_ref(), platform.as_ref());
            is_it.then_some((document, platform.as_ref().or(config.platform.as_ref())))
        });
        match found {
            // docker 25.0.0 wrote such ones, without their layers.
            None if self.is_cut_short(&leaves, listed, config) => Ok(None),
            None if is_whole => {
                Err(two_meanings("as one image for docker and as another in its index"))
            }
            None => Ok(None),
            Some((document, platform)) if self.is_rivalled(document, platform, &leaves) => {
                Err(two_meanings("with two manifests for the platform that docker loads"))
            }
            Some(_) if is_whole => Ok(Some(root)),
            Some((document, _)) => Ok(Some(document.clone())),
        }
    }

    /// Whether the manifest that is there for `listed` has its config and another number of
    /// layers, so that nobody can run it.
    fn is_cut_short(&self, leaves: &Leaves, listed: &DockerImageFiles, own: &ListedConfig) -> bool {
        leaves.iter().any(|(leaf, _)| match self.documents.get(leaf).map(Document::kind) {
            Some(Kind::Manifest { config: Some(config), layers }) => {
                config.digest == own.digest && layers.len() != listed.layers.len()
            }
            _ => false,
        })
    }

    /// Whether another image of `leaves` is there that could be taken on `platform`.
    fn is_rivalled(
        &self,
        document: &Document,
        platform: Option<&Platform>,
        leaves: &Leaves,
    ) -> bool {
        let own = document.descriptor().digest;
        leaves.iter().any(|(leaf, other)| {
            let is_image = self.documents.get(leaf).is_some_and(is_image);
            is_image
                && *leaf != own
                && match (platform, other) {
                    (Some(platform), Some(other)) => {
                        !other.is_unknown() && (platform.takes(other) || other.takes(platform))
                    }
                    _ => true,
                }
        })
    }

    /// The manifests at or below what `entry` describes, with the platforms that they are listed
    /// for.
    fn leaves(&mut self, entry: &Descriptor) -> Result<Leaves> {
        let (mut seen, mut leaves) = (BTreeSet::new(), Leaves::new());
        let mut ahead = vec![entry];
        while let Some(part) = ahead.pop() {
            self.steps += 1;
            if self.steps > MAX_STEPS {
                let text = format!("{} has too many names for too large indexes", self.shown);
                return Err(
                    Error::new(Class::Damaged, text).hint("save its images to several archives")
                );
            }
            match self.documents.get(&part.digest).map(Document::kind) {
                Some(Kind::Index { manifests }) if seen.insert(part.digest) => {
                    ahead.extend(manifests);
                }
                Some(Kind::Index { .. }) | None => {}
                Some(Kind::Manifest { .. }) => {
                    leaves.insert((part.digest, part.platform.as_deref().cloned()));
                }
            }
        }
        Ok(leaves)
    }
}

/// Whether `document` is the manifest of an image, not of what goes with one.
fn is_image(document: &Document) -> bool {
    matches!(document.kind(), Kind::Manifest { config: Some(config), .. }
        if config.media_type.role() == Role::Config)
}

/// Whether `document` has the config and the layers that are listed for docker.
fn is_of(document: &Document, listed: &DockerImageFiles, config: &ListedConfig) -> bool {
    let Kind::Manifest { config: Some(own), layers } = document.kind() else { return false };
    let files = listed.layers.iter();
    own.digest == config.digest
        && layers.len() == listed.layers.len()
        && layers.iter().zip(files).all(|(layer, file)| blob_path(&layer.digest) == *file)
}

/// Whether an image whose config says `own` may be listed for `listed`. Many configs say no
/// variant.
fn may_be(own: Option<&Platform>, listed: Option<&Platform>) -> bool {
    let (Some(own), Some(listed)) = (own, listed) else { return true };
    own.takes(listed) || listed.takes(own)
}

/// The documents of which everything is there; layers that nobody may hand on need not be. Each
/// is looked at once, after its children.
fn whole(
    documents: &BTreeMap<Digest, Document>,
    is_there: impl Fn(&Descriptor) -> bool,
) -> BTreeSet<Digest> {
    let mut known: BTreeMap<Digest, bool> = BTreeMap::new();
    let mut ahead: Vec<(Digest, bool)> = documents.keys().map(|digest| (*digest, false)).collect();
    while let Some((digest, is_ready)) = ahead.pop() {
        let Some(document) = documents.get(&digest).filter(|_| !known.contains_key(&digest)) else {
            continue;
        };
        let children = document.children();
        if is_ready {
            let is_whole = children.iter().all(|part| {
                let known = || known.get(&part.digest) == Some(&true);
                part.is_foreign() || is_there(part) && (!part.is_document() || known())
            });
            known.insert(digest, is_whole);
            continue;
        }
        ahead.push((digest, true));
        ahead.extend(children.iter().map(|part| (part.digest, false)));
    }
    known.into_iter().filter(|(_, is_whole)| *is_whole).map(|(digest, _)| digest).collect()
}
