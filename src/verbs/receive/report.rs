//! [`ParcelReport`]: what became of a parcel.

use std::path::PathBuf;

use serde::Serialize;

use crate::words::digest::Digest;
use crate::words::error::{Class, Error};
use crate::words::phrase::Phrase;

/// Most findings that are told one by one: a bundle of which all is damaged has as many as files.
pub(super) const MAX_FINDINGS: usize = 1000;

/// What became of a parcel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ParcelState {
    /// It was imported, and lies in `done`.
    Done,
    /// It was not taken, and lies in `refused`, with the reason.
    Refused,
    /// Something of it is missing, or still being written: it is waited for.
    Waiting,
    /// It could not be taken now, and for nothing that would be wrong with it: the destination has no room or another
    /// image of its name, is not reached, or files may not be read. It is tried again.
    Postponed,
}

/// A parcel, and what became of it.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ParcelReport {
    /// What it is called in the drop folder.
    pub name: String,
    /// What became of it.
    pub state: ParcelState,
    /// Where it lies now, if it was moved.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_to: Option<PathBuf>,
    /// The digest of its statement, where it was imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statement: Option<Digest>,
    /// The receipt of what is at the destination now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receipt: Option<PathBuf>,
    /// Why it was not imported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Phrase>,
    /// What that is about, one by one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Phrase>,
    /// The class of that, and so of the exit code.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// That, whole.
    #[serde(skip)]
    pub error: Option<Error>,
}

impl ParcelReport {
    pub(super) fn new(name: String, state: ParcelState) -> ParcelReport {
        ParcelReport {
            name,
            state,
            moved_to: None,
            statement: None,
            receipt: None,
            reason: None,
            findings: Vec::new(),
            class: None,
            error: None,
        }
    }

    pub(super) fn because(self, error: Error) -> ParcelReport {
        let (reason, class) = (Some(error.words()), Some(error.class()));
        let findings = error.findings().iter().take(MAX_FINDINGS).cloned();
        ParcelReport { reason, class, findings: findings.collect(), error: Some(error), ..self }
    }
}
