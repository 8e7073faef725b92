//! [`read_back`]: what is at a destination once an import did what it could, asked anew.

use std::collections::{BTreeMap, BTreeSet};

use super::surveyed::Surveyed;
use crate::bundle::contents::Contents;
use crate::bundle::receipt::{HeldContent, ReceivedState};
use crate::storage::holdings::{BlobHoldings as _, Held, Holdings as _};
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Error, Result};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::plan::Delivery;

/// Under which name an image came to its repository, of which those in the bundle and there are given.
pub(super) type CameAs<'c> = &'c dyn Fn(&Reference, &Reference) -> Reference;

/// What of the images of an import is there.
#[derive(Debug, Default)]
pub(super) struct ReadBack {
    /// The images, and what refers to them.
    pub(super) seen: Vec<Seen>,
    /// The manifests and blobs of them that are there.
    pub(super) content: HeldContent,
}

/// An image, or what refers to one, as it was found.
#[derive(Debug)]
pub(super) struct Seen {
    /// Its name in the bundle; one by digest of what has no tag.
    pub(super) name: Reference,
    /// Whether it is no image, but refers to one.
    pub(super) refers: bool,
    /// Its name there.
    pub(super) to: Reference,
    /// What it was to be there.
    pub(super) wanted: Digest,
    /// What the name stands for.
    pub(super) there: Option<Digest>,
    pub(super) state: ReceivedState,
    /// What of it is not there, manifests first.
    pub(super) lacks: Vec<Digest>,
}

/// An image, or what refers to one, that is to be looked for.
struct Root {
    name: Reference,
    refers: bool,
    to: Reference,
    wanted: Digest,
}

/// Asks at `place` for all that `deliveries` are to have brought there: what each name stands for, and
/// each manifest and blob of those that stand for what they were to.
///
/// # Errors
/// When the place cannot be asked.
pub(super) fn read_back<S: Surveyed>(
    place: &S,
    deliveries: &[Delivery<S::There>],
    came_as: CameAs<'_>,
) -> Result<ReadBack> {
    let (contents, progress) = (place.contents(), place.job().progress);
    let needed: BTreeMap<Digest, &Descriptor> =
        contents.blobs.needed().iter().map(|blob| (blob.digest, blob)).collect();
    let items = (contents.images.len() + contents.documents.len() + needed.len()) as u64;
    progress.event(Event::Phase { name: "reading back", bytes: 0, items });
    let mut back = ReadBack::default();
    for delivery in deliveries {
        let roots = roots(contents, delivery, came_as)?;
        back.delivery(place, &*delivery.there, roots, &needed, progress)?;
    }
    progress.event(Event::Done);
    Ok(back)
}

/// What is to be in the repository of `delivery`.
fn roots<H: ?Sized>(
    contents: &Contents,
    delivery: &Delivery<H>,
    came_as: CameAs<'_>,
) -> Result<Vec<Root>> {
    let images = delivery.images.iter().map(|(at, to)| {
        let image = at.of(&contents.images);
        let (name, wanted) = (image.name.clone(), image.digest);
        Ok(Root { to: came_as(&name, to), name, refers: false, wanted })
    });
    let homes: BTreeSet<(&str, String)> = delivery
        .images
        .iter()
        .map(|(at, to)| (at.of(&contents.images), to))
        .flat_map(|(image, to)| {
            let referrers = contents.referrers.iter();
            let own = referrers.filter(move |it| it.repository == image.name.name());
            own.map(move |it| (it.repository.as_str(), to.name()))
        })
        .collect();
    let own = delivery.referrers.iter().filter(|(at, _)| !at.of(&contents.referrers).is_list());
    let referrers = own.flat_map(|(at, to)| {
        let referrer = at.of(&contents.referrers);
        let root = move |to: Option<Reference>, home: &str| {
            let name = referrer.called()?;
            let to = match to {
                Some(to) => came_as(&name, &to),
                None => format!("{home}@{}", referrer.digest).parse()?,
            };
            Ok(Root { name, refers: true, to, wanted: referrer.digest })
        };
        match to {
            Some(to) => vec![root(Some(to.clone()), "")],
            None => {
                let own = homes.iter().filter(|(from, _)| *from == referrer.repository);
                own.map(|(_, home)| root(None, home)).collect()
            }
        }
    });
    images.chain(referrers).collect()
}

