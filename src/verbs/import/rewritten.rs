//! What of a bundle is written anew for its destination.

use std::collections::BTreeSet;

use super::Request;
use crate::bundle::contents::Contents;
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
            "{orphaned} signatures and the like go on referring to the digests that were signed, \
             and say nothing of what is written in their place"
        )));
    }
    Ok(Some(contents))
}
