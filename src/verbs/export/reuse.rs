//! What is on this side already is not fetched: it is taken from there, and hashed.

use std::sync::Arc;

use super::request::Request;
use crate::bundle::draft::Draft;
use crate::places::at_hand::{AtHand, CandidateFile};
use crate::storage::verifying::Verifying;
use crate::tools::parallel;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::work::plan::Count;

/// Lists the places that `request` names.
///
/// # Errors
/// Those of a place that was named and cannot be read.
pub(super) fn list(request: &Request, progress: &dyn Progress) -> Result<Arc<AtHand>> {
    let mut at_hand = AtHand::default();
    for place in &request.reuse {
        at_hand.add(place, &progress.handle())?;
    }
    tell(&at_hand, progress);
    Ok(Arc::new(at_hand))
}

/// Tells what is there and was not taken.
pub(super) fn tell(at_hand: &AtHand, progress: &dyn Progress) {
    at_hand.take_notes().into_iter().for_each(|text| progress.event(Event::note(text)));
}

/// Takes those of `layers` that need no copy where they are to be, and hashes them; gives the
/// others, and adds these to `reused`.
///
/// # Errors
/// Those of the disk that is written, and a stop that was asked for.
pub(super) fn share(
    draft: &Draft,
    at_hand: &AtHand,
    layers: Vec<Descriptor>,
    jobs: usize,
    progress: &dyn Progress,
    reused: &mut Count,
) -> Result<Vec<Descriptor>> {
    each(at_hand, layers, jobs, progress, reused, |layer, candidate| {
        let Some(file) = candidate.named() else { return Ok(false) };
        if !draft.share(layer, &file, candidate.is_passing())? {
            return Ok(false);
        }
        match draft.holds(layer, progress)? {
            true => Ok(true),
            false => {
                at_hand.distrust(candidate, &layer.digest, &Error::new(Class::Damaged, ""));
                Ok(false)
            }
        }
    })
}

/// As [`share`], with those that have to be copied.
///
/// # Errors
/// As there.
pub(super) fn copy(
    draft: &Draft,
    at_hand: &AtHand,
    layers: Vec<Descriptor>,
    jobs: usize,
    progress: &dyn Progress,
    reused: &mut Count,
) -> Result<Vec<Descriptor>> {
    each(at_hand, layers, jobs, progress, reused, |layer, candidate| {
        let what = candidate.path().display().to_string();
        let mut content = Verifying::from_source(candidate, layer, &what, progress);
        match draft.sink().put(&mut content) {
            Ok(()) => Ok(true),
            Err(error) if error.class() == Class::Interrupted => Err(error),
            Err(error) if content.is_at_fault() => {
                progress.event(Event::Rewound { digest: layer.digest, bytes: content.count() });
                at_hand.distrust(candidate, &layer.digest, &error);
                Ok(false)
            }
            Err(error) => Err(error),
        }
    })
}

/// Tries `take` with each file that may be one of `layers`; gives those of which none was taken.
fn each(
    at_hand: &AtHand,
    layers: Vec<Descriptor>,
    jobs: usize,
    progress: &dyn Progress,
    reused: &mut Count,
    take: impl Fn(&Descriptor, &CandidateFile<'_>) -> Result<bool> + Sync,
) -> Result<Vec<Descriptor>> {
    let (here, mut missing): (Vec<_>, Vec<_>) =
        layers.into_iter().partition(|layer| at_hand.may_have(layer));
    if here.is_empty() {
        return Ok(missing);
    }
    let mut all = Count::default();
    here.iter().for_each(|layer| all.add(layer));
    let Count { bytes, blobs: items, .. } = all;
    progress.event(Event::Phase { name: "taking what is here", bytes, items });
    let taken = parallel::map(jobs, &here, |layer| {
        for candidate in at_hand.candidates(layer) {
            if take(layer, &candidate)? {
                return Ok(true);
            }
        }
        Ok(false)
    })?;
    progress.event(Event::Done);
    for (layer, taken) in here.into_iter().zip(taken) {
        match taken {
            true => reused.add(&layer),
            false => missing.push(layer),
        }
    }
    Ok(missing)
}
