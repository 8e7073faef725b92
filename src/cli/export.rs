//! `sealift export`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::admit::Admit;
use super::at_hand::all_at_hand;
use super::changes;
use super::cut::{CutInto, on_media};
use super::environment::{creation_time, standard_input};
use super::evidence::in_words;
use super::idle;
use super::list_files::{ListFiles, Wishes};
use super::lock::Lock;
use super::noting::Noting;
use super::numbering::Numbering;
use super::printer::Printer;
use super::protect::told;
use super::registries::Registries;
use super::report::argument;
use super::scan::ScanWith;
use super::secrets::{private_key, public_keys};
use super::signature_rules::SignatureRules;
use super::since::{any_line, since};
use super::sizes;
use super::table::{blobs, bytes, locks, read_back, screenings, skipped, table};
use super::unlock::Identity;
use crate::bundle::base::LeansOn;
use crate::bundle::roots::TrustFolder;
use crate::places::location::Source;
use crate::verbs::export::{Request, Summary, export, misnamed};
use crate::verbs::resolve::{LostWish, resolve};
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::platform::Platform;
use crate::words::reference::Reference;
use crate::work::graph::Selection;

/// Export images into a signed bundle
///
/// IMAGE is an image name (alpine, docker://quay.io/org/app:1.2, with a tag, a digest or both),
/// an archive (docker-archive:FILE[:NAME], oci-archive:FILE[:NAME]; plain, gzip or zstd; - for
/// standard input; FILE=NEWNAME to name its one image), a folder of docker's archives (docker-archive:DIR), an image that an engine
/// has (containers-storage:NAME for podman, docker-daemon:NAME, containerd:NAME), a layout
/// (oci:DIR[:NAME]), a chart (chart:https://REPOSITORY/NAME[:VERSION]) or a file (file:PATH[=NAME]), which
/// become artifacts. Multi-platform images come with all platforms, and with the signatures and
/// SBOMs that refer to them. Where an archive or engine keeps no manifest, one is made, the same
/// for the same image.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift export alpine:3.20 quay.io/org/app:1.2 -o june.tar --sign-key transfer.key.pem
  sealift export -f images.txt -o june --sign-key transfer.key.pem \\
      --platform linux/amd64 --rewrite-index
  sealift export -f images.txt -o june.tar --sign-key transfer.key.pem \
      --require-signature 'quay.io/org/*=cosign.pub'
  sealift export -f images.txt -o june --sign-key transfer.key.pem --scan 'clamscan -ri {dir}'
  sealift export oci:build/layout -o june.tar --sign-key transfer.key.pem
  sealift export -f images.txt -o discs/june --volume-size dvd --sign-key transfer.key.pem
  sealift export -f images.txt -o june --volume-size 15GB --volume-dir /media/usb \\
      --sign-key transfer.key.pem
  sealift export -f images.txt -o discs/june --volume-size dvd --redundancy 5% \\
      --sign-key transfer.key.pem
  sealift export docker-archive:app.tar.gz docker-daemon:db:5 -o june.tar \\
      --sign-key transfer.key.pem
  sealift export -f images.txt -o july.tar --sign-key transfer.key.pem --since june.tar
  sealift export -f images.txt -o july --reuse june --sign-key transfer.key.pem
  sealift export -f images.txt -o /media/usb/june --sign-key transfer.key.pem --verify-media
  sealift export -o june.tar --sign-key transfer.key.pem \\
      chart:https://charts.example/stable/web:1.2.3
  sealift export file:tool.iso file:notes.pdf=docs/notes:1.0 -o june.tar \\
      --sign-key transfer.key.pem
  docker save app:1 | sealift export docker-archive:- -o app.tar --sign-key transfer.key.pem
  sealift export -f images.txt -o june.tar --sign-key transfer.key.pem --stream prod --new-epoch
  sealift export -f images.txt -o july.tar --sign-key transfer.key.pem --stream prod
  sealift export -f images.txt -o august.tar --sign-key transfer.key.pem --since receipt.json
  sealift export -f images.txt -o august.tar --sign-key transfer.key.pem --since 'prod 7 my329-vqnkb'
  sealift export -f images.txt -o june.tar --sign-key transfer.key.pem --policy site.toml
  sealift export -f images.txt -o june.tar.age --sign-key transfer.key.pem --recipient @site.txt
  sealift export -f images.txt -o july.tar.age --sign-key transfer.key.pem --recipient @site.txt \\
      --since june.tar.age --identity own.key

