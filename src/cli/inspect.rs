//! `sealift inspect`.

use std::process::ExitCode;

use clap::Args;

use super::believe::SignersIfAny;
use super::bundle::BundleAnywhere;
use super::environment::now;
use super::evidence::{ahead, by_root, expiry, ids, in_words};
use super::idle;
use super::printer::Printer;
use super::registries::Reach;
use super::table::{
    blobs, bytes, digest, left_out, locks, others, platforms, screenings, skipped, titled,
};
use super::unlock::Unlock;
use crate::bundle::problem::failure;
use crate::verbs::inspect::{KnownReferrer, Overview, UsageKind, UsageRow, inspect};
use crate::words::count::count;
use crate::words::error::{Error, Result};
use crate::words::escape::Safe;

/// Show what a bundle holds: images, platforms, sizes, sharing, signers
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift inspect june.tar
  sealift inspect june.tar --key transfer.pub.pem --format json
  sealift inspect june.tar --tree
  sealift inspect june.tar.age --identity site.key
  sealift inspect http://head/bundles/june.tar

Layers are not read. Without --key and --trust nothing is proven about who made the bundle. With problems the
exit code is that of verify: 4 or 5. One that has expired is shown all the same, with exit code 7.")]
pub(super) struct Inspect {
    #[command(flatten)]
    bundle: BundleAnywhere,
    #[command(flatten)]
    signers: SignersIfAny,
    #[command(flatten)]
    unlock: Unlock,
    /// Show who shares which layers, as one reads a disk usage: images below the layers that they
    /// stand on, the largest first
    #[arg(long)]
    tree: bool,
    /// Show digests and key ids in full
    #[arg(long)]
    long: bool,
    #[command(flatten)]
    reach: Reach,
}

impl Inspect {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        idle::in_full(&[("--long", self.long)], printer);
        let trust = self.signers.trust()?;
        let opener = self.unlock.opener(printer)?;
        self.bundle.tell_idle(&[], &self.reach, printer);
        let reached = || self.reach.client(printer.progress());
        let medium = self.bundle.medium(reached, |path| opener.medium(path))?;
        let overview = inspect(&medium, &trust, now()?, self.tree)?;
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
    let mut lines = match &overview.usage {
        Some(rows) => usage(rows, long),
        None => images(overview, long),
    };
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
    if overview.bytes_lacking > 0 {
        let lacking = bytes(overview.bytes_lacking);
        lines.push(match overview.evidence.leans_on.is_empty() {
            true => format!("lacks {lacking} that its images need"),
            false => format!("a delta: needs {lacking} more, which it does not carry"),
        });
    }
    let of = &overview.evidence;
    lines.push(format!("made at {} by {}", of.created_at, Safe(&overview.tool)));
    lines.extend(of.expires_at.as_ref().map(|_| expiry(of)));
    lines.extend(of.position.as_ref().map(in_words));
    lines.extend(by_root(of));
    lines.extend(ahead(of));
    lines.extend(of.about_delta().map(|text| Safe(&text).to_string()));
    lines.push(format!("statement {}", digest(&of.statement, long)));
    let foreign = overview.images.iter().filter_map(|sized| sized.image.about_foreign());
    lines.extend(foreign.map(|text| Safe(&text).to_string()));
    lines.extend(skipped(&overview.skipped));
    lines.extend(screenings(&overview.screenings));
    lines.extend(locks(&overview.locks));
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

/// Each image with what it weighs.
fn images(overview: &Overview, long: bool) -> Vec<String> {
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
    titled(&rows)
}

/// Each row of a disk usage, as far to the right as it stands below others.
fn usage(rows: &[UsageRow], long: bool) -> Vec<String> {
    let head = ["IMAGE OR BASE", "DIGEST", "TOTAL", "OWN", "SHARED", "NOT CARRIED"];
    let is_delta = rows.iter().any(|row| row.lacking_bytes > 0);
    let columns = if is_delta { 6 } else { 5 };
    let cells = |row: &UsageRow| {
        let last = row.digest.as_ref().or(row.layers.last());
        let shared = match row.kind {
            UsageKind::Image => bytes(row.shared_bytes),
            _ => "-".to_owned(),
        };
        vec![
            format!("{}{}", "  ".repeat(row.depth.min(DEEPEST)), what(row)),
            last.map_or_else(|| "-".to_owned(), |it| digest(it, long)),
            bytes(row.total_bytes),
            bytes(row.own_bytes),
            shared,
            bytes(row.lacking_bytes),
        ]
    };
    let rows = std::iter::once(head.map(str::to_owned).to_vec()).chain(rows.iter().map(cells));
    let rows = rows.map(|row| row.into_iter().take(columns).collect());
    titled(&rows.collect::<Vec<_>>())
}

/// How far a row goes to the right at most.
const DEEPEST: usize = 20;

/// What a row is, in words.
fn what(row: &UsageRow) -> String {
    match row.kind {
        UsageKind::Base => {
            format!(
                "{} under {}",
                count(row.layers.len(), "layer"),
                count(row.image_count, "image")
            )
        }
        UsageKind::Referrers => "signatures and the like".to_owned(),
        _ => {
            let names: Vec<String> = row.names.iter().map(ToString::to_string).collect();
            let platform = row.platform.as_ref().map(|it| format!(" ({it})"));
            format!("{}{}", names.join(", "), platform.unwrap_or_default())
        }
    }
}
