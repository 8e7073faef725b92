//! What of a bundle is written anew for its destination.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::failed::Failed;
use super::leave_behind::LeaveBehind;
use super::request::Request;
use crate::bundle::contents::{Contents, Image};
use crate::bundle::subset::{Referring, subset};
use crate::words::count::count;
use crate::words::digest::Digest;
use crate::words::document::Document;
use crate::words::error::Result;
use crate::words::phrase::{Phrase, phrase};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::words::remedy::Remedy;
use crate::work::graph::{self, Rewrite};

/// What is to be brought, as it is written for the destination.
pub(super) struct Rewritten<'c> {
    /// All of it.
    pub(super) contents: Cow<'c, Contents>,
    /// The images of which that cannot be made, where the others are to arrive all the same.
    pub(super) failed: Vec<Failed>,
}

/// The contents with what is to be written anew, where anything is.
pub(super) fn rewritten<'c>(
    request: &Request,
    contents: &'c Contents,
    progress: &dyn Progress,
) -> Result<Rewritten<'c>> {
    let how = request.rewrite;
    if !how.smaller && !how.to_oci {
        return Ok(Rewritten { contents: Cow::Borrowed(contents), failed: Vec::new() });
    }
    let (mut made, mut failed) = (contents.clone(), Vec::new());
    match graph::rewrite(&mut made, how) {
        Err(error) if request.leave_behind == LeaveBehind::Anything => {
            failed = unfit(contents, how);
            if failed.is_empty() {
                return Err(error);
            }
            let behind: BTreeSet<&Reference> = failed.iter().map(|it| &it.name).collect();
            made = subset(contents, &Referring::among(contents), |image| {
                !behind.contains(&image.name)
            });
            graph::rewrite(&mut made, how)?;
        }
        done => done?,
    }
    idle(contents, &made, how).into_iter().for_each(|text| progress.event(Event::note(text)));
    made.keep_reached();
    tell(&made, progress);
    Ok(Rewritten { contents: Cow::Owned(made), failed })
}

/// The images that cannot be rewritten, each with why.
fn unfit(contents: &Contents, how: Rewrite) -> Vec<Failed> {
    let referrers = Referring::among(contents);
    let why = |image: &Image| {
        let mut alone = subset(contents, &referrers, |other| other.name == image.name);
        graph::rewrite(&mut alone, how).err().map(|error| Failed::new(&image.name, &error))
    };
    contents.images.iter().filter_map(why).collect()
}

/// Says what goes on referring to what was signed.
fn tell(contents: &Contents, progress: &dyn Progress) {
    let signed: BTreeSet<Digest> = contents.replaced.values().copied().collect();
    let orphaned =
        contents.referrers.iter().filter(|referrer| signed.contains(&referrer.subject)).count();
    if orphaned > 0 {
        progress.event(Event::note(format!(
            "{} (signatures and the like) {} to the digests that were signed, and {} nothing of \
             what is written in their place",
            count(orphaned, "referrer"),
            if orphaned == 1 { "goes on referring" } else { "go on referring" },
            if orphaned == 1 { "says" } else { "say" },
        )));
    }
}

/// Which of what was asked for changed nothing between the contents `before` and `after`.
fn idle(before: &Contents, after: &Contents, how: Rewrite) -> Vec<Phrase> {
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
        (how.smaller && !smaller, Remedy::RewriteIndex, "no index names parts that were left out"),
        (how.to_oci && !to_oci, Remedy::ToOci, "no manifest is of Docker's types"),
    ];
    let told = told.into_iter().filter(|(idle, ..)| *idle);
    told.map(|(_, option, why)| phrase![option, format!(" has no effect here: {why}")]).collect()
}
