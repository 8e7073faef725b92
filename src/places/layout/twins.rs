//! Names that stand for several images of a layout: one for each platform, without an index that
//! would make them one image.

use std::collections::{BTreeMap, BTreeSet};

use super::Layout;
use super::entry::{LayoutEntry, are_one};
use super::names::{is_image, text};
use crate::storage::reading::read_small;
use crate::storage::store::ImageSource as _;
use crate::words::config::ImageConfig;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Kind, MAX_DOCUMENT};
use crate::words::error::{Class, Error};
use crate::words::json::check_strict;
use crate::words::phrase::phrase;
use crate::words::platform::{Platform, in_words};
use crate::words::remedy::Remedy;

impl Layout {
    /// The same, where a name that stands for several images stands for that alone which is for one
    /// of `platforms`. A name of which none is for one of them, or several are, still has them all.
    #[must_use]
    pub fn for_platforms(mut self, platforms: &[Platform]) -> Layout {
        let mut by_name: BTreeMap<String, Vec<&LayoutEntry>> = BTreeMap::new();
        let is_image =
            |entry: &&LayoutEntry| is_image(&entry.descriptor) && !self.is_companion(entry);
        for entry in self.entries.iter().filter(|_| !platforms.is_empty()).filter(is_image) {
            let name = entry.name.as_ref().map(ToString::to_string);
            if let Some(name) = name.or_else(|| text(&entry.descriptor)) {
                by_name.entry(name).or_default().push(entry);
            }
        }
        let (mut gone, mut notes) = (BTreeSet::new(), Vec::new());
        for (name, same) in by_name.into_iter().filter(|(_, same)| !are_one(same)) {
            let is_wanted = |entry: &&&LayoutEntry| {
                let own = self.platform(&entry.descriptor);
                own.is_some_and(|own| platforms.iter().any(|wanted| wanted.takes(&own)))
            };
            let wanted: Vec<&LayoutEntry> = same.iter().filter(is_wanted).copied().collect();
            let Some(first) = wanted.first().filter(|_| are_one(&wanted)) else { continue };
            let own = self.platform(&first.descriptor);
            let of = in_words(own.iter());
            notes.push(format!("{self}: {name} stands for several images; that for {of} is taken"));
            let others = same.iter().filter(|it| it.descriptor.digest != first.descriptor.digest);
            gone.extend(others.map(|entry| entry.position));
        }
        self.entries.retain(|entry| !gone.contains(&entry.position));
        self.notes.extend(notes);
        self
    }

    /// What the image `descriptor` runs on, as the list says, or its config.
    fn platform(&self, descriptor: &Descriptor) -> Option<Platform> {
        if let Some(listed) = &descriptor.platform {
            return Some((**listed).clone());
        }
        let document = self.document(descriptor).ok()?;
        let Kind::Manifest { config: Some(config), .. } = document.kind() else { return None };
        let bytes = read_small(self, config, MAX_DOCUMENT, "", self.tree.cancel()).ok()?;
        check_strict(&bytes).ok()?;
        ImageConfig::read(&bytes)?.platform().cloned()
    }

    /// Why nobody can say which of `entries` is meant by `name`.
    pub(super) fn twice(&self, name: &str, entries: &[&LayoutEntry]) -> Error {
        let images: BTreeMap<Digest, Option<Platform>> = entries
            .iter()
            .map(|entry| (entry.descriptor.digest, self.platform(&entry.descriptor)))
            .collect();
        let platforms: BTreeSet<&Platform> = images.values().flatten().collect();
        let is_each_for_its_own = platforms.len() == images.len();
        let shown = images.iter().map(|(digest, platform)| match platform {
            Some(platform) => format!("{digest} for {platform}"),
            None => digest.to_string(),
        });
        let shown: Vec<String> = shown.collect();
        let text = format!("{self} lists {name} twice, for {} images", images.len());
        let error = Error::new(Class::Damaged, text).details(shown);
        error.hint(match is_each_for_its_own {
            true => {
                phrase![
                    "choose one with ",
                    Remedy::Platform,
                    ", name one by its digest, as in oci:FOLDER:@sha256:..., or join them in an \
                     index"
                ]
            }
            false => {
                "name one by its digest, as in oci:FOLDER:@sha256:..., give the images names of \
                 their own, or join them in an index"
                    .into()
            }
        })
    }
}
