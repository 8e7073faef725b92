//! `sealift protect`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::printer::Printer;
use super::report::argument;
use super::table::bytes;
use crate::bundle::recovery::Redundancy;
use crate::tools::parallel::all_cores;
use crate::verbs::protect::{Request, Summary, protect as make};
use crate::words::count::count;
use crate::words::error::Result;
use crate::words::escape::Safe;

/// Add recovery data to a bundle, so that damage can be repaired
///
/// Makes PAR2 files, which other programs read, too: beside a packed bundle, and in repair/ of a folder.
/// No key is needed, and what is signed does not change.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift protect june.tar
  sealift protect /media/usb/june --redundancy 10%

The bundle is read first: one that is damaged is not protected. It is cut into some 2,000 slices, and as
many can be lost, wherever they are, as there are recovery slices. The same command again finishes what
was interrupted, and does nothing where all is there. Damage is repaired by `par2 repair june.tar.par2`, and
in a folder by `par2 repair -B june june/repair/bundle.par2`.")]
pub(super) struct Protect {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// How much recovery data, in hundredths of the bundle
    #[arg(long, value_name = "PERCENT", default_value = "5%", value_parser = argument::<Redundancy>)]
    redundancy: Redundancy,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

impl Protect {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let request = Request {
            redundancy: self.redundancy,
            jobs: self.jobs.map_or_else(all_cores, usize::from),
            ..Request::new(self.bundle)
        };
        let summary = make(&request, &*printer.progress())?;
        printer.result(&summary, || text(&summary))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn text(summary: &Summary) -> Vec<String> {
    let mut lines: Vec<String> = summary.files.iter().map(|file| Safe(file).to_string()).collect();
    let recovery = usize::from(summary.recovery_slices);
    lines.push(format!(
        "{} of {} in {}: any {} of the {} slices of {} can be lost",
        count(recovery, "recovery slice"),
        bytes(summary.slice_bytes),
        count(summary.files.len(), "file"),
        recovery,
        summary.slices,
        Safe(&summary.bundle.to_string()),
    ));
    lines.push(match summary.was_there {
        true => format!("{} of recovery data were there already", bytes(summary.bytes)),
        false => format!("{} of recovery data written", bytes(summary.bytes)),
    });
    lines
}
