//! `sealift import`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::choose::Choose;
use super::environment::now;
use super::output::Printer;
use super::partly::Partly;
use super::registries::Registries;
use super::report::{argument, exit_code, lines};
use super::secrets::read_text;
use super::table::{blobs, bytes, table};
use super::verify::Believe;
use crate::places::location::{ArchiveFormat, Destination, is_stream};
use crate::verbs::import::{Filing, Outcome, Request, Summary, import};
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::platform::Platform;
use crate::words::size::parse_size;
use crate::work::graph::Rewrite;
use crate::work::mapping::Rule;
use crate::work::plan::{Acceptance, Action, NameAction, Obstacle, OnExisting, Plan};
use crate::work::projects::{ProjectAction, ProjectPlan, Provision};
use crate::work::template::Template;

/// Largest file of rules that is read.
const MAX_RULES: u64 = 16 << 20;

/// What to do about a name that stands for another image
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Existing {
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
  sealift import june.tar --to 'containerd:[k8s.io]' --key transfer.pub.pem
  sealift import june.tar --to oci:store --key transfer.pub.pem
  sealift import june.tar --to docker-archive:/var/lib/images/ --key transfer.pub.pem \\
      --name-template '{repo}.{name}.img' --gzip
  sealift import june.tar --to docker-archive:- --key transfer.pub.pem | ssh node docker load
  sealift import june.tar --to docker://harbor.example/group --key transfer.pub.pem \\
      --map 'docker.io/library/alpine:3.20=alpine:demo-copy'

Names: docker.io/library/alpine:3.20 becomes harbor.example/group/library/alpine:3.20, with
--flatten harbor.example/group/alpine:3.20. Rules (--map) come first; * stands for any text.
In podman, docker and containerd images keep their full names.
Images are chosen by name (alpine means all its tags) or by * for any text and ? for one character,
as in --only 'quay.io/org/*' --except '*:debug'; what refers to them comes along.
An interrupted import is finished by the same command; blobs that are there are not sent again.")]
pub(super) struct Import {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Where to: docker://HOST[:PORT][/PREFIX], containers-storage: (podman), docker-daemon:,
    /// containerd:[NAMESPACE], oci:DIR, docker-archive:PATH or oci-archive:PATH (one file for all
    /// images; a folder, with a slash behind it, for a file an image; - for standard output)
    #[arg(long, value_name = "DEST", value_parser = argument::<Destination>)]
    to: Destination,
    #[command(flatten)]
    believe: Believe,
    #[command(flatten)]
    choose: Choose,
    /// Keep only the last part of each name
    #[arg(long)]
    flatten: bool,
    /// Rule for a name (can be repeated; the first that matches decides)
    #[arg(long, value_name = "FROM=TO", value_parser = Rule::parse)]
    map: Vec<Rule>,
    /// File with one rule a line, # for comments
    #[arg(long, value_name = "FILE")]
    map_file: Option<PathBuf>,
    /// What to do about a name that stands for another image; one that stands for the same is done
    #[arg(long, value_enum, default_value_t = Existing::Error)]
    on_existing: Existing,
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
    /// What files are called in a folder of archives: {host}, {repo} (the path before its last
    /// part), {name} (the last part), {tag}, {digest} [default: {repo}.{name}_{tag}.tar, or .tar.gz]
    #[arg(long, value_name = "TEMPLATE", value_parser = Template::parse)]
    name_template: Option<Template>,
    /// Compress archives
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
    partly: Partly,
    /// Print the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    registries: Registries,
}

impl Import {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let filing = self.filing(printer)?;
        self.check_platform()?;
        let mut rules = self.map;
        if let Some(file) = &self.map_file {
            let text = read_text(file, MAX_RULES)?;
            rules.extend(Rule::parse_file(&text).map_err(|e| e.context(file.display()))?);
        }
        let request = Request {
            bundle: self.bundle,
            to: self.to,
            trust: self.believe.trust(printer)?,
            choice: self.choose.choice()?,
            rules,
            flatten: self.flatten,
            existing: match self.on_existing {
                Existing::Error => OnExisting::Error,
                Existing::Overwrite => OnExisting::Overwrite,
                Existing::Skip => OnExisting::Skip,
                Existing::KeepDigest => OnExisting::KeepDigest,
                Existing::DigestTag => OnExisting::DigestTag,
            },
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
            dry_run: self.dry_run,
            keep_going: self.partly.keep_going,
        };
        let progress = printer.progress();
        let client =
            self.registries.client_sending(progress.clone(), self.chunk_size, self.quick)?;
        match import(&request, &client, &*progress)? {
            Outcome::Planned(plan) => planned(&plan, printer),
            Outcome::Done(summary) => {
                printer.result(&summary, || text(&summary))?;
                self.partly.end(&summary, printer)
            }
        }
    }
}

impl Import {
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
        Ok(Filing { template: self.name_template.clone(), gzip: self.gzip, stdout })
    }
}

/// Shows the plan, and ends as the import would if it cannot be run.
fn planned(plan: &Plan, printer: &Printer) -> Result<ExitCode> {
    printer.result(plan, || plan_text(plan))?;
    match Obstacle::failure(&plan.obstacles) {
        None => Ok(ExitCode::SUCCESS),
        Some(error) if printer.is_json() => {
            lines(&error).iter().for_each(|line| printer.note(line));
            Ok(exit_code(error.class()))
        }
        Some(error) => Err(error),
    }
}

