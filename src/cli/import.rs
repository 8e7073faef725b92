//! `sealift import`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::admit::Admit;
use super::believe::Believe;
use super::bundle::BundleAnywhere;
use super::choose::Choose;
use super::environment::now;
use super::hold_parts::HoldParts;
use super::idle;
use super::imported::{ImportReport, text};
use super::in_order::{self, InOrder};
use super::noting::Noting;
use super::partly::Partly;
use super::plan::{self, PlanPage};
use super::printer::Printer;
use super::receipting::WantReceipt;
use super::registries::Registries;
use super::remedies;
use super::report::argument;
use super::rules::Renaming;
use super::scan::ScanWith;
use super::share::Share;
use super::signature_rules::SignatureRules;
use super::try_images::TryImages;
use super::unlock::Identity;
use crate::places::location::{ArchiveFormat, Destination, is_stream};
use crate::verbs::import::{Filing, Outcome, Request, import};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::platform::Platform;
use crate::words::size::parse_size;
use crate::work::graph::Rewrite;
use crate::work::plan::OnExisting;
use crate::work::projects::Provision;
use crate::work::template::Template;

/// What to do about a name that stands for another image
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum WhenTaken {
    /// Fail before anything moves
    Error,
    /// Point it at the bundle's image
    Overwrite,
    /// Leave it, and leave the bundle's image behind
    Skip,
    /// Leave it, and bring the bundle's image under its digest alone; a registry that removes what
    /// has no tag, as Harbor can when it collects garbage, will remove it
    KeepDigest,
    /// Leave it, and bring the bundle's image under the tag digest-HEX, made from its digest, which
    /// never has to move
    DigestTag,
}

impl From<WhenTaken> for OnExisting {
    fn from(existing: WhenTaken) -> OnExisting {
        match existing {
            WhenTaken::Error => OnExisting::Error,
            WhenTaken::Overwrite => OnExisting::Overwrite,
            WhenTaken::Skip => OnExisting::Skip,
            WhenTaken::KeepDigest => OnExisting::KeepDigest,
            WhenTaken::DigestTag => OnExisting::DigestTag,
        }
    }
}

/// Import a bundle into a registry, an engine or a layout
///
/// The signature, the list of files and all manifests are checked before the destination is
/// touched; every other byte is checked while it is copied. A packed bundle is read in place.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift import june.tar --to docker://harbor.example/group --key transfer.pub.pem
  sealift import june.tar --to docker://harbor.example/group --key transfer.pub.pem --dry-run
  sealift import june.tar --to containers-storage: --key transfer.pub.pem
  sealift import june.tar --to docker-daemon: --key transfer.pub.pem
  sealift import june.tar --to 'containerd:[k8s.io]' --pin --key transfer.pub.pem
  sealift import june.tar --to k3s: --key transfer.pub.pem
  sealift import june.tar --to oci:store --key transfer.pub.pem
  sealift import june.tar --to docker-archive:/var/lib/images/ --key transfer.pub.pem \\
      --name-template '{repo}.{name}.img' --gzip
  sealift import june.tar --to docker-archive:- --key transfer.pub.pem | ssh node docker load
  sealift import july.tar --to oci:store --key transfer.pub.pem --stream prod
  sealift import june.tar --to oci:store --key transfer.pub.pem \
      --require-signature 'quay.io/org/*=cosign.pub'
  sealift import june --to oci:store --key transfer.pub.pem --scan 'clamscan -ri {dir}'
  sealift import june.tar --to docker-daemon: --key transfer.pub.pem --check 'python -V'
  sealift import scratched --to oci:store --key transfer.pub.pem --only-intact
  sealift import june.tar --to docker://harbor.example/group --key transfer.pub.pem \\
      --receipt june-receipt.json --sign-key site.key.pem
  sealift import june.tar --to docker://harbor.example/group --key transfer.pub.pem \\
      --map 'docker.io/library/alpine:3.20=alpine:demo-copy'
  sealift import july.tar --to docker-archive:/var/lib/images/ --key transfer.pub.pem \\
      --base june.tar
  sealift import http://head/bundles/june.tar --to oci:store --key transfer.pub.pem
  sealift import /media/cdrom --to oci:store --key transfer.pub.pem
  sealift import disc1/june.001.tar disc2/june.002.tar --to oci:store --key transfer.pub.pem
  sealift import june.tar --to oci:store --key transfer.pub.pem --policy site.toml
  sealift import june.tar --to docker://harbor.example/group --key transfer.pub.pem --shard 3/16
  sealift import june.tar --to docker://harbor.example/group --key transfer.pub.pem --finish
  sealift import june.tar --to file:downloads --key transfer.pub.pem --only localhost/tool.bin
  sealift import june.tar.age --identity ~/.ssh/id_ed25519 --to oci:store --key transfer.pub.pem

