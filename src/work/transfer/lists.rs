//! Fallback lists of referrers, for a place that does not list them itself
//! (distribution-spec, "Referrers Tag Schema").
//!
//! A list is a tag that every writer reads, adds to and writes again, so two writers can lose
//! each other's entries. Where the registry knows versions (`ETag`), a list is replaced only if
//! it is still the one that was read. Everywhere else a list is read again after a pause in which
//! whoever read it before us has written it; what is missing then is added again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::json;

use super::carrier::Carrier;
use super::part::{document, each};
use crate::bundle::contents::Contents;
use crate::tools::parallel;
use crate::tools::retry::settle;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Error, Result};
use crate::words::media::OCI_INDEX;
use crate::words::reference::Reference;
use crate::work::plan::{Delivery, Plan, ReferrersList};

/// How often a list is written for the sake of other writers. Each round one of them at least is
/// through, and more than a few at once on one image are not to be expected.
const MAX_ROUNDS: u32 = 10;
/// Shortest time that another writer is given between its reading and its writing.
const SETTLE: Duration = Duration::from_millis(250);

/// Brings every list of `plan` up to date in the repositories that do not list referrers by
/// themselves. `noted` are the referrers of each repository of which it took notice when they were
/// sent. Where referrers are listed there is no list under a fallback tag: nobody reads it, and
/// a registry that removes untagged indexes would take what it names along.
///
/// # Errors
/// Those of the place; [`Class::Refused`] when a list does not stay as it was written.
pub(super) fn keep(
    plan: &Plan,
    deliveries: &[Delivery],
    noted: &[Vec<Digest>],
    carrier: &Carrier<'_>,
) -> Result<()> {
    let Carrier { contents, progress, .. } = *carrier;
    let jobs = carrier.jobs.most;
    let mut open = each(plan, |r| r.lists.as_slice());
    open.retain(|(at, list)| {
        list.referrers.iter().any(|digest| !at.beside(noted).contains(digest))
    });
    let wanted = parallel::map(jobs, &open, |(at, list)| {
        progress.check()?;
        wants_list(list, contents, at.beside(deliveries))
    })?;
    let mut open: Vec<_> =
        open.into_iter().zip(wanted).filter_map(|(it, wanted)| wanted.then_some(it)).collect();
    for _ in 0..MAX_ROUNDS {
        let begun = Instant::now();
        let wrote = parallel::map(jobs, &open, |(at, list)| {
            progress.check()?;
            add(list, contents, at.beside(deliveries))
        })?;
        open = open.into_iter().zip(wrote).filter_map(|(it, wrote)| wrote.then_some(it)).collect();
        if open.is_empty() {
            return Ok(());
        }
        // Another writer talks to the same registry, so it needs about as long as this one did.
        settle(SETTLE.max(begun.elapsed()), &progress.handle())?;
    }
    let names: Vec<String> = open
        .iter()
        .map(|(at, list)| format!("{}:{}", at.beside(deliveries).name, list.tag))
        .collect();
    let text = "destination: lists of referrers do not stay as they are written";
    Err(Error::new(Class::Refused, text).details(names).hint(
        "others keep on changing them, or the registry does not keep what it is given; let them \
         finish, and run the same import again",
    ))
}

/// Whether the place lists no referrers by itself. Where it does, it hears again of those that it
/// has but does not list, as happens to what came before it could.
fn wants_list(list: &ReferrersList, contents: &Contents, delivery: &Delivery) -> Result<bool> {
    let Some(subject) = list.tag.subject() else { return Ok(false) };
    let Some(unlisted) = delivery.there.unlisted(&subject, &list.referrers)? else {
        return Ok(true);
    };
    for digest in unlisted {
        delivery.there.put_document(document(contents, &digest)?)?;
    }
    Ok(false)
}

/// Adds what is missing in `list`; whether anything was. Then it is to be looked at again.
fn add(list: &ReferrersList, contents: &Contents, delivery: &Delivery) -> Result<bool> {
    let (there, version) = match delivery.there.referrers_list(&list.tag)? {
        Some(found) => (Some(found.document), found.version),
        None => (None, None),
    };
    let Some(index) = merged(list, contents, there.as_ref())? else { return Ok(false) };
    let name: Reference = format!("{}:{}", delivery.name, list.tag).parse()?;
    delivery.there.put_document(&index)?;
    // Somebody else having been faster is no failure: the next round sees what is missing then.
    delivery.there.replace(&name, version.as_deref(), &index)?;
    Ok(true)
}

/// The list with all that it has to have; nothing when `there` has it all.
fn merged(
    list: &ReferrersList,
    contents: &Contents,
    there: Option<&Document>,
) -> Result<Option<Document>> {
    let mut entries: BTreeMap<Digest, Descriptor> = BTreeMap::new();
    let mut take = |document: Option<&Document>| {
        if let Some(Kind::Index { manifests }) = document.map(Document::kind) {
            entries.extend(manifests.iter().map(|entry| (entry.digest, entry.clone())));
        }
        entries.len()
    };
    let before = take(there);
    let carried = list.carried.and_then(|digest| contents.documents.get(&digest));
    let with_carried = take(carried);
    for digest in &list.referrers {
        let document = document(contents, digest)?;
        entries.entry(*digest).or_insert_with(|| {
            let mut entry = document.descriptor().clone();
            entry.artifact_type = document.artifact_type().map(Box::from);
            entry.annotations = document.annotations().clone();
            entry
        });
    }
    if entries.len() == before && there.is_some() {
        return Ok(None);
    }
    if before == 0 && entries.len() == with_carried {
        // Byte for byte the one from the source, so that it keeps its digest.
        return Ok(carried.cloned());
    }
    let manifests: Vec<&Descriptor> = entries.values().collect();
    let raw = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests});
    Document::parse(raw.to_string().into_bytes(), OCI_INDEX).map(Some)
}
