//! Which entries of a layout are images of their own, and which one is meant.

use std::collections::BTreeSet;

use super::Layout;
use super::entry::{LayoutEntry, are_one};
use super::images::{Images, Unreadable};
use super::names::{COSIGN_NAME, beside, by_digest, listed_for, subject_of, text};
use super::spec::{CONTAINERD_NAME, REF_NAME};
use crate::storage::store::ImageSource as _;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Kind};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Reference;

impl Layout {
    /// Its images: everything listed but what goes with another image that is listed. An image
    /// without a name that can be read is there under its digest.
    #[must_use]
    pub fn images(&self) -> Images {
        let mut images = Images { notes: self.notes.clone(), ..Images::default() };
        for broken in &self.broken {
            let error = broken.error.clone();
            images.unreadable.push(Unreadable { image: broken.image.clone(), error });
        }
        // That of another image which is listed, and comes along with that if it is right.
        let is_list = |name: &Reference| {
            let subject = name.tag.as_ref().and_then(subject_of);
            subject.is_some_and(|(subject, _)| self.known.contains(&subject))
        };
        let has_name = |e: &&LayoutEntry| e.name.as_ref().is_some_and(|name| !is_list(name));
        let mut seen = BTreeSet::new();
        let mut later = Vec::new();
        for entry in self.entries.iter().filter(|entry| !self.is_companion(entry)) {
            match entry.name.as_ref().filter(|name| !is_list(name)) {
                Some(name) => {
                    if seen.insert(name.clone()) {
                        images.names.push(name.clone());
                    }
                }
                None => later.push(entry),
            }
        }
        let mut named: BTreeSet<Digest> =
            self.entries.iter().filter(has_name).map(|e| e.descriptor.digest).collect();
        for entry in later {
            let digest = entry.descriptor.digest;
            let is_new = named.insert(digest);
            images.notes.extend(match (&entry.name, text(&entry.descriptor), is_new) {
                (Some(name), _, true) => Some(format!(
                    "{self}: {name} lists what does not refer to that image; the list goes by its \
                     digest, {digest}"
                )),
                (None, Some(text), true) => Some(format!(
                    "{self}: {text:?} is no image name; the image goes by its digest, {digest}"
                )),
                (None, Some(text), false) => {
                    Some(format!("{self}: {text:?} is no image name; {digest} has another one"))
                }
                (None, None, true) => {
                    Some(format!("{self}: an image without a name goes by its digest, {digest}"))
                }
                (_, _, false) => None,
            });
            if is_new {
                images.names.extend(self.digest_name(entry));
            }
        }
        images
    }

    /// The name of an entry that has none but its digest.
    fn digest_name(&self, entry: &LayoutEntry) -> Option<Reference> {
        by_digest(text(&entry.descriptor).as_deref(), &self.tree.stem(), &entry.descriptor.digest)
    }

    /// Whether an entry goes with another image that is listed, and comes along with that.
    pub(super) fn is_companion(&self, entry: &LayoutEntry) -> bool {
        let own = &entry.descriptor;
        let refers = |subject: &Digest| self.known.contains(subject);
        if let Some((subject, ending)) =
            entry.name.as_ref().and_then(|name| name.tag.as_ref()).and_then(subject_of)
            && refers(&subject)
        {
            return !ending.is_empty() || self.is_list_of(own, &subject);
        }
        if let Some(subject) = listed_for(own).filter(refers)
            && entry.name.is_none()
        {
            return own.digest != subject && self.is_list_of(own, &subject);
        }
        self.tags.given.contains(&own.digest) && entry.name.is_none()
            || self.referring.get(&own.digest).is_some_and(refers)
    }

    /// Whether `list`, which stands under the tag for referrers of `subject`, comes along with it:
    /// it is the subject itself, no list, or one of what does refer to it. Another list is left
    /// behind by whoever reads it, with what it lists.
    fn is_list_of(&self, list: &Descriptor, subject: &Digest) -> bool {
        if list.digest == *subject {
            return true;
        }
        let Ok(document) = self.document(list) else { return false };
        let Kind::Index { manifests } = document.kind() else { return true };
        let refers = |entry: &Descriptor| match self.referring.get(&entry.digest) {
            Some(own) => own == subject,
            None => self
                .document(entry)
                .is_ok_and(|document| document.subject().is_some_and(|s| s.digest == *subject)),
        };
        manifests.iter().all(refers)
    }

    /// The image that people call `wanted`: its name as it stands in the list, its full name, a
    /// digest, or `@` and its position in the list.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is none, with what there is; [`Class::Damaged`] when
    /// there are several.
    pub fn pick(&self, wanted: &str) -> Result<Reference> {
        let full = wanted.parse::<Reference>().ok();
        let digest = wanted.rsplit('@').next().and_then(|digest| digest.parse::<Digest>().ok());
        let position = wanted.strip_prefix('@').and_then(|at| at.parse::<usize>().ok());
        let as_it_stands = |entry: &LayoutEntry| {
            let keys = [CONTAINERD_NAME, COSIGN_NAME, REF_NAME].into_iter();
            keys.filter_map(|key| entry.descriptor.annotations.get(key)).any(|it| it == wanted)
                && (beside(&entry.descriptor).is_none() || entry.name.is_some())
        };
        let by_name = |entry: &LayoutEntry| {
            let name = entry.name.as_ref();
            name.is_some_and(|name| full.as_ref().is_some_and(|full| full.kept() == *name))
        };
        let by_digest = |entry: &LayoutEntry| Some(entry.descriptor.digest) == digest;
        let found = |is_it: &dyn Fn(&LayoutEntry) -> bool| {
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
            there.extend(self.entries.iter().filter(|entry| Some(entry.position) == position));
        }
        let Some(first) = there.first() else { return Err(self.has_no(wanted)) };
        let own = first.descriptor.digest;
        if !are_one(&there) {
            return Err(self.twice(wanted, &there));
        }
        // By its digest where the name alone could not tell.
        let is_named = digest.is_none() && position.is_none();
        let name = first.name.clone().filter(|_| is_named).or_else(|| match &first.name {
            Some(name) => Some(Reference { digest: Some(own), ..name.clone() }),
            None => self.digest_name(first),
        });
        name.ok_or_else(|| self.has_no(wanted))
    }

    pub(super) fn has_no(&self, wanted: &str) -> Error {
        if let Some(broken) = self.broken.iter().find(|broken| broken.image == wanted) {
            return broken.error.clone();
        }
        let error = Error::new(Class::Incomplete, format!("{self} has no image {wanted}"));
        let names: Vec<String> = self.images().names.iter().map(ToString::to_string).collect();
        match names.is_empty() {
            true => error.hint("it has no images"),
            false => error.hint(format!("it has: {}", names.join(", "))),
        }
    }
}
