//! `sealift protect`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::printer::Printer;
use super::report::argument;
use super::table::bytes;
use crate::bundle::recovery::{Redundancy, SetLayout};
use crate::medium::{Medium, address};
use crate::tools::parallel::all_cores;
use crate::verbs::protect::{Protected, Request, Summary, protect as make};
use crate::words::count::count;
use crate::words::error::Result;
use crate::words::escape::Safe;

/// Add recovery data to a bundle, so that damage can be repaired
///
/// Makes PAR2 files, which other programs read, too: beside a packed bundle, in repair/ of a folder, and
/// beside each volume. No key is needed, and what is signed does not change.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift protect june.tar
  sealift protect /media/usb/june --redundancy 10%
  sealift protect discs/june
  sealift protect discs/june/june.003.tar

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
        address::refuse(&self.bundle)?;
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
    let files = summary.protected.files.iter().map(|file| Safe(file).to_string());
    files.chain(told(&summary.protected, &summary.bundle)).collect()
}

/// What recovery data there is of `bundle`, and what can be lost.
pub(super) fn told(made: &Protected, bundle: &Medium) -> Vec<String> {
    let files = count(made.files.len(), "file");
    let lost = |layout: &SetLayout, of: &Medium| {
        let (recovery, slices) = (layout.recovery, layout.slices);
        let of = Safe(&of.to_string()).to_string();
        format!("any {recovery} of the {slices} slices of {of} can be lost")
    };
    let mut lines = Vec::new();
    if let Some(layout) = &made.layout {
        let (recovery, slice) =
            (count(u64::from(layout.recovery), "recovery slice"), bytes(layout.slice_size));
        lines.push(format!("{recovery} of {slice} in {files}: {}", lost(layout, bundle)));
    }
    let each = made.volumes.iter();
    lines.extend(each.map(|it| {
        format!("{} each: {}", bytes(it.layout.slice_size), lost(&it.layout, &it.volume))
    }));
    lines.push(match made.was_there {
        true => format!("{} of recovery data were there already", bytes(made.bytes)),
        false => format!("{} of recovery data written", bytes(made.bytes)),
    });
    lines
}