Names: docker.io/library/alpine:3.20 becomes harbor.example/group/library/alpine:3.20, with
--flatten harbor.example/group/alpine:3.20. Rules (--map) come first; * stands for any text.
In podman, docker, containerd and on nodes images keep their full names.
Images are chosen by name (alpine means all its tags) or by * for any text and ? for one character,
as in --only 'quay.io/org/*' --except '*:debug'; what refers to them comes along.
With --policy, and where the trust folder has a policy.toml, images that a rule keeps out are named before
anything is brought (exit code 3), each with the rule: docs/policy.md.
Of a bundle in a stream it is remembered that it was taken: an older one, another one of its number, and
one before which others are missing is refused from then on (exit code 7).
Of volumes those that are there are taken, in any order, into a registry or a layout. At a terminal the
others are waited for, one after the other in the same drive; else it ends with exit code 5 and what lacks,
and the same command goes on with the next. No name is made before all is there.
An interrupted import is finished by the same command; blobs that are there are not sent again.")]
pub(super) struct Import {
    #[command(flatten)]
    bundle: BundleAnywhere,
    /// Where to: docker://HOST[:PORT][/PREFIX], containers-storage: (podman), docker-daemon:,
    /// containerd:[NAMESPACE], a Kubernetes node (k3s:, rke2: or k0s:, with its data directory behind it where
    /// that is another), oci:DIR, docker-archive:PATH or oci-archive:PATH (one file for all images; a folder,
    /// with a slash behind it, for a file an image; - for standard output), file:DIR (charts and other
    /// artifacts as files)
    #[arg(long, value_name = "DEST", value_parser = argument::<Destination>)]
    to: Destination,
    /// Earlier bundle (a path or an address), or layout (DIR, oci:DIR or oci-archive:FILE), that gives what the
    /// bundle does not carry and the destination does not have (can be repeated)
    #[arg(long, value_name = "PATH")]
    base: Vec<PathBuf>,
    #[command(flatten)]
    believe: Believe,
    /// Take the bundle only if its statement has this digest, as `inspect --long` shows it
    #[arg(long, value_name = "DIGEST")]
    statement: Option<Digest>,
    #[command(flatten)]
    identity: Identity,
    /// File whose first line is the passphrase of the bundle, of an identity, or of the key of a receipt
    /// [default: SEALIFT_PASSPHRASE, else ask]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    in_order: InOrder,
    #[command(flatten)]
    admit: Admit,
    #[command(flatten)]
    noting: Noting,
    #[command(flatten)]
    choose: Choose,
    #[command(flatten)]
    signatures: SignatureRules,
    #[command(flatten)]
    scan: ScanWith,
    #[command(flatten)]
    renaming: Renaming,
    /// What to do about a name that stands for another image; one that stands for the same is done
    #[arg(long, value_enum, default_value_t = WhenTaken::Error)]
    on_existing: WhenTaken,
    /// Make the projects that are missing at a Harbor
    #[arg(long)]
    create_projects: bool,
    /// Let everybody pull from the projects that are made [default: members only]
    #[arg(long, requires = "create_projects")]
    public: bool,
    /// Quota of the projects that are made, as in 50GB or 50GiB [default: the registry's]
    #[arg(long, value_name = "SIZE", requires = "create_projects", value_parser = parse_size)]
    storage_quota: Option<u64>,
    /// Push even if a project's quota looks too small
    #[arg(long)]
    ignore_quota: bool,
    /// Of multi-platform images take this one, as in linux/arm64, where the destination holds a
    /// single one [default: an engine's own; linux/amd64 for a docker archive]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]")]
    platform: Option<Platform>,
    /// Label images in containerd as pinned, so that the garbage collection of a Kubernetes node keeps them
    #[arg(long)]
    pin: bool,
    /// What files are called in a folder of archives: {host}, {repo} (the path before its last
    /// part), {name} (the last part), {tag}, {digest} [default: {repo}.{name}_{tag}.tar, or .tar.gz]
    #[arg(long, value_name = "TEMPLATE", value_parser = Template::parse)]
    name_template: Option<Template>,
    /// Compress archives; those whose names end in .gz or .tgz are compressed in any case
    #[arg(long)]
    gzip: bool,
    /// Push smaller indexes, under new digests, in place of those of which parts were left out
    #[arg(long)]
    rewrite_index: bool,
    /// Push OCI manifests and indexes, under new digests, in place of Docker's, for registries that
    /// take no others; signatures go on referring to the old digests
    #[arg(long)]
    to_oci: bool,
    /// Send larger blobs in pieces of this size, as in 10MB or 8MiB [default: whole, and in
    /// pieces where a registry or its proxy takes nothing else]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    chunk_size: Option<u64>,
    /// Let a manifest that is at the registry vouch for its blobs, instead of looking for each;
    /// blobs that were lost there since stay lost
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    hold_parts: HoldParts,
    #[command(flatten)]
    partly: Partly,
    #[command(flatten)]
    share: Share,
    #[command(flatten)]
    try_images: TryImages,
    #[command(flatten)]
    receipt: WantReceipt,
    /// Print the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run, print every blob and manifest, too
    #[arg(long, requires = "dry_run")]
    verbose: bool,
    #[command(flatten)]
    registries: Registries,
}

