//! [`LedgerEvent`]: what an entry tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::refused::kept;
use crate::bundle::position::StreamPosition;
use crate::bundle::screening::Screening;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, RuleRefusal};
use crate::words::reference::Reference;

/// Most characters of what went wrong: it is told in full where it happens.
const MAX_MESSAGE: usize = 500;

/// What is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LedgerVerb {
    /// A bundle was made of images.
    Export,
    /// A bundle was made of bundles.
    Squash,
    /// A bundle got a further signature.
    Sign,
    /// A bundle was verified.
    Verify,
    /// A bundle was imported.
    Import,
    /// A bundle came into a drop folder, or left it.
    Receive,
    /// Images were taken away.
    Prune,
    /// The file before was put aside.
    Rotate,
    /// What a crash left of an entry is accounted for.
    Mend,
}

impl LedgerVerb {
    /// Its name, as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LedgerVerb::Export => "export",
            LedgerVerb::Squash => "squash",
            LedgerVerb::Sign => "sign",
            LedgerVerb::Verify => "verify",
            LedgerVerb::Import => "import",
            LedgerVerb::Receive => "receive",
            LedgerVerb::Prune => "prune",
            LedgerVerb::Rotate => "rotate",
            LedgerVerb::Mend => "mend",
        }
    }
}

/// How far it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum LedgerStage {
    /// All was found right, and from here on names appear or go.
    Begun,
    /// It did what was asked.
    Done,
    /// It did not.
    Failed,
}

impl LedgerStage {
    /// Its name, as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            LedgerStage::Begun => "begun",
            LedgerStage::Done => "done",
            LedgerStage::Failed => "failed",
        }
    }
}

/// What an entry tells. `docs/FORMAT.md` describes each member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerEvent {
    /// What was done.
    pub verb: LedgerVerb,
    /// How far.
    pub stage: LedgerStage,
    /// The number of the entry that tells how it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begun_by: Option<u64>,
    /// The bundle, as it was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bundle: Option<String>,
    /// The digest of its statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<Digest>,
    /// Where in a stream it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<StreamPosition>,
    /// The ids of the keys whose signatures count.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signers: Vec<String>,
    /// Whom to believe was said how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<LedgerTrust>,
    /// The place that images went to, or were taken away from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// How names became others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<LedgerMapping>,
    /// The images.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<LedgerImage>,
    /// How many, by what is counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// The digest of the receipt that says what is at the place now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Digest>,
    /// What the images were held against before they were let in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub screenings: Vec<Screening>,
    /// What was done though the rule says otherwise.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<LedgerOverride>,
    /// What was not let in, and by which rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refusals: Vec<RuleRefusal>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<LedgerFailure>,
    /// What a crash left in front of this entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub torn: Option<LedgerTorn>,
}

/// Whom to believe was said how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerTrust {
    /// `keys`, `roots` for those that a root of trust names, or `anySigner` where nobody was asked.
    pub by: String,
    /// The ids of the keys that were given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<String>,
}

/// How names became others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerMapping {
    /// Whether only the last part of each name was kept.
    pub flatten: bool,
    /// The rules, in order.
    pub rules: Vec<String>,
    /// Whether smaller indexes were written.
    pub rewrite_index: bool,
    /// Whether manifests were written anew as OCI's.
    pub to_oci: bool,
}

/// An image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerImage {
    /// Its name in the bundle, or at the place that it is taken away from.
    pub name: String,
    /// Its name at the destination.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// What the name stands for.
    pub digest: Digest,
    /// What the name stood for before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub was: Option<Digest>,
}

/// Something that was done though the rule says otherwise.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerOverride {
    /// What, in a word.
    pub what: String,
    /// Why, as whoever did so said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Why something failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerFailure {
    /// The name of its class.
    pub class: String,
    /// The beginning of what it says.
    pub message: String,
}

/// What a crash left in front of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct LedgerTorn {
    /// How many bytes, the line feed behind them among them.
    pub bytes: u64,
    /// Their digest.
    pub digest: Digest,
}

impl LedgerEvent {
    /// That `verb` was at `stage`, and nothing else.
    #[must_use]
    pub fn new(verb: LedgerVerb, stage: LedgerStage) -> LedgerEvent {
        LedgerEvent {
            verb,
            stage,
            begun_by: None,
            bundle: None,
            statement: None,
            position: None,
            signers: Vec::new(),
            trust: None,
            place: None,
            mapping: None,
            images: Vec::new(),
            counts: BTreeMap::new(),
            receipt: None,
            screenings: Vec::new(),
            overrides: Vec::new(),
            refusals: Vec::new(),
            error: None,
            torn: None,
        }
    }

    /// The same, and that there were so `many` of `what`; none are not told.
    #[must_use]
    pub fn count(mut self, what: &str, many: u64) -> LedgerEvent {
        if many > 0 {
            self.counts.insert(what.to_owned(), many);
        }
        self
    }

    /// The same, and that it failed as `error` says.
    #[must_use]
    pub fn failed(self, error: &Error) -> LedgerEvent {
        let mut event = self.count("refused", error.refusals().len() as u64);
        (event.stage, event.error) = (LedgerStage::Failed, Some(LedgerFailure::of(error)));
        event.refusals = kept(error.refusals());
        event
    }
}

impl LedgerImage {
    /// The image `name`, which stands for `digest`.
    #[must_use]
    pub fn new(name: &Reference, digest: Digest) -> LedgerImage {
        LedgerImage { name: name.to_string(), to: None, digest, was: None }
    }
}

impl LedgerOverride {
    /// That `what` was asked for, for this `reason`.
    #[must_use]
    pub fn new(what: &str, reason: Option<&str>) -> LedgerOverride {
        LedgerOverride { what: what.to_owned(), reason: reason.map(str::to_owned) }
    }
}

impl LedgerFailure {
    /// What `error` says.
    #[must_use]
    pub fn of(error: &Error) -> LedgerFailure {
        LedgerFailure::new(error.class(), &error.spelled())
    }

    fn new(class: Class, message: &str) -> LedgerFailure {
        let message = message.chars().take(MAX_MESSAGE).collect();
        LedgerFailure { class: class.name().to_owned(), message }
    }
}