An interrupted export leaves NAME.partial; the same command goes on from there, in the middle of a
blob too; an encrypted one begins anew, since what opens it is kept nowhere. A finished one is complete already: its layers are not hashed again, which verify does.
With --platform alone the original index is kept, which names platforms that the bundle leaves out:
docker's registry refuses such an index, and --rewrite-index makes another.

A stream begins with --new-epoch; each bundle of it then has the next number, and names the one before.
With --since the bundle is a delta: it carries what the earlier ones did not bring, or what the other
side does not hold, as its receipt or its line tells (sealift inventory). Its import proves first that
the destination has the rest, or reads it from earlier bundles that are at hand (--base).

With --policy, and where the trust folder has a policy.toml, images that a rule keeps out are named before
any layer is fetched (exit code 3), each with the rule: docs/policy.md.

With --volume-dir volumes go straight onto media, one after the other: each is checked there, and then
the next medium is waited for (without a terminal: exit code 5, and the same command goes on). NAME keeps
what is needed to go on after a stop, and the labels; nothing else takes room on this side.

With --redundancy recovery data is made when the bundle has its name: until then it is whole and signed, and
the same command makes what is missing of the recovery data.

What was written is in memory first, and a bad stick takes it without a word. With --verify-media all is
read back from the device before the bundle gets its name, which takes about as long as writing it.")]
pub(super) struct Export {
    /// Images to export
    #[arg(value_name = "IMAGE", required_unless_present = "file")]
    images: Vec<String>,
    #[command(flatten)]
    lists: ListFiles,
    /// The bundle: one packed file when the name ends in .tar, an encrypted one when it ends in .tar.age,
    /// else a folder
    #[arg(short, long, value_name = "BUNDLE")]
    output: PathBuf,
    #[command(flatten)]
    cut: CutInto,
    /// Private key to sign with
    #[arg(long, value_name = "KEY.pem")]
    sign_key: PathBuf,
    /// File whose first line is the passphrase of the key, of an identity, or of a bundle that is read
    /// [default: SEALIFT_PASSPHRASE, else ask]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    lock: Lock,
    /// Take these platforms only, as in linux/arm64 (can be repeated, or joined by commas)
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_delimiter = ',')]
    platform: Vec<Platform>,
    /// With --platform, write a new index without the other platforms (it gets a new digest)
    #[arg(long, requires = "platform")]
    rewrite_index: bool,
    /// Leave signatures, SBOMs and other referrers behind
    #[arg(long, conflicts_with = "require_signature")]
    no_referrers: bool,
    /// Believe no registry's list of tags that an image has no signatures: ask for them tag by tag,
    /// four requests more for each manifest
    #[arg(long, conflicts_with = "no_referrers")]
    no_tag_lists: bool,
    #[command(flatten)]
    signatures: SignatureRules,
    #[command(flatten)]
    scan: ScanWith,
    /// Leave out the blobs that the other side holds already, as this earlier bundle tells, which
    /// arrived there, or a receipt of the other side, or the line that it read out, as in 'prod 7
    /// my329-vqnkb' (can be repeated)
    #[arg(long, value_name = "BUNDLE|RECEIPT|LINE")]
    since: Vec<OsString>,
    /// Public key that must have signed those receipts (with several, any one of them) [default:
    /// whoever signed them: the import proves what they say]
    #[arg(long, value_name = "PUB.pem", requires = "since")]
    since_key: Vec<PathBuf>,
    /// Let the bundle expire after so many days
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    expires: Option<u32>,
    /// Carry all roots of this trust folder, for sites that have missed some; the key has to be one that
    /// signs such bundles there
    #[arg(long, value_name = "DIR")]
    trust: Option<PathBuf>,
    #[command(flatten)]
    numbering: Numbering,
    #[command(flatten)]
    admit: Admit,
    #[command(flatten)]
    noting: Noting,
    /// Call the one image of an archive or layout NAME, as docker-archive:FILE=NAME does
    #[arg(long, value_name = "NAME", value_parser = argument::<Reference>)]
    name: Option<Reference>,
    /// Leave images behind that cannot be read, of archives, layouts and folders given without a
    /// name; the bundle says which
    #[arg(long)]
    skip_unreadable: bool,
    /// Take the images along that charts name in their values and annotations; templates are not rendered,
    /// and what is not known so is said
    #[arg(long)]
    with_images: bool,
    /// Go on without images that are not there, or that you may not have: the bundle says which, and the
    /// exit code is 5 all the same
    #[arg(long)]
    skip_missing: bool,
    /// Take blobs from here instead of fetching them: an earlier bundle (folder or packed), a layout
    /// (DIR, oci:DIR or oci-archive:FILE), or another folder with files called by their digests (can
    /// be repeated). Tags are asked for all the same, and what is taken is hashed
    #[arg(long, value_name = "PATH")]
    reuse: Vec<PathBuf>,
    /// Bring the bundle up to date that is in the folder BUNDLE, in one step: until then the old one
    /// stands, and of its files those that stay are not written again
    #[arg(long)]
    update: bool,
    /// Read every byte back from the medium, past what the system has in memory, before the bundle gets
    /// its name
    #[arg(long)]
    verify_media: bool,
    /// Show what would be exported, and write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    registries: Registries,
}

