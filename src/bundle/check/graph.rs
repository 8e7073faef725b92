//! Reading the documents of a bundle: each once, to a bounded depth, from bytes that were hashed.

use std::collections::{BTreeMap, BTreeSet};

use super::files::Files;
use crate::bundle::base::Base;
use crate::bundle::contents::{Contents, MAX_DOCUMENTS_WEIGHT, MAX_LEVELS};
use crate::bundle::inventory::Inventory;
use crate::bundle::problem::{Problem, ProblemKind};
use crate::bundle::statement::Totals;
use crate::places::layout::blob_path;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, MAX_DOCUMENT};
use crate::words::error::{Class, Error, Result};

/// Reads the documents that `roots` reach. What is wrong with one is noted, and the others are
/// read all the same.
pub(super) fn documents(
    tree: &impl Files,
    roots: Vec<Descriptor>,
) -> (BTreeMap<Digest, Document>, Vec<Problem>) {
    let mut documents = BTreeMap::new();
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    let mut weight = 0;
    let mut level = roots;
    for depth in 0.. {
        let mut next = Vec::new();
        for descriptor in level {
            // Each digest once: a small graph can have more paths than there are atoms.
            if !descriptor.is_document() || !seen.insert(descriptor.digest) {
                continue;
            }
            let path = blob_path(&descriptor.digest);
            if tree.size(&path).is_none() {
                continue;
            }
            if weight > MAX_DOCUMENTS_WEIGHT {
                let detail = "its manifests take more memory than those of any bundle";
                problems.push(Problem::new(ProblemKind::Damaged, "", detail));
                return (documents, problems);
            }
            match read(tree, &path, &descriptor) {
                Ok(document) => {
                    weight += document.weight();
                    next.extend(document.children().into_iter().cloned());
                    documents.insert(descriptor.digest, document);
                }
                Err(e) => problems.push(Problem::reading(path, &e)),
            }
        }
        next.retain(|child| child.is_document());
        if next.is_empty() {
            break;
        }
        if depth + 1 == MAX_LEVELS {
            let detail = format!("indexes are nested deeper than {MAX_LEVELS}");
            let deeper: BTreeSet<Digest> = next.iter().map(|child| child.digest).collect();
            let deeper = deeper.iter().filter(|digest| !documents.contains_key(*digest));
            problems.extend(
                deeper.map(|it| Problem::new(ProblemKind::Damaged, blob_path(it), detail.as_str())),
            );
            break;
        }
        level = next;
    }
    (documents, problems)
}

fn read(tree: &impl Files, path: &str, descriptor: &Descriptor) -> Result<Document> {
    let raw = tree.read_shared(path, MAX_DOCUMENT)?;
    if Digest::of(&raw) != descriptor.digest {
        return Err(Error::new(Class::Damaged, "does not match its signed digest"));
    }
    if raw.len() as u64 != descriptor.size {
        let text = format!("has {} bytes instead of {}", raw.len(), descriptor.size);
        return Err(Error::new(Class::Damaged, text));
    }
    let is_same =
        |it: &&Document| it.descriptor().media_type == descriptor.media_type && *it.raw() == *raw;
    match tree.parsed(&descriptor.digest).filter(is_same) {
        Some(parsed) => Ok(parsed.clone()),
        None => Document::parse(raw, &descriptor.media_type),
    }
}

/// Whether `totals` count what `sums` lists.
pub(super) fn is_counted(sums: &Inventory, totals: &Totals) -> bool {
    let blobs = sums.files().keys().filter(|path| path.starts_with("blobs/")).count() as u64;
    totals.files == sums.files().len() as u64 && totals.blobs == blobs
}

/// What the documents say about each other and about the bundle, which leans on `base`, against what
/// is there. Each finding with the path that it makes unusable, one a path.
pub(super) fn check(
    tree: &impl Files,
    sums: &Inventory,
    contents: &Contents,
    base: Option<&Base>,
) -> BTreeMap<String, Problem> {
    let left_out = contents.left_out();
    let lacks = |child: &Descriptor| {
        !child.is_document() && base.is_some_and(|base| base.lacks(&child.digest))
    };
    let mut found = BTreeMap::new();
    let mut note = |digest: &Digest, kind: ProblemKind, detail: String| {
        let path = blob_path(digest);
        found.entry(path.clone()).or_insert_with(|| Problem::new(kind, path, detail));
    };
    for root in contents.roots().filter(|root| !contents.documents.contains_key(root)) {
        match tree.size(&blob_path(&root)) {
            Some(_) => {
                note(&root, ProblemKind::Damaged, "is listed as an image and is none".to_owned())
            }
            None if tree.hides(&blob_path(&root)) => {}
            None => {
                note(&root, ProblemKind::Missing, "is listed as an image and not there".to_owned())
            }
        }
    }
    for (digest, why) in contents.contradictions() {
        note(&digest, ProblemKind::Damaged, why);
    }
    for child in contents.documents.values().flat_map(Document::children) {
        let path = blob_path(&child.digest);
        match tree.size(&path) {
            Some(size) if size != child.size => {
                let detail = format!("has {size} bytes instead of {}", child.size);
                note(&child.digest, ProblemKind::Damaged, detail);
            }
            None if !sums.files().contains_key(&path)
                && !left_out.contains(&child.digest)
                && !child.is_foreign()
                && !lacks(child) =>
            {
                let detail = "a manifest needs it, and the signed list does not have it";
                note(&child.digest, ProblemKind::Missing, detail.to_owned());
            }
            None if sums.files().contains_key(&path)
                && child.is_document()
                && !tree.hides(&path) =>
            {
                note(&child.digest, ProblemKind::Missing, "is not there".to_owned());
            }
            _ => {}
        }
    }
    let Some(base) = base else { return found };
    let needed: BTreeSet<Digest> = contents.walk_blobs().iter().map(|blob| blob.digest).collect();
    for digest in &base.lacks {
        let detail = match sums.files().contains_key(&blob_path(digest)) {
            true => "is carried, and signed for as one that the other side has",
            false if needed.contains(digest) => continue,
            false => "is signed for as one that the other side has, and nothing needs it",
        };
        note(digest, ProblemKind::Damaged, detail.to_owned());
    }
    found
}
