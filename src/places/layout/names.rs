//! What the images of a layout are called, and which of its entries are images of their own.

use std::collections::BTreeSet;

use super::{CONTAINERD_NAME, Entry, Layout, REF_NAME};
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, is_document};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Reference, Tag};

/// Annotation of `cosign save` with the name of an image, also at its signatures.
const COSIGN_NAME: &str = "dev.cosignproject.cosign/imageRef";
/// Annotation of cosign and hauler that tells an image from what belongs to it.
const KIND: &str = "kind";
/// What kinds begin with: cosign's own, and those that hauler made of them.
const KINDS: &[&str] = &["dev.cosignproject.cosign/", "dev.hauler/"];

/// The images of a place that was asked for as a whole.
#[derive(Debug, Default)]
pub struct Images {
    /// What to ask the place for, each image once under each of its names.
    pub names: Vec<Reference>,
    /// What people should know: names that nobody can read.
    pub notes: Vec<String>,
    /// Those that cannot be had, with the reasons.
    pub unreadable: Vec<Unreadable>,
}

/// An image that is listed, and cannot be had.
#[derive(Debug)]
pub struct Unreadable {
    /// What the list calls it.
    pub image: String,
    /// Why.
    pub error: Error,
}

/// The text of an entry's name, where it has one that is no more than empty.
fn text(descriptor: &Descriptor) -> Option<&str> {
    let texts = [CONTAINERD_NAME, COSIGN_NAME, REF_NAME];
    let mut texts = texts.iter().filter_map(|key| descriptor.annotations.get(*key));
    texts.find(|text| !text.is_empty()).map(String::as_str)
}

/// What an entry is listed for beside images: the ending of the tag that cosign gives it.
fn ending(descriptor: &Descriptor) -> Option<&'static str> {
    let kind = descriptor.annotations.get(KIND)?;
    let kind = KINDS.iter().find_map(|family| kind.strip_prefix(family))?;
    match kind.split('/').next()? {
        "sigs" => Some(".sig"),
        "atts" => Some(".att"),
        "sboms" => Some(".sbom"),
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
    let text = |key: &str| descriptor.annotations.get(key).map(String::as_str);
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
    (ending(descriptor).is_none() || is_own()).then(|| name.kept())
}

/// The repository that an unreadable name still names, else the layout's own below `localhost`;
/// with the digest, an image's name where it has no other.
pub(in super::super) fn by_digest(
    text: Option<&str>,
    stem: &str,
    digest: &Digest,
) -> Option<Reference> {
    let full = text.filter(|text| text.contains(['/', ':'])).and_then(|text| {
        let text = text.split('@').next()?;
        let end = text.rfind(':').filter(|at| !text[*at..].contains('/')).unwrap_or(text.len());
        format!("{}@{digest}", text.get(..end)?).parse().ok()
    });
    full.or_else(|| format!("localhost/{stem}@{digest}").parse().ok())
}

impl Layout {
    /// Its images: everything listed but what goes with another image that is listed. An image
    /// without a name that can be read is there under its digest.
    #[must_use]
    pub fn images(&self) -> Images {
        let mut images = Images::default();
        for broken in &self.broken {
            let error = broken.error.again();
            images.unreadable.push(Unreadable { image: broken.image.clone(), error });
        }
        let mut seen = BTreeSet::new();
        let mut later = Vec::new();
        for entry in self.entries.iter().filter(|entry| !self.is_companion(entry)) {
            match &entry.name {
                Some(name) => {
                    if seen.insert(name.clone()) {
                        images.names.push(name.clone());
                    }
                }
                None => later.push(entry),
            }
        }
        let mut named: BTreeSet<Digest> =
            self.entries.iter().filter(|e| e.name.is_some()).map(|e| e.descriptor.digest).collect();
        for entry in later {
            let digest = entry.descriptor.digest;
            let is_new = named.insert(digest);
            images.notes.extend(match (text(&entry.descriptor), is_new) {
                (Some(text), true) => Some(format!(
                    "{self}: {text:?} is no image name; the image goes by its digest, {digest}"
                )),
                (Some(text), false) => {
                    Some(format!("{self}: {text:?} is no image name; {digest} has another one"))
                }
                (None, true) => {
                    Some(format!("{self}: an image without a name goes by its digest, {digest}"))
                }
                (None, false) => None,
            });
            if is_new {
                images.names.extend(self.digest_name(entry));
            }
        }
        images
    }

    /// The name of an entry that has none but its digest.
    fn digest_name(&self, entry: &Entry) -> Option<Reference> {
        by_digest(text(&entry.descriptor), &self.tree.stem(), &entry.descriptor.digest)
    }

