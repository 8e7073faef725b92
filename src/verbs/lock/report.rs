//! What was locked, what moved since, and what a check found.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;

use crate::lists::{LockedImage, LockedList, LockedWish};
use crate::places::location::Source;
use crate::verbs::resolve::Meant;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, ErrorKind, Subject};
use crate::words::reference::Reference;
use crate::work::plan::Count;

/// A lock that was made.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LockReport {
    /// Always: what fails has no report.
    #[serde(skip)]
    pub ok: bool,
    /// The lock.
    pub lock: PathBuf,
    /// The SHA-256 of the file, as a bundle that is exported from it says it.
    pub digest: Digest,
    /// Its images.
    pub images: Vec<LockedImage>,
    /// All manifests and blobs of them, each once.
    pub total: Count,
    /// Those of them that several images need, or an image and what refers to one.
    pub shared: Count,
    /// Those of them that only signatures, SBOMs and the like need.
    pub of_referrers: Count,
    /// How it differs from the one that was there, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<LockChanges>,
    /// Whether it was written: the same one stays as it is.
    pub written: bool,
}

/// How one lock differs from another.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LockChanges {
    /// Names that stand for another digest.
    pub moved: Vec<MovedImage>,
    /// Names that are new.
    pub added: Vec<Reference>,
    /// Names that are gone.
    pub removed: Vec<Reference>,
}

/// A name that stands for another digest.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MovedImage {
    /// The name.
    pub name: Reference,
    /// What it is locked to, or was.
    pub before: Digest,
    /// What it stands for now; nothing where there is no such tag any more.
    pub after: Option<Digest>,
    /// Who asked for it.
    pub asked: Vec<LockedWish>,
}

impl LockChanges {
    /// How `after` differs from `before`.
    pub(super) fn between(before: &LockedList, after: &LockedList) -> LockChanges {
        let old: BTreeMap<&Reference, &LockedImage> =
            before.images.iter().map(|image| (&image.name, image)).collect();
        let mut changes = LockChanges::of_names(before, after.images.iter().map(|it| &it.name));
        let same_name = after.images.iter().filter_map(|now| Some((*old.get(&now.name)?, now)));
        changes.moved = same_name
            .filter(|(old, now)| old.digest != now.digest)
            .map(|(old, now)| MovedImage {
                name: now.name.clone(),
                before: old.digest,
                after: Some(now.digest),
                asked: now.asked.clone(),
            })
            .collect();
        changes
    }

    /// Which names are new beside those of `before`, and which are gone.
    pub(super) fn of_names<'n>(
        before: &LockedList,
        after: impl Iterator<Item = &'n Reference>,
    ) -> LockChanges {
        let mut old: BTreeMap<&Reference, bool> =
            before.images.iter().map(|image| (&image.name, false)).collect();
        let mut changes = LockChanges::default();
        for name in after {
            match old.get_mut(name) {
                Some(is_there) => *is_there = true,
                None => changes.added.push(name.clone()),
            }
        }
        changes.added.sort();
        changes.added.dedup();
        let gone = old.into_iter().filter(|(_, is_there)| !is_there);
        changes.removed = gone.map(|(name, _)| name.clone()).collect();
        changes
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.moved.is_empty() && self.added.is_empty() && self.removed.is_empty()
    }
}

/// What a check of a lock found.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LockChecked {
    /// Whether all is as it was locked.
    #[serde(skip)]
    pub ok: bool,
    /// The lock.
    pub lock: PathBuf,
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// How many images it has.
    pub images: usize,
    /// What drifted: tags, and names beside the lists that were given.
    pub changes: LockChanges,
    /// Images that are not there any more, by the digest that they are locked to.
    pub gone: Vec<LockedImage>,
}

impl LockChecked {
    /// That something is not as it was locked: the worse, where it is both.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        let lock = self.lock.display();
        if !self.gone.is_empty() {
            let gone = self.gone.iter();
            let details = gone.clone().map(|image| match image.asked.is_empty() {
                true => image.exact().to_string(),
                false => format!("{}, asked for by {}", image.exact(), image.askers()),
            });
            let (lost, all) = (self.gone.len(), count(self.images, "image"));
            let text = format!("{lost} of {all} that {lock} locks is there no more");
            return Some(
                Error::new(Class::Incomplete, text)
                    .details(details)
                    .about(gone.map(|image| Subject::Image(image.exact().to_string())))
                    .hint("lock anew what the lists ask for, or take it off them"),
            );
        }
        let LockChanges { moved, added, removed } = &self.changes;
        (!self.changes.is_none()).then(|| {
            let text = format!(
                "{lock} is not what the names stand for today: {} moved, {} new, {} gone",
                moved.len(),
                added.len(),
                removed.len()
            );
            Error::new(Class::Other, text).of_kind(ErrorKind::Differs)
        })
    }
}

/// That an image which is `meant` is of no registry, and so cannot be locked; nothing where it can.
pub(super) fn foreign(meant: &Meant) -> Option<Error> {
    let Source::Registry(_) = &meant.image else {
        let text =
            format!("{} is of no registry, and only those have names to be frozen", meant.image);
        let hint = "what an archive or a layout holds does not change: name it to export";
        let error = Error::new(Class::Usage, text).hint(hint);
        return Some(match meant.spots().next() {
            Some(spot) => error.context(spot.told()),
            None => error,
        });
    };
    None
}
