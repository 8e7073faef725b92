//! `sealift repair`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::believe::Believe;
use super::evidence::ids;
use super::printer::Printer;
use super::table::bytes;
use super::unlock::Unlock;
use crate::bundle::recovery::SetState;
use crate::medium::{Medium, address};
use crate::tools::parallel::all_cores;
use crate::verbs::repair::{Request, Summary, repair as make};
use crate::words::count::{are, count};
use crate::words::error::Result;
use crate::words::escape::Safe;

/// Repair a damaged bundle from its recovery data
///
/// In its place, or to a copy. What comes out is held against the signature and the signed list of files
/// before it gets its name.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift repair june.tar --key transfer.pub.pem
  sealift repair /media/usb/june -o june --key transfer.pub.pem
  sealift repair june.tar --key transfer.pub.pem --dry-run

A packed file is written anew as NAME.repairing, which takes its place when it is right, so that it needs
as much room again; of a folder each damaged file is. The recovery data is that of `sealift protect` or of
`par2 create`: june.tar.par2 and june.tar.vol*.par2 beside june.tar, repair/*.par2 in a folder. Each volume
has its own, and can be named alone. Recovery data may be damaged itself: what is left of it is used.

Nothing is written where nothing is damaged. Where more is lost than the recovery data makes up for,
nothing is changed, the images that are lost and those that are whole are named, and the exit code is 4.
An interrupted run leaves the bundle as it was, or better; the same command finishes it.")]
pub(super) struct Repair {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Write the repaired bundle there, in the same form, and leave the damaged one as it is
    #[arg(short, long, value_name = "COPY")]
    output: Option<PathBuf>,
    #[command(flatten)]
    believe: Believe,
    #[command(flatten)]
    unlock: Unlock,
    /// Say whether it can be repaired, and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

impl Repair {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        address::refuse(&self.bundle)?;
        let trust = self.believe.trust(printer)?;
        let unlocking = self.unlock.opener(printer)?;
        let output = self.output.as_deref().map(Medium::to_make).transpose()?;
        let request = Request {
            output: output.map(|copy| unlocking.medium(copy.path())),
            dry_run: self.dry_run,
            jobs: self.jobs.map_or_else(all_cores, usize::from),
            ..Request::new(unlocking.medium(self.bundle), trust)
        };
        let summary = make(&request, &*printer.progress())?;
        let error = summary.failure();
        let shown = || match error {
            None => text(&summary),
            Some(_) => Vec::new(),
        };
        printer.ending(&summary, error, shown)?;
        Ok(printer.end(error))
    }
}

fn text(summary: &Summary) -> Vec<String> {
    let bundle = summary.output.as_ref().filter(|_| summary.repaired).unwrap_or(&summary.bundle);
    let bundle = Safe(&bundle.to_string()).to_string();
    if summary.damaged.is_empty() {
        let signed = match summary.signers.is_empty() {
            true => "nobody's signature was asked for".to_owned(),
            false => format!("signed by {}", ids(&summary.signers, false)),
        };
        return vec![format!("nothing of {bundle} is damaged, and nothing was written; {signed}")];
    }
    let what = if summary.repaired { "repaired" } else { "damaged:" };
    let mut lines: Vec<String> =
        summary.damaged.iter().map(|file| format!("{what} {}", Safe(file))).collect();
    lines.extend(summary.sets.iter().filter(|set| set.lost_slices > 0).map(lost));
    lines.push(match (summary.dry_run, summary.signers.is_empty()) {
        (true, _) => format!("{bundle} can be repaired; nothing was written"),
        (_, true) => format!(
            "bundle {bundle} is as its list of files says; nobody's signature was asked for"
        ),
        _ => format!("bundle {bundle} is intact, signed by {}", ids(&summary.signers, false)),
    });
    lines
}

/// What was lost of what one set protects.
fn lost(set: &SetState) -> String {
    format!(
        "{} of {} of {} {} lost, and {} could be made again",
        count(set.lost_slices, "slice"),
        bytes(set.slice_bytes),
        Safe(&set.of.to_string()),
        are(set.lost_slices),
        set.recovery_slices,
    )
}