impl Export {
    pub(super) fn run(mut self, printer: &Printer) -> Result<ExitCode> {
        let Wishes { request: wishes, wrong, locks } =
            self.lists.wishes(self.images, self.registries.jobs(), printer)?;
        if !wishes.any_registry() {
            let own = [("--no-tag-lists", self.no_tag_lists)];
            let given = [&own[..], &self.registries.given()].concat();
            idle::tell(&given, "no image is in a registry", printer);
            self.registries.unused();
        }
        let progress = printer.progress();
        let client = self.registries.client_reading(progress.clone(), !self.no_tag_lists)?;
        let resolved = resolve(wishes, &client)?;
        let (lost, misread): (Vec<LostWish>, Vec<LostWish>) =
            resolved.wrong.into_iter().partition(|it| self.skip_missing && it.is_missing());
        let misread: Vec<Error> =
            wrong.into_iter().chain(misread.into_iter().map(|it| it.error)).collect();
        let missing = lost.into_iter().map(LostWish::skipped).collect();
        let (mut listed, mut images) = (BTreeMap::new(), Vec::new());
        for meant in resolved.images {
            if let Some(spot) = meant.spots().next() {
                listed.insert(meant.image.to_string(), spot.told());
            }
            images.push(meant.image);
        }
        self.lists.beside_archives(&images)?;
        if let (Some(name), true) = (self.name, misread.is_empty()) {
            images = vec![called(images, name)?];
        }
        if !idle::any_whole(&images) {
            let why = "every image is named, and has to be there";
            idle::tell(&[("--skip-unreadable", self.skip_unreadable)], why, printer);
        }
        if !any_line(&self.since) {
            let given = [("--history", self.numbering.names_history_alone())];
            idle::tell(&given, "no stream is named, and no line was read out", printer);
        }
        let opener = self.identity.opener(self.passphrase_file.as_deref(), printer)?;
        let opened =
            !self.since.is_empty() || !self.reuse.is_empty() || self.numbering.reads_bundle();
        if !opened && !self.numbering.names_stream() {
            idle::tell(&self.identity.given(), "no earlier bundle is read", printer);
        }
        let since = since(self.since, &opener, || self.numbering.history())?;
        let created_at = creation_time()?;
        let expires_at = self.expires.map(|days| created_at.plus_days(days)).transpose()?;
        let drive = self.cut.drive(self.verify_media, &progress);
        let output = self.lock.medium(self.cut.medium(&self.output, None, drive)?)?;
        let request = Request {
            images,
            listed,
            locks,
            redundancy: self.cut.redundancy,
            output: opener.beside(output),
            select: Selection {
                platforms: self.platform,
                rewrite_index: self.rewrite_index,
                no_referrers: self.no_referrers,
            },
            signatures: self.signatures.read()?,
            scans: self.scan.scans(),
            since,
            since_keys: public_keys(&self.since_key)?,
            created_at,
            expires_at,
            admission: self.admit.admission(self.trust.as_deref(), printer)?,
            trust: self.trust.map(TrustFolder::open).transpose()?,
            stream: self.numbering.sequel(&opener)?,
            jobs: self.registries.jobs(),
            dry_run: self.dry_run,
            skip_unreadable: self.skip_unreadable,
            with_images: self.with_images,
            skip_missing: self.skip_missing,
            missing,
            reuse: opener.media(all_at_hand("--reuse", self.reuse)?),
            update: self.update,
            verify_media: self.verify_media,
            ledger: self.noting.keeper(printer),
            stdin: standard_input,
        };
        if !misread.is_empty() {
            return Err(misnamed(&request, misread, &client, &*progress));
        }
        let key = private_key(&self.sign_key, self.passphrase_file.as_deref(), opened, printer)?;
        let summary = export(&request, key, &client, &*progress)?;
        if !summary.images.iter().any(|image| image.rewritten_from.is_some()) {
            let rewrite = [("--rewrite-index", request.select.rewrite_index)];
            idle::tell(&rewrite, "no index names platforms that are left out", printer);
        }
        let lacks = request.skip_missing.then(|| lacks(&summary)).flatten();
        printer.ending(&summary, lacks.as_ref(), || text(&summary))?;
        Ok(printer.end(lacks.as_ref()))
    }
}

