//! `ledger`: what was done on this side, as it was noted: shown, proved to be whole, handed on.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

mod report;
mod request;

use self::report::Open;
pub use self::report::{LedgerEnd, LedgerReport, NotedEntry};
use self::request::Range;
pub use self::request::Request;
use crate::bundle::keys::{KeyId, PrivateKey, PublicKey};
use crate::bundle::ledger::{
    LedgerEntry, LedgerExtract, LedgerFault, LedgerFinding, LedgerSpan, LedgerState,
};
use crate::tools::file::AtomicFile;
use crate::tools::ground;
use crate::tools::over::only_over;
use crate::verbs::recording::LedgerKeeper;
use crate::words::cancel::Cancel;
use crate::words::digest::{Digest, Hasher};
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::moment::Moment;

/// Permissions of what is handed on: it tells who did what.
const MODE: u32 = 0o600;

/// What was handed on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ExtractReport {
    /// Where it lies.
    #[serde(serialize_with = "report::shown")]
    pub file: PathBuf,
    /// Which entries.
    #[serde(flatten)]
    pub span: LedgerSpan,
    /// Who signed it.
    pub key: Option<KeyId>,
}

/// A ledger that goes on in another file.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RotationReport {
    /// What was put aside.
    #[serde(serialize_with = "report::shown")]
    pub aside: PathBuf,
    /// Where it goes on.
    #[serde(serialize_with = "report::shown")]
    pub ledger: PathBuf,
}

/// Holds every entry against the one in front of it and against itself, and hands those that are wanted to
/// `each`.
///
/// # Errors
/// When a file cannot be read, or what was handed on is not signed by any of the keys. What is wrong with
/// the entries is in the report, and [`LedgerReport::failure`] makes a failure of it.
pub fn verify(request: &Request, mut each: impl FnMut(NotedEntry)) -> Result<LedgerReport> {
    let (mut open, range) = (Open::default(), Range::of(request)?);
    let before = request.extends.as_deref().map(|path| end_of(path, &request.keys)).transpose()?;
    let mut met = None;
    let mut take = |entry: &LedgerEntry, digest: &Digest| {
        open.note(entry);
        if before.as_ref().is_some_and(|span| span.last == entry.sequence) {
            met = Some(*digest);
        }
        if range.has(entry.at) {
            each(NotedEntry { entry: entry.clone(), digest: *digest });
        }
        Ok(())
    };
    let mut signer = None;
    let state = match request.files.as_slice() {
        [one] if LedgerExtract::is_at(one) => {
            let keys = if request.extends.is_some() { &[][..] } else { &request.keys };
            let (_, by, state) = LedgerExtract::read(one, keys, take)?;
            signer = Some(by);
            state
        }
        _ if !request.keys.is_empty() && request.extends.is_none() => {
            return Err(Error::new(Class::Untrusted, "a ledger itself is not signed")
                .hint("ask for an extract of it that is, or give no key"));
        }
        files => LedgerState::read(files, &mut take)?,
    };
    let mut report = LedgerReport::of(request, state, open);
    report.signed_by(signer);
    if let (Some(span), Some(path)) = (before, &request.extends) {
        report.extends = Some(span.last);
        if met != Some(span.digest) {
            report.find(not_extended(path, &span, met.is_some(), &request.files));
        }
    }
    Ok(report)
}

/// Fails where `output` is a part of the ledger itself, or its head.
fn refuse_own(request: &Request, output: &Path) -> Result<()> {
    let same = |one: &Path, other: &Path| {
        one == other
            || one.canonicalize().ok().is_some_and(|it| other.canonicalize().ok() == Some(it))
    };
    let head = |file: &Path| {
        let mut head = file.as_os_str().to_owned();
        head.push(".head");
        PathBuf::from(head)
    };
    match request.files.iter().find(|file| same(file, output) || same(&head(file), output)) {
        None => Ok(()),
        Some(file) => {
            let text = format!("{} is a part of the ledger {}", output.display(), file.display());
            Err(Error::new(Class::Usage, text)
                .subject(Subject::Path(output.to_owned()))
                .hint("choose another name for the extract"))
        }
    }
}

