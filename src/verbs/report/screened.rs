//! [`ScreenedText`]: what images were held against, in words.

use crate::bundle::screening::Screening;
use crate::words::count::count;
use crate::words::digest::Digest;

/// What images were held against before they were let in, and what came of it.
#[derive(Debug)]
pub(super) struct ScreenedText {
    /// In a sentence.
    pub(super) what: String,
    /// The digest of what stands behind it: a policy, an image.
    pub(super) digest: Digest,
    /// What else is to be known, a line each.
    pub(super) more: Vec<String>,
}

impl ScreenedText {
    pub(super) fn of(screening: &Screening) -> ScreenedText {
        match screening {
            Screening::Signature { image, digest, rule, key, form, unchecked } => ScreenedText {
                what: format!("{image} is signed, as {rule} demands: {form} by key {key}"),
                digest: *digest,
                more: unchecked.iter().map(|it| format!("not checked: {it}")).collect(),
            },
            Screening::Scan { image, digest, command, tool, layers } => ScreenedText {
                what: format!(
                    "{image} was scanned by {command} ({tool}), which found nothing in {}",
                    count(usize::try_from(*layers).unwrap_or(usize::MAX), "layer")
                ),
                digest: *digest,
                more: Vec::new(),
            },
            Screening::Policy { policy, warnings, warn_only } => ScreenedText {
                what: match (warn_only, warnings.is_empty()) {
                    (false, true) => "A policy was kept",
                    (false, false) => "A policy was kept, and warned",
                    (true, true) => "A policy was kept, which was told only to warn",
                    (true, false) => "A policy was told only to warn, and did",
                }
                .to_owned(),
                digest: *policy,
                more: warnings.clone(),
            },
        }
    }
}
