//! Reading the documents of a bundle: each once, to a bounded depth, from bytes that were hashed.

use std::collections::BTreeMap;

use super::{Fault, Problem};
use crate::places::layout::blob_path;
use crate::places::tree::Tree;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, MAX_DOCUMENT, is_document};
use crate::words::error::{Class, Error, Result};

/// Deepest nesting of indexes. Images have two levels, and no tool builds more than three.
pub const MAX_DEPTH: usize = 8;

/// Reads the documents that `roots` reach. What is wrong with one is noted, and the others are
/// read all the same.
pub(super) fn documents(
    tree: &Tree,
    roots: Vec<Descriptor>,
) -> (BTreeMap<Digest, Document>, Vec<Problem>) {
    let mut documents = BTreeMap::new();
    let mut problems = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    let mut level = roots;
    for depth in 0.. {
        let mut next = Vec::new();
        for descriptor in level {
            // Each digest once: a small graph can have more paths than there are atoms.
            if !is_document(&descriptor.media_type) || !seen.insert(descriptor.digest) {
                continue;
            }
            let path = blob_path(&descriptor.digest);
            if tree.size(&path).is_none() {
                continue;
            }
            match read(tree, &path, &descriptor) {
                Ok(document) => {
                    next.extend(document.children().into_iter().cloned());
                    documents.insert(descriptor.digest, document);
                }
                Err(e) => problems.push(Problem::reading(path, &e)),
            }
        }
        next.retain(|child| is_document(&child.media_type));
        if next.is_empty() {
            break;
        }
        if depth + 1 == MAX_DEPTH {
            let path = blob_path(&next[0].digest);
            let detail = format!("indexes are nested deeper than {MAX_DEPTH}");
            problems.push(Problem::new(Fault::Damaged, path, detail));
            break;
        }
        level = next;
    }
    (documents, problems)
}

fn read(tree: &Tree, path: &str, descriptor: &Descriptor) -> Result<Document> {
    let raw = tree.read_small(path, MAX_DOCUMENT)?;
    if Digest::of(&raw) != descriptor.digest {
        return Err(Error::new(Class::Damaged, "does not match its signed digest"));
    }
    if raw.len() as u64 != descriptor.size {
        let text = format!("has {} bytes instead of {}", raw.len(), descriptor.size);
        return Err(Error::new(Class::Damaged, text));
    }
    Document::parse(raw, &descriptor.media_type)
}
