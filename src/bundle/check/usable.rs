//! What of a bundle can be used, where something is wrong with it.

use std::collections::{BTreeMap, BTreeSet};

use super::examined::Examined;
use super::trusted::Trusted;
use crate::bundle::contents::Image;
use crate::bundle::problem::{Problem, ProblemKind, failure};
use crate::bundle::subset::{Referring, needing, subset};
use crate::places::layout::{blob_digest, blob_path};
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::error::{Error, Result};
use crate::words::reference::Reference;

/// A bundle without the images that something is wrong with.
#[derive(Debug)]
pub struct Usable {
    /// What is left.
    pub trusted: Trusted,
    /// The images that are not, each with why.
    pub unsound: Vec<(Reference, Error)>,
    /// The same as one failure, with everything that is wrong.
    pub failure: Option<Error>,
}

/// What is wrong, where it leaves some images as they are.
struct Losses<'p> {
    /// What is wrong with each blob.
    of_blobs: BTreeMap<Digest, &'p Problem>,
    /// What is wrong with the medium as such: which blobs are missing for that is told by those.
    of_medium: Vec<&'p Problem>,
}

impl Examined {
    /// The bundle without the images of which parts are missing, damaged or cannot be read.
    ///
    /// # Errors
    /// As [`into_trusted`](Examined::into_trusted), when something is wrong that is not about single
    /// images: files that nobody signed for, or the lists.
    pub fn into_usable(mut self) -> Result<Usable> {
        if self.problems.is_empty() {
            return Ok(Usable {
                trusted: Trusted::alone(self),
                unsound: Vec::new(),
                failure: None,
            });
        }
        let all = failure(&self.name, &self.problems);
        let Some(losses) = self.losses() else { return Err(all) };
        let needing = self.needing(&losses);
        let named = |at: &At<Image>| &at.of(&self.contents.images).name;
        let unsound: Vec<(Reference, Error)> = needing
            .iter()
            .map(|(at, digests)| (named(at).clone(), failure(&self.name, &losses.of(digests))))
            .collect();
        let behind: BTreeSet<&Reference> = needing.keys().map(named).collect();
        let referring = Referring::among(&self.contents);
        let left = subset(&self.contents, &referring, |image| !behind.contains(&image.name));
        self.contents = left;
        self.problems.clear();
        Ok(Usable { trusted: Trusted::alone(self), unsound, failure: Some(all) })
    }

    /// The images of which, for all that was read, every part is there and right, with what refers to
    /// them: an import takes them all the same. None where something is wrong that is not about single
    /// images.
    #[must_use]
    pub fn intact(&self) -> Vec<Reference> {
        let Some(losses) = self.losses() else { return Vec::new() };
        let needing = self.needing(&losses);
        let whole = At::each(&self.contents.images).filter(|(at, _)| !needing.contains_key(at));
        whole.map(|(_, image)| image.name.clone()).collect()
    }

    /// What is wrong, unless some of it is about all images.
    fn losses(&self) -> Option<Losses<'_>> {
        let (mut of_blobs, mut of_medium) = (BTreeMap::new(), Vec::new());
        for problem in &self.problems {
            match self.blob_of(problem) {
                Some(digest) => drop(of_blobs.insert(digest, problem)),
                None if self.is_of_medium(problem) => of_medium.push(problem),
                None => return None,
            }
        }
        Some(Losses { of_blobs, of_medium })
    }

    /// The images that need what is lost, with what they need of it.
    fn needing(&self, losses: &Losses<'_>) -> BTreeMap<At<Image>, BTreeSet<Digest>> {
        needing(&self.contents, &losses.of_blobs.keys().copied().collect())
    }

    /// The blob that `problem` is about, where it is about one that was signed for.
    fn blob_of(&self, problem: &Problem) -> Option<Digest> {
        let digest = blob_digest(&problem.path)?;
        let is_signed = self.sums.files().contains_key(&blob_path(&digest));
        (is_signed || problem.kind == ProblemKind::Missing).then_some(digest)
    }

    /// Whether `problem` is about the file or the files that hold the bundle, and about no file of the
    /// bundle: where a tar ends too early, or cannot be followed any further, and what of a volume is wrong
    /// beside the first copy of the lists.
    fn is_of_medium(&self, problem: &Problem) -> bool {
        let path = problem.path.as_str();
        match (problem.kind, self.tree.volumes()) {
            (ProblemKind::MissingVolume, _) => true,
            (ProblemKind::Extra | ProblemKind::NotAFile, _) => false,
            (_, Some(_)) => {
                let is_own = self.sums.files().contains_key(path) || self.tree.size(path).is_some();
                !path.is_empty() && !is_own
            }
            (..) => {
                let faults = self.tree.faults().iter().filter(|fault| fault.path.is_empty());
                let is_fault = faults.map(|fault| &fault.what).any(|what| *what == problem.detail);
                path.is_empty() && is_fault && !self.tree.is_folder()
            }
        }
    }
}

impl Losses<'_> {
    /// What is wrong with `digests`. What the medium does to one that is missing goes with it.
    fn of(&self, digests: &BTreeSet<Digest>) -> Vec<Problem> {
        let own = digests.iter().filter_map(|digest| self.of_blobs.get(digest).copied());
        let own: Vec<&Problem> = own.collect();
        let is_missing = own.iter().any(|it| it.kind == ProblemKind::Missing);
        let cause =
            self.of_medium.iter().copied().filter(|it| it.kind != ProblemKind::MissingVolume);
        let cause = cause.filter(|_| is_missing);
        let alone = |it: &Problem| Problem::new(it.kind, it.path.as_str(), it.detail.as_str());
        own.into_iter().chain(cause).map(alone).collect()
    }
}
