//! `sealift report`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::believe::{Keeps, Signers};
use super::bundle::BundleAnywhere;
use super::environment::now;
use super::evidence::{ahead, signed};
use super::json::Ending;
use super::printer::Printer;
use super::registries::Reach;
use super::unlock::Unlock;
use crate::medium::Medium;
use crate::tools::file::AtomicFile;
use crate::tools::over::only_over;
use crate::tools::parallel::all_cores;
use crate::verbs::report::{BundleReport, Request, report, write_markdown, write_page};
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;

/// Permissions of a report, which is as secret as the bundle's list of images.
const MODE: u32 = 0o644;
/// How the first line of one in Markdown ends.
const TITLE: &str = ": what it holds, and whose word that is";

/// Write what a bundle holds, and who signed it, on one page for those who decide about it
///
/// Every byte is verified first, and there is no report of a bundle that is not right. The page has each
/// image with its source, digest, platforms, sizes, age, base image, labels, user, ports, entry point,
/// and what came along with it; what changes from an earlier bundle; a picture of how layers are shared;
/// and the commands to check it all. It needs nothing besides, and runs nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift report june.tar --key transfer.pub.pem -o june.html
  sealift report june.tar --key transfer.pub.pem --against may.tar -o june.html
  sealift report june.tar --trust /etc/sealift/trust -o june.html
  sealift report june.tar --key transfer.pub.pem -o june.md
  sealift report june.tar --key transfer.pub.pem -o june.json
  sealift report june.tar --key transfer.pub.pem -o - --as md | less
  sealift report june.tar.age --identity site.key --key transfer.pub.pem -o june.html

Of one that has expired a report is written, which says so, with exit code 7. Signatures of images,
SBOMs and attestations are listed as they came along; what they say is not checked.")]
pub(super) struct ReportOn {
    #[command(flatten)]
    bundle: BundleAnywhere,
    #[command(flatten)]
    signers: Signers,
    #[command(flatten)]
    unlock: Unlock,
    /// The bundle before it, or a record of that, signed by the same: what is new, moved and gone since
    #[arg(long, value_name = "PREVIOUS")]
    against: Option<PathBuf>,
    /// Earlier bundle (a path or an address), or layout (DIR, oci:DIR or oci-archive:FILE), that gives what the
    /// bundle does not carry (can be repeated)
    #[arg(long, value_name = "PATH")]
    base: Vec<PathBuf>,
    /// The report, whose ending says what it is: .html, .md or .json; - is standard output. One that is
    /// there is replaced, and nothing else is
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// What it is, whatever its name says
    #[arg(long = "as", value_name = "FORM", value_enum)]
    form: Option<ReportForm>,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    #[command(flatten)]
    reach: Reach,
}

/// What a report is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ReportForm {
    /// A page for a browser and for paper
    Html,
    /// Markdown, for a ticket or a wiki
    Md,
    /// What --format json prints
    Json,
}

/// What is told of a run.
#[derive(Debug, Serialize)]
struct Told<'r> {
    /// Where the report is; nothing of one on standard output.
    output: Option<&'r Path>,
    #[serde(flatten)]
    report: &'r BundleReport,
}

impl ReportOn {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let form = form(&self.output, self.form)?;
        let trust = self.signers.trust(Keeps::IfItCan)?;
        let opener = self.unlock.opener(printer)?;
        self.bundle.tell_idle(&self.base, &self.reach, printer);
        let reached = || self.reach.client(printer.progress());
        let bundle = self.bundle.medium(reached, |path| opener.medium(path))?;
        let request = Request {
            against: self.against.map(|path| opener.medium(path)),
            bases: opener.bases(self.base, reached)?,
            jobs: self.jobs.map_or_else(all_cores, usize::from),
            ..Request::new(bundle, trust, now()?)
        };
        let is_file = self.output != Path::new("-");
        let output = is_file.then_some(&*self.output);
        output.map(|path| outside(path, &request)).transpose()?;
        output.map(|path| only_over(path, "report", is_report)).transpose()?;
        let report = report(&request, &*printer.progress())?;
        let error = report.evidence.stale();
        match output {
            Some(path) => write(&report, form, error.as_ref(), path)?,
            None => {
                let mut stdout = printer.hand_over_stdout()?;
                render(&report, form, error.as_ref(), &mut stdout)?;
            }
        }
        let told = Told { output, report: &report };
        printer.ending(&told, error.as_ref(), || text(&told))?;
        Ok(printer.end(error.as_ref()))
    }
}

/// What the report at `path` is, if the user does not say it.
fn form(path: &Path, said: Option<ReportForm>) -> Result<ReportForm> {
    let ending = path.extension().and_then(|ending| ending.to_str()).map(str::to_ascii_lowercase);
    let known = match ending.as_deref() {
        Some("html" | "htm") => Some(ReportForm::Html),
        Some("md" | "markdown") => Some(ReportForm::Md),
        Some("json") => Some(ReportForm::Json),
        _ => None,
    };
    said.or(known).ok_or_else(|| {
        let text = format!("{} does not say what the report is to be", path.display());
        Error::new(Class::Usage, text)
            .hint("name a file that ends in .html, .md or .json, or say it with --as")
    })
}

/// That the report is not written over what it is about, or into it.
fn outside(path: &Path, request: &Request) -> Result<()> {
    let is_inside = |medium: &Medium| medium.contains(path);
    match std::iter::once(&request.bundle).chain(&request.against).any(is_inside) {
        true => {
            let text = format!("{} lies in the bundle", path.display());
            Err(Error::new(Class::Usage, text).hint("name a file elsewhere"))
        }
        false => Ok(()),
    }
}

/// Whether a file that begins like this is a report, in any of its forms.
fn is_report(start: &[u8]) -> bool {
    let first = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    start.starts_with(b"<!DOCTYPE html>")
        || start.starts_with(b"{\n  \"ok\": ")
        || first.starts_with(b"# ") && first.ends_with(TITLE.as_bytes())
}

/// Writes the report to `path`, whole or not at all.
fn write(
    report: &BundleReport,
    form: ReportForm,
    error: Option<&Error>,
    path: &Path,
) -> Result<()> {
    let mut file = AtomicFile::create(path, MODE)?;
    render(report, form, error, &mut file)?;
    file.commit()
}

fn render(
    report: &BundleReport,
    form: ReportForm,
    error: Option<&Error>,
    out: &mut dyn std::io::Write,
) -> Result<()> {
    match form {
        ReportForm::Html => write_page(report, out),
        ReportForm::Md => write_markdown(report, out),
        ReportForm::Json => {
            let json = Ending::new(report, error).spelled()?;
            let fault = |e| Error::io("cannot write the report", e);
            out.write_all(json.as_bytes()).map_err(fault)
        }
    }
}

fn text(told: &Told<'_>) -> Vec<String> {
    let report = told.report;
    let path = told.output.map(|path| format!(" {}", path.display())).unwrap_or_default();
    let of = &report.evidence;
    let mut lines = vec![
        Safe(&format!("report{path} on {}", of.bundle)).to_string(),
        format!("{}; every byte was verified", count(report.images.len(), "image")),
        signed(of, false),
    ];
    lines.extend(ahead(of));
    lines.extend(report.against.as_ref().map(|changes| {
        let counts = &changes.difference.counts;
        Safe(&format!(
            "against {}: {} new, {} moved, {} with other platforms, {} gone, {} as before",
            changes.before.name,
            counts.added,
            counts.moved,
            counts.parts,
            counts.removed,
            counts.unchanged
        ))
        .to_string()
    }));
    lines
}
