//! [`walk`]: from names to everything that belongs to them.

mod fetch;
mod find;
mod referring;
mod select;
mod twice;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use self::fetch::Next;
pub use self::fetch::without_attestation;
pub use self::find::{Found, find};
pub use self::select::{Rewrite, rewrite};
use self::twice::twice;
use crate::bundle::contents::{
    Contents, Image, LeftOut, MAX_DOCUMENTS_WEIGHT, MAX_LEVELS, Reason, Referrer,
};
use crate::storage::store::{BlobSource, ImageSource};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind, is_document};
use crate::words::error::{Class, Error, Result};
use crate::words::platform::Platform;
use crate::words::progress::{Event, Progress};
use crate::words::reference::{Reference, Tag};

/// Most manifests in one bundle. Twenty thousand images of five platforms fit; a hostile index
/// that multiplies itself does not.
const MAX_DOCUMENTS: usize = 100_000;

/// A repository that images come from.
pub struct Origin {
    /// Gives its content.
    pub source: Arc<dyn ImageSource>,
    /// `host/path`, for the names of what is found beside the images.
    pub repository: String,
    /// What errors call it: the repository, and the archive or engine that it is in.
    pub shown: String,
}

impl std::fmt::Debug for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Origin({})", self.repository)
    }
}

/// One image that is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its place in the list of origins.
    pub origin: usize,
    /// Its name there.
    pub name: Reference,
    /// The place as the user named it, for the statement.
    pub text: String,
    /// The list and the line that ask for it, where it is from one.
    pub place: Option<String>,
    /// Whether it is one of all that a place holds, and was not asked for by its name.
    pub is_one_of_all: bool,
}

/// Which parts of the images are taken.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Selection {
    /// These platforms only; all when empty.
    pub platforms: Vec<Platform>,
    /// Whether an index that lost entries is written anew, under another digest.
    pub rewrite_index: bool,
    /// Whether referrers and cosign's tags are left behind.
    pub no_referrers: bool,
}

/// What the images consist of, and where each part can be had.
#[derive(Debug)]
pub struct Graph<'a> {
    /// What a bundle of it holds.
    pub contents: Contents,
    origins: &'a [Origin],
    of: BTreeMap<Digest, usize>,
}

impl Graph<'_> {
    /// Where the bytes of `digest` come from, and what that place is called.
    ///
    /// # Errors
    /// When it is no part of the graph.
    pub fn source_of(&self, digest: &Digest) -> Result<(&dyn BlobSource, &str)> {
        let origin = self.of.get(digest).and_then(|index| self.origins.get(*index));
        match origin {
            Some(origin) => Ok((&*origin.source as &dyn BlobSource, &origin.shown)),
            None => Err(Error::new(Class::Other, format!("{digest} belongs to no image"))),
        }
    }
}

/// Fetches every manifest below the `roots` that [`find`] found for `wanted`, level by level, each
/// once, on `jobs` threads. Layers and configs are only listed.
///
/// # Errors
/// [`Class::Incomplete`] when a platform or a manifest is not there; whatever the sources report.
pub fn walk<'a>(
    origins: &'a [Origin],
    wanted: &[Wanted],
    roots: Vec<Document>,
    select: &Selection,
    jobs: usize,
    progress: &dyn Progress,
) -> Result<Graph<'a>> {
    let mut walker = Walker::new(origins, select, jobs);
    let all = wanted.iter().zip(&roots);
    let twice = all.filter_map(|(wanted, root)| walker.add_image(wanted, root).err()).collect();
    let summary = |count| (Class::Usage, format!("{count} names would stand for several images"));
    Error::all(twice, summary).map_or(Ok(()), Err)?;
    let roots = wanted.iter().map(|w| w.origin).zip(roots).collect();
    walker.descend(roots)?;
    progress.event(Event::Done);
    walker.finish()
}

struct Walker<'a, 's> {
    origins: &'a [Origin],
    select: &'s Selection,
    jobs: usize,
    documents: BTreeMap<Digest, Document>,
    /// Of all documents.
    weight: u64,
    visited: BTreeSet<(usize, Digest)>,
    of: BTreeMap<Digest, usize>,
    images: BTreeMap<Reference, Image>,
    referrers: BTreeSet<(String, Option<Tag>, Digest, Digest)>,
}

impl<'a, 's> Walker<'a, 's> {
    fn new(origins: &'a [Origin], select: &'s Selection, jobs: usize) -> Walker<'a, 's> {
        Walker {
            origins,
            select,
            jobs,
            documents: BTreeMap::new(),
            weight: 0,
            visited: BTreeSet::new(),
            of: BTreeMap::new(),
            images: BTreeMap::new(),
            referrers: BTreeSet::new(),
        }
    }

