//! [`BrokenPolicyRule`]: a rule that an image breaks.

use std::fmt;

use serde::Serialize;

use super::rule::PolicyAction;
use crate::words::reference::Reference;

/// A rule that an image, or the bundle, breaks. Text in it comes from outside, and is not escaped.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct BrokenPolicyRule {
    /// What becomes of that.
    pub action: PolicyAction,
    /// Which rule.
    pub rule: String,
    /// The image; nothing where it is the bundle.
    pub image: Option<Reference>,
    /// By what, for people.
    pub what: String,
}

/// A rule of which nobody knows yet whether it is kept, since more has to be known of its images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Unjudged {
    /// Which rule.
    pub rule: String,
    /// What has to be known, for people.
    pub needs: String,
    /// How many images it is for.
    pub images: usize,
}

impl fmt::Display for BrokenPolicyRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.image {
            Some(image) => write!(f, "{}: {image} {}", self.rule, self.what),
            None => write!(f, "{}: the bundle {}", self.rule, self.what),
        }
    }
}
