//! Platform selections: which entries of an index are taken, and an index of those alone.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Selection;
use crate::bundle::contents::Contents;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind, is_document};
use crate::words::error::{Class, Error, Result};
use crate::words::json::parse_strict;
use crate::words::platform::Platform;

/// Annotation with which buildkit ties an attestation to its image.
const REFERS_TO: &str = "vnd.docker.reference.digest";

/// The entries that `select` takes: those for one of its platforms, those for none in particular,
/// and the attestations of those, if referrers come along. All, when no platform was selected.
pub(super) fn children<'a>(manifests: &'a [Descriptor], select: &Selection) -> Vec<&'a Descriptor> {
    let platforms = &select.platforms;
    if platforms.is_empty() {
        return manifests.iter().collect();
    }
    let takes = |entry: &&Descriptor| match &entry.platform {
        None => true,
        Some(platform) => platforms.iter().any(|wanted| wanted.takes(platform)),
    };
    let images: BTreeSet<Digest> = manifests.iter().filter(takes).map(|e| e.digest).collect();
    let attests = |entry: &&Descriptor| {
        !select.no_referrers
            && entry.platform.as_ref().is_some_and(Platform::is_unknown)
            && entry
                .annotations
                .get(REFERS_TO)
                .and_then(|digest| digest.parse().ok())
                .is_some_and(|digest: Digest| images.contains(&digest))
    };
    manifests.iter().filter(|entry| takes(entry) || attests(entry)).collect()
}

/// Replaces every image's index that lost entries by one without them. What refers to the
/// original goes on doing so.
///
/// # Errors
/// When the smaller index is no document, which no real one makes happen.
pub fn rewrite(contents: &mut Contents) -> Result<()> {
    for position in 0..contents.images.len() {
        let root = contents.images[position].digest;
        let order: Vec<Document> = contents.children_first([root]).into_iter().cloned().collect();
        let mut renamed: BTreeMap<Digest, Descriptor> = BTreeMap::new();
        for document in order {
            if let Some(new) = filtered(contents, &document, &renamed)? {
                renamed.insert(document.descriptor().digest, new.descriptor().clone());
                contents.documents.insert(new.descriptor().digest, new);
            }
        }
        if let Some(new) = renamed.get(&root) {
            let name = &contents.images[position].name;
            if name.tag.is_none() {
                let text = format!("{name} cannot be rewritten: its name is its digest");
                return Err(Error::new(Class::Usage, text)
                    .hint("give it a tag (NAME:TAG@DIGEST), or leave out --rewrite-index"));
            }
            let image = &mut contents.images[position];
            image.rewritten_from = Some(root);
            (image.digest, image.size) = (new.digest, new.size);
        }
    }
    Ok(())
}

/// `document` without the entries that are not carried, and with the new digests of those that
/// were rewritten; nothing when it can stay as it is.
fn filtered(
    contents: &Contents,
    document: &Document,
    renamed: &BTreeMap<Digest, Descriptor>,
) -> Result<Option<Document>> {
    let Kind::Index { manifests } = document.kind() else { return Ok(None) };
    let stays = |entry: &Descriptor| {
        !is_document(&entry.media_type) || contents.documents.contains_key(&entry.digest)
    };
    if manifests.iter().all(|entry| stays(entry) && !renamed.contains_key(&entry.digest)) {
        return Ok(None);
    }
    let mut value = parse_strict(document.raw())?;
    let Some(Value::Array(entries)) = value.get_mut("manifests") else {
        return Err(Error::new(Class::Damaged, "an index without manifests"));
    };
    let mut kept = Vec::new();
    for (entry, mut raw) in manifests.iter().zip(std::mem::take(entries)) {
        if !stays(entry) {
            continue;
        }
        if let Some(new) = renamed.get(&entry.digest) {
            raw["digest"] = Value::from(new.digest.to_string());
            raw["size"] = Value::from(new.size);
        }
        kept.push(raw);
    }
    *entries = kept;
    let media_type = &document.descriptor().media_type;
    Document::parse(value.to_string().into_bytes(), media_type).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(content: &str, platform: Option<&str>, of: Option<&Descriptor>) -> Descriptor {
        let mut entry = Descriptor::of("m", content.as_bytes());
        entry.platform = platform.map(|p| p.parse().unwrap());
        let of = of.map(|of| (REFERS_TO.to_owned(), of.digest.to_string()));
        entry.annotations.extend(of);
        entry
    }

    #[test]
    fn attestations_go_with_their_image() {
        let amd64 = entry("1", Some("linux/amd64"), None);
        let arm64 = entry("2", Some("linux/arm64"), None);
        let of_amd64 = entry("3", Some("unknown/unknown"), Some(&amd64));
        let of_arm64 = entry("4", Some("unknown/unknown"), Some(&arm64));
        let any = entry("5", None, None);
        let all = [amd64, arm64, of_amd64, of_arm64, any];

        let mut select =
            Selection { platforms: vec!["linux/arm64".parse().unwrap()], ..Selection::default() };

        assert_eq!(children(&all, &select), [&all[1], &all[3], &all[4]]);
        select.no_referrers = true;
        assert_eq!(children(&all, &select), [&all[1], &all[4]]);
        select.platforms.clear();
        assert_eq!(children(&all, &select).len(), 5);
    }
}
