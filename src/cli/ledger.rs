//! `sealift ledger`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde::Serialize;

use super::environment::creation_time;
use super::noting::Noting;
use super::printer::Printer;
use super::secrets::{private_key, public_keys};
use super::table::{digest, table};
use crate::verbs::ledger::{
    ExtractReport, LedgerReport, NotedEntry, Request, RotationReport, extract, rotate, verify,
};
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::moment::Moment;

/// Look at what was done on this side, and prove that nothing of it was changed
///
/// export, squash, sign, verify, import and prune each add entries to a file that only grows, before names
/// appear and once they are done. Every entry has the digest of the one in front of it.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  sealift ledger show --since 2026-11-01
  sealift ledger verify
  sealift ledger export -o november.ledger --since 2026-11-01 --sign-key site.key.pem
  sealift ledger verify november.ledger --key site.pub.pem
  sealift ledger rotate")]
pub(super) enum LedgerVerbs {
    Show(Show),
    Verify(VerifyChain),
    Export(Extract),
    Rotate(Rotate),
}

/// Which ledger.
#[derive(Debug, Args)]
struct Which {
    /// Its files, the oldest first [default: the ledger, with all that was put aside of it]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    noting: Noting,
}

/// Which entries.
#[derive(Debug, Args)]
struct Between {
    /// Those of this time (2026-11-01, or 2026-11-01T08:00:00Z) or later
    #[arg(long, value_name = "TIME", value_parser = from)]
    since: Option<Moment>,
    /// Those of this time or earlier; a day is meant with its end
    #[arg(long, value_name = "TIME", value_parser = to)]
    until: Option<Moment>,
}

/// Show what was done
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift ledger show
  sealift ledger show --since 2026-11-01 --until 2026-11-30
  sealift ledger show november.ledger --format json")]
pub(super) struct Show {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    between: Between,
}

/// Prove that no entry was changed, taken out, moved or cut off
///
/// The file beside the ledger that says where it ends (its head) tells whether entries were cut off. Who
/// can write both can cut both: an extract that was signed and carried away (ledger export) proves what
/// it has, and with --extends that the ledger still goes on from there.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift ledger verify
  sealift ledger verify copies/ledger.1-500.jsonl copies/ledger.jsonl
  sealift ledger verify november.ledger --key site.pub.pem
  sealift ledger verify --extends november.ledger --key site.pub.pem")]
pub(super) struct VerifyChain {
    #[command(flatten)]
    which: Which,
    /// Public key that must have signed the extract (with several, any one of them)
    #[arg(long, value_name = "PUB.pem")]
    key: Vec<PathBuf>,
    /// Extract, made earlier, that the ledger has to go on from
    #[arg(long, value_name = "EXTRACT")]
    extends: Option<PathBuf>,
}

/// Write entries to a file for whoever looks into them elsewhere, signed
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift ledger export -o november.ledger --since 2026-11-01 --until 2026-11-30 \\
      --sign-key site.key.pem")]
pub(super) struct Extract {
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    between: Between,
    /// The extract; one that is there is replaced, and nothing else is
    #[arg(short, long, value_name = "EXTRACT")]
    output: PathBuf,
    /// Private key to sign it with
    #[arg(long, value_name = "KEY.pem")]
    sign_key: Option<PathBuf>,
    /// File whose first line is the passphrase of the key [default: SEALIFT_PASSPHRASE, else ask]
    #[arg(long, value_name = "FILE", requires = "sign_key")]
    passphrase_file: Option<PathBuf>,
}

/// Put the ledger aside, and go on in a new file
///
/// The file gets a name that says which entries it has, as in ledger.1-500.jsonl. The first entry of the
/// new one has the digest of its last.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift ledger rotate
  sealift ledger rotate --ledger /srv/audit/sealift.jsonl")]
pub(super) struct Rotate {
    #[command(flatten)]
    noting: Noting,
}

/// Entries, as JSON.
#[derive(Debug, Serialize)]
struct Listing<'l> {
    #[serde(flatten)]
    report: &'l LedgerReport,
    entries: &'l [NotedEntry],
}

impl LedgerVerbs {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        match self {
            LedgerVerbs::Show(args) => args.run(printer),
            LedgerVerbs::Verify(args) => args.run(printer),
            LedgerVerbs::Export(args) => args.run(printer),
            LedgerVerbs::Rotate(args) => args.run(printer),
        }
    }
}

impl Which {
    /// What is asked of it: of the ledger, all that was put aside of it belongs to it.
    fn request(self) -> Result<Request> {
        let whole = self.files.is_empty();
        let files = match whole {
            true => self.noting.required()?.book().files()?,
            false => self.files,
        };
        Ok(Request { whole, ..Request::new(files) })
    }
}

impl Show {
    fn run(self, printer: &Printer) -> Result<ExitCode> {
        let mut request = self.which.request()?;
        (request.since, request.until) = (self.between.since, self.between.until);
        let mut entries = Vec::new();
        let report = verify(&request, |entry| entries.push(entry))?;
        let error = report.failure();
        let listing = Listing { report: &report, entries: &entries };
        printer.ending(&listing, error.as_ref(), || {
            let mut lines = table(&entries.iter().map(row).collect::<Vec<_>>());
            lines.extend(remarks(&report));
            lines
        })?;
        Ok(printer.end(error.as_ref()))
    }
}

