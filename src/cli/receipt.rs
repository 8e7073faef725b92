//! `sealift receipt`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::believe::{Keeps, named, usual};
use super::evidence::ids;
use super::idle;
use super::printer::Printer;
use super::secrets::public_keys;
use super::table::{bytes, digest, titled};
use super::unlock::Unlock;
use crate::bundle::check::Trust;
use crate::bundle::receipt::HeldBundle;
use crate::medium::Medium;
use crate::verbs::receipt::{ReceiptKind, ReceiptReport, Request, ToldBundle, verify};
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;

/// Look at receipts: what a site says that it holds, and what an import left there
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  sealift receipt verify june-receipt.json --key site.pub.pem
  sealift receipt verify june-receipt.json --key site.pub.pem --against june.tar --against-key transfer.pub.pem")]
pub(super) enum ReceiptVerb {
    Verify(Box<VerifyReceipt>),
}

/// Say whose word a receipt is, and what it says
///
/// Takes the receipts of `sealift import --receipt` and of `sealift inventory`. It ends with 0 where one of the
/// given keys has signed the receipt, and nothing is missing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift receipt verify june-receipt.json --key site.pub.pem
  sealift receipt verify june-receipt.json --key site.pub.pem --against june.tar --against-key transfer.pub.pem
  sealift receipt verify june-receipt.json --key site.pub.pem --against records/june --trust /etc/sealift/trust
  sealift receipt verify june-receipt.json --insecure-no-verify --format json

With --against it is held against what the bundle brought: exit code 5 and the images by name where the receipt
lacks one, or has it otherwise. docs/verify-without-sealift.md shows how a receipt is checked with openssl, jq
and sha256sum.")]
pub(super) struct VerifyReceipt {
    /// The receipt
    #[arg(value_name = "RECEIPT")]
    receipt: PathBuf,
    /// Public key of the site that must have signed it (with several, any one of them)
    #[arg(long, value_name = "PUB.pem")]
    key: Vec<PathBuf>,
    /// Take it, and the bundle, whoever signed them: anybody may have made them
    #[arg(long, conflicts_with_all = ["key", "against_key", "trust"])]
    insecure_no_verify: bool,
    /// The bundle, or a record of it, of which all has to be held
    #[arg(long, value_name = "BUNDLE")]
    against: Option<PathBuf>,
    /// Public key that must have signed that bundle (with several, any one of them)
    #[arg(long, value_name = "PUB.pem", requires = "against")]
    against_key: Vec<PathBuf>,
    /// Folder with the root of trust, which says who must have signed that bundle
    /// [default: /etc/sealift/trust, else ~/.config/sealift/trust]
    #[arg(long, value_name = "DIR", requires = "against", conflicts_with = "against_key")]
    trust: Option<PathBuf>,
    #[command(flatten)]
    unlock: Unlock,
    /// Show digests and key ids in full
    #[arg(long)]
    long: bool,
}

impl ReceiptVerb {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        match self {
            ReceiptVerb::Verify(args) => args.run(printer),
        }
    }
}

impl VerifyReceipt {
    fn run(self, printer: &Printer) -> Result<ExitCode> {
        if self.insecure_no_verify {
            printer.note("warning: --insecure-no-verify: nobody's signature is asked for");
        }
        if self.against.is_none() {
            idle::tell(&self.unlock.given(), "no bundle is read", printer);
        }
        let request = Request {
            any_signer: self.insecure_no_verify,
            against: self.against(printer)?,
            ..Request::new(&self.receipt, public_keys(&self.key)?)
        };
        let report = verify(&request)?;
        let error = report.failure();
        printer.ending(&report, error.as_ref(), || text(&report, self.long))?;
        Ok(printer.end(error.as_ref()))
    }

