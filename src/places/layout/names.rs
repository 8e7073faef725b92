//! What the entries of a layout are called, and which of them belong to others.

use std::collections::{BTreeMap, BTreeSet};

use super::entry::LayoutEntry;
use super::spec::{CONTAINERD_NAME, REF_NAME};
use crate::words::digest::{Digest, DigestError};
use crate::words::document::Descriptor;
use crate::words::reference::{Reference, Tag};

/// Annotation of `cosign save` with the name of an image, also at its signatures.
pub(super) const COSIGN_NAME: &str = "dev.cosignproject.cosign/imageRef";
/// Annotation of cosign and hauler that tells an image from what belongs to it.
const KIND: &str = "kind";
/// What kinds begin with: cosign's own, and those that hauler made of them.
const KINDS: &[&str] = &["dev.cosignproject.cosign/", "dev.hauler/"];

/// Annotation of olareg with the image whose referrers an index lists.
const LISTED_FOR: &str = "org.opencontainers.image.referrer.subject";

/// The text of an entry's name, where it has one that says more than its digest.
pub(super) fn text(descriptor: &Descriptor) -> Option<String> {
    let texts = [CONTAINERD_NAME, COSIGN_NAME, REF_NAME];
    let mut texts = texts.iter().filter_map(|key| descriptor.annotations.get(key));
    texts.find(|text| !text.is_empty() && *text != descriptor.digest.to_string())
}

/// What an entry is listed for that belongs to an image and stands under its name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// It goes by a tag that cosign makes of the image's digest, with this ending.
    Tag(&'static str),
    /// Its manifest says itself what it refers to. hauler lists each under a kind of its own,
    /// `dev.hauler/referrers/HEX`.
    Referrer,
}

/// The image whose referrers the index `descriptor` lists.
pub(super) fn listed_for(descriptor: &Descriptor) -> Option<Digest> {
    descriptor.annotations.get(LISTED_FOR)?.parse().ok()
}

/// Whether an entry is listed for itself, and not for what it belongs to.
pub(super) fn is_image(descriptor: &Descriptor) -> bool {
    beside(descriptor).is_none() && listed_for(descriptor).is_none()
}

pub(super) fn beside(descriptor: &Descriptor) -> Option<Beside> {
    let kind = descriptor.annotations.get(KIND)?;
    let kind = KINDS.iter().find_map(|family| kind.strip_prefix(family))?;
    match kind.split('/').next()? {
        "sigs" => Some(Beside::Tag(".sig")),
        "atts" => Some(Beside::Tag(".att")),
        "sboms" => Some(Beside::Tag(".sbom")),
        "referrers" => Some(Beside::Referrer),
        _ => None,
    }
}

/// The subject of a tag that is made of its digest, and what stands behind the digest.
pub(super) fn subject_of(tag: &Tag) -> Option<(Digest, &str)> {
    let rest = tag.as_str().strip_prefix("sha256-")?;
    let (hex, ending) = rest.split_at_checked(64)?;
    let ending = matches!(ending, "" | ".sig" | ".att" | ".sbom").then_some(ending)?;
    Some((Digest::from_hex(hex).ok()?, ending))
}

/// The full name of an entry. A name with no `/` and no `:` is a bare tag, as umoci and skopeo
/// write it; the image then gets the folder's name below `localhost`, as podman does.
pub(super) fn entry_name(descriptor: &Descriptor, folder: &str) -> Option<Reference> {
    let text = |key: &str| descriptor.annotations.get(key);
    let full = |key: &str| text(key).and_then(|name| name.parse::<Reference>().ok());
    let bare = || {
        let name = text(REF_NAME)?;
        match name.contains(['/', ':']) {
            true => name.parse().ok(),
            false => format!("localhost/{folder}:{name}").parse().ok(),
        }
    };
    let name: Reference = full(CONTAINERD_NAME).or_else(|| full(COSIGN_NAME)).or_else(bare)?;
    if name.digest.is_some_and(|digest| digest != descriptor.digest) {
        return None;
    }
    // Signatures that stand under the name of what they sign have none of their own.
    let is_own = || name.tag.as_ref().is_some_and(|tag| subject_of(tag).is_some());
    (beside(descriptor).is_none() || is_own()).then(|| name.kept())
}

