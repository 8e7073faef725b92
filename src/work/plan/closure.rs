//! Whether bundle, bases and destination have everything together: the proof that a delta is complete,
//! before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::obstacle::Obstacle;
use super::sibling::Sibling;
use super::step::Action;
use super::{Count, Plan};
use crate::bundle::contents::{Contents, Image};
use crate::bundle::subset::needing;
use crate::words::at::At;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Result};
use crate::words::phrase::phrase;
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;

/// A blob that an image needs, and that nobody has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MissingBlob {
    /// The image, as it is called in the bundle.
    pub image: Reference,
    /// The blob.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl MissingBlob {
    /// Those of `digests`, blobs of `contents`, for each image that needs them.
    #[must_use]
    pub fn among(contents: &Contents, digests: &BTreeSet<Digest>) -> Vec<MissingBlob> {
        if digests.is_empty() {
            return Vec::new();
        }
        let needed = contents.blobs.needed().iter();
        let sizes: BTreeMap<Digest, u64> = needed.map(|blob| (blob.digest, blob.size)).collect();
        let of_image = |(at, digests): (At<Image>, BTreeSet<Digest>)| {
            let image = at.of(&contents.images);
            let missing = |digest| MissingBlob {
                image: image.name.clone(),
                digest,
                size: sizes.get(&digest).copied().unwrap_or(0),
            };
            digests.into_iter().map(missing).collect::<Vec<_>>()
        };
        needing(contents, digests).into_iter().flat_map(of_image).collect()
    }

    /// All these as an obstacle: neither the bundle nor a base carries them, and `place` does not have
    /// them. Nothing where there are none.
    #[must_use]
    pub fn obstacle(missing: &[MissingBlob], place: &str) -> Option<Obstacle> {
        let mut weight = Count::default();
        let each: BTreeMap<Digest, u64> = missing.iter().map(|it| (it.digest, it.size)).collect();
        each.iter().for_each(|(digest, size)| weight.add(&Descriptor::new("", *digest, *size)));
        if each.is_empty() {
            return None;
        }
        let text = format!(
            "the bundle does not carry {} of {} bytes, and {place} does not have {}",
            count(each.len(), "blob"),
            weight.bytes,
            if each.len() == 1 { "it" } else { "them" }
        );
        let hint = phrase![
            "bring an earlier bundle that has them along and name it (",
            Remedy::Base,
            "), or have the sender make one that carries them"
        ];
        let line =
            |it: &MissingBlob| format!("{} needs blob {} ({} bytes)", it.image, it.digest, it.size);
        Some(Obstacle::new(Class::Incomplete, text, hint).about(missing.iter().map(line)))
    }
}

impl Plan {
    /// Enters as an obstacle what would have to be sent and that nobody carries, image by image. Of
    /// that which no repository of the plan has it is asked `elsewhere` at the destination.
    ///
    /// # Errors
    /// Those of `elsewhere`.
    pub fn prove(
        &mut self,
        contents: &Contents,
        elsewhere: impl FnOnce(&Plan, &[&Descriptor]) -> Result<BTreeMap<Digest, Sibling>>,
    ) -> Result<()> {
        let not_carried: BTreeMap<Digest, &Descriptor> =
            contents.blobs.lacking().map(|blob| (blob.digest, blob)).collect();
        let wanted: BTreeSet<Digest> = self.sent().map(|blob| blob.digest).collect();
        let wanted = wanted.iter().filter_map(|digest| not_carried.get(digest).copied());
        let wanted: Vec<&Descriptor> = wanted.collect();
        if wanted.is_empty() {
            return Ok(());
        }
        self.mount_from(&elsewhere(self, &wanted)?);
        let missing: BTreeSet<Digest> = self
            .sent()
            .map(|blob| blob.digest)
            .filter(|digest| not_carried.contains_key(digest))
            .collect();
        self.missing = MissingBlob::among(contents, &missing);
        self.obstacles.extend(MissingBlob::obstacle(&self.missing, "the destination"));
        Ok(())
    }

    /// Has what was `found` in other repositories of the destination mounted from there.
    fn mount_from(&mut self, found: &BTreeMap<Digest, Sibling>) {
        if found.is_empty() {
            return;
        }
        for repository in &mut self.repositories {
            let Some(own) = &repository.sibling else { continue };
            for transfer in repository.blobs.iter_mut() {
                let other = found.get(&transfer.blob.digest);
                let other = other.filter(|other| other.registry == own.registry);
                // One that a repository of the plan mounts from another one comes from there, too.
                if let (Some(other), false) = (other, transfer.action == Action::Present) {
                    transfer.action = Action::Mount { from: other.repository.clone() };
                }
            }
        }
        self.count_without(&BTreeSet::new());
    }
}
