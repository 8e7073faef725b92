//! [`scan`]: images are scanned before anything is signed that says so.

use std::path::PathBuf;

use super::layers::bring;
use super::request::Request;
use crate::bundle::draft::Draft;
use crate::bundle::screening::Screening;
use crate::places::at_hand::AtHand;
use crate::storage::raw::Raw;
use crate::storage::store::{BlobSource, BlobSources};
use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};
use crate::work::graph::Graph;
use crate::work::plan::Count;
use crate::work::scan::{self, ScanTools};
use crate::work::transfer::Fetched;

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// What was said.
    pub(super) screenings: Vec<Screening>,
    /// What was fetched for that and is in its place already; nothing where all is still to be fetched.
    pub(super) came: Option<Fetched>,
}

/// Has the images of `graph` scanned by `tools`, which are those of `request`. Where the `draft` can, it takes
/// the `layers` first, so that they come once: what is signed afterwards finds them there. Else
/// each is read from what is `at_hand` or its source, and once more when it is written. In a dry run
/// it is said what would be scanned.
///
/// # Errors
/// As [`scan`](scan::scan); nothing was signed then.
pub(super) fn scan(
    request: &Request,
    tools: &ScanTools,
    (draft, layers): (Option<&Draft>, &[Descriptor]),
    (at_hand, graph): (&AtHand, &Graph<'_>),
    progress: &dyn Progress,
    reused: &mut Count,
) -> Result<Scanned> {
    let contents = &graph.contents;
    if request.scans.is_empty() || request.dry_run {
        let lines = scan::outlook(&request.scans, contents)?;
        lines.into_iter().for_each(|line| progress.event(Event::note(line)));
        return Ok(Scanned::default());
    }
    let draft = draft.filter(|_| Draft::takes_ahead(&request.output));
    let bring = |draft| bring(request, draft, layers, (at_hand, graph), progress, reused);
    let came = draft.map(bring).transpose()?;
    let near = Near { draft, at_hand, graph };
    let screenings = scan::scan(&request.scans, tools, contents, &near, progress)?;
    Ok(Scanned { screenings, came })
}

/// Where layers are read from that are scanned.
struct Near<'n> {
    /// The draft, where it has them all.
    draft: Option<&'n Draft>,
    at_hand: &'n AtHand,
    graph: &'n Graph<'n>,
}

impl Near<'_> {
    fn source(&self, digest: &Digest) -> Result<&dyn BlobSource> {
        self.graph.source_of(digest).map(|(source, _)| source)
    }
}

impl BlobSources for Near<'_> {
    fn source_of(&self, digest: &Digest) -> Result<(&dyn BlobSource, &str)> {
        self.graph.source_of(digest).map(|(_, place)| (self as &dyn BlobSource, place))
    }
}

impl BlobSource for Near<'_> {
    fn open(&self, blob: &Descriptor, offset: u64) -> Result<Raw<'_>> {
        // Configs are elsewhere until the head is written.
        match self.draft.map(|draft| draft.found().open(blob, offset)) {
            Some(Err(error)) if error.class() == Class::Incomplete => {}
            Some(found) => return found,
            None => {}
        }
        match self.at_hand.candidates(blob).next() {
            Some(candidate) => Ok(Raw::new(candidate.reader(offset)?)),
            None => self.source(&blob.digest)?.open(blob, offset),
        }
    }

    fn distrust(&self, blob: &Descriptor) -> bool {
        let candidate = self.at_hand.candidates(blob).next().filter(|_| self.draft.is_none());
        match candidate {
            Some(candidate) => {
                let wrong = Error::new(Class::Damaged, "its bytes are others");
                self.at_hand.distrust(&candidate, &blob.digest, &wrong);
                true
            }
            None => {
                self.draft.is_none() && self.source(&blob.digest).is_ok_and(|s| s.distrust(blob))
            }
        }
    }

    fn whence(&self, blob: &Descriptor) -> Option<String> {
        let shown = |path: PathBuf| path.display().to_string();
        match (self.draft, self.at_hand.candidates(blob).next()) {
            (Some(draft), _) => Some(shown(draft.place().to_owned())),
            (None, Some(candidate)) => Some(shown(candidate.path())),
            (None, None) => {
                let (source, place) = self.graph.source_of(&blob.digest).ok()?;
                source.whence(blob).or_else(|| Some(format!("source {place}")))
            }
        }
    }

    fn position(&self, blob: &Descriptor) -> u64 {
        self.source(&blob.digest).map_or(0, |source| source.position(blob))
    }
}
