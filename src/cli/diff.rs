//! `sealift diff`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::believe::SignersIfAny;
use super::changes;
use super::environment::{now, standard_input};
use super::evidence::ids;
use super::idle;
use super::list_files::names;
use super::printer::Printer;
use super::registries::Registries;
use super::table::{blobs, bytes};
use super::unlock::Unlock;
use crate::bundle::receipt::ReadReceipt;
use crate::medium::Medium;
use crate::medium::address::is_address;
use crate::places::location::Place;
use crate::verbs::diff::{Comparand, Compared, Comparison, Request, diff};
use crate::words::count::count;
use crate::words::error::Result;
use crate::words::escape::Safe;
use crate::work::mapping::NameRule;

/// Show what changes from one set of images to another: added, removed, moved, and what that weighs
///
/// BEFORE and AFTER are bundles (a folder, a packed file or its address on another machine, or a record of one), receipts, places
/// (docker://HOST[/PATH], containers-storage:, docker-daemon:, containerd:[NAMESPACE], k3s:, rke2:, k0s:, oci:DIR,
/// oci-archive:PATH, docker-archive:PATH), or lists of images, as export -f takes them. Of a place
/// manifests are read. Of a list the names are compared, and the digests that they pin; nobody is asked
/// for more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift diff may.tar june.tar --key transfer.pub.pem
  sealift diff images.txt june.tar
  sealift diff may.tar june.tar.age --identity site.key
  sealift diff receipt.json june.tar
  sealift diff docker://harbor.example/group june.tar --key transfer.pub.pem
  sealift diff may.tar june.tar --format json | jq -r '.images[].change'

ADDS are the bytes that an image alone adds: nothing of BEFORE has them, and no other image of AFTER;
what several new images share is told below. FREES is the same the other way round. What cannot be
told is called unknown. Layers are not read. Without --key and --trust nothing is proven about who made a bundle.
Beside a registry, or its receipt, images are called as import would call them there.
The exit code does not say whether the two differ, but with --exit-code: then 1 says that they do.")]
pub(super) struct Diff {
    /// What there was
    #[arg(value_name = "BEFORE")]
    before: String,
    /// What there is, or will be
    #[arg(value_name = "AFTER")]
    after: String,
    #[command(flatten)]
    signers: SignersIfAny,
    #[command(flatten)]
    unlock: Unlock,
    /// Rule by which a name is imported into the place that is compared (can be repeated), as import
    /// takes it
    #[arg(long, value_name = "FROM=TO", value_parser = NameRule::parse)]
    map: Vec<NameRule>,
    /// Only the last part of each name is kept on that way
    #[arg(long)]
    flatten: bool,
    /// Exit with 1 if they differ, or cannot be told to be the same
    #[arg(long)]
    exit_code: bool,
    /// Show images that did not change, too
    #[arg(long)]
    all: bool,
    /// Show digests and key ids in full
    #[arg(long)]
    long: bool,
    #[command(flatten)]
    registries: Registries,
}

impl Diff {
    pub(super) fn run(mut self, printer: &Printer) -> Result<ExitCode> {
        idle::in_full(&[("--long", self.long), ("--all", self.all)], printer);
        let trust = self.signers.trust()?;
        let opener = self.unlock.opener(printer)?;
        let reached = || self.registries.client(printer.progress());
        let read = |text: &str| side(text, &|path| opener.anywhere(path, reached));
        let (before, after) = (read(&self.before)?, read(&self.after)?);
        if ![&before, &after].into_iter().any(is_asked) {
            idle::tell(&self.registries.given(), "no place is a registry", printer);
            self.registries.unused();
        }
        let is_place =
            |side: &&Comparand| matches!(side, Comparand::Place(_) | Comparand::Receipt(_));
        if ![&before, &after].iter().any(is_place) {
            let given = [("--map", !self.map.is_empty()), ("--flatten", self.flatten)];
            idle::tell(&given, "neither of the two is a place or its receipt", printer);
        }
        let request = Request {
            rules: std::mem::take(&mut self.map),
            flatten: self.flatten,
            jobs: self.registries.jobs(),
            stdin: standard_input,
            ..Request::new(before, after, trust, now()?)
        };
        let progress = printer.progress();
        let client = self.registries.client(progress.clone())?;
        let told = diff(&request, &client, &*progress)?;
        let unlike = told.unlike().filter(|_| self.exit_code);
        printer.ending(&told, unlike.as_ref(), || text(&told, self.all, self.long))?;
        Ok(printer.end(unlike.as_ref()))
    }
}

/// Whether another machine is asked.
fn is_asked(side: &Comparand) -> bool {
    match side {
        Comparand::Place(place) => matches!(place, Place::Registry { .. } | Place::Image(_)),
        Comparand::Bundle(medium) => medium.is_remote(),
        _ => false,
    }
}

/// What `text` names. What is there under that very name is no place.
fn side(text: &str, medium: &dyn Fn(PathBuf) -> Result<Medium>) -> Result<Comparand> {
    let path = PathBuf::from(text);
    if is_address(&path) {
        return medium(path).map(Comparand::Bundle);
    }
    if text.contains(':') && !path.exists() {
        return text.parse().map(Comparand::Place);
    }
    Ok(match (ReadReceipt::is_at(&path), is_text(&path)) {
        (true, _) => Comparand::Receipt(path),
        (_, true) => Comparand::List { names: names(&path)?, path },
        _ => Comparand::Bundle(medium(path)?),
    })
}

/// Whether the file at `path` begins as no bundle does: one that is packed has zeros in its header, and
/// one that is encrypted says so.
pub(super) fn is_text(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = match path.is_file() {
        true => File::open(path).and_then(|file| file.take(512).read_to_end(&mut start)),
        false => return false,
    };
    let wide = start.starts_with(&[0xff, 0xfe]) || start.starts_with(&[0xfe, 0xff]);
    let is_encrypted = start.starts_with(b"age-encryption.org/");
    read.is_ok_and(|read| read > 0) && (wide || !start.contains(&0)) && !is_encrypted
}

fn text(told: &Comparison, all: bool, long: bool) -> Vec<String> {
    let mut lines = changes::table(&told.difference, all, long);
    lines.extend(changes::totals(&told.difference));
    for (which, side) in [("before", &told.before), ("after", &told.after)] {
        lines.push(format!("{which}: {}", about(side, long)));
    }
    lines
}

/// One of the two in a line: what it is, how large, and whose word it is.
fn about(side: &Compared, long: bool) -> String {
    let mut said = vec![format!("{}, {}", Safe(&side.name), count(side.image_count, "image"))];
    said.push(match &side.total {
        Some(total) => format!("{} ({})", blobs(total.blobs), bytes(total.bytes)),
        None => "sizes unknown".to_owned(),
    });
    said.extend(side.lacking.filter(|lacking| lacking.blobs > 0).map(|lacking| {
        format!("a delta, without {} ({}) of them", blobs(lacking.blobs), bytes(lacking.bytes))
    }));
    said.extend(side.created_at.map(|at| format!("made at {at}")));
    said.extend(side.expired.then(|| "EXPIRED".to_owned()));
    let claimed = side.claimed_signers.join(", ");
    said.extend(side.trusted.map(|trusted| match (trusted, claimed.is_empty()) {
        (true, _) => format!("signed by {}", ids(&side.signers, long)),
        (false, false) => format!("NOT verified: claims to be signed by {}", Safe(&claimed)),
        (false, true) => "NOT verified: nobody signed it".to_owned(),
    }));
    said.join("; ")
}