fn word(action: NameAction) -> &'static str {
    match action {
        NameAction::Present => "unchanged",
        NameAction::Create => "new",
        NameAction::Replace => "replaced",
        NameAction::Keep => "left as it is",
        NameAction::ByDigest => "by digest, the tag is left as it is",
    }
}

fn plan_text(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<String> = plan.projects.iter().map(project_text).collect();
    for repository in &plan.repositories {
        lines.push(Safe(&repository.repository).to_string());
        for transfer in &repository.blobs {
            let how = match &transfer.action {
                Action::Present => "there".to_owned(),
                Action::Mount { from } => format!("mount from {from}"),
                Action::Copy => "send".to_owned(),
            };
            lines.push(format!("  {} {} {how}", transfer.blob.digest, bytes(transfer.blob.size)));
        }
        for step in &repository.documents {
            let how = if step.present { "there" } else { "send" };
            lines.push(format!("  {} manifest {how}", step.document.digest));
        }
        for name in &repository.names {
            let made = name.smaller_than.map(|d| format!(", an index made on export, of {d}"));
            let from = name.rewritten_from.map(|d| format!(" instead of {d}, which was signed"));
            let from = from.or(made).unwrap_or_default();
            let (name, to, action) = (&name.name, &name.to, word(name.action));
            lines.push(format!("  {name} -> {to} {action}{from}"));
        }
    }
    for index in &plan.sparse {
        let repository = Safe(&index.repository);
        lines.push(format!(
            "index {repository}@{} goes without {}: {}",
            index.digest,
            count(index.missing, "part"),
            match index.acceptance {
                Acceptance::Taken => "the destination takes that",
                Acceptance::Refused => "the destination does not take that",
                Acceptance::UnknownUntilTried =>
                    "whether the destination takes that is not known until it is tried",
            }
        ));
    }
    let names = plan.repositories.iter().flat_map(|repository| &repository.names);
    lines.extend(untagged(names.filter(|step| step.action == NameAction::ByDigest).count()));
    lines.push(format!(
        "dry run: {} ({}) to send, {} to mount, {} there; nothing was changed",
        blobs(plan.copy.blobs),
        bytes(plan.copy.bytes),
        blobs(plan.mount.blobs),
        blobs(plan.present.blobs),
    ));
    lines
}

/// A project with what is known of it, in one line.
fn project_text(project: &ProjectPlan) -> String {
    let what = match project.action {
        ProjectAction::Present => "exists",
        ProjectAction::Create => "is made",
        ProjectAction::Missing => "does not exist",
        ProjectAction::Hidden => "exists, but may not be seen",
        ProjectAction::Unknown => "cannot be asked about",
    };
    let public = match project.public {
        Some(true) => ", public",
        Some(false) => ", private",
        None => "",
    };
    let quota = match &project.quota {
        Some(quota) => match (quota.limit, quota.left()) {
            (Some(limit), Some(left)) => {
                format!(", {} of its quota of {} are left", bytes(left), bytes(limit))
            }
            _ => ", no quota".to_owned(),
        },
        None if project.action == ProjectAction::Present => ", its quota is not known".to_owned(),
        None => String::new(),
    };
    let push = match project.may_push {
        Some(false) => ", no right to push",
        _ => "",
    };
    let adds = bytes(project.adds);
    format!("project {} {what}{public}{quota}{push}; up to {adds} to add", Safe(&project.project))
}

/// What to know of images that come without a tag.
fn untagged(images: usize) -> Option<String> {
    (images > 0).then(|| {
        format!(
            "without a tag: {images}; a registry that removes what has no tag, as Harbor can when \
             it collects garbage, will remove them (--on-existing digest-tag gives them one)"
        )
    })
}

fn text(summary: &Summary) -> Vec<String> {
    let rows: Vec<Vec<String>> = summary
        .images
        .iter()
        .map(|image| {
            let file = image.file.iter().map(|file| Safe(file).to_string());
            let row =
                [image.to.to_string(), image.digest.to_string(), word(image.action).to_owned()];
            row.into_iter().chain(file).collect()
        })
        .collect();
    let mut lines = table(&rows);
    lines.extend(summary.images.iter().filter_map(|image| {
        let from = image.rewritten_from?;
        Some(format!("{} is {} instead of {from}, which was signed", image.to, image.digest))
    }));
    lines.extend(summary.images.iter().filter_map(|image| {
        let from = image.smaller_than?;
        Some(format!("{} is as it was signed: an index made on export, of {from}", image.to))
    }));
    let by_digest = summary.images.iter().filter(|image| image.action == NameAction::ByDigest);
    lines.extend(untagged(by_digest.count()));
    lines.push(format!(
        "sent {} ({}), mounted {}, already there {}",
        blobs(summary.copied.blobs),
        bytes(summary.copied.bytes),
        blobs(summary.mounted.blobs),
        blobs(summary.present.blobs),
    ));
    let signers: Vec<String> = summary.signers.iter().map(|id| id.short()).collect();
    lines.push(match signers.is_empty() {
        true => "imported without asking who signed (--insecure-no-verify)".to_owned(),
        // What became of a file is known when it is closed; there is nobody to ask.
        false if summary.images.iter().any(|image| image.file.is_some()) => {
            format!("signed by {}", signers.join(", "))
        }
        false => {
            format!("signed by {}; every name that was written was read back", signers.join(", "))
        }
    });
    lines
}