/// The entries that the extract at `path` has.
fn end_of(path: &Path, keys: &[PublicKey]) -> Result<LedgerSpan> {
    LedgerExtract::read(path, keys, |_, _| Ok(())).map(|(extract, _, _)| extract.span)
}

fn not_extended(path: &Path, span: &LedgerSpan, other: bool, files: &[PathBuf]) -> LedgerFinding {
    let (kind, what) = match other {
        true => (LedgerFault::Rewritten, "is another one"),
        false => (LedgerFault::CutOff, "is not there"),
    };
    LedgerFinding {
        kind,
        sequence: span.last,
        to: span.last,
        file: files.last().cloned().unwrap_or_default(),
        line: None,
        text: format!("entry {}, with which {} ends, {what}", span.last, path.display()),
    }
}

/// Writes the entries that are wanted, with all between them, to `output`, signed with `key` if there is
/// one. An extract that is there is replaced.
///
/// # Errors
/// [`Class::Damaged`] where the ledger is not whole; [`Class::Usage`] where no entry is wanted, and where
/// something else is there; that of the disk.
pub fn extract(
    request: &Request,
    output: &Path,
    key: Option<&PrivateKey>,
    now: Moment,
) -> Result<ExtractReport> {
    // 1. Which entries, and what is their digest?
    ground::check(output)?;
    refuse_own(request, output)?;
    only_over(output, "extract of a ledger", |_| {
        LedgerExtract::read(output, &[], |_, _| Ok(())).is_ok()
    })?;
    let range = Range::of(request)?;
    let (mut hasher, mut found) = (Hasher::new(), None::<(LedgerSpan, Hasher)>);
    let state = LedgerState::read(&request.files, |entry, digest| {
        if found.is_none() && !range.has(entry.at) {
            return Ok(());
        }
        hasher.update(&entry.to_line()?.0);
        if range.has(entry.at) {
            let end = (entry.sequence, *digest);
            let span = match found.take() {
                Some((span, _)) => LedgerSpan::new(span.first, span.previous, end),
                None => LedgerSpan::new(entry.sequence, entry.previous, end),
            };
            found = Some((span, hasher.clone()));
        }
        Ok(())
    })?;
    let report = LedgerReport::of(request, state, Open::default());
    report.failure().map_or(Ok(()), Err)?;
    let (span, hasher) =
        found.ok_or_else(|| Error::new(Class::Usage, "no entry is of that time"))?;

    // 2. Those, behind who says so.
    let fault = |e| Error::io(format!("cannot write {}", output.display()), e);
    let lines = hasher.finish();
    let mut file = AtomicFile::create(output, MODE)?;
    file.write_all(&LedgerExtract::new(now, span.clone()).first_line(&lines, key))
        .map_err(fault)?;
    let mut written = Hasher::new();
    LedgerState::read(&request.files, |entry, _| {
        if (span.first..=span.last).contains(&entry.sequence) {
            let (line, _) = entry.to_line()?;
            written.update(&line);
            file.write_all(&line).map_err(fault)?;
        }
        Ok(())
    })?;
    if written.finish() != lines {
        let text = "the ledger was changed while it was read";
        return Err(Error::new(Class::Damaged, text).subject(Subject::Path(output.to_owned())));
    }
    file.commit()?;
    let key = key.map(|key| key.public().id());
    Ok(ExtractReport { file: output.to_owned(), span, key })
}

/// Puts the ledger that `keeper` writes aside, and begins the next file.
///
/// # Errors
/// As [`LedgerBook::rotate`](crate::bundle::ledger::LedgerBook::rotate).
pub fn rotate(keeper: &LedgerKeeper, cancel: &Cancel) -> Result<RotationReport> {
    let aside = keeper.book().rotate(&keeper.scribe()?, cancel)?;
    Ok(RotationReport { aside, ledger: keeper.book().path().to_owned() })
}
