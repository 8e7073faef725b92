//! `sealift squash`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::believe::Believe;
use super::choose::Choose;
use super::environment::{creation_time, now};
use super::evidence::in_words;
use super::idle;
use super::lock::Lock;
use super::noting::Noting;
use super::numbering::Numbering;
use super::printer::Printer;
use super::secrets::private_key;
use super::sizes;
use super::table::{blobs, bytes, read_back, skipped, table};
use super::unlock::Identity;
use crate::medium::Medium;
use crate::tools::pace::Jobs;
use crate::verbs::squash::{Request, SquashedFrom, Summary, squash};
use crate::words::count::count;
use crate::words::error::Result;
use crate::words::escape::Safe;

/// Make one whole bundle of a bundle and the deltas upon it
///
/// Of a name that stands in several bundles the newest image wins, which is that of the highest
/// number where all are of one stream, else that of the bundle that is named last. What refers to an
/// image comes along from all of them. Every byte is hashed on its way.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift squash june.tar july.tar august.tar -o summer.tar --sign-key transfer.key.pem \\
      --key transfer.pub.pem
  sealift squash june july -o small.tar -f images.txt --sign-key transfer.key.pem \\
      --key transfer.pub.pem
  sealift squash june.tar july.tar august.tar -o summer.tar --sign-key transfer.key.pem \\
      --key transfer.pub.pem --stream prod
  sealift squash june.tar.age july.tar.age -o summer.tar.age --identity own.key \\
      --recipient @site.txt --sign-key transfer.key.pem --key transfer.pub.pem

The new bundle leans on nothing. It is outside of any stream, or with --stream the next one of that,
behind the last bundle that was made. A blob that none of the bundles carries is told by image before
anything is written. It expires when the first of those does that an image was taken from, or after
--expires DAYS. An interrupted run leaves NAME.partial; the same command goes on from there.")]
pub(super) struct Squash {
    /// The bundles
    #[arg(value_name = "BUNDLE", required = true)]
    bundles: Vec<PathBuf>,
    /// The new bundle: one packed file when the name ends in .tar, an encrypted one when it ends in
    /// .tar.age, else a folder
    #[arg(short, long, value_name = "NEW")]
    output: PathBuf,
    /// Private key to sign with
    #[arg(long, value_name = "KEY.pem")]
    sign_key: PathBuf,
    /// File whose first line is the passphrase of the key, of an identity, or of a bundle [default:
    /// SEALIFT_PASSPHRASE, else ask]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    lock: Lock,
    #[command(flatten)]
    believe: Believe,
    #[command(flatten)]
    choose: Choose,
    /// Let the bundle expire after so many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    expires: Option<u32>,
    #[command(flatten)]
    numbering: Numbering,
    #[command(flatten)]
    noting: Noting,
    /// Blobs copied at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Read every byte back from the medium, past what the system has in memory, before the new bundle
    /// gets its name
    #[arg(long)]
    verify_media: bool,
    /// Show what would be made, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Squash {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let given = [("--history", self.numbering.names_history_alone())];
        idle::tell(&given, "no stream is named", printer);
        let created_at = creation_time()?;
        let opener = self.identity.opener(self.passphrase_file.as_deref(), printer)?;
        let bundles = opener.media(self.bundles);
        let trust = self.believe.trust(printer)?;
        let output = self.lock.medium(Medium::to_make(&self.output)?)?;
        let request = Request {
            choice: self.choose.choice()?,
            created_at,
            expires_at: self.expires.map(|days| created_at.plus_days(days)).transpose()?,
            stream: self.numbering.sequel(&opener)?,
            jobs: self.jobs.map_or_else(Jobs::default, |jobs| Jobs::up_to(jobs.into())),
            dry_run: self.dry_run,
            verify_media: self.verify_media,
            ledger: self.noting.keeper(printer),
            ..Request::new(bundles, output, trust, now()?)
        };
        let key = private_key(&self.sign_key, self.passphrase_file.as_deref(), true, printer)?;
        let summary = squash(&request, key, &*printer.progress())?;
        printer.result(&summary, || text(&summary))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn text(summary: &Summary) -> Vec<String> {
    let images = summary.images.iter();
    let rows: Vec<Vec<String>> =
        images.map(|image| vec![image.name.to_string(), image.digest.to_string()]).collect();
    let mut lines = table(&rows);
    lines.extend(skipped(&summary.skipped));
    lines.extend(summary.from.iter().map(taken));
    lines.extend(summary.position.as_ref().map(in_words));
    if let Some(until) = summary.expires_at {
        lines.push(format!("expires at {until}"));
    }
    lines.extend(summary.read_back.map(read_back));
    let copied = format!("{} ({})", blobs(summary.copied.blobs), bytes(summary.copied.bytes));
    if summary.dry_run {
        lines.extend(summary.sizes.iter().flat_map(sizes::lines));
        lines.push(format!("dry run: {copied} to copy, nothing was written"));
        return lines;
    }
    let reused = match summary.reused.blobs {
        0 => String::new(),
        n => format!(", already there {} ({})", blobs(n), bytes(summary.reused.bytes)),
    };
    lines.push(format!("copied {copied}{reused}; signed by {}", summary.key.short()));
    lines.push(format!("bundle {} is complete", Safe(&summary.bundle.to_string())));
    lines
}

/// What one of the bundles gave.
fn taken(from: &SquashedFrom) -> String {
    let bundle = from.evidence.bundle.to_string();
    let position = from.evidence.position.as_ref().map(|it| format!(" ({it})")).unwrap_or_default();
    format!("{} from {}{position}", count(from.images, "image"), Safe(&bundle))
}