impl Import {
    pub(super) fn run(mut self, printer: &Printer) -> Result<ExitCode> {
        let filing = self.filing(printer)?;
        self.check_platform()?;
        self.tell_idle(printer);
        if self.bundle.is_elsewhere(&self.base) {
            self.registries.share();
        } else if self.to.beside_registries().is_some() {
            self.registries.unused();
        }
        let rules = self.renaming.rules()?;
        let file = self.passphrase_file.as_deref();
        let receipt = self.receipt.receipting(file, printer)?;
        let opener = self.identity.opener(file, printer)?;
        let progress = printer.progress();
        let client =
            self.registries.client_sending(progress.clone(), self.chunk_size, self.quick)?;
        let bundle = self.bundle.medium(|| Ok(client.clone()), |path| opener.medium(path))?;
        self.partly.check(&bundle)?;
        let discs = self.hold_parts.discs(&progress);
        let request = Request {
            bundle,
            to: if self.pin { self.to.pinned()? } else { self.to },
            bases: opener.bases(self.base, || Ok(client.clone()))?,
            trust: self.believe.trust(printer)?,
            statement: self.statement,
            demands: self.in_order.demands(),
            choice: self.choose.choice()?,
            signatures: self.signatures.read()?,
            scans: self.scan.scans(),
            rules,
            flatten: self.renaming.flatten,
            existing: self.on_existing.into(),
            projects: Provision {
                create: self.create_projects,
                public: self.public,
                quota: self.storage_quota,
                ignore_quota: self.ignore_quota,
            },
            platform: self.platform,
            rewrite: Rewrite { smaller: self.rewrite_index, to_oci: self.to_oci },
            filing,
            now: now()?,
            jobs: self.registries.jobs(),
            every_byte: false,
            dry_run: self.dry_run,
            leave_behind: self.partly.leave_behind(),
            discs,
            sharing: self.share.sharing(),
            admission: self.admit.admission(self.believe.folder(), printer)?,
            ledger: self.noting.keeper(printer),
            trial: self.try_images.trial(),
            receipt,
        };
        let (evidence, outcome) = import(&request, &client, &*progress)?;
        in_order::tell_idle(&request.demands.reasons, &evidence, printer);
        if let (Destination::Registry { registry, .. }, true) = (&request.to, outcome.no_harbor()) {
            let of_harbor = [
                ("--create-projects", request.projects.create),
                ("--public", request.projects.public),
                ("--storage-quota", request.projects.quota.is_some()),
                ("--ignore-quota", request.projects.ignore_quota),
            ];
            idle::tell(&of_harbor, &format!("{registry} is no Harbor"), printer);
        }
        match outcome {
            Outcome::Planned(mut plan) => {
                remedies::in_obstacles(&mut plan.obstacles);
                let (to, evidence) = (request.to.to_string(), &evidence);
                plan::show(&PlanPage { evidence, to, plan: &plan }, self.verbose, printer)
            }
            Outcome::Done(mut summary) => {
                remedies::in_summary(&mut summary);
                let report = ImportReport { evidence: &evidence, summary: &summary };
                // A list that cannot be written does not hide what arrived.
                let error = self.partly.settle(&summary).unwrap_or_else(Some);
                printer.ending(&report, error.as_ref(), || text(&evidence, &summary))?;
                Ok(printer.end(error.as_ref()))
            }
        }
    }
}

