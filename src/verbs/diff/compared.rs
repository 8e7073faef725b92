//! [`Compared`]: what is to be known of one side of a comparison.

use std::fmt::Display;

use serde::Serialize;

use crate::bundle::check::Examined;
use crate::bundle::problem::{Problem, failure};
use crate::medium::Medium;
use crate::verbs::evidence::Evidence;
use crate::words::error::Error;
use crate::words::moment::Moment;
use crate::work::diff::ImageSet;
use crate::work::plan::Count;

/// What kind of thing is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum SideKind {
    /// A bundle, with or without its layers.
    Bundle,
    /// A list of names.
    List,
}

/// What is to be known of one side of a comparison.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Compared {
    /// What it was called.
    pub name: String,
    /// What kind of thing it is.
    pub kind: SideKind,
    /// How many images it has.
    pub image_count: u64,
    /// What these and what refers to them consist of; nothing where that is not known.
    pub total: Option<Count>,
    /// What of that it does not carry itself: more than nothing of a delta. Nothing where it carries
    /// no blobs at all.
    pub lacking: Option<Count>,
    /// Whether a trusted key signed it. Without one, its images are a mere claim. Nothing for what
    /// nobody signs.
    pub trusted: Option<bool>,
    /// What was signed, when and by whom, of a bundle.
    #[serde(flatten)]
    pub evidence: Option<Evidence>,
    /// Who claims to have signed it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub claimed_signers: Vec<String>,
    /// What is wrong with it at first sight.
    pub problems: Vec<Problem>,
}

impl Compared {
    /// What is to be known of a bundle.
    pub(super) fn bundle(
        medium: &Medium,
        examined: &Examined,
        now: Moment,
        set: &ImageSet,
    ) -> Compared {
        let mut lacking = Count::default();
        examined.contents().blobs.lacking().for_each(|blob| lacking.add(blob));
        Compared {
            lacking: Some(lacking),
            trusted: Some(!examined.signers().is_empty()),
            evidence: Some(Evidence::of(medium, examined, now)),
            claimed_signers: examined.claimed_signers().to_vec(),
            problems: examined.problems().to_vec(),
            ..Compared::unsigned(SideKind::Bundle, medium, set)
        }
    }

    /// What is to be known of what nobody signs.
    pub(super) fn unsigned(kind: SideKind, name: impl Display, set: &ImageSet) -> Compared {
        let total = set.sizes().map(|sizes| {
            let mut total = Count::default();
            sizes.values().for_each(|size| total.weigh(*size));
            total
        });
        Compared {
            name: name.to_string(),
            kind,
            image_count: set.images().len() as u64,
            total,
            lacking: None,
            trusted: None,
            evidence: None,
            claimed_signers: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// Why it is not as it should be, if it is not.
    pub(super) fn error(&self) -> Option<Error> {
        (!self.problems.is_empty()).then(|| failure(&self.name, &self.problems))
    }
}
