//! `sealift trust`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::environment::{now, trust_folders};
use super::printer::Printer;
use super::root_drafts::{AddSigners, DenyContent, NewRoot, RemoveSigners, RevokeKey};
use super::root_folder::{WhichFolder, told};
use super::root_text::{shown, signatures};
use super::secrets::{ask_line, private_key};
use crate::verbs::roots::{RootReport, begin, check_chain, read_root, rotate, sign_root};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};

/// Say who may sign, and have it signed: the root of trust
///
/// A root says how many of whom have to sign the bundles of each stream, whose keys do not count any more, and
/// what is not taken at all. It is signed itself, by as many as it says and as the one before it said.
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  sealift trust new root.1.json --signer alice=alice.pub.pem --signer bob=bob.pub.pem --threshold 2
  sealift trust sign root.1.json --sign-key alice.key.pem
  sealift trust init root.1.json --trust /etc/sealift/trust
  sealift trust show --trust /etc/sealift/trust

docs/trust.md walks through it.")]
pub(super) enum TrustVerb {
    New(NewRoot),
    Add(AddSigners),
    Remove(RemoveSigners),
    Revoke(RevokeKey),
    Deny(DenyContent),
    Sign(SignRoot),
    Init(InitTrust),
    Rotate(RotateRoot),
    Show(ShowRoot),
    Verify(VerifyRoots),
}

/// Sign a draft, in the file; signatures of others stay
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift trust sign root.2.json --sign-key alice.key.pem
  sealift trust sign root.2.json --sign-key alice.key.pem --trust /etc/sealift/trust

Look at it before, with `sealift trust show root.2.json`, and compare the fingerprint with the other signers.
Each may sign a copy: `sealift trust rotate` puts them together.")]
pub(super) struct SignRoot {
    /// The draft
    #[arg(value_name = "DRAFT")]
    draft: PathBuf,
    /// Private key to sign with
    #[arg(long, value_name = "KEY.pem")]
    sign_key: PathBuf,
    /// File whose first line is the passphrase of the key [default: SEALIFT_PASSPHRASE, else ask]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    folder: WhichFolder,
}

/// Begin to trust: take the first root into the trust folder, by its fingerprint
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift trust init root.1.json --trust /etc/sealift/trust
  sealift trust init root.1.json --fingerprint 0a4e77f1...

The fingerprint has to come by another way than the file: read out on the phone, or on paper. It is asked for
at the terminal where it is not given. 64 hex digits, or the first 32 of them; blanks and colons do not matter.")]
pub(super) struct InitTrust {
    /// The root, signed
    #[arg(value_name = "ROOT")]
    root: PathBuf,
    /// The folder, which is made [default: /etc/sealift/trust for root, else ~/.config/sealift/trust]
    #[arg(long, value_name = "DIR")]
    trust: Option<PathBuf>,
    /// The fingerprint, as it was told by another way
    #[arg(long, value_name = "HEX")]
    fingerprint: Option<String>,
}

/// Take the next root, or several, once enough have signed
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift trust rotate root.2.json
  sealift trust rotate from-alice/root.2.json from-bob/root.2.json --trust /etc/sealift/trust
  sealift trust rotate june.tar --trust /etc/sealift/trust

Every root is one version behind the other, and signed by as many as both demand. A bundle that was exported
with --trust carries them all: verify and import take them from there by themselves, where they may write.")]
pub(super) struct RotateRoot {
    /// Roots, or bundles that carry them
    #[arg(value_name = "ROOT|BUNDLE", required = true)]
    source: Vec<PathBuf>,
    #[command(flatten)]
    folder: WhichFolder,
}

/// Show a root: who signs what, what counts no more, and who has signed it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift trust show
  sealift trust show root.2.json --trust /etc/sealift/trust
  sealift trust show --format json")]
pub(super) struct ShowRoot {
    /// A root or a draft [default: the one that counts in the trust folder]
    #[arg(value_name = "ROOT")]
    root: Option<PathBuf>,
    #[command(flatten)]
    folder: WhichFolder,
}

/// Check every root of the trust folder, or whether a draft has all signatures that it needs
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift trust verify
  sealift trust verify root.2.json --trust /etc/sealift/trust

