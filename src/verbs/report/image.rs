//! [`ReportedImage`]: an image with all that is told of it.

use std::collections::BTreeSet;

use serde::Serialize;

use super::accompanying::Accompanying;
use super::manifest::{ManifestReader, ReportedManifest};
use crate::bundle::check::Verified;
use crate::verbs::inspect::{self, KnownReferrer, Sized};
use crate::words::cancel::Cancel;
use crate::words::error::Result;
use crate::work::diff::ChangeKind;

/// An image with all that is told of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ReportedImage {
    /// The image, with what it weighs.
    #[serde(flatten)]
    pub sized: Sized,
    /// Its manifests, one a platform, in the order of its index.
    pub manifests: Vec<ReportedManifest>,
    /// The signatures, SBOMs and attestations that came along with it, and what refers to those.
    /// Nobody checked what they say.
    pub referrers: Vec<KnownReferrer>,
    /// What became of its name since the earlier bundle, where one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeKind>,
}

/// All images of `bundle`, until `cancel` says stop.
pub(super) fn all(bundle: &Verified, cancel: &Cancel) -> Result<Vec<ReportedImage>> {
    let contents = bundle.trusted().contents();
    let accompanying = Accompanying::of(contents);
    let reader = ManifestReader::new(bundle, cancel);
    let report = |sized: Sized| {
        cancel.check()?;
        let root = sized.image.digest;
        let parts: BTreeSet<_> = contents.closure(root).into_iter().collect();
        let repository = sized.image.name.name();
        Ok(ReportedImage {
            manifests: reader.all(root)?,
            referrers: accompanying.to(parts, &repository),
            change: None,
            sized,
        })
    };
    inspect::sized(contents).into_iter().map(report).collect()
}
