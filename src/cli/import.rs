//! `sealift import`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::environment::now;
use super::output::Printer;
use super::registries::Registries;
use super::secrets::read_text;
use super::table::{blobs, bytes, table};
use super::verify::Believe;
use crate::places::location::Destination;
use crate::verbs::import::{Outcome, Request, Summary, import};
use crate::words::error::Result;
use crate::words::escape::Safe;
use crate::work::mapping::Rule;
use crate::work::plan::{Action, NameAction, OnExisting, Plan};

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
    /// Leave it, and bring the bundle's image under its digest alone
    KeepDigest,
}

/// Import a bundle into a registry or a layout
///
/// The signature, the list of files and all manifests are checked before the destination is
/// touched; every other byte is checked while it is copied. A packed bundle is read in place.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift import june.tar --to docker://harbor.example/group --key transfer.pub.pem
  sealift import june.tar --to docker://harbor.example/group --key transfer.pub.pem --dry-run
  sealift import june.tar --to oci:store --key transfer.pub.pem
  sealift import june.tar --to docker://erisxdl.partners.org/group --key transfer.pub.pem \\
      --map 'docker.io/library/alpine:3.20=alpine:demo-copy'

Names: docker.io/library/alpine:3.20 becomes harbor.example/group/library/alpine:3.20, with
--flatten harbor.example/group/alpine:3.20. Rules (--map) come first; * stands for any text.
An interrupted import is finished by the same command; blobs that are there are not sent again.")]
pub(super) struct Import {
    /// The bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Where to: docker://HOST[:PORT][/PREFIX] or oci:DIR
    #[arg(long, value_name = "DEST")]
    to: Destination,
    #[command(flatten)]
    believe: Believe,
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
    /// Print the plan and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    registries: Registries,
}

impl Import {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let mut rules = self.map;
        if let Some(file) = &self.map_file {
            let text = read_text(file, MAX_RULES)?;
            rules.extend(Rule::parse_file(&text).map_err(|e| e.context(file.display()))?);
        }
        let request = Request {
            bundle: self.bundle,
            to: self.to,
            trust: self.believe.trust(printer)?,
            rules,
            flatten: self.flatten,
            existing: match self.on_existing {
                Existing::Error => OnExisting::Error,
                Existing::Overwrite => OnExisting::Overwrite,
                Existing::Skip => OnExisting::Skip,
                Existing::KeepDigest => OnExisting::KeepDigest,
            },
            now: now()?,
            jobs: self.registries.jobs(),
            dry_run: self.dry_run,
        };
        let progress = printer.progress();
        let client = self.registries.client(progress.clone())?;
        match import(&request, &client, &*progress)? {
            Outcome::Planned(plan) => printer.result(&plan, || plan_text(&plan))?,
            Outcome::Done(summary) => printer.result(&summary, || text(&summary))?,
        }
        Ok(ExitCode::SUCCESS)
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
    let mut lines = Vec::new();
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
            lines.push(format!("  {} -> {} {}", name.name, name.to, word(name.action)));
        }
    }
    lines.push(format!(
        "dry run: {} ({}) to send, {} to mount, {} there; nothing was changed",
        blobs(plan.copy.blobs),
        bytes(plan.copy.bytes),
        blobs(plan.mount.blobs),
        blobs(plan.present.blobs),
    ));
    lines
}

fn text(summary: &Summary) -> Vec<String> {
    let rows: Vec<Vec<String>> = summary
        .images
        .iter()
        .map(|image| {
            vec![image.to.to_string(), image.digest.to_string(), word(image.action).to_owned()]
        })
        .collect();
    let mut lines = table(&rows);
    lines.push(format!(
        "sent {} ({}), mounted {}, {} were there",
        blobs(summary.copied.blobs),
        bytes(summary.copied.bytes),
        blobs(summary.mounted.blobs),
        blobs(summary.present.blobs),
    ));
    let signers: Vec<String> = summary.signers.iter().map(|id| id.short()).collect();
    lines.push(match signers.is_empty() {
        true => "imported without asking who signed (--insecure-no-verify)".to_owned(),
        false => format!("signed by {}; every name was read back", signers.join(", ")),
    });
    lines
}
