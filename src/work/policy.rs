//! Which images are let in, as a site's policy says. Pure: rules and facts in, broken rules out.
//! docs/policy.md describes the file.

mod broken;
mod document;
mod facts;
mod judge;
mod keys;
mod rule;

pub use self::broken::{BrokenPolicyRule, Unjudged};
pub use self::document::{AdmissionPolicy, MAX_POLICY, ReadKey};
pub use self::facts::{CarriedFacts, ConfigFacts, ImageFacts, ImageParts, ManifestFacts};
pub use self::judge::{Judgement, PolicySubject};
pub use self::keys::PolicyKeys;
pub use self::rule::{PolicyAction, PolicyRule};

#[cfg(test)]
mod tests;
