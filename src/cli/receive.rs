//! `sealift receive`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;

use super::admit::Admit;
use super::at_hand::all_at_hand;
use super::believe::Believe;
use super::environment::{creation_time, now};
use super::import::WhenTaken;
use super::in_order::InOrder;
use super::noting::Noting;
use super::printer::Printer;
use super::registries::Registries;
use super::remedies::{in_parcel, told};
use super::report::argument;
use super::rules::Renaming;
use super::scan::ScanWith;
use super::secrets::private_key;
use super::signature_rules::SignatureRules;
use super::unlock::Identity;
use crate::medium::address;
use crate::places::location::Destination;
use crate::verbs::import;
use crate::verbs::import::Receipting;
use crate::verbs::receive::{ParcelReport, ParcelState, Receiver, Request};
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::work::projects::Provision;

/// How often it is looked whether somebody wants it to end.
const GLANCE: Duration = Duration::from_millis(200);

/// Import what arrives in a drop folder, bundle after bundle
///
/// What lies in DIR and is not written any more is verified, imported as `import` does, and moved into
/// DIR/done with its receipt, or into DIR/refused with the reason. What is incomplete waits.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift receive /srv/drop --to docker://harbor.example/group --trust /etc/sealift/trust
  sealift receive /media/usb --to oci:store --key transfer.pub.pem --once
  sealift receive /srv/drop --to containers-storage: --key transfer.pub.pem --settle 120

A folder, a .tar or .tar.age, or the volumes NAME.001.tar, NAME.002.tar ... is taken once it was the same for
--settle seconds; names that begin with a dot or end in .part, .partial, .tmp or ~ are left alone, and so is
everything else. Bundles of a stream are taken in their order; one that comes too early waits for those before.
What the destination does not take now (no room, no network) stays, and is tried again, less and less often.
Killed at any moment, the next run goes on: what is at the destination already is not brought again.
Every state is a line of the ledger, and of the output. One process receives in a folder (exit code 9).
Ctrl-C or SIGTERM ends it, with exit code 0 between two bundles. With --once it looks twice, takes what is
whole, and ends: with the exit code of the first that was refused, or that waits (5), or cannot be read (6). A DIR that is not there is
not made (5).
examples/receive has a systemd unit.")]
pub(super) struct Receive {
    /// Drop folder
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Where to, as `import --to` takes it
    #[arg(long, value_name = "DEST", value_parser = argument::<Destination>)]
    to: Destination,
    /// Take what is whole now, and end
    #[arg(long)]
    once: bool,
    /// How long nothing may have been written, in seconds: longer than any writer pauses
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=3600))]
    settle: u16,
    /// Private key to sign receipts with
    #[arg(long, value_name = "KEY.pem")]
    sign_key: Option<PathBuf>,
    /// Earlier bundle, or layout (DIR, oci:DIR or oci-archive:FILE), that gives what a bundle does not
    /// carry and the destination does not have (can be repeated)
    #[arg(long, value_name = "PATH")]
    base: Vec<PathBuf>,
    #[command(flatten)]
    believe: Believe,
    #[command(flatten)]
    identity: Identity,
    /// File whose first line is the passphrase of an identity, or of the key of receipts
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
    #[command(flatten)]
    registries: Registries,
}

/// What became of all, as JSON.
#[derive(Debug, Serialize)]
struct RoundReport<'r> {
    parcels: Vec<&'r ParcelReport>,
}