/// That the bundle is not all that was asked for.
fn lacks(summary: &Summary) -> Option<Error> {
    let (lost, all) = (summary.skipped.len(), summary.images.len() + summary.skipped.len());
    let text = format!("{lost} of the {all} images asked for were left out");
    let way_out = "see that they are there, or take them off the list";
    (lost > 0).then(|| Error::new(Class::Incomplete, text).hint(way_out))
}

/// The one image of `images`, called `name`.
fn called(images: Vec<Source>, name: Reference) -> Result<Source> {
    let count = images.len();
    let mut images = images.into_iter();
    match (images.next(), images.next()) {
        (Some(image), None) => image.called(name),
        _ => {
            Err(Error::new(Class::Usage, format!("--name is for one image, and {count} are given"))
                .hint("write the name behind each, as in docker-archive:FILE=NAME"))
        }
    }
}

fn text(summary: &Summary) -> Vec<String> {
    let mut rows: Vec<Vec<String>> = summary
        .images
        .iter()
        .map(|image| vec![image.name.to_string(), image.digest.to_string()])
        .collect();
    for (row, image) in rows.iter_mut().zip(&summary.images) {
        row.extend(image.rewritten_from.map(|old| format!("rewritten from {old}")));
        row.extend(image.made.then(|| "made on export".to_owned()));
    }
    let mut lines = table(&rows);
    lines.extend(skipped(&summary.skipped));
    lines.extend(screenings(&summary.screenings));
    lines.extend(locks(&summary.locks));
    lines.extend(held(summary));
    lines.extend(summary.position.as_ref().map(in_words));
    lines.extend(summary.read_back.map(read_back));
    if summary.already_complete {
        let bundle = summary.bundle.to_string();
        lines.push(format!(
            "bundle {} is complete already, signed by {}; nothing was fetched or written",
            Safe(&bundle),
            summary.key.short()
        ));
        lines.extend(summary.recovery.iter().flat_map(|made| told(made, &summary.bundle)));
        return lines;
    }
    let fetched = format!("{} ({})", blobs(summary.fetched.blobs), bytes(summary.fetched.bytes));
    if summary.dry_run {
        // Beside what the other side has, each image is told with what it adds to that.
        let weights = summary.weights.iter().filter(|_| summary.change.is_none());
        lines.extend(weights.flat_map(sizes::weights));
        if let Some(change) = &summary.change {
            lines.push(String::new());
            lines.extend(changes::table(change, false, false));
            lines.extend(changes::totals(change));
            lines.push(String::new());
        }
        lines.extend(summary.sizes.iter().flat_map(sizes::lines));
        lines.push(format!("dry run: {fetched} to fetch, nothing was written"));
        return lines;
    }
    let reused = match summary.reused.blobs {
        0 => String::new(),
        n => format!(", already there {} ({})", blobs(n), bytes(summary.reused.bytes)),
    };
    let continued = match summary.continued {
        0 => String::new(),
        n => format!(", went on behind {} that were there", bytes(n)),
    };
    lines.push(format!("fetched {fetched}{continued}{reused}; signed by {}", summary.key.short()));
    let bundle = summary.bundle.to_string();
    lines.push(match (&summary.volume_dir, summary.volumes) {
        (Some(folder), Some(n)) => on_media(n, folder, &bundle),
        _ => format!("bundle {} is complete", Safe(&bundle)),
    });
    lines.extend(summary.recovery.iter().flat_map(|made| told(made, &summary.bundle)));
    lines
}

/// What a delta does not carry.
fn held(summary: &Summary) -> Option<String> {
    let held = (summary.held.blobs > 0).then_some(summary.held)?;
    Some(format!(
        "left out, since the other side holds them: {} ({}), as {} tells",
        blobs(held.blobs),
        bytes(held.bytes),
        LeansOn::in_words(&summary.leans_on)
    ))
}
