//! What of a graph is written anew, under other digests.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::bundle::contents::{Contents, Image};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document, Kind};
use crate::words::error::{Class, Error, Result};
use crate::words::json::parse_strict;
use crate::words::media::of_oci;
use crate::words::media::{DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// What is written anew, under other digests.
#[derive(Debug, Clone, Copy, Default)]
#[non_exhaustive]
pub struct Rewrite {
    /// Indexes that lost entries, without those.
    pub smaller: bool,
    /// Docker's manifests and lists, as OCI ones.
    pub to_oci: bool,
}

/// Replaces what `how` says in every image, and with `to_oci` in what refers to them. What refers
/// to the original goes on doing so; [`Contents::replaced`] has the digests.
///
/// # Errors
/// [`Class::Usage`] with every image whose name is its digest.
pub fn rewrite(contents: &mut Contents, how: Rewrite) -> Result<()> {
    let mut roots: Vec<Digest> = contents.images.iter().map(|image| image.digest).collect();
    if how.to_oci {
        roots = contents.roots().collect();
    }
    let order: Vec<Document> = contents.children_first(roots).into_iter().cloned().collect();
    let mut renamed: BTreeMap<Digest, Descriptor> = BTreeMap::new();
    for document in order {
        if let Some(new) = rewritten(contents, &document, &renamed, how)? {
            let (old, about) = (document.descriptor().digest, new.descriptor().clone());
            contents.replaced.insert(about.digest, old);
            renamed.insert(old, about.clone());
            contents.documents.insert(about.digest, new);
        }
    }
    let is_pinned =
        |image: &&Image| image.name.tag.is_none() && renamed.contains_key(&image.digest);
    let pinned: Vec<String> =
        contents.images.iter().filter(is_pinned).map(|image| image.name.to_string()).collect();
    if let Some(first) = pinned.first() {
        let text = format!("{first} cannot be rewritten: its name is its digest");
        return Err(Error::new(Class::Usage, text)
            .details(pinned.into_iter().skip(1).map(|name| format!("nor can {name}")))
            .hint(phrase![
                "give it a tag on export (NAME:TAG@DIGEST), or leave it behind with ",
                Remedy::Except
            ]));
    }
    for image in &mut contents.images {
        if let Some(new) = renamed.get(&image.digest) {
            image.rewritten_from = Some(image.digest);
            (image.digest, image.size) = (new.digest, new.size);
            image.media_type = new.media_type.to_string();
        }
    }
    for referrer in &mut contents.referrers {
        if let Some(new) = renamed.get(&referrer.digest).filter(|_| how.to_oci) {
            (referrer.digest, referrer.size) = (new.digest, new.size);
            referrer.media_type = new.media_type.to_string();
        }
    }
    Ok(())
}

/// `document` as `how` says, with the new digests of those that were rewritten; nothing when it
/// can stay as it is.
fn rewritten(
    contents: &Contents,
    document: &Document,
    renamed: &BTreeMap<Digest, Descriptor>,
    how: Rewrite,
) -> Result<Option<Document>> {
    let media_type = match &*document.descriptor().media_type {
        DOCKER_LIST if how.to_oci => OCI_INDEX,
        DOCKER_MANIFEST if how.to_oci => OCI_MANIFEST,
        other => other,
    };
    let is_other = document.descriptor().media_type != media_type;
    let stays = |entry: &Descriptor| {
        !how.smaller || !entry.is_document() || contents.documents.contains_key(&entry.digest)
    };
    let same = |entry: &Descriptor| stays(entry) && !renamed.contains_key(&entry.digest);
    let mut value = match document.kind() {
        Kind::Index { manifests } if !is_other && manifests.iter().all(same) => return Ok(None),
        Kind::Manifest { .. } if !is_other => return Ok(None),
        _ => parse_strict(document.raw())?,
    };
    match document.kind() {
        Kind::Index { manifests } => rename(&mut value, manifests, stays, renamed)?,
        Kind::Manifest { .. } => types_of_oci(&mut value),
    }
    if is_other {
        value["mediaType"] = Value::from(media_type);
    }
    Document::parse(value.to_string().into_bytes(), media_type).map(Some)
}

/// Leaves of an index the entries that stay, under their new digests.
fn rename(
    index: &mut Value,
    manifests: &[Descriptor],
    stays: impl Fn(&Descriptor) -> bool,
    renamed: &BTreeMap<Digest, Descriptor>,
) -> Result<()> {
    let Some(Value::Array(entries)) = index.get_mut("manifests") else {
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
            raw["mediaType"] = Value::from(&*new.media_type);
            // It repeats the content that the old digest is of.
            raw.as_object_mut().map(|entry| entry.remove("data"));
        }
        kept.push(raw);
    }
    *entries = kept;
    Ok(())
}

