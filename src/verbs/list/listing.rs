//! [`PlaceListing`]: what one place or cluster has.

use std::collections::{BTreeMap, BTreeSet};

use super::held::HeldImage;
use super::unnamable::Unnamable;
use crate::bundle::receipt::MAX_NAMES;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;
use crate::work::mapping::Naming;

/// What makes two images one: the name and what it stands for; of what has neither, the config.
type Key = (Option<Reference>, Option<Digest>, Option<Digest>);

/// What one place or cluster has.
#[derive(Debug)]
pub(super) struct PlaceListing {
    /// How the user named it.
    pub(super) shown: String,
    /// How images are called there.
    pub(super) naming: Naming,
    /// Its images, each once.
    pub(super) images: BTreeMap<Key, HeldImage>,
    /// What there is instead of names.
    pub(super) unreadable: Vec<Unnamable>,
    /// How many places of images were told so far.
    told: usize,
}

impl PlaceListing {
    pub(super) fn new(shown: impl ToString, naming: Naming) -> PlaceListing {
        let (images, unreadable) = (BTreeMap::new(), Vec::new());
        PlaceListing { shown: shown.to_string(), naming, images, unreadable, told: 0 }
    }

    /// Adds an image.
    ///
    /// # Errors
    /// [`Class::Usage`] when there are more than are listed.
    pub(super) fn add(&mut self, held: HeldImage) -> Result<()> {
        self.count()?;
        self.join(held);
        Ok(())
    }

    fn join(&mut self, held: HeldImage) {
        let bare = held.config.filter(|_| held.name.is_none() && held.digest.is_none());
        let key = (held.name.clone(), held.digest, bare);
        match self.images.get_mut(&key) {
            Some(known) => known.join(held),
            None => {
                self.images.insert(key, held);
            }
        }
    }

    /// All that several have.
    pub(super) fn joined(listings: Vec<PlaceListing>) -> PlaceListing {
        let mut all = PlaceListing::new("", Naming::FullNames);
        let images = listings.into_iter().flat_map(|listing| listing.images.into_values());
        images.for_each(|held| all.join(held));
        all
    }

    /// Adds what is no name.
    ///
    /// # Errors
    /// As for [`add`](PlaceListing::add).
    pub(super) fn lack(&mut self, what: Unnamable) -> Result<()> {
        self.count()?;
        self.unreadable.push(what);
        Ok(())
    }

    fn count(&mut self) -> Result<()> {
        self.told += 1;
        match self.told > MAX_NAMES {
            false => Ok(()),
            true => {
                let text = format!("{} has more than {MAX_NAMES} images", self.shown);
                Err(Error::new(Class::Usage, text).hint("list parts of it one by one"))
            }
        }
    }

    /// Takes what is asked for by a name, of which nobody tells what it stands for, for the one image that runs
    /// under that name, if there is one.
    pub(super) fn settled(mut self) -> PlaceListing {
        let unknown = |(name, digest, _): &Key| name.is_some() && digest.is_none();
        let asked: Vec<Key> = self.images.keys().filter(|key| unknown(key)).cloned().collect();
        for key in asked {
            // Those of the same name stand behind it.
            let same = self.images.range(&key..).take_while(|(known, _)| known.0 == key.0);
            let mut known = same.map(|(known, _)| known).filter(|known| known.1.is_some());
            let (Some(only), None) = (known.next().cloned(), known.next()) else { continue };
            if let Some(asked) = self.images.remove(&key)
                && let Some(known) = self.images.get_mut(&only)
            {
                known.join(asked);
            }
        }
        self
    }

    /// Leaves out names by digest alone of what has a tag in the same repository, as containerd keeps both.
    pub(super) fn without_twins(mut self) -> PlaceListing {
        let same = |name: &Reference| (name.registry.clone(), name.repository.clone());
        let tagged: BTreeSet<_> = self
            .images
            .values()
            .filter_map(|held| Some((same(held.tagged()?), held.digest?)))
            .collect();
        self.images.retain(|_, held| match (&held.name, held.digest) {
            (Some(name), Some(digest)) if name.tag.is_none() => {
                !tagged.contains(&(same(name), digest))
            }
            _ => true,
        });
        self
    }
}
