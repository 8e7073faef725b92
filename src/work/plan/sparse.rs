//! Sparse indexes: those of which the bundle leaves children out. Whether the destination takes
//! them is asked before anything moves.

use super::Plan;
use super::delivery::Delivery;
use super::lacking::{Acceptance, SparseIndex};
use super::obstacle::Obstacle;
use super::repository::RepositoryPlan;
use crate::bundle::contents::Contents;
use crate::storage::holdings::Holdings;
use crate::tools::parallel;
use crate::words::at::At;
use crate::words::cancel::Cancel;
use crate::words::count::{are, count};
use crate::words::document::{Descriptor, Kind};
use crate::words::error::{Class, ErrorKind, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// An index that is to be sent without some of its children.
struct Candidate {
    at: At<RepositoryPlan>,
    index: Descriptor,
    missing: Vec<Descriptor>,
}

impl Plan {
    /// Finds the sparse indexes that are to be sent and asks the destination, on `jobs` threads
    /// until `cancel` says stop, whether it takes them.
    ///
    /// Gives the obstacle, where there is one; the way out is a smaller index.
    ///
    /// # Errors
    /// When the destination cannot be asked.
    pub fn look_for_sparse<H: Holdings + ?Sized>(
        &mut self,
        contents: &Contents,
        deliveries: &[Delivery<H>],
        jobs: usize,
        cancel: &Cancel,
    ) -> Result<Option<Obstacle>> {
        self.find_sparse(contents, deliveries, jobs, cancel, |there, media_type, missing| {
            there.takes_sparse(media_type, missing)
        })
    }

    /// As [`look_for_sparse`](Plan::look_for_sparse), and tries it where nothing else tells, once a
    /// repository, which writes and removes an index without a name.
    ///
    /// # Errors
    /// When the destination cannot be asked.
    pub fn try_sparse(
        &mut self,
        contents: &Contents,
        deliveries: &[Delivery],
        jobs: usize,
        cancel: &Cancel,
    ) -> Result<Option<Obstacle>> {
        self.find_sparse(contents, deliveries, jobs, cancel, |there, media_type, missing| {
            match there.takes_sparse(media_type, missing)? {
                None => there.try_sparse(media_type, missing).map(Some),
                known => Ok(known),
            }
        })
    }

    fn find_sparse<H: Holdings + ?Sized>(
        &mut self,
        contents: &Contents,
        deliveries: &[Delivery<H>],
        jobs: usize,
        cancel: &Cancel,
        takes: impl Fn(&H, &str, &[Descriptor]) -> Result<Option<bool>>,
    ) -> Result<Option<Obstacle>> {
        let mut candidates = self.candidates(contents);
        parallel::map(jobs, &candidates, |candidate| {
            cancel.check()?;
            missing_there(candidate, candidate.at.beside(deliveries))
        })?
        .into_iter()
        .zip(&mut candidates)
        .for_each(|(missing, candidate)| candidate.missing = missing);
        candidates.retain(|candidate| !candidate.missing.is_empty());

        self.sparse.clear();
        for found in candidates.chunk_by(|a, b| a.at == b.at) {
            let delivery = found[0].at.beside(deliveries);
            let mut missing: Vec<Descriptor> =
                found.iter().flat_map(|candidate| candidate.missing.clone()).collect();
            missing.sort_by_key(|child| child.digest);
            missing.dedup_by_key(|child| child.digest);
            let media_type = &found[0].index.media_type;
            let acceptance = match takes(&delivery.there, media_type, &missing)? {
                Some(true) => Acceptance::Taken,
                Some(false) => Acceptance::Refused,
                None => Acceptance::UnknownUntilTried,
            };
            self.sparse.extend(found.iter().map(|candidate| SparseIndex {
                repository: delivery.name.clone(),
                digest: candidate.index.digest,
                missing: candidate.missing.len(),
                acceptance,
            }));
        }
        Ok(self.sparse_obstacle())
    }

    /// The indexes that are not there yet and have children that the bundle leaves out.
    fn candidates(&self, contents: &Contents) -> Vec<Candidate> {
        let mut out = Vec::new();
        for (at, repository) in At::each(&self.repositories) {
            for step in repository.documents.iter().filter(|step| !step.present) {
                let document = contents.documents.get(&step.document.digest);
                let Some(Kind::Index { manifests }) = document.map(|document| document.kind())
                else {
                    continue;
                };
                // An entry that is a blob, as in the index of a build cache, goes up before.
                let absent = |child: &&Descriptor| {
                    let is_blob = !child.is_document() && !child.is_foreign();
                    !is_blob && !contents.documents.contains_key(&child.digest)
                };
                let missing: Vec<_> = manifests.iter().filter(absent).cloned().collect();
                if !missing.is_empty() {
                    out.push(Candidate { at, index: step.document.clone(), missing });
                }
            }
        }
        out
    }

    fn sparse_obstacle(&self) -> Option<Obstacle> {
        let refused = self.sparse.iter().filter(|index| index.acceptance == Acceptance::Refused);
        let findings: Vec<String> = refused
            .map(|index| {
                let (repository, digest) = (&index.repository, index.digest);
                let (parts, are) = (count(index.missing, "part"), are(index.missing));
                format!("{repository}@{digest} names {parts} that {are} not there")
            })
            .collect();
        let without = match findings.len() {
            1 => "one is".to_owned(),
            more => format!("{more} are"),
        };
        let message = format!(
            "the destination takes no index without its parts, and in the bundle {without} without \
             some"
        );
        let hint = phrase![
            Remedy::RewriteIndex,
            " pushes indexes of the carried parts alone, under new digests that no signature of the \
             originals covers; or export all platforms"
        ];
        (!findings.is_empty()).then(|| {
            Obstacle::new(Class::Refused, message, hint)
                .about(findings)
                .of_kind(ErrorKind::PartsLacking)
        })
    }
}

/// Which of the children that the bundle leaves out the destination does not have either.
fn missing_there<H: Holdings + ?Sized>(
    candidate: &Candidate,
    delivery: &Delivery<H>,
) -> Result<Vec<Descriptor>> {
    let mut missing = Vec::new();
    for child in &candidate.missing {
        if delivery.absent || !delivery.there.has_document(child)? {
            missing.push(child.clone());
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::samples::Stock;
    use crate::words::digest::Digest;
    use crate::work::plan::OnExisting;
    use crate::work::samples::Inside;

    #[test]
    fn blobs_that_an_index_lists_are_no_missing_parts_and_manifests_are() {
        let mut stock = Stock::default();
        let image = stock.image("a", "linux/amd64");
        let config = stock.blob("application/vnd.buildkit.cacheconfig.v0", b"cache");
        let layer = stock.blob("application/vnd.oci.image.layer.v1.tar+gzip", b"cached");
        let cache = stock.index(&[&layer, &config]);
        let gone = Descriptor::of("application/vnd.oci.image.manifest.v1+json", b"gone");
        let sparse = stock.index(&[&image, &layer, &gone]);
        let names = [("x.example/a:cache", &cache), ("x.example/a:sparse", &sparse)];
        let contents = stock.contents(&names);
        let deliveries = [Inside::default().delivery("h.example/a", &contents)];
        let statement = Digest::of(b"statement");
        let mut plan =
            Plan::new(statement, &contents, &deliveries, OnExisting::Error, 1, &Cancel::default())
                .unwrap();

        plan.look_for_sparse(&contents, &deliveries, 1, &Cancel::default()).unwrap();

        let found: Vec<_> = plan.sparse.iter().map(|index| (index.digest, index.missing)).collect();
        assert_eq!(found, [(sparse.digest, 1)]);
        let sent = plan.repositories[0].blobs.iter().map(|transfer| transfer.blob.digest);
        let sent: Vec<Digest> = sent.collect();
        assert!(sent.contains(&layer.digest) && sent.contains(&config.digest), "{sent:?}");
    }
}
