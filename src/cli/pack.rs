//! `sealift pack`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::bundle::Bundle;
use super::cut::{CutInto, on_media};
use super::lock::Lock;
use super::printer::Printer;
use super::protect::told;
use super::table::{blobs, bytes, read_back};
use super::unlock::Identity;
use crate::tools::pace::Jobs;
use crate::verbs::pack::{Request, Summary, pack};
use crate::words::count::count;
use crate::words::error::Result;
use crate::words::escape::Safe;

/// Make of a bundle the same one in another form: a folder, one packed file, encrypted or
/// not, or volumes
///
/// Nothing of it changes but its form, so no key is needed, and every signature stays good. Every byte
/// is hashed on its way.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift pack june -o june.tar
  sealift pack /media/usb/june.tar -o june
  sealift pack june.tar -o discs/june --volume-size dvd
  sealift pack june.tar -o discs/june --volume-size dvd --sign-key transfer.key.pem
  sealift pack june.tar -o again/june --volume-size dvd --only 3
  sealift pack june.tar -o june-discs --label june --volume-size dvd --volume-dir /media/disc
  sealift pack june -o discs/june --volume-size dvd --redundancy 5%
  sealift pack disc1/june.001.tar disc2/june.002.tar -o june.tar
  sealift pack june.tar -o /media/usb/june --verify-media
  sealift pack june.tar -o june.tar.age --recipient @site.txt
  sealift pack june.tar -o discs/june --volume-size dvd --recipient @site.txt
  sealift pack june.tar.age -o june --identity site.key

A set of volumes is a folder of plain tars (june.001.tar, june.002.tar, ...), each of which fits on a
medium of its own and can be verified by itself. Brought together in any folder, in any order, they are
the bundle again, for every verb; pack makes one file or a folder of them, too. --only makes one volume
again, with the same bytes, where the size and the name of the set are the same. fat32 is the largest
file there; cd, dvd, dvd-dl and bd leave room for the file system of the disc.

--volume-dir writes the volumes straight onto media that are changed in one drive, as export does.

The same bundle packed by export, or packed and unpacked, has the same bytes. Whose signature it
carries, and whether it has expired, is asked by those who take it. An interrupted run leaves
NAME.partial; the same command goes on from there.")]
pub(super) struct Pack {
    #[command(flatten)]
    bundle: Bundle,
    /// The same in its new form: one packed file when the name ends in .tar, an encrypted one when it ends
    /// in .tar.age, else a folder
    #[arg(short, long, value_name = "NEW")]
    output: PathBuf,
    #[command(flatten)]
    cut: CutInto,
    /// Private key that signed the bundle: it signs the table of each volume too, so that one volume is
    /// proven without the others
    #[arg(long, value_name = "KEY.pem", requires = "volume_size")]
    sign_key: Option<PathBuf>,
    /// File whose first line is the passphrase of the key, of an identity, or of the bundle [default:
    /// SEALIFT_PASSPHRASE, else ask]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    lock: Lock,
    /// Make volume N alone
    #[arg(long, value_name = "N", requires = "volume_size", conflicts_with = "volume_dir")]
    only: Option<u32>,
    /// Blobs copied at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    /// Read every byte back from the medium, past what the system has in memory, before the bundle gets its
    /// name
    #[arg(long, conflicts_with = "only")]
    verify_media: bool,
    /// Show what would be made, and write nothing
    #[arg(long)]
    dry_run: bool,
}

impl Pack {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let file = self.passphrase_file.as_deref();
        let key = self.sign_key.as_deref();
        let (opener, key) = self.identity.opener_and_key(key, file, printer)?;
        let progress = printer.progress();
        let drive = self.cut.drive(self.verify_media, &progress);
        let output = self.lock.medium(self.cut.medium(&self.output, self.only, drive)?)?;
        let request = Request {
            jobs: self.jobs.map_or_else(Jobs::default, |jobs| Jobs::up_to(jobs.into())),
            redundancy: self.cut.redundancy,
            verify_media: self.verify_media,
            dry_run: self.dry_run,
            ..Request::new(self.bundle.medium(|path| opener.medium(path)), output)
        };
        let summary = pack(&request, key, &*progress)?;
        printer.result(&summary, || text(&summary))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn text(summary: &Summary) -> Vec<String> {
    let output = summary.output.to_string();
    let copied = format!("{} ({})", blobs(summary.copied.blobs), bytes(summary.copied.bytes));
    let volumes =
        summary.volumes.map(|n| format!(" in {}", count(n, "volume"))).unwrap_or_default();
    if summary.dry_run {
        let size = bytes(summary.bytes);
        return vec![
            format!("{size}{volumes}"),
            format!("dry run: {copied} to copy, nothing was written"),
        ];
    }
    let recovery = summary.recovery.iter().flat_map(|made| told(made, &summary.output));
    let reused = match summary.reused.blobs {
        0 => String::new(),
        n => format!(", already there {} ({})", blobs(n), bytes(summary.reused.bytes)),
    };
    if let Some(only) = summary.output.cutting().and_then(|by| by.only) {
        let size = bytes(summary.bytes);
        let done = format!("volume {only} is complete in {}: {size}", Safe(&output));
        let lines = [format!("copied {copied}{reused}"), done];
        return lines.into_iter().chain(recovery).collect();
    }
    if let (Some(folder), Some(n)) = (&summary.volume_dir, summary.volumes) {
        return vec![format!("copied {copied}{reused}"), on_media(n, folder, &output)];
    }
    let mut lines: Vec<String> = summary.read_back.map(read_back).into_iter().collect();
    lines.extend([
        format!("copied {copied}{reused}"),
        format!(
            "bundle {} is complete: {}, {}{volumes}, signed as before",
            Safe(&output),
            count(summary.images, "image"),
            bytes(summary.bytes)
        ),
    ]);
    lines.extend(recovery);
    lines
}
