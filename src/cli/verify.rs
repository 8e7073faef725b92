//! `sealift verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::believe::{Keeps, Signers};
use super::bundle::BundleAnywhere;
use super::environment::now;
use super::evidence::{ahead, by_root, ids, signed};
use super::idle;
use super::in_order::{self, InOrder, standing};
use super::noting::Noting;
use super::printer::Printer;
use super::registries::Reach;
use super::remedies::option;
use super::report::argument;
use super::rules;
use super::table::{
    blobs, bytes, digest, left_out, locks, others, platforms, read_back, screenings, skipped, table,
};
use super::unlock::Unlock;
use crate::bundle::check::VolumeAlone;
use crate::bundle::contents::Image;
use crate::places::location::Destination;
use crate::tools::parallel::all_cores;
use crate::verbs::verify::{Report, Request, verify, verify_against};
use crate::words::count::{are, count};
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::remedy::Remedy;
use crate::work::graph::Rewrite;
use crate::work::mapping::NameRule;

/// Most images that are named as whole.
const SHOWN: usize = 20;

/// Check a bundle's signature and every byte of it
///
/// Works on a folder and on a packed file in place, from read-only media, without a network.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift verify june.tar --key transfer.pub.pem
  sealift verify /media/usb/june --key transfer.pub.pem --format json
  sealift verify june.tar --trust /etc/sealift/trust
  sealift verify june.tar --key transfer.pub.pem --stream prod --remember
  sealift verify july.tar --key transfer.pub.pem --against docker://harbor.example/group
  sealift verify july.tar --key transfer.pub.pem --against docker://harbor.example/group \\
      --map 'quay.io/*=mirror/*'
  sealift verify july.tar --key transfer.pub.pem --base june.tar
  sealift verify june.tar.age --identity site.key --key transfer.pub.pem
  sealift verify /media/usb/june --key transfer.pub.pem --verify-media
  sealift verify http://head/bundles/june.tar --key transfer.pub.pem
  sealift verify disc1/june.001.tar disc2/june.002.tar --key transfer.pub.pem

With --trust the root of trust says how many of whom must have signed, and what is not taken; every
rule that is broken is named. Without --key and --trust, /etc/sealift/trust is asked, else
~/.config/sealift/trust (docs/trust.md).

With --remember, or where --stream or --state is given, an older bundle than the last one of the stream
that was taken is refused (exit code 7).
Every problem is named, with the images it touches, and which images are whole all the same; where recovery
data is there, whether `sealift repair` makes up for them. docs/verify-without-sealift.md shows the same
with openssl, jq and sha256sum.

A delta is right by itself when all that it carries is. --against and --base prove that what it lacks
is at the destination or in earlier bundles; what is nowhere is listed by image, with exit code 5.
With --against go the --map, --map-file, --flatten, --rewrite-index and --to-oci of the import.")]
pub(super) struct Verify {
    #[command(flatten)]
    bundle: BundleAnywhere,
    #[command(flatten)]
    signers: Signers,
    #[command(flatten)]
    unlock: Unlock,
    /// Remember the bundle as the last one of its stream, as an import of it does
    #[arg(long)]
    remember: bool,
    #[command(flatten)]
    in_order: InOrder,
    #[command(flatten)]
    noting: Noting,
    /// Show digests and key ids in full
    #[arg(long)]
    long: bool,
    /// Threads [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Read the bundle from its medium, past what the system has of it in memory, as after it was
    /// written
    #[arg(long)]
    verify_media: bool,
    /// Prove that the bundle and what PLACE holds are whole together, and change nothing there:
    /// docker://HOST[:PORT][/PREFIX], containers-storage:, docker-daemon:, containerd:[NAMESPACE] or
    /// oci:DIR, as `import --to` takes it
    #[arg(long, value_name = "PLACE", value_parser = argument::<Destination>)]
    against: Option<Destination>,
    /// Earlier bundle (a path or an address), or layout (DIR, oci:DIR or oci-archive:FILE), that has what the
    /// bundle does not carry (can be repeated)
    #[arg(long, value_name = "PATH")]
    base: Vec<PathBuf>,
    /// Rule for a name with which it is imported to PLACE (can be repeated; the first that matches
    /// decides)
    #[arg(long, value_name = "FROM=TO", value_parser = NameRule::parse, requires = "against")]
    map: Vec<NameRule>,
    /// File with one rule a line, # for comments
    #[arg(long, value_name = "FILE", requires = "against")]
    map_file: Option<PathBuf>,
    /// It is imported to PLACE with only the last part of each name
    #[arg(long, requires = "against")]
    flatten: bool,
    /// It is imported to PLACE with --rewrite-index
    #[arg(long, requires = "against")]
    rewrite_index: bool,
    /// It is imported to PLACE with --to-oci
    #[arg(long, requires = "against")]
    to_oci: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Verify {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        idle::in_full(&[("--long", self.long)], printer);
        let opener = self.unlock.opener(printer)?;
        let progress = printer.progress();
        let is_elsewhere = self.bundle.is_elsewhere(&self.base);
        let reached = || self.reach.client(progress.clone());
        let request = Request {
            bundle: self.bundle.medium(reached, |path| opener.medium(path))?,
            trust: self.signers.trust(if self.remember {
                Keeps::Always
            } else {
                Keeps::IfItCan
            })?,
            demands: (self.remember || self.in_order.is_given()).then(|| self.in_order.demands()),
            remember: self.remember,
            ledger: match self.remember {
                true => self.noting.keeper(printer),
                false => self.noting.lenient_keeper(),
            },
            now: now()?,
            jobs: self.jobs.map_or_else(all_cores, usize::from),
            verify_media: self.verify_media,
            bases: opener.bases(self.base, reached)?,
            rules: rules::gather(self.map, self.map_file.as_deref())?,
            flatten: self.flatten,
            rewrite: Rewrite { smaller: self.rewrite_index, to_oci: self.to_oci },
        };
        let why = match &self.against {
            None => Some("nothing is held against a registry"),
            Some(Destination::Archive { .. } | Destination::Files { .. }) => {
                let text = "an archive or a folder of files holds nothing beforehand";
                return Err(Error::new(Class::Usage, text).hint("prove it by --base alone"));
            }
            Some(to) => to.beside_registries(),
        };
        if let Some(why) = why.filter(|_| !is_elsewhere) {
            idle::tell(&self.reach.given(), why, printer);
        }
        let report = match &self.against {
            None => verify(&request, &*progress)?,
            Some(to) => {
                let client = self.reach.client(progress.clone())?;
                verify_against(&request, to, &client, &*progress)?
            }
        };
        if let Some(demands) = &request.demands {
            in_order::tell_idle(&demands.reasons, &report.evidence, printer);
        }
        let error = report.failure();
        let shown = || match report.ok {
            true => text(&report, self.long),
            false => whole(&report).into_iter().collect(),
        };
        printer.ending(&report, error.as_ref(), shown)?;
        Ok(printer.end(error.as_ref()))
    }
}