/// Gives the config and the layers of one of Docker's manifests the types that OCI has for the
/// same bytes (image-spec, media-types.md). Those that only Docker knows stay.
fn types_of_oci(manifest: &mut Value) {
    let rename = |part: &mut Value| {
        if let Some(oci) = part["mediaType"].as_str().and_then(of_oci) {
            part["mediaType"] = Value::from(oci);
        }
    };
    manifest.get_mut("config").into_iter().for_each(rename);
    manifest.get_mut("layers").and_then(Value::as_array_mut).into_iter().flatten().for_each(rename);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bundle::samples::Stock;

    #[test]
    fn dockers_types_become_those_of_oci_under_digests_that_are_remembered() {
        let mut stock = Stock::default();
        let config = Descriptor::of("application/vnd.docker.container.image.v1+json", b"{}");
        let kinds = ["diff.tar", "diff.tar.gzip", "diff.tar.zstd", "foreign.diff.tar.gzip"];
        let layers: Vec<Descriptor> = kinds
            .iter()
            .map(|kind| {
                Descriptor::of(
                    format!("application/vnd.docker.image.rootfs.{kind}"),
                    kind.as_bytes(),
                )
            })
            .collect();
        let mut parse = |value: serde_json::Value, media_type: &str| {
            let document = Document::parse(value.to_string().into_bytes(), media_type).unwrap();
            let about = document.descriptor().clone();
            stock.documents.insert(about.digest, document);
            about
        };
        let manifest = parse(
            serde_json::json!({"schemaVersion": 2, "config": config, "layers": layers, "x": [1]}),
            DOCKER_MANIFEST,
        );
        let list = parse(
            serde_json::json!({"schemaVersion": 2, "mediaType": DOCKER_LIST, "manifests": [manifest]}),
            DOCKER_LIST,
        );
        let of_part = stock.referrer("x/signature", &manifest);
        let mut contents = stock.contents(&[("x.example/a:1", &list)]);
        stock.refer(&mut contents, "x.example/a", &of_part);

        rewrite(&mut contents, Rewrite { to_oci: true, smaller: false }).unwrap();

        let image = &contents.images[0];
        assert_eq!(
            (image.rewritten_from, image.media_type.as_str()),
            (Some(list.digest), OCI_INDEX)
        );
        let Kind::Index { manifests } = contents.documents[&image.digest].kind() else { panic!() };
        assert_eq!(manifests[0].media_type, OCI_MANIFEST);
        let new = &contents.documents[&manifests[0].digest];
        assert_eq!(parse_strict(new.raw()).unwrap()["x"][0], 1, "nothing is lost");
        let types: Vec<&str> = new.children().iter().map(|c| &*c.media_type).collect();
        let oci = |kind: &str| format!("application/vnd.oci.image.{kind}");
        assert_eq!(
            types,
            [
                oci("config.v1+json"),
                oci("layer.v1.tar"),
                oci("layer.v1.tar+gzip"),
                oci("layer.v1.tar+zstd"),
                oci("layer.nondistributable.v1.tar+gzip"),
            ]
        );
        assert_eq!(contents.replaced[&manifests[0].digest], manifest.digest);
        assert!(contents.closure(image.digest).contains(&manifest.digest), "for what refers to it");
        assert_eq!(contents.referrers[0].subject, manifest.digest);
    }
}