Exit code 3 where signatures are missing, 7 where the root holds no more.")]
pub(super) struct VerifyRoots {
    /// A root or a draft that is to follow [default: all of the trust folder]
    #[arg(value_name = "ROOT")]
    root: Option<PathBuf>,
    #[command(flatten)]
    folder: WhichFolder,
}

impl TrustVerb {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        match self {
            TrustVerb::New(args) => args.run(printer),
            TrustVerb::Add(args) => args.run(printer),
            TrustVerb::Remove(args) => args.run(printer),
            TrustVerb::Revoke(args) => args.run(printer),
            TrustVerb::Deny(args) => args.run(printer),
            TrustVerb::Sign(args) => args.run(printer),
            TrustVerb::Init(args) => args.run(printer),
            TrustVerb::Rotate(args) => args.run(printer),
            TrustVerb::Show(args) => args.run(printer),
            TrustVerb::Verify(args) => args.run(printer),
        }
    }
}

impl SignRoot {
    fn run(self, printer: &Printer) -> Result<ExitCode> {
        let key = private_key(&self.sign_key, self.passphrase_file.as_deref(), false, printer)?;
        let report = sign_root(&self.draft, &key, self.folder.if_any()?.as_ref(), now()?)?;
        told(&report, &signatures(&report), printer)
    }
}

impl InitTrust {
    fn run(self, printer: &Printer) -> Result<ExitCode> {
        let usual = || {
            let mut usual = trust_folders();
            match rustix::process::geteuid().is_root() {
                true => usual.into_iter().next(),
                false => usual.pop().filter(|_| usual.len() == 1),
            }
        };
        let Some(folder) = self.trust.clone().or_else(usual) else {
            return Err(Error::new(Class::Usage, "there is no home for a trust folder")
                .hint("name a folder with --trust"));
        };
        let own = read_root(&self.root)?.root().fingerprint();
        let typed = match self.fingerprint {
            Some(typed) => typed,
            None => ask_line(
                "Fingerprint of the root, as it was told: ",
                ("a fingerprint", "--fingerprint HEX"),
                printer.cancel(),
            )?,
        };
        let expected = expected(&typed, &own)?;
        let report = begin(&self.root, &folder, &expected, now()?)?;
        told(&report, &shown(&report), printer)
    }
}

/// The whole of the fingerprint that was `typed`, which may be the first half of `own`.
fn expected(typed: &str, own: &Digest) -> Result<Digest> {
    let is_filler = |c: char| c.is_whitespace() || ":-".contains(c);
    let typed = typed.trim().strip_prefix("sha256:").unwrap_or(typed.trim());
    let hex: String = typed.chars().filter(|c| !is_filler(*c)).collect::<String>().to_lowercase();
    let bad = || {
        Error::new(
            Class::Usage,
            "that is no fingerprint: it has 64 hex digits, or the first 32 of them",
        )
    };
    if hex.len() == 32 && hex.bytes().all(|c| c.is_ascii_hexdigit()) {
        let own = own.hex();
        let rest = if own.starts_with(&hex) { own[32..].to_owned() } else { "0".repeat(32) };
        return Digest::from_hex(&format!("{hex}{rest}")).map_err(|_| bad());
    }
    Digest::from_hex(&hex).map_err(|_| bad())
}

impl RotateRoot {
    fn run(self, printer: &Printer) -> Result<ExitCode> {
        let report = rotate(&self.folder.open()?, &self.source, now()?)?;
        told(&report, &shown(&report), printer)
    }
}

impl ShowRoot {
    fn run(self, printer: &Printer) -> Result<ExitCode> {
        let report = match &self.root {
            Some(path) => {
                let folder = self.folder.if_any()?;
                RootReport::of(path.display(), &read_root(path)?, folder.as_ref(), now()?)
            }
            None => {
                let folder = self.folder.open()?;
                RootReport::of(folder.path().display(), folder.signed(), None, now()?)
            }
        };
        told(&report, &shown(&report), printer)
    }
}

impl VerifyRoots {
    fn run(self, printer: &Printer) -> Result<ExitCode> {
        let report = match &self.root {
            Some(path) => {
                let folder = self.folder.if_any()?;
                RootReport::of(path.display(), &read_root(path)?, folder.as_ref(), now()?)
            }
            None => check_chain(&self.folder.open()?, now()?)?,
        };
        let error = report.failure();
        printer.ending(&report, error.as_ref(), || signatures(&report))?;
        Ok(printer.end(error.as_ref()))
    }
}