impl VerifyChain {
    fn run(self, printer: &Printer) -> Result<ExitCode> {
        let mut request = self.which.request()?;
        request.keys = public_keys(&self.key)?;
        request.extends = self.extends;
        let report = verify(&request, |_| {})?;
        let error = report.failure();
        printer.ending(&report, error.as_ref(), || match error.is_some() {
            true => Vec::new(),
            false => whole(&report),
        })?;
        Ok(printer.end(error.as_ref()))
    }
}

impl Extract {
    fn run(self, printer: &Printer) -> Result<ExitCode> {
        let mut request = self.which.request()?;
        (request.since, request.until) = (self.between.since, self.between.until);
        let (key, file) = (self.sign_key.as_deref(), self.passphrase_file.as_deref());
        let key = key.map(|path| private_key(path, file, false, printer)).transpose()?;
        let report = extract(&request, &self.output, key.as_ref(), creation_time()?)?;
        printer.result(&report, || extracted(&report))?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Rotate {
    fn run(self, printer: &Printer) -> Result<ExitCode> {
        let report = rotate(&self.noting.required()?, printer.cancel())?;
        printer.result(&report, || put_aside(&report))?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A time, or a day from its beginning on.
fn from(text: &str) -> Result<Moment, String> {
    time(text, "T00:00:00Z")
}

/// A time, or a day up to its end.
fn to(text: &str) -> Result<Moment, String> {
    time(text, "T23:59:59Z")
}

fn time(text: &str, of_day: &str) -> Result<Moment, String> {
    let whole = if text.len() == 10 { format!("{text}{of_day}") } else { text.to_owned() };
    let bad = |_| Error::new(Class::Usage, "write 2026-11-01, or 2026-11-01T08:00:00Z").to_string();
    whole.parse().map_err(bad)
}

/// An entry, in a line.
fn row(noted: &NotedEntry) -> Vec<String> {
    let (entry, event) = (&noted.entry, &noted.entry.event);
    let mut what = Vec::new();
    what.extend(event.bundle.clone());
    what.extend(event.position.as_ref().map(|it| format!("({it})")));
    what.extend(event.statement.as_ref().map(|it| digest(it, false)));
    what.extend(event.place.as_ref().map(|place| format!("at {place}")));
    let counted = |name: &str| event.counts.get(name);
    let shard = counted("shard").zip(counted("shards"));
    what.extend(shard.map(|(number, of)| format!("shard {number}/{of}")));
    what.extend(counted("images").map(|n| count(*n, "image")));
    what.extend(event.overrides.iter().map(|it| match &it.reason {
        Some(reason) => format!("OVERRIDE {}: {reason}", it.what),
        None => format!("OVERRIDE {}", it.what),
    }));
    what.extend(event.refusals.iter().map(|it| match it.images.len() {
        0 => format!("REFUSED by {}", it.rule),
        _ => format!("REFUSED {} by {}", it.images.join(", "), it.rule),
    }));
    what.extend(event.error.as_ref().map(|it| format!("{}: {}", it.class, it.message)));
    what.extend(event.begun_by.map(|begun| format!("[{begun}]")));
    vec![
        entry.sequence.to_string(),
        entry.at.to_string(),
        format!("{}@{}", entry.user, entry.host),
        event.verb.name().to_owned(),
        event.stage.name().to_owned(),
        what.join(" "),
    ]
}

/// What is to be known beside the entries.
fn remarks(report: &LedgerReport) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(report.behind.as_ref().map(|it| {
        let (sequence, digest) = (it.sequence, it.digest);
        format!("it goes on from entry {sequence}, {digest}, in a file that was not read")
    }));
    if !report.unfinished.is_empty() {
        let all: Vec<String> = report.unfinished.iter().map(u64::to_string).collect();
        lines.push(format!("began, and nothing says how it ended: {}", all.join(", ")));
    }
    if report.torn > 0 {
        lines.push(format!(
            "{} at the end were being written when something ended that; the next entry accounts \
             for them",
            count(report.torn, "byte")
        ));
    }
    if report.mended > 0 {
        lines.push(format!("what a crash left is accounted for: {}", entries(report.mended)));
    }
    if !report.anchored {
        lines.push("nothing says where it ends: whether entries were cut off is not known".into());
    }
    lines
}

fn entries(many: u64) -> String {
    match many {
        1 => "1 entry".to_owned(),
        many => format!("{many} entries"),
    }
}

/// A ledger with which nothing is wrong.
fn whole(report: &LedgerReport) -> Vec<String> {
    let mut lines = remarks(report);
    lines.extend(report.key.as_ref().map(|key| match report.trusted {
        true => format!("signed by {}", Safe(key)),
        false => format!("signed, as it says by {}; no key was given to check that", Safe(key)),
    }));
    lines.extend(report.extends.map(|last| format!("it goes on from entry {last}")));
    lines.push(match &report.last {
        Some(last) => format!(
            "{}, each as it was written; the last is {}, {}",
            entries(report.count),
            last.sequence,
            last.digest
        ),
        None => "no entry".to_owned(),
    });
    lines
}

fn extracted(report: &ExtractReport) -> Vec<String> {
    let by = match &report.key {
        Some(key) => format!("signed by {}", key.short()),
        None => "not signed".to_owned(),
    };
    let file = report.file.display().to_string();
    let span = &report.span;
    vec![format!("entries {} to {} in {}, {by}", span.first, span.last, Safe(&file))]
}

fn put_aside(report: &RotationReport) -> Vec<String> {
    let (aside, ledger) = (report.aside.display().to_string(), report.ledger.display().to_string());
    vec![format!("put aside as {}; it goes on in {}", Safe(&aside), Safe(&ledger))]
}
