//! [`read_back`]: what is at a destination once an import did what it could, asked anew.

use std::collections::{BTreeMap, BTreeSet};

use super::surveyed::Surveyed;
use super::there_now::{CameAs, Seen, ThereNow};
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
) -> Result<ThereNow> {
    let (contents, progress) = (place.contents(), place.job().progress);
    let needed: BTreeMap<Digest, &Descriptor> =
        contents.blobs.needed().iter().map(|blob| (blob.digest, blob)).collect();
    let items = (contents.images.len() + contents.documents.len() + needed.len()) as u64;
    progress.event(Event::Phase { name: "reading back", bytes: 0, items });
    let mut now = ThereNow::default();
    for delivery in deliveries {
        let roots = roots(contents, delivery, came_as)?;
        look(&mut now, place, delivery, roots, &needed, progress)?;
    }
    progress.event(Event::Done);
    Ok(now)
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

/// Adds to `now` what of `roots` is where `delivery` goes.
fn look<S: Surveyed>(
    now: &mut ThereNow,
    place: &S,
    delivery: &Delivery<S::There>,
    roots: Vec<Root>,
    needed: &BTreeMap<Digest, &Descriptor>,
    progress: &dyn Progress,
) -> Result<()> {
    // 1. What do the names stand for?
    let (contents, most, there) = (place.contents(), place.questions(), &*delivery.there);
    let is_absent = delivery.absent;
    let held = parallel::map(most, &roots, |root| {
        progress.check()?;
        let held = match is_absent {
            true => Held::Nothing,
            false => found::<S>(there, contents, root)?,
        };
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
    for (about, is_there) in
        documents.iter().zip(ask(most, &documents, progress, |about| there.has_document(about))?)
    {
        match is_there {
            true => present.manifest(about.digest, about.size),
            false => drop(lacking.insert(about.digest)),
        }
    }
    for (blob, is_there) in blobs.iter().zip(ask(most, &blobs, progress, |blob| there.has(blob))?) {
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
        now.seen.push(Seen { name, refers, to, wanted, there, state, lacks });
    }
    now.content.join(present);
    Ok(())
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