    fn add_image(&mut self, wanted: &Wanted, root: &Document) -> Result<()> {
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
            made: self.origins[wanted.origin].source.is_made(&about.digest),
        };
        match self.images.insert(name, image) {
            Some(other) if other.digest != about.digest => Err(twice(&other, wanted, root)),
            _ => Ok(()),
        }
    }

    /// Level by level: note the documents, look for what refers to them, fetch their children.
    fn descend(&mut self, roots: Vec<(usize, Document)>) -> Result<()> {
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
            let read: BTreeSet<(usize, Digest)> =
                next.iter().map(|(origin, d)| (*origin, d.descriptor().digest)).collect();
            ahead.retain(|next| !read.contains(&next.key()));
            next.extend(self.fetch(ahead)?);
            level = next;
        }
        Err(Error::new(Class::Damaged, format!("manifests are nested deeper than {MAX_LEVELS}")))
    }

    /// Keeps a document and gives the children that are to be fetched.
    fn note(&mut self, origin: usize, document: &Document) -> Result<Vec<Next>> {
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
            children.into_iter().partition(|child| is_document(&child.media_type));
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

    fn finish(self) -> Result<Graph<'a>> {
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
        let mut referring: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
        for referrer in &contents.referrers {
            referring.entry(referrer.subject).or_default().push(referrer.digest);
        }
        for index in 0..contents.images.len() {
            contents.images[index].left_out =
                left_out(&contents, &referring, &contents.images[index]);
        }
        let lacking =
            contents.images.iter().filter_map(|it| platforms_of(&contents, it, self.select));
        none_lacks(&self.select.platforms, lacking.collect())?;
        contents.keep_reached();
        agree(&contents)?;
        Ok(Graph { contents, origins: self.origins, of: self.of })
    }
}

fn add(sum: u64, size: u64) -> u64 {
    sum.saturating_add(size)
}

/// Documents are held in memory, and whoever serves them chooses how many there are.
fn within(weight: u64) -> Result<()> {
    match weight > MAX_DOCUMENTS_WEIGHT {
        false => Ok(()),
        true => {
            let text = "the manifests of the images take more memory than a bundle has room for";
            Err(Error::new(Class::Damaged, text).hint("export them into several bundles"))
        }
    }
}

/// Adds the weight of `document` to `held`, which other threads add to as well.
fn keep(held: &AtomicU64, document: &Document) -> Result<()> {
    let weight = document.weight();
    within(add(held.fetch_add(weight, Ordering::Relaxed), weight))
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

/// What the documents of `image`, and those that refer to any of them, point at and will not be
/// carried, each once.
fn left_out(
    contents: &Contents,
    referring: &BTreeMap<Digest, Vec<Digest>>,
    image: &Image,
) -> Vec<LeftOut> {
    let (mut seen, mut known) = (BTreeSet::new(), BTreeSet::new());
    let mut out = Vec::new();
    let referrers = |digest: &Digest| referring.get(digest).into_iter().flatten().copied();
    let mut ahead = vec![image.digest];
    ahead.extend(image.rewritten_from.iter().flat_map(referrers));
    while let Some(root) = ahead.pop() {
        for document in contents.children_first([root]) {
            if !known.insert(document.descriptor().digest) {
                continue;
            }
            ahead.extend(referrers(&document.descriptor().digest));
            for child in document.children() {
                let reason = match is_document(&child.media_type) {
                    true if contents.documents.contains_key(&child.digest) => continue,
                    true => Reason::Platform,
                    false if child.is_foreign() => Reason::Foreign,
                    false => continue,
                };
                if seen.insert(child.digest) {
                    out.push(LeftOut {
                        digest: child.digest,
                        media_type: child.media_type.to_string(),
                        size: child.size,
                        platform: child.platform.as_deref().cloned(),
                        reason,
                    });
                }
            }
        }
    }
    out
}

/// An image of which the selection takes nothing, with the platforms that it says it is there for.
pub type Lacking = (String, Vec<String>);

/// What `image` is there for, when the selection took nothing of it.
fn platforms_of(contents: &Contents, image: &Image, select: &Selection) -> Option<Lacking> {
    if select.platforms.is_empty() || !contents.manifests(image.digest).is_empty() {
        return None;
    }
    // One manifest may be listed for several.
    let documents = contents.children_first([image.digest]);
    let listed = documents.into_iter().flat_map(Document::children);
    let listed: BTreeSet<&Platform> = listed
        .filter(|entry| is_document(&entry.media_type))
        .filter_map(|entry| entry.platform.as_deref())
        .filter(|it| !it.is_unknown())
        .collect();
    Some((image.name.to_string(), listed.into_iter().map(ToString::to_string).collect()))
}

/// Refuses a selection that takes nothing of some images, all of which it names: that is a wrong
/// selection, not an empty success.
///
/// # Errors
/// [`Class::Incomplete`] when there are any.
pub fn none_lacks(wanted: &[Platform], lacking: Vec<Lacking>) -> Result<()> {
    let wanted = wanted.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let there_for = |has: &[String]| match has {
        [] => "it does not say what it runs on; leave --platform out".to_owned(),
        has => format!("it is there for {}", has.join(", ")),
    };
    Err(match &lacking[..] {
        [] => return Ok(()),
        [(name, has)] => {
            let text = format!("{name} is not there for {wanted}");
            Error::new(Class::Incomplete, text).hint(there_for(has))
        }
        all => Error::new(
            Class::Incomplete,
            format!("{} images are not there for {wanted}", all.len()),
        )
        .details(all.iter().map(|(name, has)| format!("{name}: {}", there_for(has))))
        .hint("choose platforms that they have, or export them on their own"),
    })
}

#[cfg(test)]
mod tests;
