//! Fetching the documents of the next level, and saying which are gone.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;

use super::asked::Origin;
use super::next::Next;
use super::walker::Walker;
use super::way_out::way_out;
use super::weight::{add, keep, within};
use crate::storage::reading::read_small;
use crate::tools::parallel;
use crate::words::at::At;
use crate::words::document::{Descriptor, Document, MAX_DOCUMENT, is_disguised};
use crate::words::error::{Class, Error, Result, Side};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

impl Walker<'_, '_> {
    /// Those of `ahead` that were not visited yet, each once.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when some are not there, with all of them; whatever the sources
    /// report.
    pub(super) fn fetch(&self, ahead: Vec<Next>) -> Result<Vec<(At<Origin>, Document)>> {
        let mut seen = BTreeSet::new();
        let new: Vec<Next> = ahead
            .into_iter()
            .filter(|next| !self.visited.contains(&next.key()) && seen.insert(next.key()))
            .collect();
        within(new.iter().map(|next| next.descriptor.size).fold(self.weight, add))?;
        let held = AtomicU64::new(self.weight);
        let found = parallel::map(self.jobs, &new, |next| {
            if let Some(document) = self.documents.get(&next.descriptor.digest) {
                return Ok(Ok(document.clone()));
            }
            match next.origin.of(self.origins).source.document(&next.descriptor) {
                Err(error) if error.class() == Class::Incomplete => Ok(Err(error)),
                found => {
                    let found = found.map_err(|e| e.on_unless_noted(Side::Source))?;
                    keep(&held, &found)?;
                    Ok(Ok(found))
                }
            }
        })?;
        let (mut documents, mut gone) = (Vec::new(), Vec::new());
        for (next, found) in new.iter().zip(found) {
            match found {
                Ok(document) => documents.push((next.origin, document)),
                Err(error) => gone.push((next, error)),
            }
        }
        match gone.is_empty() {
            true => Ok(documents),
            false => Err(self.gone(gone)),
        }
    }

    /// Sees that `blob`, which `index` lists as something else, is no manifest: its parts would be
    /// left behind, and nobody would know.
    ///
    /// # Errors
    /// [`Class::Refused`] when it is one; whatever the source reports.
    pub(super) fn look_into(
        &self,
        origin: At<Origin>,
        blob: &Descriptor,
        index: &Document,
    ) -> Result<()> {
        let is_plain = blob.media_type.packing().is_some() || blob.is_foreign();
        if is_plain || blob.size > MAX_DOCUMENT || self.of.contains_key(&blob.digest) {
            return Ok(());
        }
        let place = origin.of(self.origins);
        let raw = read_small(&*place.source, blob, MAX_DOCUMENT, &place.shown, &self.cancel)?;
        match is_disguised(&raw) {
            false => Ok(()),
            true => Err(Error::new(
                Class::Refused,
                format!(
                    "{} lists the manifest {} as {:?}, which is no manifest's type, so that its \
                     parts would stay behind",
                    self.index_name(index),
                    blob.digest,
                    &*blob.media_type,
                ),
            )
            .hint("push that index again with the manifest's own type, or leave the image out")),
        }
    }

    /// All that is `gone`, in one failure. What to do is said of the first.
    fn gone(&self, gone: Vec<(&Next, Error)>) -> Error {
        let details: Vec<String> = gone.iter().map(|(next, e)| self.line(next, e)).collect();
        let of_first =
            |next: &Next| gone.first().is_some_and(|(first, _)| first.index == next.index);
        let same: Vec<&Next> = gone.iter().map(|(n, _)| *n).filter(|n| of_first(n)).collect();
        let index = same.first().and_then(|next| self.documents.get(&next.index?));
        let (text, hint) = match index {
            Some(index) => (
                format!(
                    "{} names {} that the source does not have",
                    self.index_name(index),
                    if gone.len() == 1 { "a part" } else { "parts" },
                ),
                way_out(
                    index,
                    &same.iter().map(|next| next.descriptor.digest).collect::<Vec<_>>(),
                    self.select,
                ),
            ),
            None => (
                "the source lists referrers that it does not have".to_owned(),
                phrase![Remedy::NoReferrers, " leaves signatures and the like behind"],
            ),
        };
        Error::new(Class::Incomplete, text).details(details).hint(hint)
    }

    fn line(&self, next: &Next, error: &Error) -> String {
        let part = match &next.descriptor.platform {
            Some(platform) if platform.is_unknown() => "an attestation, ".to_owned(),
            Some(platform) => format!("{platform}, "),
            None => String::new(),
        };
        let index = next.index.and_then(|index| self.documents.get(&index));
        let of = index.map_or_else(String::new, |it| format!(" (of {})", self.index_name(it)));
        format!("{part}{}: {}{of}", next.descriptor.digest, error.message())
    }

    /// What messages call an index: the name that was asked for, if it has one.
    fn index_name(&self, index: &Document) -> String {
        let digest = index.descriptor().digest;
        match self.images.values().find(|image| image.digest == digest) {
            Some(image) if image.name.digest.is_none() => {
                format!("the index {}@{digest}", image.name)
            }
            Some(image) => format!("the index {}", image.name),
            None => format!("the index {digest}"),
        }
    }
}
