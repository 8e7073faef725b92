//! `sealift inventory`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::believe::{Keeps, SignersIfAny, usual};
use super::environment::{creation_time, standard_input};
use super::idle;
use super::printer::Printer;
use super::registries::Registries;
use super::report::argument;
use super::secrets::{open_to_others, private_key};
use super::table::{bytes, digest, titled};
use super::unlock::Identity;
use crate::bundle::check::Trust;
use crate::places::location::Place;
use crate::verbs::inventory::{Against, BundleHeld, InventoryReport, Request, inventory, not_held};
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::work::mapping::NameRule;

/// Say what a site holds, as a receipt for the next export
///
/// On the isolated side. PLACE is a registry or a part of it (docker://HOST[/PATH]: every repository
/// that is called so or lies below, or docker://HOST/REPOSITORY:TAG), an engine (containers-storage:,
/// docker-daemon:, containerd:[NAMESPACE]) or a Kubernetes node's (k3s:, rke2:, k0s:), a layout (oci:DIR), an
/// archive or a folder of archives (oci-archive:PATH, docker-archive:PATH). Manifests are read, and no layer. The receipt goes to
/// the connected side, where `export --since` leaves out what it tells of.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift inventory docker://harbor.example/group -o receipt.json --sign-key site.key.pem
  sealift inventory docker://registry.example:5000 oci:/srv/images -o receipt.json
  sealift inventory docker://harbor.example/group --against june.tar --key transfer.pub.pem
  sealift inventory docker://harbor.example/group --against june.tar --against july.tar \\
      --key transfer.pub.pem -o receipt.json

With --against the receipt tells of nothing but these bundles (or their records): which of their
images and blobs are held. Where all of a bundle of a stream is held, a line is shown that can be read
over the phone, as in `prod 7 my329-vqnkb`; export --since 'prod 7 my329-vqnkb' takes it.
docs/verify-without-sealift.md shows how a receipt is checked with openssl, jq and sha256sum.")]
pub(super) struct TakeInventory {
    /// Where to look
    #[arg(value_name = "PLACE", required = true, value_parser = argument::<Place>)]
    places: Vec<Place>,
    /// The receipt; one that is there is replaced
    #[arg(short, long, value_name = "FILE", required_unless_present = "against")]
    output: Option<PathBuf>,
    /// Private key to sign the receipt with
    #[arg(long, value_name = "KEY.pem", requires = "output")]
    sign_key: Option<PathBuf>,
    /// File whose first line is the passphrase of the key, of an identity, or of a bundle [default:
    /// SEALIFT_PASSPHRASE, else ask]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    identity: Identity,
    /// Tell only what is held of this bundle, or of this record of one (can be repeated)
    #[arg(long, value_name = "BUNDLE")]
    against: Vec<PathBuf>,
    #[command(flatten)]
    signers: SignersIfAny,
    /// Take those bundles whoever signed them: who makes one can ask what of it is held
    #[arg(long, requires = "against", conflicts_with_all = ["key", "trust"])]
    insecure_no_verify: bool,
    /// With --against: rule by which a name was imported (can be repeated), as import takes it
    #[arg(long, value_name = "FROM=TO", requires = "against", value_parser = NameRule::parse)]
    map: Vec<NameRule>,
    /// With --against: only the last part of each name was kept
    #[arg(long, requires = "against")]
    flatten: bool,
    /// Pass over images that cannot be read; the receipt says which, and the exit code is 5
    #[arg(long, conflicts_with = "against")]
    keep_going: bool,
    #[command(flatten)]
    registries: Registries,
}