    /// The bundle that it is held against, and whom to believe that.
    fn against(&self, printer: &Printer) -> Result<Option<(Medium, Trust)>> {
        let Some(path) = &self.against else { return Ok(None) };
        let trust = match self.insecure_no_verify {
            true => Some(Trust::UnsafeAnySigner),
            false => match named(&self.against_key, self.trust.as_deref(), Keeps::IfItCan)? {
                Some(trust) => Some(trust),
                None => usual(Keeps::IfItCan)?,
            },
        };
        let trust = trust.ok_or_else(|| {
            Error::new(Class::Usage, "whose bundles count is not said").hint(
                "name the sender's public key with --against-key, or a trust folder with --trust",
            )
        })?;
        Ok(Some((self.unlock.opener(printer)?.medium(path), trust)))
    }
}

fn text(report: &ReceiptReport, long: bool) -> Vec<String> {
    let path = report.receipt.display().to_string();
    let short = |key: &String| match long {
        true => key.clone(),
        false => key.chars().take(16).collect(),
    };
    let signed = match (&report.key, report.trusted) {
        (Some(key), true) => format!("signed by {}", short(key)),
        (Some(key), false) => format!("signed by {} as it says", Safe(&short(key))),
        (None, _) => "not signed".to_owned(),
    };
    let mut lines =
        vec![format!("receipt {} ({}), {signed}", Safe(&path), digest(&report.digest, long))];
    let places: Vec<String> = report.places.iter().map(|it| Safe(it).to_string()).collect();
    let bundles = report.bundles.iter().map(|it| bundle(it, long)).collect::<Vec<_>>().join(", ");
    let places = places.join(", ");
    lines.push(match report.kind {
        ReceiptKind::Import => {
            format!("{bundles} was imported to {places}, read back at {}", report.created_at)
        }
        ReceiptKind::Bundles => format!("what is held of {bundles}, at {}", report.created_at),
        _ => format!("what {places} held at {}", report.created_at),
    });
    if let Some(images) = &report.images {
        let each = [
            (images.complete, "complete"),
            (images.incomplete, "incomplete"),
            (images.other, "other"),
            (images.absent, "absent"),
            (images.unread, "unread"),
        ];
        let each = each.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}"));
        let each = each.collect::<Vec<_>>().join(", ");
        lines.push(format!("{each}, of the images and what refers to them"));
    }
    if !report.missing.is_empty() {
        lines.extend(missing(report, long));
    }
    let totals = &report.totals;
    lines.push(format!(
        "it lists {}, {} and {} other {} ({})",
        number(totals.names, "name"),
        number(totals.manifests, "manifest"),
        totals.blobs,
        if totals.blobs == 1 { "blob" } else { "blobs" },
        bytes(totals.bytes)
    ));
    lines.extend(report.against.iter().map(|it| against(it, long)));
    lines
}

fn number(many: u64, what: &str) -> String {
    count(usize::try_from(many).unwrap_or(usize::MAX), what)
}

fn bundle(bundle: &HeldBundle, long: bool) -> String {
    let statement = digest(&bundle.statement, long);
    match &bundle.position {
        Some(position) => format!("bundle {position} ({statement})"),
        None => format!("bundle {statement}"),
    }
}

fn missing(report: &ReceiptReport, long: bool) -> Vec<String> {
    let mut rows = vec![["IMAGE", "FOUND", "THERE", "SIGNED"].map(str::to_owned).to_vec()];
    rows.extend(report.missing.iter().map(|image| {
        let there = image.there.as_ref().map_or_else(|| "-".to_owned(), |it| digest(it, long));
        let (name, found) = (image.name.to_string(), image.state.name().to_owned());
        vec![name, found, there, digest(&image.signed, long)]
    }));
    titled(&rows)
}

fn against(told: &ToldBundle, long: bool) -> String {
    let by = match told.signers.as_slice() {
        [] => "not asked who signed".to_owned(),
        signers => format!("signed by {}", ids(signers, long)),
    };
    let what = match (told.is_told, told.missing.len()) {
        (false, _) => "the receipt is of another bundle".to_owned(),
        (true, 0) => format!("all of {} is held", number(told.images, "image")),
        (true, _) => "not all is held".to_owned(),
    };
    format!("bundle {} ({}), {by}: {what}", Safe(&told.bundle), digest(&told.statement, long))
}