fn text(report: &Report, long: bool) -> Vec<String> {
    let of = &report.evidence;
    let bundle = of.bundle.to_string();
    let intact = match &report.volume {
        None => format!(
            "bundle {} is intact: every signed byte is there, and nothing else",
            Safe(&bundle)
        ),
        Some(volume) => format!(
            "volume {} of {} ({}) is intact: {} whole in it, {} of others, {}",
            volume.number,
            volume.of,
            Safe(&volume.label),
            blobs(volume.blobs as u64),
            count(volume.pieces, "piece"),
            count(volume.images.len(), "whole image"),
        ),
    };
    let mut lines = vec![
        intact,
        signed(of, long),
        format!("statement {}", digest(&of.statement, long)),
        format!(
            "{}, {}, {}",
            count(report.images.len(), "image"),
            blobs(report.blobs),
            bytes(report.bytes)
        ),
    ];
    lines.extend(report.volume.as_ref().map(|volume| pieces(volume, long)));
    lines.extend(report.read_back.map(read_back));
    lines.extend(by_root(of));
    lines.extend(standing(of));
    lines.extend(ahead(of));
    lines.extend(of.about_delta().map(|text| Safe(&text).to_string()));
    lines.extend(proven(report));
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
    lines.extend(screenings(&report.screenings));
    lines.extend(locks(&report.locks));
    lines.extend(others(&report.other_signatures));
    if !report.unsigned.is_empty() {
        let count = report.unsigned.len();
        lines
            .push(format!("beside it: {count} of repair/*.par2, recovery data that nobody signed"));
    }
    lines
}

/// Which images can be had of a bundle that something is wrong with.
fn whole(report: &Report) -> Option<String> {
    let intact = report.intact.as_ref().filter(|_| !report.images.is_empty())?;
    let (whole, all) = (intact.len(), count(report.images.len(), "image"));
    if whole == 0 {
        return Some(format!("none of {all} is known to be whole"));
    }
    let shown: Vec<String> = intact.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = match whole.saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let (names, are) = (Safe(&shown.join(", ")).to_string(), are(whole));
    let take = option(Remedy::OnlyIntact);
    Some(format!(
        "{whole} of {all} {are} whole: {names}{more} (sealift import {take} takes no other)"
    ))
}

/// What the pieces of a volume that is verified by itself are worth.
fn pieces(volume: &VolumeAlone, long: bool) -> String {
    match &volume.signer {
        Some(key) => {
            let key = ids(std::slice::from_ref(key), long);
            format!("its table is signed by {key}: its pieces are proven without the others")
        }
        None => "its table is not signed: its pieces are proven with the others".to_owned(),
    }
}

/// Where the rest is, if it was looked for.
fn proven(report: &Report) -> Option<String> {
    let place = match &report.against {
        Some(place) => Safe(place).to_string(),
        None => "the bases".to_owned(),
    };
    report.proven.then(|| format!("together with {place} it has everything that its images need"))
}
