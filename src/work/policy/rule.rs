//! [`PolicyRule`]: what a policy demands of which images.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::facts::ImageFacts;
use super::keys::PolicyKeys;
use crate::bundle::image_signature::SignedNames;
use crate::words::glob::fits;
use crate::words::platform::Platform;
use crate::work::choice::Pattern;

/// What becomes of what breaks a rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum PolicyAction {
    /// It is not let in.
    #[default]
    Deny,
    /// It is told.
    Warn,
}

/// A rule: what it demands, and of which images.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PolicyRule {
    /// What it is called.
    pub name: String,
    /// What becomes of what breaks it.
    pub action: PolicyAction,
    pub(super) images: Vec<Pattern>,
    pub(super) except: Vec<Pattern>,
    pub(super) demands: Demanded,
}

/// What is demanded; what is nothing is not.
#[derive(Debug, Clone, Default)]
pub(super) struct Demanded {
    pub(super) allowed_registries: Vec<String>,
    pub(super) denied_registries: Vec<String>,
    pub(super) allowed_images: Vec<Pattern>,
    pub(super) denied_images: Vec<Pattern>,
    pub(super) denied_tags: Vec<String>,
    pub(super) by_digest: bool,
    pub(super) max_image_size: Option<u64>,
    pub(super) max_bundle_size: Option<u64>,
    pub(super) max_age_days: Option<u32>,
    pub(super) platforms: Vec<Platform>,
    pub(super) no_root: bool,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) carries: Vec<String>,
    /// Who has to have attested what is carried.
    pub(super) attested_by: Option<PolicyKeys>,
    pub(super) signed_by: Option<(PolicyKeys, SignedNames)>,
}

impl PolicyRule {
    /// Whether it is for `image`.
    #[must_use]
    pub fn is_for(&self, image: &ImageFacts) -> bool {
        let among = |patterns: &[Pattern]| {
            patterns.iter().any(|pattern| pattern.matches_name(&image.name, image.digest))
        };
        (self.images.is_empty() || among(&self.images)) && !among(&self.except)
    }

    /// Whether its patterns name digests.
    pub(super) fn asks_digests(&self) -> bool {
        let patterns = self.images.iter().chain(&self.except).chain(&self.demands.allowed_images);
        patterns.chain(&self.demands.denied_images).any(Pattern::asks_digest)
    }

    /// Whether what it demands can be told from the config of an image alone.
    #[must_use]
    pub fn needs_config(&self) -> bool {
        let Demanded { max_age_days, no_root, labels, .. } = &self.demands;
        max_age_days.is_some() || *no_root || !labels.is_empty()
    }

    /// By whom an image has to be signed, and under which names.
    #[must_use]
    pub fn signed_by(&self) -> Option<&(PolicyKeys, SignedNames)> {
        self.demands.signed_by.as_ref()
    }

    /// By whom it has to be attested what an image carries.
    #[must_use]
    pub fn attested_by(&self) -> Option<&PolicyKeys> {
        self.demands.attested_by.as_ref()
    }

    /// What has to be known beside names, in words; nothing where these are enough.
    pub(super) fn needs(&self) -> Option<&'static str> {
        let Demanded { max_image_size, max_bundle_size, platforms, carries, .. } = &self.demands;
        match () {
            () if self.needs_config() => Some("configs"),
            () if max_image_size.is_some() || max_bundle_size.is_some() => Some("sizes"),
            () if !platforms.is_empty() => Some("platforms"),
            () if self.demands.signed_by.is_some() => Some("signatures"),
            () if !carries.is_empty() => Some("what refers to the images"),
            () => None,
        }
    }
}

/// The first of `globs` that `text` looks like.
pub(super) fn fitting<'g>(globs: &'g [String], text: &str) -> Option<&'g String> {
    globs.iter().find(|glob| fits(glob, text))
}
