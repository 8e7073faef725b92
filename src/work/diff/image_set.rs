//! [`ImageSet`]: the images of one side of a comparison, and of what they consist, as far as that
//! is known. Small beside what it is made from, so that two of them fit where one bundle does.

use std::collections::{BTreeMap, BTreeSet};

use super::change::ImageState;
use super::held_parts::HeldParts;
use crate::bundle::contents::{Contents, Image};
use crate::bundle::receipt::HeldContent;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::platform::Platform;
use crate::words::reference::Reference;
use crate::work::mapping::Mapping;

/// One image of an [`ImageSet`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SetImage {
    /// Its name.
    pub name: Reference,
    /// The digest of its manifest or index, where that is known.
    pub digest: Option<Digest>,
    /// What it runs on, where that is known.
    pub platforms: Option<Vec<Platform>>,
    /// The manifests and blobs that it consists of, in order, where that is known.
    pub(super) parts: Option<Box<[Digest]>>,
}

/// The images of one side of a comparison.
#[derive(Debug, Clone, Default)]
pub struct ImageSet {
    images: Vec<SetImage>,
    /// Every manifest and blob with its size, where that is known.
    sizes: Option<BTreeMap<Digest, u64>>,
    /// What belongs to what refers to the images.
    referring: BTreeSet<Digest>,
}

impl ImageSet {
    /// Everything that `contents` needs, carried or not.
    #[must_use]
    pub fn of(contents: &Contents) -> ImageSet {
        let documents = contents.documents.values().map(|document| document.descriptor());
        let blobs = documents.chain(contents.blobs.needed());
        let sizes: BTreeMap<Digest, u64> = blobs.map(|blob| (blob.digest, blob.size)).collect();
        // What was left out on purpose is named, and not held.
        let held = |root: Digest| {
            let closure = contents.closure(root).into_iter();
            closure.filter(|digest| sizes.contains_key(digest))
        };
        let image = |image: &Image| SetImage {
            name: image.name.clone(),
            digest: Some(image.digest),
            platforms: Some(image.platforms.clone()),
            parts: Some(held(image.digest).collect()),
        };
        let images = contents.images.iter().map(image).collect();
        let referring = contents.referrers.iter().flat_map(|it| held(it.digest)).collect();
        ImageSet { images, referring, sizes: Some(sizes) }
    }

    /// What a receipt tells of, or a place: names, and manifests and blobs. What belongs to which is
    /// known where `parts` say so, as they do not for a receipt.
    #[must_use]
    pub fn held(content: &HeldContent, parts: &HeldParts) -> ImageSet {
        let is_held = |digest: &Digest| {
            content.manifests.contains_key(digest) || content.blobs.contains_key(digest)
        };
        let of = |digest: Digest| {
            parts.closure(digest).into_iter().filter(is_held).collect::<Box<[Digest]>>()
        };
        let image = |(digest, name): &(Digest, Reference)| SetImage {
            name: name.kept(),
            digest: Some(*digest),
            platforms: None,
            parts: parts.knows(digest).then(|| of(*digest)),
        };
        let images: BTreeMap<Reference, SetImage> =
            content.names.iter().map(image).map(|image| (image.name.clone(), image)).collect();
        let sizes = content.manifests.iter().chain(&content.blobs);
        ImageSet {
            images: images.into_values().collect(),
            sizes: Some(sizes.map(|(digest, size)| (*digest, *size)).collect()),
            referring: parts.of_referring().into_iter().filter(is_held).collect(),
        }
    }

    /// Images of which nothing is known but their names, and the digests that these pin. A name that
    /// stands twice counts once.
    #[must_use]
    pub fn named(names: impl IntoIterator<Item = Reference>) -> ImageSet {
        let images: BTreeMap<Reference, Option<Digest>> =
            names.into_iter().map(|name| (name.kept(), name.digest)).collect();
        let image = |(name, digest)| SetImage { name, digest, platforms: None, parts: None };
        ImageSet { images: images.into_iter().map(image).collect(), ..ImageSet::default() }
    }

    /// What there is where `younger` came after this: a name that both have stands for what it is
    /// there, and what only this has is there still.
    #[must_use]
    pub fn over(self, younger: ImageSet) -> ImageSet {
        let images = self.images.into_iter().chain(younger.images);
        let images: BTreeMap<Reference, SetImage> =
            images.map(|image| (image.name.clone(), image)).collect();
        let both = self.sizes.zip(younger.sizes);
        let mut referring = self.referring;
        referring.extend(younger.referring);
        ImageSet {
            images: images.into_values().collect(),
            sizes: both.map(|(older, younger)| older.into_iter().chain(younger).collect()),
            referring,
        }
    }

    /// The same under the names that `mapping` gives.
    ///
    /// # Errors
    /// [`Class::Usage`] where it gives no acceptable name, or several images the same.
    pub fn renamed(mut self, mapping: &Mapping) -> Result<ImageSet> {
        let names = mapping.apply_all(self.images.iter().map(|image| &image.name));
        let names = names.map_err(|clashes| {
            let count = clashes.len();
            let errors = clashes.into_iter().map(|clash| clash.error).collect();
            let summary = |_| (Class::Usage, format!("{count} names cannot be mapped"));
            Error::all(errors, summary)
                .unwrap_or_else(|| Error::new(Class::Usage, "names cannot be mapped"))
        })?;
        for (image, name) in self.images.iter_mut().zip(names) {
            image.name = name.kept();
        }
        Ok(self)
    }

    /// The images, each name once.
    #[must_use]
    pub fn images(&self) -> &[SetImage] {
        &self.images
    }

    /// Every manifest and blob with its size, where that is known.
    #[must_use]
    pub fn sizes(&self) -> Option<&BTreeMap<Digest, u64>> {
        self.sizes.as_ref()
    }

    /// Whether it is known of each image of what it consists.
    pub(super) fn has_parts(&self) -> bool {
        self.images.iter().all(|image| image.parts.is_some())
    }

    /// What belongs to what refers to the images.
    pub(super) fn referring(&self) -> &BTreeSet<Digest> {
        &self.referring
    }

    /// What is known of `image`, one of its own.
    pub(super) fn state(&self, image: &SetImage) -> ImageState {
        let size = |digest: &Digest| self.sizes.as_ref()?.get(digest).copied();
        let weight = |parts: &[Digest]| parts.iter().filter_map(size).fold(0, u64::saturating_add);
        ImageState {
            digest: image.digest,
            bytes: image.parts.as_deref().map(weight),
            platforms: image.platforms.clone(),
        }
    }
}
