//! [`BundleReport`]: what a bundle holds, and whose word that is.

use std::collections::BTreeMap;

use serde::Serialize;

use super::image::{self, ReportedImage};
use crate::bundle::check::{OtherSignature, Verified};
use crate::bundle::contents::Skipped;
use crate::bundle::screening::Screening;
use crate::medium::Medium;
use crate::verbs::diff::Compared;
use crate::verbs::evidence::Evidence;
use crate::verbs::inspect::{self, UsageRow};
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::moment::Moment;
use crate::words::progress::Progress;
use crate::work::diff::Difference;

/// What a bundle holds, and whose word that is. There is none of a bundle that is not what its signer
/// made, to the last byte; one that has expired says so.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BundleReport {
    /// When the report was made.
    pub reported_at: Moment,
    /// Whether a trusted key signed it. Without one, everything here is a mere claim.
    pub trusted: bool,
    /// What was signed, when and by whom.
    #[serde(flatten)]
    pub evidence: Evidence,
    /// Signatures that do not count, beside one that does.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub other_signatures: Vec<OtherSignature>,
    /// Who claims to have signed it, where nobody's signature was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claimed_signers: Vec<String>,
    /// What made it.
    pub tool: String,
    /// Its images, by name.
    pub images: Vec<ReportedImage>,
    /// Blobs, manifests among them.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that the images would take without sharing.
    pub bytes_unshared: u64,
    /// Bytes of what it needs and neither it nor a base beside it has: more than nothing of a delta.
    pub bytes_lacking: u64,
    /// Who shares which layers: the largest first.
    pub usage: Vec<UsageRow>,
    /// What the sender held the images against before they were let in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub screenings: Vec<Screening>,
    /// The SHA-256 of each lock that was among the lists which asked for the images.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Digest>,
    /// What the export was asked for and could not read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub skipped: Vec<Skipped>,
    /// Recovery data that stands beside the bundle and that nobody signed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unsigned: Vec<String>,
    /// What changes from an earlier bundle, where one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<ReportedChanges>,
    /// Whether its files lie open in a folder or in one tar, so that common tools can check them.
    #[serde(skip)]
    pub(super) is_plain: bool,
}

/// What changes from an earlier bundle.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReportedChanges {
    /// The earlier one.
    pub before: Compared,
    /// What became of each name.
    #[serde(flatten)]
    pub difference: Difference,
}

impl BundleReport {
    /// What `bundle` holds, which lies on `medium`, at the time `now`.
    ///
    /// # Errors
    /// When the config of an image cannot be read any more.
    pub fn of(
        medium: &Medium,
        bundle: &Verified,
        now: Moment,
        progress: &dyn Progress,
    ) -> Result<BundleReport> {
        let examined = bundle.trusted().about();
        let contents = bundle.trusted().contents();
        let about = &examined.statement().predicate;
        let images = image::all(bundle, &progress.handle())?;
        let trusted = !examined.signers().is_empty();
        let is_plain = medium.is_plain() && examined.volume_size().is_none();
        let claimed = if trusted { &[] } else { examined.claimed_signers() };
        Ok(BundleReport {
            reported_at: now,
            trusted,
            evidence: Evidence::of(medium, examined, now),
            other_signatures: examined.other_signatures().to_vec(),
            claimed_signers: claimed.to_vec(),
            tool: format!("{} {}", about.tool.name, about.tool.version),
            blobs: about.inventory.blobs,
            bytes: about.inventory.bytes,
            bytes_unshared: images.iter().fold(0, |sum, it| it.sized.bytes.saturating_add(sum)),
            images,
            bytes_lacking: inspect::lacking(contents),
            usage: inspect::usage(contents),
            screenings: about.screenings.clone(),
            locks: about.locks.clone(),
            skipped: about.skipped.clone(),
            unsigned: examined.recovery().map(str::to_owned).collect(),
            against: None,
            is_plain,
        })
    }

    /// Notes what changes.
    pub(super) fn compare(&mut self, changes: ReportedChanges) {
        let kinds = changes.difference.images.iter().map(|it| (&it.name, it.change));
        let kinds: BTreeMap<_, _> = kinds.collect();
        for image in &mut self.images {
            image.change = kinds.get(&image.sized.image.name).copied();
        }
        self.against = Some(changes);
    }
}