/// The repository that an unreadable name still names, else the layout's own below `localhost`;
/// with the digest, an image's name where it has no other.
pub(in crate::places) fn by_digest(
    text: Option<&str>,
    stem: &str,
    digest: &Digest,
) -> Option<Reference> {
    let is_digest = |text: &str| !matches!(text.parse::<Digest>(), Err(DigestError::Grammar));
    let is_path = |text: &&str| text.contains(['/', ':']) && !is_digest(text);
    let full = text.filter(is_path).and_then(|text| {
        let text = text.split('@').next()?;
        // What follows the first colon of the last part is no tag, or it would be a name.
        let last = text.rfind('/').map_or(0, |at| at + 1);
        let end = text.get(last..)?.find(':').map_or(text.len(), |at| last + at);
        format!("{}@{digest}", text.get(..end)?).parse().ok()
    });
    full.or_else(|| format!("localhost/{stem}@{digest}").parse().ok())
}

/// The tags made of digests that lead to what belongs to an image.
#[derive(Debug, Default)]
pub(super) struct SubjectTags {
    /// By the image.
    by_subject: BTreeMap<Digest, Vec<(Tag, Descriptor)>>,
    /// What has none of its own, and was given one.
    pub(super) given: BTreeSet<Digest>,
    /// Indexes of what refers to an image, which go by no tag.
    lists: BTreeMap<Digest, Vec<Descriptor>>,
}

impl SubjectTags {
    /// Those among `entries`, of which `referring` refer to others by themselves.
    pub(super) fn of(entries: &[LayoutEntry], referring: &BTreeMap<Digest, Digest>) -> SubjectTags {
        let mut tags = SubjectTags::default();
        let mut images: BTreeMap<Option<String>, BTreeSet<Digest>> = BTreeMap::new();
        for LayoutEntry { descriptor: own, .. } in entries {
            let is_own = is_image(own) && !referring.contains_key(&own.digest);
            if own.is_document() && is_own {
                images.entry(text(own)).or_default().insert(own.digest);
            }
        }
        // The image under the same name, or the only one without any.
        let signed_by = |own: &Descriptor| {
            let mut same = images.get(&text(own))?.iter();
            same.next().copied().filter(|_| same.next().is_none())
        };
        let mut taken = BTreeSet::new();
        for LayoutEntry { name, descriptor: own, .. } in entries {
            if let Some(subject) = listed_for(own).filter(|_| name.is_none()) {
                tags.lists.entry(subject).or_default().push(own.clone());
                continue;
            }
            let tag = name.as_ref().and_then(|name| name.tag.clone());
            let subject = tag.as_ref().and_then(subject_of).map(|(subject, _)| subject);
            if let (Some(tag), Some(subject)) = (tag, subject) {
                tags.add(subject, tag, own);
            } else if name.is_none()
                && let Some(Beside::Tag(ending)) = beside(own)
                && let Some(subject) = signed_by(own)
                && let Ok(tag) = format!("{}{ending}", Tag::referrers_of(&subject)).parse::<Tag>()
                // One tag leads to one thing; another one is an image by its digest.
                && taken.insert((subject, ending))
            {
                tags.given.insert(own.digest);
                tags.add(subject, tag, own);
            }
        }
        tags
    }

    fn add(&mut self, subject: Digest, tag: Tag, entry: &Descriptor) {
        self.by_subject.entry(subject).or_default().push((tag, entry.clone()));
    }

    /// The indexes that list what refers to `subject`.
    pub(super) fn lists_of(&self, subject: &Digest) -> &[Descriptor] {
        self.lists.get(subject).map_or(&[], Vec::as_slice)
    }

    /// Those of `subject`.
    pub(super) fn of_subject(&self, subject: &Digest) -> &[(Tag, Descriptor)] {
        self.by_subject.get(subject).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_goes_by_the_repository_that_its_unreadable_name_begins_with_and_its_digest() {
        let digest = Digest::of(b"image");
        for (text, repository) in [
            ("registry/app:1:2", "docker.io/registry/app"),
            ("reg.example:5000/x/app:1:2", "reg.example:5000/x/app"),
            ("foo:8080:1", "docker.io/library/foo"),
            ("x.io/app:1.0+b", "x.io/app"),
            ("x.io/app@sha256:0", "x.io/app"),
            ("x.io/App:1", "localhost/stem"),
            ("1.0+b", "localhost/stem"),
            (&digest.to_string(), "localhost/stem"),
            (&format!("@{digest}"), "localhost/stem"),
            (&format!("sha512:{}", "0".repeat(128)), "localhost/stem"),
        ] {
            let name = by_digest(Some(text), "stem", &digest).unwrap();
            assert_eq!(name.to_string(), format!("{repository}@{digest}"), "{text}");
        }
    }
}
