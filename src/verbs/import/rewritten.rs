//! What of a bundle is written anew for its destination.

use std::collections::BTreeSet;

use super::Request;
use crate::bundle::contents::Contents;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::progress::{Event, Progress};
use crate::work::graph;

/// The contents with what is to be written anew, where anything is.
pub(super) fn rewritten(
    request: &Request,
    contents: &Contents,
    progress: &dyn Progress,
) -> Result<Option<Contents>> {
    let how = request.rewrite;
    if !how.smaller && !how.to_oci {
        return Ok(None);
    }
    let mut contents = contents.clone();
    graph::rewrite(&mut contents, how)?;
    contents.keep_reached();
    let signed: BTreeSet<Digest> = contents.replaced.values().copied().collect();
    let orphaned =
        contents.referrers.iter().filter(|referrer| signed.contains(&referrer.subject)).count();
    if orphaned > 0 {
        progress.event(Event::Note(format!(
            "{} (signatures and the like) {} to the digests that were signed, and {} nothing of \
             what is written in their place",
            count(orphaned, "referrer"),
            if orphaned == 1 { "goes on referring" } else { "go on referring" },
            if orphaned == 1 { "says" } else { "say" },
        )));
    }
    Ok(Some(contents))
}
