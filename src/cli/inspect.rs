//! `sealift inspect`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::environment::now;
use super::evidence::{ahead, expiry, ids, in_words};
use super::idle;
use super::printer::Printer;
use super::secrets::public_keys;
use super::table::{blobs, bytes, digest, left_out, others, platforms, skipped, titled};
use crate::bundle::check::Trust;
use crate::bundle::problem::failure;
use crate::medium::Medium;
use crate::verbs::inspect::{KnownReferrer, Overview, inspect};
use crate::words::error::{Error, Result};
use crate::words::escape::Safe;

/// Show what a bundle holds: images, platforms, sizes, sharing, signers
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift inspect june.tar
  sealift inspect june.tar --key transfer.pub.pem --format json

Layers are not read. Without --key nothing is proven about who made the bundle. With problems the
exit code is that of verify: 4 or 5. One that has expired is shown all the same, with exit code 7.")]
pub(super) struct Inspect {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Public key that must have signed it (with several, any one of them)
    #[arg(long, value_name = "PUB.pem")]
    key: Vec<PathBuf>,
    /// Show digests and key ids in full
    #[arg(long)]
    long: bool,
}

impl Inspect {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        idle::in_full(&[("--long", self.long)], printer);
        let trust = match self.key.is_empty() {
            true => Trust::UnsafeAnySigner,
            false => Trust::Keys(public_keys(&self.key)?),
        };
        let medium = Medium::at(self.bundle);
        let overview = inspect(&medium, &trust, now()?)?;
        let error = match overview.ok {
            false => Some(failure(&medium.to_string(), &overview.problems)),
            true => overview.evidence.stale(),
        };
        printer.ending(&overview, error.as_ref(), || text(&overview, self.long))?;
        // What it holds was shown all the same; its problems are among that.
        Ok(printer.end(error.map(Error::without_findings).as_ref()))
    }
}

fn text(overview: &Overview, long: bool) -> Vec<String> {
    let head = ["IMAGE", "DIGEST", "PLATFORMS", "SIZE", "OWN"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for sized in &overview.images {
        rows.push(vec![
            sized.image.name.to_string(),
            digest(&sized.image.digest, long),
            platforms(&sized.image.platforms),
            bytes(sized.bytes),
            bytes(sized.own_bytes),
        ]);
    }
    let mut lines = titled(&rows);
    lines.extend(overview.images.iter().filter_map(|sized| left_out(&sized.image, long)));
    for image in overview.images.iter().map(|sized| &sized.image) {
        let old = image.rewritten_from.iter();
        lines.extend(old.map(|old| format!("{} has a new index, made from {old}", image.name)));
    }
    for image in overview.images.iter().map(|sized| &sized.image).filter(|image| image.made) {
        lines.push(format!("{} has a manifest made on export", image.name));
    }
    for KnownReferrer { referrer, kind } in &overview.referrers {
        let kind = kind.or(referrer.artifact_type.as_deref()).unwrap_or("referrer");
        let [own, subject] = [referrer.digest, referrer.subject].map(|it| digest(&it, long));
        let text = format!("{}: {kind} {own} of {subject}", referrer.repository);
        lines.push(Safe(&text).to_string());
    }
    lines.push(format!(
        "{}, {} (without sharing {})",
        blobs(overview.blobs),
        bytes(overview.bytes),
        bytes(overview.bytes_unshared.max(overview.bytes)),
    ));
    let of = &overview.evidence;
    lines.push(format!("made at {} by {}", of.created_at, Safe(&overview.tool)));
    lines.extend(of.expires_at.as_ref().map(|_| expiry(of)));
    lines.extend(of.position.as_ref().map(in_words));
    lines.extend(ahead(of));
    lines.push(format!("statement {}", digest(&of.statement, long)));
    let foreign = overview.images.iter().filter_map(|sized| sized.image.about_foreign());
    lines.extend(foreign.map(|text| Safe(&text).to_string()));
    lines.extend(skipped(&overview.skipped));
    lines.extend(others(&overview.other_signatures));
    lines.push(match overview.trusted {
        true => {
            format!("signed by {}; layers were not read", ids(&of.signers, long))
        }
        false => {
            let claimed = overview.claimed_signers.join(", ");
            format!("NOT verified: claims to be signed by {}", Safe(&claimed))
        }
    });
    lines.extend(overview.problems.iter().map(|p| Safe(&format!("problem: {p}")).to_string()));
    lines
}
