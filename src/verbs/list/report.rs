//! [`ImageList`]: what came of it.

use std::collections::BTreeMap;

use serde::Serialize;

use super::at::ListedAt;
use super::held::HeldImage;
use super::listing::PlaceListing;
use super::unnamable::Unnamable;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error};
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// What places hold, or what of it is not used.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ImageList {
    /// Whether every name could be read.
    #[serde(skip)]
    pub ok: bool,
    /// The images, in order of their names; behind them those that have none.
    pub images: Vec<ListedImage>,
    /// What there is instead of names.
    pub unreadable: Vec<Unnamable>,
    /// What it was held against; nothing where all is listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared: Option<UsesCompared>,
}

/// An image.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ListedImage {
    /// Its name; nothing where it has none.
    pub name: Option<Reference>,
    /// The digest of its manifest or index, where that is known.
    pub digest: Option<Digest>,
    /// The digest of its config, where that is known: what engines call an id.
    pub config: Option<Digest>,
    /// What it runs on, as far as that is known.
    pub platforms: Vec<Platform>,
    /// Where it is, or is asked for.
    pub at: Vec<ListedAt>,
    /// How it was found that nobody uses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_by: Option<ComparedBy>,
    /// Whether who asks for it names this very digest.
    #[serde(skip)]
    pub is_pinned: bool,
}

/// How an image was found not to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ComparedBy {
    /// Nothing has its digest, and of all the digest is known.
    Digest,
    /// Nothing has its name, and of nothing it could be known whether it is the same.
    Name,
    /// Nothing has its digest, and what has none has other names.
    DigestAndName,
}

/// What places were held against.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct UsesCompared {
    /// With what.
    pub with: Vec<ComparedWith>,
    /// How many images are used.
    pub used: u64,
    /// How many are not, which are those that are listed.
    pub unused: u64,
    /// Those of which it cannot be told.
    pub undecided: Vec<ListedImage>,
}

/// One of the things that places were held against.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ComparedWith {
    /// How it was named.
    pub place: String,
    /// How many images it has.
    pub images: u64,
    /// Of how many of them the digest is known.
    pub digests: u64,
}

impl ImageList {
    /// All that `listings` have.
    pub(super) fn of(listings: Vec<PlaceListing>) -> ImageList {
        let all = PlaceListing::joined(listings).settled().images.into_values();
        ImageList { images: merged(all.map(|held| (held, None))), ..ImageList::default() }
    }

    /// The same, where `unreadable` stands instead of names.
    pub(super) fn lacking(self, unreadable: Vec<Unnamable>) -> ImageList {
        ImageList { ok: unreadable.is_empty(), unreadable, ..self }
    }

    /// The failure that something is no name, if anything is not.
    #[must_use]
    pub fn unreadable(&self) -> Option<Error> {
        let details = self.unreadable.iter().map(|it| {
            let what =
                if it.image.is_empty() { String::new() } else { format!("{:?}: ", it.image) };
            format!("{}: {what}{}", it.at, it.reason)
        });
        let all = self.unreadable.len();
        (all > 0).then(|| {
            let verb = if all == 1 { "is" } else { "are" };
            Error::new(Class::Incomplete, format!("{} {verb} left out", count(all, "image")))
                .details(details)
                .hint("the list is complete but for these")
        })
    }
}

/// All images, those of several places once, in order.
pub(super) fn merged(
    all: impl Iterator<Item = (HeldImage, Option<ComparedBy>)>,
) -> Vec<ListedImage> {
    let mut images: BTreeMap<_, ListedImage> = BTreeMap::new();
    for (held, compared_by) in all {
        let bare = held.config.filter(|_| held.name.is_none() && held.digest.is_none());
        let key = (held.name.is_none(), held.name.clone(), held.digest, bare);
        let image = images.entry(key).or_insert_with(|| ListedImage {
            name: held.name,
            digest: held.digest,
            compared_by,
            ..ListedImage::default()
        });
        image.config = image.config.or(held.config);
        if image.platforms.is_empty() {
            image.platforms = held.platforms;
        }
        image.at.extend(held.at);
        image.is_pinned |= held.is_pinned;
    }
    images.into_values().collect()
}

impl ListedImage {
    /// Its name for a list: with the digest where that is asked for by whoever uses it, or `pinned` says so,
    /// and it is known.
    #[must_use]
    pub fn line(&self, pinned: bool) -> Option<String> {
        let name = self.name.clone()?;
        let digest = self.digest.filter(|_| pinned || self.is_pinned).or(name.digest);
        Some(Reference { digest, ..name }.to_string())
    }
}