    /// Whether an entry goes with another image that is listed, and comes along with that.
    fn is_companion(&self, entry: &Entry) -> bool {
        let own = &entry.descriptor;
        let refers = |subject: &Digest| self.known.contains(subject);
        if let Some((subject, _)) =
            entry.name.as_ref().and_then(|name| name.tag.as_ref()).and_then(subject_of)
            && refers(&subject)
        {
            return true;
        }
        ending(own).is_some() && self.signed_by(own).is_some()
            || self.referring.get(&own.digest).is_some_and(refers)
    }

    /// The image that signatures belong to which have no tag of their own: the one that is listed
    /// under the same name, or without one as they are.
    fn signed_by(&self, signatures: &Descriptor) -> Option<Digest> {
        let name = text(signatures);
        let is_image = |other: &&Descriptor| {
            is_document(&other.media_type)
                && ending(other).is_none()
                && !self.referring.contains_key(&other.digest)
        };
        let images = self.entries.iter().map(|entry| &entry.descriptor).filter(is_image);
        let same: BTreeSet<Digest> =
            images.filter(|image| text(image) == name).map(|image| image.digest).collect();
        let mut same = same.into_iter();
        same.next().filter(|_| same.next().is_none())
    }

    /// What stands in the layout for cosign's tags of `subject`: the tag, and the entry.
    pub(super) fn tags_of(&self, subject: &Digest) -> Vec<(Tag, &Descriptor)> {
        let mut tags = Vec::new();
        for entry in &self.entries {
            let own = entry.name.as_ref().and_then(|name| name.tag.clone());
            if let Some(tag) =
                own.filter(|tag| subject_of(tag).is_some_and(|(digest, _)| digest == *subject))
            {
                tags.push((tag, &entry.descriptor));
            } else if let Some(ending) = ending(&entry.descriptor)
                && entry.name.is_none()
                && self.signed_by(&entry.descriptor) == Some(*subject)
                && let Ok(tag) = format!("{}{ending}", Tag::referrers_of(subject)).parse()
            {
                tags.push((tag, &entry.descriptor));
            }
        }
        tags
    }

    /// The image that people call `wanted`: its name as it stands in the list, its full name, a
    /// digest, or `@` and its place in the list.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is none, with what there is; [`Class::Damaged`] when
    /// there are several.
    pub fn pick(&self, wanted: &str) -> Result<Reference> {
        let full = wanted.parse::<Reference>().ok();
        let digest = wanted.rsplit('@').next().and_then(|digest| digest.parse::<Digest>().ok());
        let place = wanted.strip_prefix('@').and_then(|place| place.parse::<usize>().ok());
        let as_it_stands = |entry: &Entry| {
            let keys = [CONTAINERD_NAME, COSIGN_NAME, REF_NAME].into_iter();
            keys.filter_map(|key| entry.descriptor.annotations.get(key)).any(|it| it == wanted)
                && (ending(&entry.descriptor).is_none() || entry.name.is_some())
        };
        let by_name = |entry: &Entry| {
            let name = entry.name.as_ref();
            name.is_some_and(|name| full.as_ref().is_some_and(|full| full.kept() == *name))
        };
        let by_digest = |entry: &Entry| Some(entry.descriptor.digest) == digest;
        let found = |is_it: &dyn Fn(&Entry) -> bool| {
            self.entries.iter().filter(|entry| is_it(entry)).collect::<Vec<_>>()
        };
        let mut there = found(&as_it_stands);
        if there.is_empty() {
            there = found(&by_name);
        }
        if there.is_empty() {
            there = found(&by_digest);
            there.truncate(1);
        }
        if there.is_empty() {
            there.extend(place.and_then(|place| self.entries.get(place)));
        }
        let Some(first) = there.first() else { return Err(self.has_no(wanted)) };
        let own = first.descriptor.digest;
        if let Some(other) = there.iter().find(|other| other.descriptor.digest != own) {
            return Err(self.twice(wanted, &other.descriptor.digest));
        }
        // By its digest where the name alone could not tell.
        let is_named = digest.is_none() && place.is_none();
        let name = first.name.clone().filter(|_| is_named).or_else(|| match &first.name {
            Some(name) => Some(Reference { digest: Some(own), ..name.clone() }),
            None => self.digest_name(first),
        });
        name.ok_or_else(|| self.has_no(wanted))
    }

    pub(super) fn has_no(&self, wanted: &str) -> Error {
        if let Some(broken) = self.broken.iter().find(|broken| broken.image == wanted) {
            return broken.error.again();
        }
        let error = Error::new(Class::Incomplete, format!("{self} has no image {wanted}"));
        let names: Vec<String> = self.images().names.iter().map(ToString::to_string).collect();
        match names.is_empty() {
            true => error.hint("it has no images"),
            false => error.hint(format!("it has: {}", names.join(", "))),
        }
    }

    pub(super) fn twice(&self, name: &str, other: &Digest) -> Error {
        Error::new(Class::Damaged, format!("{self} lists {name} twice, the other as {other}")).hint(
            "name one by its digest, as in oci:FOLDER:@sha256:..., give the images names of \
                   their own, or join them in an index",
        )
    }
}
