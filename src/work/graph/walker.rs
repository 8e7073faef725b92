//! [`Walker`]: a walk on its way, level by level.

use std::collections::{BTreeMap, BTreeSet};

use super::asked::{Origin, Selection, Wanted};
use super::left_out::{none_lacks, note_left_out, platforms_of};
use super::next::Next;
use super::rewrite::{Rewrite, rewrite};
use super::select;
use super::twice::twice;
use super::weight::within;
use crate::bundle::contents::{Contents, Image, MAX_LEVELS, Referrer};
use crate::words::at::At;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Reference, Tag};

/// Most manifests in one bundle. Twenty thousand images of five platforms fit; a hostile index
/// that multiplies itself does not.
const MAX_DOCUMENTS: usize = 100_000;

/// What was found so far, on the way down from the roots.
pub(super) struct Walker<'a, 's> {
    pub(super) origins: &'a [Origin],
    pub(super) select: &'s Selection,
    pub(super) jobs: usize,
    pub(super) cancel: Cancel,
    pub(super) documents: BTreeMap<Digest, Document>,
    /// Of all documents.
    pub(super) weight: u64,
    pub(super) visited: BTreeSet<(At<Origin>, Digest)>,
    pub(super) of: BTreeMap<Digest, At<Origin>>,
    pub(super) images: BTreeMap<Reference, Image>,
    pub(super) referrers: BTreeSet<(String, Option<Tag>, Digest, Digest)>,
}

impl<'a, 's> Walker<'a, 's> {
    pub(super) fn new(
        origins: &'a [Origin],
        select: &'s Selection,
        jobs: usize,
        cancel: Cancel,
    ) -> Walker<'a, 's> {
        Walker {
            origins,
            select,
            jobs,
            cancel,
            documents: BTreeMap::new(),
            weight: 0,
            visited: BTreeSet::new(),
            of: BTreeMap::new(),
            images: BTreeMap::new(),
            referrers: BTreeSet::new(),
        }
    }

    pub(super) fn add_image(&mut self, wanted: &Wanted, root: &Document) -> Result<()> {
        let name = wanted.name.kept();
        let about = root.descriptor();
        let image = Image {
            name: name.clone(),
            digest: about.digest,
            media_type: about.media_type.to_string(),
            size: about.size,
            platforms: Vec::new(),
            source: wanted.text.clone(),
            left_out: Vec::new(),
            rewritten_from: None,
            made: wanted.origin.of(self.origins).source.is_made(&about.digest),
        };
        match self.images.insert(name, image) {
            Some(other) if other.digest != about.digest => Err(twice(&other, wanted, root)),
            _ => Ok(()),
        }
    }

    /// Level by level: note the documents, look for what refers to them, fetch their children.
    pub(super) fn descend(&mut self, roots: Vec<(At<Origin>, Document)>) -> Result<()> {
        let mut level = roots;
        for _ in 0..MAX_LEVELS {
            level.retain(|(origin, document)| {
                self.visited.insert((*origin, document.descriptor().digest))
            });
            if level.is_empty() {
                return Ok(());
            }
            let mut ahead = Vec::new();
            for (origin, document) in &level {
                ahead.extend(self.note(*origin, document)?);
            }
            let found = self.look_for_referrers(&level)?;
            let (found, mut next) = self.settle(found)?;
            for (origin, subject, found) in found {
                self.note_referrers(origin, &subject, &found);
                ahead.extend(found.manifests.into_iter().map(|d| Next::referrer(origin, d)));
                next.extend(found.tags.into_iter().map(|(_, document)| (origin, document)));
            }
            // What was read to see what it refers to is not read again.
            let read: BTreeSet<(At<Origin>, Digest)> =
                next.iter().map(|(origin, d)| (*origin, d.descriptor().digest)).collect();
            ahead.retain(|next| !read.contains(&next.key()));
            next.extend(self.fetch(ahead)?);
            level = next;
        }
        Err(Error::new(Class::Damaged, format!("manifests are nested deeper than {MAX_LEVELS}")))
    }

    /// Keeps a document and gives the children that are to be fetched.
    fn note(&mut self, origin: At<Origin>, document: &Document) -> Result<Vec<Next>> {
        let digest = document.descriptor().digest;
        if self.documents.insert(digest, document.clone()).is_none() {
            self.weight += document.weight();
        }
        self.of.entry(digest).or_insert(origin);
        within(self.weight)?;
        if self.documents.len() > MAX_DOCUMENTS {
            let text = format!("the images have more than {MAX_DOCUMENTS} manifests");
            return Err(Error::new(Class::Damaged, text));
        }
        let children = match document.kind() {
            Kind::Index { manifests } => select::children(manifests, self.select),
            Kind::Manifest { .. } => document.children(),
        };
        let (documents, blobs): (Vec<_>, Vec<_>) =
            children.into_iter().partition(|child| child.is_document());
        let is_index = matches!(document.kind(), Kind::Index { .. });
        for blob in blobs {
            if is_index {
                self.look_into(origin, blob, document)?;
            }
            self.of.entry(blob.digest).or_insert(origin);
        }
        let next = |child: &Descriptor| Next::part(origin, child.clone(), digest);
        Ok(documents.into_iter().map(next).collect())
    }

    /// What a bundle of it holds, and the place of the origin that has each part.
    pub(super) fn finish(self) -> Result<(Contents, BTreeMap<Digest, At<Origin>>)> {
        let mut contents = Contents {
            images: self.images.into_values().collect(),
            documents: self.documents,
            ..Contents::default()
        };
        for (repository, tag, digest, subject) in self.referrers {
            let Some(document) = contents.documents.get(&digest) else { continue };
            let about = document.descriptor();
            contents.referrers.push(Referrer {
                repository,
                tag,
                digest,
                media_type: about.media_type.to_string(),
                size: about.size,
                subject,
                artifact_type: document.artifact_type().map(str::to_owned),
            });
        }
        contents.referrers.sort();
        if self.select.rewrite_index {
            rewrite(&mut contents, Rewrite { smaller: true, to_oci: false })?;
        }
        note_left_out(&mut contents);
        let lacking =
            contents.images.iter().filter_map(|it| platforms_of(&contents, it, self.select));
        none_lacks(&self.select.platforms, lacking.collect())?;
        contents.keep_reached();
        agree(&contents)?;
        Ok((contents, self.of))
    }
}

/// Nothing leaves that the far side would refuse: what the documents say of each other holds.
fn agree(contents: &Contents) -> Result<()> {
    match contents.contradictions().pop_first() {
        None => Ok(()),
        Some((digest, why)) => Err(Error::new(Class::Damaged, format!("source: {digest} {why}"))
            .details(
                contents.touched_by(&digest).into_iter().map(|name| format!("needed by {name}")),
            )
            .hint("the image is broken where it is; build and push it again, or leave it out")),
    }
}