impl Import {
    /// Says which options have no effect on this import.
    fn tell_idle(&self, printer: &Printer) {
        let own = [
            ("--create-projects", self.create_projects),
            ("--public", self.public),
            ("--storage-quota", self.storage_quota.is_some()),
            ("--ignore-quota", self.ignore_quota),
            ("--chunk-size", self.chunk_size.is_some()),
            ("--quick", self.quick),
        ];
        let is_elsewhere = self.bundle.is_elsewhere(&self.base);
        if let Some(why) = self.to.beside_registries() {
            let reached = self.registries.given().map(|(it, given)| (it, given && !is_elsewhere));
            idle::tell(&[&own[..], &reached].concat(), why, printer);
        }
        if !is_elsewhere && let Destination::Registry { registry, .. } = &self.to {
            let elsewhere = [("--plain-http", self.registries.plain_elsewhere(registry))];
            let why = format!("nothing goes to another registry than {registry}");
            idle::tell(&elsewhere, &why, printer);
        }
        if matches!(self.to, Destination::Archive { .. }) {
            let jobs = [("--jobs", self.registries.has_jobs())];
            idle::tell(&jobs, "an archive is written from front to back", printer);
        }
        let of_run = [self.partly.given(), self.receipt.given(), self.try_images.given()].concat();
        idle::in_full(&[("--verbose", self.verbose)], printer);
        if self.dry_run {
            idle::tell(&of_run, "a dry run brings nothing", printer);
        }
    }

    /// A platform is chosen where there is room for one alone.
    fn check_platform(&self) -> Result<()> {
        let single = matches!(
            self.to,
            Destination::Engine(_) | Destination::Archive { format: ArchiveFormat::Docker, .. }
        );
        match self.platform.is_some() && !single {
            true => Err(Error::new(
                Class::Usage,
                "--platform is for engines and docker archives; other places hold all of an image",
            )
            .hint("leave it out, or choose the platforms on export")),
            false => Ok(()),
        }
    }

    /// How archives are written. Where one goes to standard output, nothing else does.
    fn filing(&self, printer: &Printer) -> Result<Filing> {
        let usage = |text: &str| Error::new(Class::Usage, text);
        let Destination::Archive { path, .. } = &self.to else {
            return match self.gzip || self.name_template.is_some() {
                true => Err(usage("--gzip and --name-template are for archives")
                    .hint("import to docker-archive:PATH or oci-archive:PATH")),
                false => Ok(Filing::default()),
            };
        };
        let stdout = match is_stream(path) {
            true => Some(Arc::new(printer.give_stdout()?)),
            false => None,
        };
        let ending = match &self.name_template {
            Some(template) => template.ending().to_owned(),
            None => path.display().to_string(),
        };
        let gzip = self.gzip || wants_gzip(&ending)?;
        Ok(Filing { template: self.name_template.clone(), gzip, stdout })
    }
}

/// Whether a file whose name ends like this is compressed with gzip, as whoever sees it will think.
///
/// # Errors
/// [`Class::Usage`] for the endings of what is not made here.
fn wants_gzip(name: &str) -> Result<bool> {
    let name = name.to_ascii_lowercase();
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if ends(&[".gz", ".tgz", ".gzip"]) {
        return Ok(true);
    }
    let other =
        [".zst", ".zstd", ".tzst", ".xz", ".txz", ".bz2", ".tbz", ".tbz2", ".lz4", ".zip", ".7z"];
    match ends(&other) {
        true => Err(Error::new(
            Class::Usage,
            format!("{} would not be what its name says: archives are plain or gzip", Safe(&name)),
        )
        .hint("name it .tar, or .tar.gz for a compressed one")),
        false => Ok(false),
    }
}