impl ReadBack {
    /// Adds what of `roots` is `there`.
    fn delivery<S: Surveyed>(
        &mut self,
        place: &S,
        there: &S::There,
        roots: Vec<Root>,
        needed: &BTreeMap<Digest, &Descriptor>,
        progress: &dyn Progress,
    ) -> Result<()> {
        // 1. What do the names stand for?
        let (contents, most) = (place.contents(), place.questions());
        let held = parallel::map(most, &roots, |root| {
            progress.check()?;
            let held = found::<S>(there, contents, root)?;
            progress.event(Event::Finished { digest: root.wanted });
            Ok(held)
        })?;

        // 2. Is all there that belongs to those?
        let parts: Vec<BTreeSet<Digest>> = roots
            .iter()
            .zip(&held)
            .map(|(root, held)| match digest(*held) == Some(root.wanted) {
                true => contents.closure(root.wanted),
                false => BTreeSet::new(),
            })
            .collect();
        let all: BTreeSet<Digest> = parts.iter().flatten().copied().collect();
        let documents: Vec<&Descriptor> = all
            .iter()
            .filter_map(|digest| contents.documents.get(digest))
            .map(Document::descriptor)
            .collect();
        let blobs: Vec<&Descriptor> =
            all.iter().filter_map(|digest| needed.get(digest)).copied().collect();
        let (mut present, mut lacking) = (HeldContent::default(), BTreeSet::new());
        for (about, is_there) in documents
            .iter()
            .zip(ask(most, &documents, progress, |about| there.has_document(about))?)
        {
            match is_there {
                true => present.manifest(about.digest, about.size),
                false => drop(lacking.insert(about.digest)),
            }
        }
        for (blob, is_there) in
            blobs.iter().zip(ask(most, &blobs, progress, |blob| there.has(blob))?)
        {
            match is_there {
                true => present.blob(blob.digest, blob.size),
                false => drop(lacking.insert(blob.digest)),
            }
        }

        // 3. What does that amount to?
        for ((root, held), parts) in roots.into_iter().zip(held).zip(parts) {
            let lacks = |is_document: bool| {
                let lacks = parts.intersection(&lacking).copied();
                lacks.filter(move |it| contents.documents.contains_key(it) == is_document)
            };
            let lacks: Vec<Digest> = lacks(true).chain(lacks(false)).collect();
            let there = digest(held);
            let state = match held {
                Held::Nothing => ReceivedState::Absent,
                Held::Withheld(None) => ReceivedState::Unread,
                _ if there != Some(root.wanted) => ReceivedState::Other,
                _ if lacks.is_empty() => ReceivedState::Complete,
                _ => ReceivedState::Incomplete,
            };
            let Root { name, refers, to, wanted } = root;
            self.seen.push(Seen { name, refers, to, wanted, there, state, lacks });
        }
        self.content.join(present);
        Ok(())
    }

    /// Adds all of `other`.
    pub(super) fn join(&mut self, other: ReadBack) {
        self.seen.extend(other.seen);
        self.content.join(other.content);
    }
}

/// What `root` stands for.
fn found<S: Surveyed>(there: &S::There, contents: &Contents, root: &Root) -> Result<Held> {
    let by_name = match root.refers && root.to.tag.is_none() {
        true => Held::Nothing,
        false => S::stands(there, &root.to)?,
    };
    // What has no tag is not told under a name everywhere.
    match (by_name, contents.documents.get(&root.wanted)) {
        (Held::Nothing, Some(document)) if root.to.tag.is_none() => {
            let is_there = there.has_document(document.descriptor())?;
            Ok(if is_there { Held::Known(root.wanted) } else { Held::Nothing })
        }
        (held, _) => Ok(held),
    }
}

/// The digest that `held` tells of.
fn digest(held: Held) -> Option<Digest> {
    match held {
        Held::Nothing => None,
        Held::Known(digest) => Some(digest),
        Held::Withheld(digest) => digest,
    }
}

/// Asks for each of `all` whether it is there.
fn ask(
    most: usize,
    all: &[&Descriptor],
    progress: &dyn Progress,
    is_there: impl Fn(&Descriptor) -> Result<bool, Error> + Sync,
) -> Result<Vec<bool>> {
    parallel::map(most, all, |about| {
        progress.check()?;
        let is_there = is_there(about)?;
        progress.event(Event::Finished { digest: about.digest });
        Ok(is_there)
    })
}
