//! What is on this side already is not fetched: it is taken from there, and hashed.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::request::Request;
use crate::bundle::check::Trust;
use crate::bundle::draft::Draft;
use crate::bundle::head::Head;
use crate::bundle::history::Opening;
use crate::bundle::keys::PublicKey;
use crate::places::at_hand::{AtHand, CandidateFile};
use crate::places::layout::blob_digest;
use crate::storage::verifying::Verifying;
use crate::tools::buffer::{self, BUFFER};
use crate::tools::parallel;
use crate::verbs::sequel::Sequel;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::work::plan::Count;

/// Lists the places that `request` names, the bundle at its output, which `is_there` to be brought up
/// to date, and the last one of its stream, signed by `key`, where that is still where it was written.
///
/// # Errors
/// Those of a place that was named and cannot be read.
pub(super) fn list(
    request: &Request,
    is_there: bool,
    key: &PublicKey,
    progress: &dyn Progress,
) -> Result<Arc<AtHand>> {
    let mut at_hand = AtHand::default();
    if is_there && request.update {
        at_hand.add_passing(request.output.open()?);
    }
    for place in &request.reuse {
        at_hand.add(place, &progress.handle())?;
    }
    let output = std::path::absolute(request.output.path()).ok();
    if let Some(place) = last(request, key).filter(|place| Some(place) != output.as_ref()) {
        at_hand.add_if_there(&request.output.beside(place));
    }
    tell(&at_hand, progress);
    Ok(Arc::new(at_hand))
}

/// Where the last bundle of the stream was written, if its history knows. What is wrong with a history
/// is told to whoever asks for the next number.
fn last(request: &Request, key: &PublicKey) -> Option<PathBuf> {
    let Sequel { name, history, opening } = request.stream.as_ref()?;
    match opening {
        Opening::After(bundle) => Some(bundle.path().to_owned()),
        _ => history.last(name, &Trust::Keys(vec![key.clone()])).ok()??.place,
    }
}

/// Tells what is there and was not taken.
pub(super) fn tell(at_hand: &AtHand, progress: &dyn Progress) {
    at_hand.take_notes().into_iter().for_each(|text| progress.event(Event::note(text)));
}

/// How many bytes of `layers` are in a place that goes, so that they take no more room.
pub(super) fn passing(layers: &[Descriptor], at_hand: &AtHand) -> u64 {
    let stays = |layer: &&Descriptor| at_hand.candidates(layer).any(|it| it.is_passing());
    layers.iter().filter(stays).fold(0, |sum, layer| sum.saturating_add(layer.size))
}

/// Takes those small files of `head` that need no copy where they are to be. What is wrong with them is
/// seen when [`begin`](Draft::begin) lays them down.
///
/// # Errors
/// Those of the disk that is written.
pub(super) fn share_head(draft: &Draft, at_hand: &AtHand, head: &Head) -> Result<()> {
    for (path, bytes) in &head.files {
        let Some(digest) = blob_digest(path) else { continue };
        let blob = Descriptor::new("", digest, bytes.len() as u64);
        if let Some(it) = at_hand.candidates(&blob).next()
            && let Some(file) = it.named()
        {
            draft.share(&blob, &file, it.is_passing())?;
        }
    }
    Ok(())
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

/// Puts `layer` where it is to be, from a file that is here, where there is one that is right. It is hashed
/// first: what is written front to back cannot be taken back.
///
/// # Errors
/// As [`copy`].
pub(super) fn here(
    draft: &Draft,
    at_hand: &AtHand,
    layer: &Descriptor,
    progress: &dyn Progress,
) -> Result<bool> {
    for candidate in at_hand.candidates(layer) {
        let what = candidate.path().display().to_string();
        let mut content = Verifying::from_source(&candidate, layer, &what, progress);
        let read = buffer::copy(&mut content, &mut io::sink(), &mut vec![0; BUFFER]);
        progress.event(Event::Rewound { digest: layer.digest, bytes: content.count() });
        if let Err(error) = read {
            progress.check()?;
            at_hand.distrust(&candidate, &layer.digest, &Error::io(what.as_str(), error));
            continue;
        }
        let mut content = Verifying::from_source(&candidate, layer, &what, progress);
        return draft.sink().put(&mut content).map(|()| true);
    }
    Ok(false)
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
    let Count { bytes, blobs: items } = here.iter().collect();
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
