//! [`Told`]: what bundles and records say was brought, and whether they were imported at all.

use std::path::PathBuf;

use super::request::Request;
use super::summary::PruneEvidence;
use crate::bundle::contents::Contents;
use crate::bundle::memory::{Arrival, Memory, StreamLink};
use crate::bundle::record::Record;
use crate::bundle::statement::Previous;
use crate::medium::Medium;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;
use crate::words::progress::Progress;
use crate::work::graph;

/// What a bundle or a record says.
pub(super) struct Told {
    pub(super) evidence: PruneEvidence,
    pub(super) contents: Contents,
    previous: Option<Previous>,
    made: Moment,
}

impl Told {
    /// What `medium` says, rewritten as an import was told to.
    fn read(medium: &Medium, request: &Request) -> Result<Told> {
        let record = Record::read(medium, &request.trust)?;
        let mut contents = record.contents().clone();
        if request.rewrite.smaller || request.rewrite.to_oci {
            graph::rewrite(&mut contents, request.rewrite)?;
            contents.keep_reached();
        }
        let statement = record.statement();
        let evidence = PruneEvidence {
            bundle: medium.clone(),
            statement: statement.digest,
            position: statement.predicate.position(),
            arrival: None,
        };
        let (previous, made) =
            (statement.predicate.previous.clone(), statement.predicate.created_at);
        Ok(Told { evidence, contents, previous, made })
    }

    /// What `all` say. The oldest comes first: the one of the lowest number, where all have one, else the
    /// one that was made first.
    pub(super) fn each(
        all: &[Medium],
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Vec<Told>> {
        let told = all.iter().map(|medium| {
            progress.check()?;
            Told::read(medium, request)
        });
        let mut told: Vec<Told> = told.collect::<Result<_>>()?;
        told.sort_by_key(|it| it.made);
        if told.iter().all(|it| it.evidence.position.is_some()) {
            told.sort_by(|one, other| one.evidence.position.cmp(&other.evidence.position));
        }
        Ok(told)
    }

    fn link(&self) -> Option<StreamLink> {
        let position = self.evidence.position.clone()?;
        Some(StreamLink::new(position, self.evidence.statement, self.previous.clone()))
    }

    /// Whether it may have brought anything.
    pub(super) fn counts(&self) -> bool {
        self.evidence.arrival != Some(Arrival::NotTaken)
    }
}

/// Finds out which of `brought` were imported, as `request` says where that is remembered; `kept` tell
/// what they follow. Gives the file that says so, if there is one.
///
/// # Errors
/// As [`Memory::recall`].
pub(super) fn recall(
    request: &Request,
    kept: &[Told],
    brought: &mut [Told],
) -> Result<Option<PathBuf>> {
    brought.iter_mut().for_each(|it| it.evidence.arrival = Some(Arrival::Unknown));
    let links: Vec<StreamLink> = brought.iter().chain(kept).filter_map(Told::link).collect();
    let (Some(state), Some(first)) = (&request.state, links.first()) else { return Ok(None) };
    let (memory, stream) = (Memory::at(state), &first.position.stream);
    let Some(remembered) = memory.recall(stream)? else { return Ok(None) };
    let mut arrivals = Arrival::of_each(&links, &remembered).into_iter();
    for told in brought.iter_mut().filter(|it| it.evidence.position.is_some()) {
        told.evidence.arrival = arrivals.next();
    }
    Ok(Some(memory.file(stream)))
}

/// Refuses bundles of two streams: what the one brought would go for the sake of the other.
pub(super) fn one_stream<'r>(all: impl Iterator<Item = &'r Told>) -> Result<()> {
    let mut known: Option<&PruneEvidence> = None;
    for Told { evidence, .. } in all {
        let Some(position) = &evidence.position else { continue };
        let other = known.and_then(|it| it.position.as_ref());
        match (known, other) {
            (Some(first), Some(other)) if other.stream != position.stream => {
                let text = format!(
                    "{} is of the stream {}, and {} of {}",
                    first.bundle, other.stream, evidence.bundle, position.stream
                );
                return Err(Error::new(Class::Usage, text).hint("prune one stream at a time"));
            }
            (None, _) => known = Some(evidence),
            _ => {}
        }
    }
    Ok(())
}
