//! [`ParcelReport`]: what became of a parcel.

use std::path::PathBuf;

use serde::Serialize;

use crate::words::digest::Digest;
use crate::words::error::{Class, Error};
use crate::words::phrase::Phrase;

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
    /// The destination did not take it now: it is tried again.
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
            class: None,
            error: None,
        }
    }

    pub(super) fn because(self, error: Error) -> ParcelReport {
        let (reason, class) = (Some(error.words()), Some(error.class()));
        ParcelReport { reason, class, error: Some(error), ..self }
    }
}
