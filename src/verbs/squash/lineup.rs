//! [`Lineup`]: the bundles that one is made of, believed and in order.

use std::collections::{BTreeMap, BTreeSet};

use super::request::Request;
use super::summary::SquashedFrom;
use crate::bundle::check::{self, Trusted};
use crate::bundle::contents::{Contents, Skipped};
use crate::bundle::history::Turn;
use crate::bundle::position::StreamPosition;
use crate::storage::store::{BlobSource, BlobSources};
use crate::verbs::evidence::Evidence;
use crate::words::at::At;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;

/// Bundles that were believed, the oldest first, each once.
pub(super) struct Lineup(Vec<Part>);

/// One of them.
struct Part {
    bundle: Trusted,
    /// What errors call it.
    shown: String,
    from: SquashedFrom,
}

impl Lineup {
    /// Opens those of `request`, and puts them in order.
    ///
    /// # Errors
    /// Those of each; [`Class::Stale`] when two have one number.
    pub(super) fn open(request: &Request, progress: &dyn Progress) -> Result<Lineup> {
        let (mut parts, mut seen) = (Vec::new(), BTreeSet::new());
        for medium in &request.bundles {
            progress.check()?;
            let bundle = check::examine(medium, &request.trust, request.now)?.into_trusted()?;
            let statement = bundle.about().statement();
            if !seen.insert(statement.digest) {
                progress.event(Event::note(format!("{medium} is given twice")));
                continue;
            }
            let from = SquashedFrom {
                evidence: Evidence::of(medium, bundle.about(), request.now),
                images: 0,
            };
            parts.push(Part { bundle, shown: format!("bundle {medium}"), from });
        }
        let lineup = Lineup(parts).in_order()?;
        lineup.tell_gaps(progress);
        Ok(lineup)
    }

    /// In the order of their numbers, where all are of one stream; else as they are.
    fn in_order(mut self) -> Result<Lineup> {
        let streams: BTreeSet<_> = self
            .0
            .iter()
            .map(|part| part.from.evidence.position.as_ref().map(|it| &it.stream))
            .collect();
        if streams.len() == 1 && !streams.contains(&None) {
            self.0.sort_by(|one, other| {
                one.from.evidence.position.cmp(&other.from.evidence.position)
            });
        }
        let forked = self.positions().find(|(one, other)| one == other);
        match forked {
            None => Ok(self),
            Some((position, _)) => Err(Error::new(
                Class::Stale,
                format!("two of the bundles are {position}, and not the same"),
            )
            .hint("one of them was made from an older history; ask the sender which one counts")),
        }
    }

    /// The positions of those that stand side by side.
    fn positions(&self) -> impl Iterator<Item = (&StreamPosition, &StreamPosition)> {
        let sides = self.0.windows(2).filter_map(|pair| match pair {
            [one, other] => {
                one.from.evidence.position.as_ref().zip(other.from.evidence.position.as_ref())
            }
            _ => None,
        });
        sides.filter(|(one, other)| one.stream == other.stream)
    }

    /// Says which numbers are not among them: what they carry may be needed or not.
    fn tell_gaps(&self, progress: &dyn Progress) {
        for (one, other) in self.positions().filter(|(one, other)| one.epoch == other.epoch) {
            if other.sequence > one.sequence.saturating_add(1) {
                let text = format!("nothing of what lies between {one} and {other} is given");
                progress.event(Event::note(text));
            }
        }
    }

    /// Says that the last bundle of the stream whose `turn` it is, if it is that of one, is not among
    /// them: what it brought is not in the one that comes behind it.
    pub(super) fn tell_older(&self, turn: Option<&Turn>, progress: &dyn Progress) {
        let Some((turn, last)) = turn.and_then(|turn| turn.previous().map(|last| (turn, last)))
        else {
            return;
        };
        let mut statements = self.0.iter().map(|part| part.from.evidence.statement);
        if !statements.any(|statement| statement == last.statement) {
            let StreamPosition { stream, .. } = turn.next();
            let text = format!(
                "the last bundle of stream {stream}, number {}, is not given: what it brought is not in \
                 the one that comes behind it",
                last.sequence
            );
            progress.event(Event::note(text));
        }
    }

    /// What is in each.
    pub(super) fn contents(&self) -> Vec<&Contents> {
        self.0.iter().map(|part| part.bundle.contents()).collect()
    }

    /// The same, of which `names` says what is taken from which.
    pub(super) fn taken(&self, names: &BTreeMap<Reference, At<Contents>>) -> Taken<'_> {
        let mut images = vec![0; self.0.len()];
        names.values().for_each(|at| images[at.place()] += 1);
        Taken { parts: &self.0, images }
    }

    /// The same as sources, of which `blobs` says which has what.
    pub(super) fn sources(&self, blobs: BTreeMap<Digest, At<Contents>>) -> Sources<'_> {
        Sources { parts: &self.0, blobs }
    }
}

/// What is taken from which bundle.
pub(super) struct Taken<'g> {
    parts: &'g [Part],
    /// How many images, beside them.
    images: Vec<usize>,
}

impl Taken<'_> {
    /// Those that something is taken from.
    fn used(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().zip(&self.images).filter(|(_, images)| **images > 0).map(|(it, _)| it)
    }

    /// When the first of them expires.
    pub(super) fn expiry(&self) -> Option<Moment> {
        self.used().filter_map(|part| part.from.evidence.expires_at).min()
    }

    /// What their exports skipped.
    pub(super) fn skipped(&self) -> Vec<Skipped> {
        let of = |part: &Part| part.bundle.about().statement().predicate.skipped.clone();
        self.used().flat_map(of).collect()
    }

    /// What is told of each.
    pub(super) fn list(&self) -> Vec<SquashedFrom> {
        let each = self.parts.iter().zip(&self.images);
        each.map(|(part, images)| SquashedFrom { images: *images, ..part.from.clone() }).collect()
    }
}

/// Where each blob lies.
pub(super) struct Sources<'g> {
    parts: &'g [Part],
    blobs: BTreeMap<Digest, At<Contents>>,
}

impl BlobSources for Sources<'_> {
    fn source_of(&self, digest: &Digest) -> Result<(&dyn BlobSource, &str)> {
        match self.blobs.get(digest).map(|at| at.beside(self.parts)) {
            Some(part) => Ok((&part.bundle as &dyn BlobSource, &part.shown)),
            None => Err(Error::new(Class::Incomplete, format!("{digest} is in none of them"))),
        }
    }
}
