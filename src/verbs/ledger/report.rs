//! [`LedgerReport`]: what was found of a ledger.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::request::Request;
use crate::bundle::ledger::{LedgerEntry, LedgerFault, LedgerFinding, LedgerStage, LedgerState};
use crate::bundle::receipt::ReceiptSigner;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Subject};

/// An entry, with its digest.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct NotedEntry {
    /// What it says.
    #[serde(flatten)]
    pub entry: LedgerEntry,
    /// Its digest.
    pub digest: Digest,
}

/// Where a ledger ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LedgerEnd {
    /// The number of its last entry.
    pub sequence: u64,
    /// The digest of that, which stands for all that came before.
    pub digest: Digest,
}

/// What was found of a ledger.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct LedgerReport {
    /// The files that were read.
    #[serde(serialize_with = "all_shown")]
    pub files: Vec<PathBuf>,
    /// The entry that the first of them goes on from, where that stands in a file that was not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind: Option<LedgerEnd>,
    /// How many entries they have.
    pub count: u64,
    /// Where it ends; nothing where there is no entry.
    pub last: Option<LedgerEnd>,
    /// Whether something says that it ends there: its head beside it, or what signed it.
    pub anchored: bool,
    /// How often an entry accounts for what a crash left.
    pub mended: u64,
    /// How many bytes a crash left at the end, for which the next entry will account.
    pub torn: u64,
    /// The numbers of entries that say how something began, of which none says how it ended.
    pub unfinished: Vec<u64>,
    /// The id of the key that signed it, where it is an extract that somebody signed.
    pub key: Option<String>,
    /// Whether that key was given.
    pub trusted: bool,
    /// The number of the entry up to which it is the same as what was handed on before, where that was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extends: Option<u64>,
    /// All that is wrong.
    pub findings: Vec<LedgerFinding>,
}

/// What began and did not end yet.
#[derive(Debug, Default)]
pub(super) struct Open(BTreeSet<u64>);

impl Open {
    pub(super) fn note(&mut self, entry: &LedgerEntry) {
        match (entry.event.stage, entry.event.begun_by) {
            (LedgerStage::Begun, None) => drop(self.0.insert(entry.sequence)),
            (LedgerStage::Begun, Some(_)) => {}
            (_, begun) => drop(begun.map(|begun| self.0.remove(&begun))),
        }
    }
}

impl LedgerReport {
    pub(super) fn of(request: &Request, state: LedgerState, open: Open) -> LedgerReport {
        let end = |(sequence, digest)| LedgerEnd { sequence, digest };
        let mut report = LedgerReport {
            files: request.files.clone(),
            behind: state.behind.map(end),
            count: state.entries,
            last: state.last.map(end),
            anchored: state.anchored,
            mended: state.mended,
            torn: state.torn,
            unfinished: open.0.into_iter().collect(),
            key: None,
            trusted: false,
            extends: None,
            findings: state.findings,
        };
        if let (Some(behind), true, Some(file)) =
            (&report.behind, request.whole, request.files.first())
        {
            let finding = put_aside_is_gone(behind, file);
            report.findings.insert(0, finding);
        }
        report
    }

    pub(super) fn signed_by(&mut self, signer: Option<ReceiptSigner>) {
        (self.key, self.trusted) = match signer {
            Some(ReceiptSigner::Key(id)) => (Some(id.hex()), true),
            Some(ReceiptSigner::Claimed(id)) => (Some(id), false),
            Some(ReceiptSigner::Nobody) | None => (None, false),
        };
    }

    pub(super) fn find(&mut self, finding: LedgerFinding) {
        self.findings.push(finding);
    }

    /// What is wrong, as one failure.
    #[must_use]
    pub fn failure(&self) -> Option<Error> {
        let first = self.findings.first()?;
        let file = first.file.display().to_string();
        let details = self.findings.iter().map(|it| match it.line {
            Some(line) => format!("{}, line {line}: {}", it.file.display(), it.text),
            None => format!("{}: {}", it.file.display(), it.text),
        });
        Some(
            Error::new(Class::Damaged, format!("the ledger {file} is not as it was written"))
                .subject(Subject::Path(first.file.clone()))
                .details(details)
                .hint("keep it as it is, with its head, for whoever looks into that"),
        )
    }
}

/// What was put aside before the first of the files that there are is not there any more.
fn put_aside_is_gone(behind: &LedgerEnd, file: &Path) -> LedgerFinding {
    let to = behind.sequence;
    let which = match to {
        1 => "entry 1 is".to_owned(),
        _ => format!("entries 1 to {to} are"),
    };
    let text = format!(
        "{which} missing: what was put aside is not beside it, or not all of it; where that was carried \
         away, name the files that are here, and they are read by themselves"
    );
    let (kind, file) = (LedgerFault::Missing, file.to_owned());
    LedgerFinding { kind, sequence: 1, to, file, line: Some(1), text }
}

pub(super) fn shown<S: serde::Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    path.to_string_lossy().serialize(to)
}

fn all_shown<S: serde::Serializer>(paths: &[PathBuf], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(paths.iter().map(|path| path.to_string_lossy()))
}