impl TakeInventory {
    pub(super) fn run(mut self, printer: &Printer) -> Result<ExitCode> {
        let is_registry = |place: &Place| matches!(place, Place::Registry { .. } | Place::Image(_));
        if !self.places.iter().any(is_registry) {
            idle::tell(&self.registries.given(), "no place is a registry", printer);
            self.registries.unused();
        }
        let against = self.against(printer)?;
        let (file, opened) = (self.passphrase_file.as_deref(), against.is_some());
        if !opened {
            idle::tell(&self.identity.given(), "no bundle is read", printer);
            let given = [("--passphrase-file", file.is_some() && self.sign_key.is_none())];
            idle::tell(&given, "no key and no bundle is read", printer);
        }
        let key = self.sign_key.as_deref();
        let key = key.map(|path| private_key(path, file, opened, printer)).transpose()?;
        let request = Request {
            against,
            jobs: self.registries.jobs(),
            keep_going: self.keep_going,
            stdin: standard_input,
            ..Request::new(self.places, self.output, creation_time()?)
        };
        let progress = printer.progress();
        let client = self.registries.client(progress.clone())?;
        let report = inventory(&request, key.as_ref(), &client, &*progress)?;
        let error = not_held(&report.bundles).or_else(|| unread(&report));
        printer.ending(&report, error.as_ref(), || text(&report))?;
        Ok(printer.end(error.as_ref()))
    }

    /// The bundles that it is about, if it is about any.
    fn against(&mut self, printer: &Printer) -> Result<Option<Against>> {
        if self.against.is_empty() {
            return match self.signers.are_named() {
                true => {
                    Err(Error::new(Class::Usage, "no bundle is named whose signers would count")
                        .hint("name one with --against, or leave out --key and --trust"))
                }
                false => Ok(None),
            };
        }
        let trust = match (self.insecure_no_verify, !self.signers.are_named()) {
            (true, _) => {
                printer.note("warning: --insecure-no-verify: nobody's signature is asked for");
                Trust::UnsafeAnySigner
            }
            (false, true) => match usual(Keeps::IfItCan)? {
                Some(trust) => trust,
                None => {
                    return Err(Error::new(Class::Usage, "whose bundles count is not said").hint(
                        "name the sender's public key with --key, or a trust folder with --trust",
                    ));
                }
            },
            (false, false) => self.signers.trust()?,
        };
        let file = self.passphrase_file.as_deref().filter(|_| self.sign_key.is_none());
        file.and_then(open_to_others).iter().for_each(|text| printer.note(text));
        let opener = self.identity.opener(self.passphrase_file.as_deref(), printer)?;
        let bundles = opener.media(self.against.drain(..).collect());
        let rules = std::mem::take(&mut self.map);
        Ok(Some(Against { rules, flatten: self.flatten, ..Against::new(bundles, trust) }))
    }
}

/// The failure that something could not be read.
fn unread(report: &InventoryReport) -> Option<Error> {
    let details = report.unread.iter().map(|it| format!("{}: {}", it.image, it.reason));
    let count = count(report.unread.len(), "image");
    (!report.unread.is_empty()).then(|| {
        Error::new(Class::Incomplete, format!("{count} could not be read, and the receipt says so"))
            .details(details)
    })
}

fn text(report: &InventoryReport) -> Vec<String> {
    let mut lines = match report.places.is_empty() {
        true => Vec::new(),
        false => places(report),
    };
    lines.extend(report.bundles.iter().map(bundle));
    if let (Some(path), Some(of)) = (&report.receipt, &report.digest) {
        let path = path.display().to_string();
        let signed = match &report.key {
            Some(key) => format!("signed by {}", key.short()),
            None => "not signed".to_owned(),
        };
        lines.push(format!("receipt {} ({}), {signed}", Safe(&path), digest(of, false)));
    }
    // Last, and alone in its line, so that it is easily read out.
    lines.extend(report.bundles.iter().filter_map(|bundle| bundle.line.clone()));
    lines
}

fn places(report: &InventoryReport) -> Vec<String> {
    let head = ["PLACE", "REPOSITORIES", "NAMES", "MANIFESTS", "BLOBS", "SIZE"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for place in &report.places {
        let of = &place.totals;
        let repositories = place.repositories.map_or_else(|| "-".to_owned(), |n| n.to_string());
        rows.push(vec![
            place.place.clone(),
            repositories,
            of.names.to_string(),
            of.manifests.to_string(),
            of.blobs.to_string(),
            bytes(of.bytes),
        ]);
    }
    titled(&rows)
}

fn bundle(bundle: &BundleHeld) -> String {
    let what = match &bundle.position {
        Some(position) => format!("bundle {position}"),
        None => format!("bundle {} outside of any stream", digest(&bundle.statement, false)),
    };
    match bundle.complete {
        true => format!("{what}: all of {} is held", count(bundle.images, "image")),
        false => format!("{what}: not all is held"),
    }
}
