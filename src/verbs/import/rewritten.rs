//! What of a bundle is written anew for its destination.

use std::collections::BTreeSet;

use super::Request;
use crate::bundle::contents::Contents;
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::Result;
use crate::words::progress::{Event, Progress};
use crate::work::graph::{self, Rewrite};

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
    let before = contents;
    let mut contents = contents.clone();
    graph::rewrite(&mut contents, how)?;
    idle(before, &contents, how).into_iter().for_each(|text| progress.event(Event::Note(text)));
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

/// Which of what was asked for changed nothing between the contents `before` and `after`.
fn idle(before: &Contents, after: &Contents, how: Rewrite) -> Vec<String> {
    let made = after.replaced.iter().filter(|(new, _)| !before.replaced.contains_key(new));
    let made =
        made.filter_map(|(new, old)| Some((after.documents.get(new)?, before.documents.get(old)?)));
    let made: Vec<(&Document, &Document)> = made.collect();
    let type_of = |document: &Document| document.descriptor().media_type.clone();
    let (smaller, to_oci) = (
        made.iter().any(|(new, old)| new.children().len() < old.children().len()),
        made.iter().any(|(new, old)| type_of(new) != type_of(old)),
    );
    let told = [
        (how.smaller && !smaller, "--rewrite-index", "no index names parts that were left out"),
        (how.to_oci && !to_oci, "--to-oci", "no manifest is of Docker's types"),
    ];
    let told = told.into_iter().filter(|(idle, ..)| *idle);
    told.map(|(_, option, why)| format!("{option} has no effect here: {why}")).collect()
}
