//! `sealift inspect`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::environment::now;
use super::output::Printer;
use super::report::{exit_code, lines};
use super::secrets::public_keys;
use super::table::{blobs, bytes, others, skipped, table};
use crate::bundle::check::Trust;
use crate::bundle::problem::failure;
use crate::verbs::inspect::{Overview, inspect};
use crate::words::error::Result;
use crate::words::escape::Safe;

/// Show what a bundle holds: images, platforms, sizes, sharing, signers
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift inspect june.tar
  sealift inspect june.tar --key transfer.pub.pem --format json

Layers are not read. Without --key nothing is proven about who made the bundle. With problems the
exit code is that of verify: 4 or 5.")]
pub(super) struct Inspect {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Public key that must have signed it (with several, any one of them)
    #[arg(long, value_name = "PUB.pem")]
    key: Vec<PathBuf>,
}

impl Inspect {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let trust = match self.key.is_empty() {
            true => Trust::UnsafeAnySigner,
            false => Trust::Keys(public_keys(&self.key)?),
        };
        let overview = inspect(&self.bundle, &trust, &now()?)?;
        printer.result(&overview, || text(&overview))?;
        if overview.ok {
            return Ok(ExitCode::SUCCESS);
        }
        // What it holds was shown all the same; its problems are among that.
        let error = failure(&self.bundle.display().to_string(), &overview.problems);
        let code = exit_code(error.class());
        lines(&error.without_findings()).iter().for_each(|line| printer.note(line));
        Ok(code)
    }
}

fn text(overview: &Overview) -> Vec<String> {
    let head = ["IMAGE", "DIGEST", "PLATFORMS", "SIZE", "OWN"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for sized in &overview.images {
        let platforms: Vec<String> =
            sized.image.platforms.iter().map(ToString::to_string).collect();
        rows.push(vec![
            sized.image.name.to_string(),
            sized.image.digest.short(),
            if platforms.is_empty() { "-".to_owned() } else { platforms.join(",") },
            bytes(sized.bytes),
            bytes(sized.own_bytes),
        ]);
    }
    let mut lines = table(&rows);
    for sized in overview.images.iter().filter(|sized| !sized.image.left_out.is_empty()) {
        let left: Vec<String> = sized
            .image
            .left_out
            .iter()
            .map(|left| left.platform.as_ref().map_or(left.digest.short(), ToString::to_string))
            .collect();
        let text = format!("{} is carried without {}", sized.image.name, left.join(", "));
        lines.push(Safe(&text).to_string());
    }
    for image in overview.images.iter().map(|sized| &sized.image) {
        let old = image.rewritten_from.iter();
        lines.extend(old.map(|old| format!("{} has a new index, made from {old}", image.name)));
    }
    for image in overview.images.iter().map(|sized| &sized.image).filter(|image| image.made) {
        lines.push(format!("{} has a manifest made on export", image.name));
    }
    for referrer in &overview.referrers {
        let kind = referrer.artifact_type.as_deref().unwrap_or("referrer");
        let (digest, subject) = (referrer.digest.short(), referrer.subject.short());
        let text = format!("{}: {kind} {digest} of {subject}", referrer.repository);
        lines.push(Safe(&text).to_string());
    }
    lines.push(format!(
        "{}, {} (without sharing {})",
        blobs(overview.blobs),
        bytes(overview.bytes),
        bytes(overview.bytes_unshared.max(overview.bytes)),
    ));
    lines.push(format!("made at {} by {}", Safe(&overview.created_at), Safe(&overview.tool)));
    if let Some(until) = &overview.expires_at {
        lines.push(format!("expires at {}", Safe(until)));
    }
    let foreign = overview.images.iter().filter_map(|sized| sized.image.about_foreign());
    lines.extend(foreign.map(|text| Safe(&text).to_string()));
    lines.extend(skipped(&overview.skipped));
    lines.extend(others(&overview.other_signatures));
    lines.push(match overview.trusted {
        true => {
            let signers: Vec<String> = overview.signers.iter().map(|id| id.short()).collect();
            format!("signed by {}; layers were not read", signers.join(", "))
        }
        false => {
            let claimed = overview.claimed_signers.join(", ");
            format!("NOT verified: claims to be signed by {}", Safe(&claimed))
        }
    });
    lines.extend(overview.problems.iter().map(|p| Safe(&format!("problem: {p}")).to_string()));
    lines
}