impl Receive {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        address::refuse(&self.folder)?;
        let progress = printer.progress();
        let file = self.passphrase_file.as_deref();
        let key = self.sign_key.as_deref();
        let key = key.map(|path| private_key(path, file, true, printer)).transpose()?;
        let opener = self.identity.opener(file, printer)?;
        let trust = self.believe.trust(printer)?;
        let mut template =
            import::Request::new(opener.medium(PathBuf::new()), self.to, trust, now()?);
        template.bases = opener.media(all_at_hand::<PathBuf>("--base", self.base)?);
        template.demands = self.in_order.demands();
        template.signatures = self.signatures.read()?;
        template.scans = self.scan.scans();
        template.rules = self.renaming.rules()?;
        template.flatten = self.renaming.flatten;
        template.existing = self.on_existing.into();
        template.projects = Provision { create: self.create_projects, ..Provision::default() };
        template.jobs = self.registries.jobs();
        template.admission = self.admit.admission(self.believe.folder(), printer)?;
        template.ledger = self.noting.keeper(printer);
        template.receipt = Some(Receipting::new(PathBuf::new(), key, creation_time));
        let client = self.registries.client_sending(progress.clone(), None, false)?;
        let request = Request::new(self.folder, template, now);
        let mut receiver = Receiver::open(&request)?;
        let settle = Duration::from_secs(self.settle.into());
        if !self.once {
            printer.note(&format!("receiving in {}", request.folder.display()));
        }
        let mut last: BTreeMap<String, ParcelReport> = BTreeMap::new();
        for round in 0.. {
            for mut report in receiver.round(&client, &*progress)? {
                in_parcel(&mut report);
                match self.once {
                    true => drop(last.insert(report.name.clone(), report)),
                    false => printer.note(&line(&report)),
                }
            }
            if self.once && round == 1 || !pause(settle, printer) {
                break;
            }
        }
        if !self.once {
            return Ok(ExitCode::SUCCESS);
        }
        printer.cancel().check()?;
        let parcels: Vec<&ParcelReport> = last.values().collect();
        let error = failure(&parcels);
        // What was not imported stands in the failure, once.
        let done = parcels.iter().filter(|report| report.state == ParcelState::Done);
        let lines = || done.map(|report| line(report)).collect();
        let report = RoundReport { parcels: parcels.clone() };
        printer.ending(&report, error.as_ref(), lines)?;
        Ok(printer.end(error.as_ref()))
    }
}

/// Waits so long; whether it was not to end meanwhile.
fn pause(settle: Duration, printer: &Printer) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < settle {
        if printer.cancel().is_cancelled() {
            return false;
        }
        sleep(GLANCE.min(settle));
    }
    !printer.cancel().is_cancelled()
}

/// What became of one, for people.
fn line(report: &ParcelReport) -> String {
    let name = Safe(&report.name);
    let reason = report.error.as_ref().map(why).unwrap_or_default();
    let reason = Safe(&reason);
    let place = report.moved_to.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let place = Safe(&place);
    match report.state {
        ParcelState::Done => format!("{name}: imported; it is {place} now"),
        ParcelState::Refused => format!("{name}: refused: {reason}; it is {place} now"),
        ParcelState::Waiting => format!("{name}: waits: {reason}"),
        ParcelState::Postponed => format!("{name}: tried again later: {reason}"),
    }
}

/// All that `error` says, in one line: what, of which, and the way out.
fn why(error: &Error) -> String {
    let mut text = error.spelled();
    for (number, finding) in error.findings().iter().enumerate() {
        // What is indented is about the one before it.
        let between = match finding.starts_with(' ') {
            true => ", ",
            false if number == 0 => ": ",
            false => "; ",
        };
        text.push_str(between);
        text.push_str(finding.trim_start());
    }
    match error.advice() {
        Some(way_out) => format!("{text} ({})", told(way_out)),
        None => text,
    }
}

/// What was not imported, as one failure, of the class of the first.
fn failure(parcels: &[&ParcelReport]) -> Option<Error> {
    let left: Vec<&&ParcelReport> =
        parcels.iter().filter(|it| it.state != ParcelState::Done).collect();
    let first = left.iter().find(|it| it.state == ParcelState::Refused).or(left.first())?;
    let all = count(parcels.len(), "bundle");
    let were = if left.len() == 1 { "was" } else { "were" };
    let text = format!("{} of {all} {were} not imported", left.len());
    let details = left.iter().map(|report| line(report));
    Some(
        Error::new(first.class.unwrap_or(Class::Other), text)
            .details(details.collect::<Vec<_>>())
            .hint("what was refused lies beside its reason; what waits is taken by the same command later"),
    )
}
