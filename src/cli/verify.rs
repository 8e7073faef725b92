//! `sealift verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::environment::now;
use super::evidence::{ahead, signed};
use super::idle;
use super::in_order::{self, InOrder, standing};
use super::printer::Printer;
use super::secrets::public_keys;
use super::table::{blobs, bytes, digest, left_out, others, platforms, skipped, table};
use crate::bundle::check::Trust;
use crate::bundle::contents::Image;
use crate::bundle::problem::failure;
use crate::tools::parallel::all_cores;
use crate::verbs::verify::{Report, Request, verify};
use crate::words::count::count;
use crate::words::error::Result;
use crate::words::escape::Safe;

/// Check a bundle's signature and every byte of it
///
/// Works on a folder and on a packed file in place, from read-only media, without a network.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift verify june.tar --key transfer.pub.pem
  sealift verify /media/usb/june --key transfer.pub.pem --format json
  sealift verify june.tar --key transfer.pub.pem --stream prod --remember

With --remember, or where --stream or --state is given, an older bundle than the last one of the stream
that was taken is refused (exit code 7).
Every problem is named, with the images it touches. docs/verify-without-sealift.md shows the same
with openssl, jq and sha256sum.")]
pub(super) struct Verify {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Public key that must have signed it (with several, any one of them)
    #[arg(long, value_name = "PUB.pem", required = true)]
    key: Vec<PathBuf>,
    /// Remember the bundle as the last one of its stream, as an import of it does
    #[arg(long)]
    remember: bool,
    #[command(flatten)]
    in_order: InOrder,
    /// Show digests and key ids in full
    #[arg(long)]
    long: bool,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
}

impl Verify {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        idle::in_full(&[("--long", self.long)], printer);
        let request = Request {
            bundle: self.bundle.into(),
            trust: Trust::Keys(public_keys(&self.key)?),
            demands: (self.remember || self.in_order.is_given()).then(|| self.in_order.demands()),
            remember: self.remember,
            now: now()?,
            jobs: self.jobs.map_or_else(all_cores, usize::from),
        };
        let report = verify(&request, &*printer.progress())?;
        if let Some(demands) = &request.demands {
            in_order::tell_idle(&demands.reasons, &report.evidence, printer);
        }
        let error = (!report.ok).then(|| failure(&request.bundle.to_string(), &report.problems));
        let shown = || match report.ok {
            true => text(&report, self.long),
            false => Vec::new(),
        };
        printer.ending(&report, error.as_ref(), shown)?;
        Ok(printer.end(error.as_ref()))
    }
}

fn text(report: &Report, long: bool) -> Vec<String> {
    let of = &report.evidence;
    let bundle = of.bundle.to_string();
    let mut lines = vec![
        format!("bundle {} is intact: every signed byte is there, and nothing else", Safe(&bundle)),
        signed(of, long),
        format!("statement {}", digest(&of.statement, long)),
        format!(
            "{}, {}, {}",
            count(report.images.len(), "image"),
            blobs(report.blobs),
            bytes(report.bytes)
        ),
    ];
    lines.extend(standing(of));
    lines.extend(ahead(of));
    let rows: Vec<Vec<String>> = report
        .images
        .iter()
        .map(|image| {
            vec![image.name.to_string(), digest(&image.digest, long), platforms(&image.platforms)]
        })
        .collect();
    lines.extend(table(&rows));
    lines.extend(report.images.iter().flat_map(|image| left_out(image, long)));
    let foreign = report.images.iter().filter_map(Image::about_foreign);
    lines.extend(foreign.map(|text| Safe(&text).to_string()));
    lines.extend(skipped(&report.skipped));
    lines.extend(others(&report.other_signatures));
    if !report.unsigned.is_empty() {
        let count = report.unsigned.len();
        lines
            .push(format!("beside it: {count} of repair/*.par2, recovery data that nobody signed"));
    }
    lines
}
