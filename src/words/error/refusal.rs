//! [`RuleRefusal`]: what was not let in, and by which rule.

use serde::{Deserialize, Serialize};

use crate::words::digest::Digest;

/// Something that a rule did not let in. Text in it may come from outside, and is not escaped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct RuleRefusal {
    /// The rule: its name in a policy, else what was demanded or the command of a scanner, as it was given.
    pub rule: String,
    /// The SHA-256 of the policy's file, where it is a rule of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Digest>,
    /// What the scanner calls itself, with its version, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The images; none where it is the bundle as a whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
    /// Why, for people.
    pub what: String,
}

impl RuleRefusal {
    /// That `rule` keeps `images` out, since `what`.
    #[must_use]
    pub fn new(
        rule: impl Into<String>,
        images: Vec<String>,
        what: impl Into<String>,
    ) -> RuleRefusal {
        RuleRefusal { rule: rule.into(), policy: None, tool: None, images, what: what.into() }
    }

    /// The same, by a rule of the policy whose file has this digest.
    #[must_use]
    pub fn of_policy(self, digest: Digest) -> RuleRefusal {
        RuleRefusal { policy: Some(digest), ..self }
    }

    /// The same, by a scanner that calls itself `tool`.
    #[must_use]
    pub fn by_tool(self, tool: impl Into<String>) -> RuleRefusal {
        RuleRefusal { tool: Some(tool.into()), ..self }
    }
}
