//! `sealift prune`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::believe::Believe;
use super::environment::state_folder;
use super::idle;
use super::noting::Noting;
use super::printer::Printer;
use super::registries::Registries;
use super::report::argument;
use super::rules;
use super::sizes;
use super::table::{blobs, bytes, digest, table};
use super::unlock::Unlock;
use crate::bundle::memory::Arrival;
use crate::places::location::Destination;
use crate::verbs::prune::{PruneEvidence, Request, Summary, prune};
use crate::words::count::count;
use crate::words::error::Result;
use crate::words::escape::Safe;
use crate::work::graph::Rewrite;
use crate::work::mapping::NameRule;
use crate::work::prune::{PruneAction, PruneLot, PruneName};

/// Take away what earlier bundles brought and none that is kept names
///
/// Shows which names at PLACE the bundles of a stream once brought and no kept bundle has, and what
/// that would free; --yes takes exactly that away. What stands for something that none of them
/// brought stays, and so does everything that others need, or that something of others refers to.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift prune docker://harbor.example/group --key transfer.pub.pem \\
      --keep july.tar august.tar --brought june.tar
  sealift prune docker://harbor.example/group --key transfer.pub.pem \\
      --keep august.tar --brought history/prod/*[0-9]/ --yes
  sealift prune oci:store --key transfer.pub.pem --keep july --brought june --yes
  sealift prune containers-storage: --key transfer.pub.pem --keep july --brought june
  sealift prune k3s: --key transfer.pub.pem --keep july.tar --brought june.tar --yes

PLACE is what they were imported to, with the same --map, --map-file, --flatten, --rewrite-index and
--to-oci. Names go before what they stand for; an interrupted run is finished by the same command. A
registry frees the room when it collects garbage. A name that does not stand for what the newest of
the bundles brought that have it was moved by somebody, and stays. The newest is that of the highest
number, where all have one, else the one that was made last. docker's registry deletes no tag by
itself, so that one whose image is needed under another name stays; it deletes nothing unless it is
told to (storage.delete.enabled). At a Harbor a robot needs the rights to delete tags and artifacts.")]
pub(super) struct Prune {
    /// Where: docker://HOST[:PORT][/PREFIX], oci:DIR, containers-storage: (podman), docker-daemon:,
    /// containerd:[NAMESPACE], or a Kubernetes node (k3s:, rke2:, k0s:)
    #[arg(value_name = "PLACE", value_parser = argument::<Destination>)]
    place: Destination,
    /// Bundles, or records of them, whose names stay
    #[arg(long, value_name = "BUNDLE", required = true, num_args = 1..)]
    keep: Vec<PathBuf>,
    /// Bundles, or records of them, that were imported there before
    #[arg(long, value_name = "BUNDLE", required = true, num_args = 1..)]
    brought: Vec<PathBuf>,
    /// Folder in which it is remembered which bundles of each stream were imported last: those that
    /// were not are not counted as brought [default: ~/.local/state/sealift/state]
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    #[command(flatten)]
    believe: Believe,
    #[command(flatten)]
    unlock: Unlock,
    #[command(flatten)]
    noting: Noting,
    /// They were imported with only the last part of each name
    #[arg(long)]
    flatten: bool,
    /// Rule for a name with which they were imported (can be repeated; the first that matches decides)
    #[arg(long, value_name = "FROM=TO", value_parser = NameRule::parse)]
    map: Vec<NameRule>,
    /// File with one rule a line, # for comments
    #[arg(long, value_name = "FILE")]
    map_file: Option<PathBuf>,
    /// They were imported with --rewrite-index
    #[arg(long)]
    rewrite_index: bool,
    /// They were imported with --to-oci
    #[arg(long)]
    to_oci: bool,
    /// Take it away, and do not only show it
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    registries: Registries,
}

impl Prune {
    pub(super) fn run(mut self, printer: &Printer) -> Result<ExitCode> {
        if let Some(why) = self.place.beside_registries() {
            idle::tell(&self.registries.given(), why, printer);
            self.registries.unused();
        }
        let rules = rules::gather(self.map, self.map_file.as_deref())?;
        let opener = self.unlock.opener(printer)?;
        let trust = self.believe.trust(printer)?;
        let request = Request {
            state: self.state.or_else(|| state_folder().map(|it| it.join("state"))),
            rules,
            flatten: self.flatten,
            rewrite: Rewrite { smaller: self.rewrite_index, to_oci: self.to_oci },
            jobs: self.registries.jobs(),
            yes: self.yes,
            ledger: self.noting.keeper(printer),
            ..Request::new(self.place, opener.media(self.keep), opener.media(self.brought), trust)
        };
        let progress = printer.progress();
        let client = self.registries.client(progress.clone())?;
        let summary = prune(&request, &client, &*progress)?;
        printer.result(&summary, || text(&summary))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn text(summary: &Summary) -> Vec<String> {
    let lots = || summary.plan.lots.iter();
    let rows: Vec<Vec<String>> = lots().flat_map(|lot| &lot.names).map(row).collect();
    let mut lines = table(&rows);
    lines.extend(summary.brought.iter().filter_map(|it| arrived(it, summary)));
    lines.extend(lots().filter_map(documents));
    lines.extend(summary.sizes.iter().flat_map(sizes::lines));
    let (names, frees) = (lots().flat_map(PruneLot::going).count(), summary.plan.frees);
    let frees = format!("{} ({})", blobs(frees.blobs), bytes(frees.bytes));
    let what = format!("{} at {}", count(names, "name"), Safe(&summary.place));
    lines.push(match (summary.plan.is_empty(), summary.removed) {
        (true, _) => format!("nothing to remove at {}", Safe(&summary.place)),
        (false, true) => format!("removed {what}; nothing else needs {frees}"),
        (false, false) => {
            format!("would remove {what}; nothing else needs {frees}; --yes removes it")
        }
    });
    lines
}

/// Whose word it is that a bundle was imported, where that is not known.
fn arrived(brought: &PruneEvidence, summary: &Summary) -> Option<String> {
    let bundle = brought.bundle.to_string();
    let which = match &brought.position {
        Some(position) => format!("{} ({position})", Safe(&bundle)),
        None => format!("{} (of no stream)", Safe(&bundle)),
    };
    let state = summary.state.as_deref().map(|it| it.display().to_string()).unwrap_or_default();
    match brought.arrival? {
        Arrival::Taken => None,
        Arrival::Before => Some(format!(
            "believed that {which} was imported: it stands before the last one that {} knows",
            Safe(&state)
        )),
        Arrival::NotTaken => Some(format!(
            "NOT counted: {which} was never imported, as {} says; --state names another folder",
            Safe(&state)
        )),
        _ => Some(format!("believed that {which} was imported: nothing here remembers it")),
    }
}

/// A name, and what becomes of it.
fn row(name: &PruneName) -> Vec<String> {
    let what = match name.action {
        PruneAction::Remove => "goes",
        PruneAction::Moved => "stays: somebody has moved it since",
        PruneAction::Shared => "stays: what it stands for is needed",
        PruneAction::Fixed => "stays: a rule there keeps it",
        PruneAction::Referred => "stays: something of others refers to it",
    };
    vec![name.name.to_string(), digest(&name.digest, false), what.to_owned()]
}

/// What goes of a repository beside names.
fn documents(lot: &PruneLot) -> Option<String> {
    let many = lot.documents.len() + lot.blobs.len();
    let files = match lot.blobs.len() {
        0 => String::new(),
        many => format!(" and {}", count(many, "blob")),
    };
    let manifests = count(lot.documents.len(), "manifest");
    let frees = bytes(lot.frees.bytes);
    (many > 0).then(|| format!("{}: {manifests}{files}; frees {frees}", Safe(&lot.repository)))
}
