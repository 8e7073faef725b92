//! [`fetch`]: blobs from their sources into a bundle.

use super::blob::move_blob;
use super::fault::name_images;
use super::owners::Owners;
use crate::bundle::contents::Contents;
use crate::storage::store::{BlobSink, BlobSource, BlobSources};
use crate::tools::pace::{Gate, Jobs};
use crate::tools::parallel;
use crate::words::document::Descriptor;
use crate::words::error::{Result, Side};
use crate::words::progress::{Event, Progress};
use crate::work::plan::Count;

/// What a fetch did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fetched {
    /// Blobs that came, or of which the rest came, and the bytes that did.
    pub came: Count,
    /// How many bytes of them an earlier run had left.
    pub continued: u64,
}

/// Puts `blobs` into the order in which [`fetch`] takes them from `sources`.
///
/// # Errors
/// When one is in none of them.
pub fn sort(blobs: &mut [Descriptor], sources: &dyn BlobSources) -> Result<()> {
    let position =
        |blob: &Descriptor| sources.source_of(&blob.digest).map(|it| it.0.position(blob));
    blobs.iter().try_for_each(|blob| position(blob).map(drop))?;
    blobs.sort_by_cached_key(|blob| position(blob).unwrap_or(0));
    Ok(())
}

/// Fetches `blobs`, which `contents` needs, from `sources` into `sink`, as many at a time as `jobs` says, in
/// the order in which their sources have them, else in their own.
///
/// # Errors
/// The first failure; what was finished until then stays.
pub fn fetch(
    contents: &Contents,
    sources: &dyn BlobSources,
    blobs: &[Descriptor],
    sink: &dyn BlobSink,
    jobs: Jobs,
    progress: &dyn Progress,
) -> Result<Fetched> {
    let mut ahead = all_of(blobs, sources)?;
    ahead.sort_by_key(|ahead| ahead.source.position(ahead.blob));
    move_all(contents, &ahead, sink, jobs, progress)
}

/// As [`fetch`], one after the other in their own order.
///
/// # Errors
/// As there.
pub fn fetch_in_turn(
    contents: &Contents,
    sources: &dyn BlobSources,
    blobs: &[Descriptor],
    sink: &dyn BlobSink,
    progress: &dyn Progress,
) -> Result<Fetched> {
    move_all(contents, &all_of(blobs, sources)?, sink, Jobs::up_to(1), progress)
}

/// A blob that is to come, whence it comes, and what people call that.
struct Ahead<'a> {
    blob: &'a Descriptor,
    source: &'a dyn BlobSource,
    place: &'a str,
}

fn all_of<'a>(blobs: &'a [Descriptor], sources: &'a dyn BlobSources) -> Result<Vec<Ahead<'a>>> {
    let ahead = blobs.iter().map(|blob| {
        let (source, place) = sources.source_of(&blob.digest)?;
        Ok(Ahead { blob, source, place })
    });
    ahead.collect()
}

fn move_all(
    contents: &Contents,
    ahead: &[Ahead<'_>],
    sink: &dyn BlobSink,
    jobs: Jobs,
    progress: &dyn Progress,
) -> Result<Fetched> {
    let Count { bytes, blobs: items } = ahead.iter().map(|ahead| ahead.blob).collect();
    progress.event(Event::Phase { name: "fetching", bytes, items });
    let (gate, owners) = (Gate::steady(jobs), Owners::of(contents));
    let taken = parallel::map(jobs.most, ahead, |Ahead { blob, source, place }| {
        let _pass = gate.enter(blob.size);
        let what = match source.called(blob) {
            Some(called) => format!("source {place}: {called}"),
            None => format!("source {place}"),
        };
        move_blob(blob, &owners, *source, &what, sink, progress)
            .map_err(|error| match error.is_about_content() {
                true => error.on_unless_noted(Side::Source),
                false => error,
            })
            .map_err(|error| name_images(error, blob, contents))
    })?;
    progress.event(Event::Done);
    let continued = taken.into_iter().fold(0, u64::saturating_add);
    let came = Count { blobs: items, bytes: bytes.saturating_sub(continued) };
    Ok(Fetched { came, continued })
}
