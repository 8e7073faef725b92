//! What of a bundle can be used, where something is wrong with some of its images.

use std::collections::{BTreeMap, BTreeSet};

use super::examined::Examined;
use super::trusted::Trusted;
use crate::bundle::problem::{Problem, ProblemKind, failure};
use crate::bundle::subset::{Referring, needing, subset};
use crate::places::layout::{blob_digest, blob_path};
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
        // Of a volume that is missing the blobs are problems of their own.
        let single = self.problems.iter().filter(|it| it.kind != ProblemKind::MissingVolume);
        let of_images: Option<BTreeMap<Digest, &Problem>> =
            single.map(|problem| Some((self.blob_of(problem)?, problem))).collect();
        let all = failure(&self.name, &self.problems);
        let Some(of_images) = of_images else { return Err(all) };
        let wrong: BTreeSet<Digest> = of_images.keys().copied().collect();
        let needing = needing(&self.contents, &wrong);
        let unsound: Vec<(Reference, Error)> = needing
            .iter()
            .map(|(at, digests)| {
                let own = digests.iter().filter_map(|digest| of_images.get(digest));
                let own: Vec<Problem> = own
                    .map(|it| Problem::new(it.kind, it.path.as_str(), it.detail.as_str()))
                    .collect();
                (at.of(&self.contents.images).name.clone(), failure(&self.name, &own))
            })
            .collect();
        let behind: BTreeSet<&Reference> =
            needing.keys().map(|at| &at.of(&self.contents.images).name).collect();
        let referring = Referring::among(&self.contents);
        let left = subset(&self.contents, &referring, |image| !behind.contains(&image.name));
        self.contents = left;
        self.problems.clear();
        Ok(Usable { trusted: Trusted::alone(self), unsound, failure: Some(all) })
    }

    /// The blob that `problem` is about, where it is about one that was signed for.
    fn blob_of(&self, problem: &Problem) -> Option<Digest> {
        let digest = blob_digest(&problem.path)?;
        let is_signed = self.sums.files().contains_key(&blob_path(&digest));
        (is_signed || problem.kind == ProblemKind::Missing).then_some(digest)
    }
}
