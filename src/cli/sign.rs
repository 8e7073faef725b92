//! `sealift sign`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::{ArgGroup, Args};
use serde_json::json;

use super::believe::Believe;
use super::bundle::Bundle;
use super::environment::now;
use super::noting::Noting;
use super::printer::Printer;
use super::secrets::{private_key, public_keys, read_bytes, read_text};
use super::table::digest;
use super::unlock::Identity;
use crate::bundle::keys::{MAX_KEY_FILE, PrivateKey, PublicKey};
use crate::bundle::roots::RoleTally;
use crate::medium::{Medium, address};
use crate::tools::file::AtomicFile;
use crate::tools::folder::Folder;
use crate::tools::pace::Jobs;
use crate::verbs::sign::{Prepared, Request, Signer, Summary, prepare, sign};
use crate::words::count::count;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::escape::Safe;

/// Largest file with a signature: 64 bytes, or twice as many in base64 with its line ends.
const MAX_SIGNATURE: u64 = 4096;

/// Add a signature to a bundle that is there, made here or by somebody else's tool
///
/// Every byte of the bundle is read before, and what is signed is the very statement that the first signer
/// made: whoever asks for two signatures is given the word of two people.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("way").required(true).args(["sign_key", "prepare", "attach"])))]
#[command(after_help = "Examples:
  sealift sign june --sign-key bob.key.pem --key alice.pub.pem
  sealift sign june --sign-key bob.key.pem --trust /etc/sealift/trust
  sealift sign june.tar -o june-signed.tar --sign-key bob.key.pem --key alice.pub.pem
  sealift sign june --prepare june.pae --key alice.pub.pem
  sealift sign june --attach june.sig --signer bob.pub.pem --key alice.pub.pem

A folder gets the signature in its place, whole or not at all. Of a packed file and of volumes the
same bundle is made anew with it, as -o says: in a packed file the signatures stand in front. What is to be
encrypted is signed before.

--prepare writes the bytes that a custodian, or a machine with nothing but openssl, signs with an Ed25519 key;
--attach takes the signature, raw or in base64, and puts it in if it is one by the key in --signer. What
was prepared may be carried by itself: it is as long as the list of images.

Who must have signed before is said as for verify; of a root of trust any one whom it names is enough here,
and who is still missing is told. docs/trust.md walks through a ceremony.")]
pub(super) struct SignBundle {
    #[command(flatten)]
    bundle: Bundle,
    #[command(flatten)]
    believe: Believe,
    /// Private key to sign with
    #[arg(long, value_name = "KEY.pem")]
    sign_key: Option<PathBuf>,
    /// Write what is to be signed elsewhere to FILE, and sign nothing
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    prepare: Option<PathBuf>,
    /// Signature that was made elsewhere over what was prepared
    #[arg(long, value_name = "SIGNATURE", requires = "signer")]
    attach: Option<PathBuf>,
    /// Public key of whoever made it
    #[arg(long, value_name = "PUB.pem", requires = "attach")]
    signer: Option<PathBuf>,
    /// Make the same bundle with the signature there: one packed file when the name ends in .tar, else a folder
    #[arg(short, long, value_name = "NEW")]
    output: Option<PathBuf>,
    /// File whose first line is the passphrase of the key, of an identity, or of the bundle [default:
    /// SEALIFT_PASSPHRASE, else ask]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    identity: Identity,
    /// Blobs read or copied at a time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: Option<u16>,
    #[command(flatten)]
    noting: Noting,
    /// Show digests and key ids in full
    #[arg(long)]
    long: bool,
}

impl SignBundle {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        self.bundle.paths().iter().try_for_each(|path| address::refuse(path))?;
        self.bundle.paths().iter().try_for_each(|path| no_key(path))?;
        let file = self.passphrase_file.as_deref();
        let signer = match (&self.sign_key, &self.attach, &self.signer) {
            (Some(key), ..) => Some(Signer::Key(private_key(key, file, true, printer)?)),
            (None, Some(signature), Some(key)) => Some(elsewhere(signature, key)?),
            _ => None,
        };
        let trust = self.believe.trust(printer)?;
        let opener = self.identity.opener(file, printer)?;
        let request = Request {
            output: self.output.as_ref().map(Medium::at),
            jobs: self.jobs.map_or_else(Jobs::default, |jobs| Jobs::up_to(jobs.into())),
            ledger: self.prepare.is_none().then(|| self.noting.keeper(printer)).flatten(),
            ..Request::new(self.bundle.medium(|path| opener.medium(path)), trust, now()?)
        };
        let progress = printer.progress();
        match (signer, &self.prepare) {
            (Some(signer), _) => {
                let summary = sign(&request, &signer, &*progress)?;
                printer.result(&summary, || text(&summary, self.long))?;
            }
            (None, Some(to)) => {
                let prepared = prepare(&request, to, &*progress)?;
                write(to, &prepared)?;
                let value = json!({
                    "bundle": prepared.bundle, "statement": prepared.statement,
                    "prepared": to.display().to_string(), "bytes": prepared.bytes.len(),
                });
                printer.result(&value, || how(to, &prepared, self.long))?;
            }
            (None, None) => {}
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Fails where a key stands in the place of the bundle: whoever mixes the two up is told of the bundle.
fn no_key(path: &Path) -> Result<()> {
    let text = path.is_file().then(|| read_text(path, MAX_KEY_FILE)).and_then(Result::ok);
    let is_key = |text: &str| PrivateKey::is_private(text) || PublicKey::from_text(text).is_ok();
    match text.is_some_and(|text| is_key(&text)) {
        false => Ok(()),
        true => {
            let text = format!("{} is a key, and no bundle", path.display());
            Err(Error::new(Class::Usage, text)
                .subject(Subject::Path(path.to_owned()))
                .hint("name the bundle by itself, and the key behind --sign-key"))
        }
    }
}

/// The signature in `path`, by the key in `key`.
fn elsewhere(path: &Path, key: &Path) -> Result<Signer> {
    let mut keys = public_keys(&[key.to_owned()])?;
    let bytes = read_bytes(path, MAX_SIGNATURE)?;
    let signature = match bytes.len() {
        64 => Some(bytes.to_vec()),
        _ => {
            let text: Vec<u8> =
                bytes.iter().copied().filter(|c| !c.is_ascii_whitespace()).collect();
            STANDARD.decode(text).ok().filter(|bytes| bytes.len() == 64)
        }
    };
    match (keys.pop(), signature) {
        (Some(key), Some(signature)) => Ok(Signer::Elsewhere { key, signature }),
        _ => {
            let text = format!("{} is no Ed25519 signature: that has 64 bytes", path.display());
            Err(Error::new(Class::Usage, text)
                .subject(Subject::Path(path.to_owned()))
                .hint("openssl pkeyutl -sign -rawin writes one; base64 of it does as well"))
        }
    }
}

fn write(to: &Path, prepared: &Prepared) -> Result<()> {
    let fault = |e| Error::io(format!("cannot write {}", to.display()), e);
    let (folder, name) = Folder::making(to)?;
    let mut file = AtomicFile::within(&folder, name, 0o644)?;
    file.write_all(&prepared.bytes).map_err(fault)?;
    file.commit_new()
}

fn how(to: &Path, prepared: &Prepared, long: bool) -> Vec<String> {
    let (to, bundle) = (to.display().to_string(), prepared.bundle.to_string());
    let (to, bundle) = (Safe(&to), Safe(&bundle));
    vec![
        format!(
            "statement {} of {bundle} is in {to}, to be signed",
            digest(&prepared.statement, long)
        ),
        format!("openssl pkeyutl -sign -rawin -inkey KEY.pem -in {to} -out SIGNATURE"),
        "then `sealift sign`, said as now, with --attach SIGNATURE --signer PUB.pem for --prepare"
            .to_owned(),
    ]
}

fn text(summary: &Summary, long: bool) -> Vec<String> {
    let bundle = summary.bundle.to_string();
    let key = if long { &summary.key } else { summary.key.get(..16).unwrap_or(&summary.key) };
    let statement = digest(&summary.statement, long);
    let mut lines = vec![match summary.already_signed {
        true => format!("key {key} had signed {} already: nothing was added", Safe(&bundle)),
        false => {
            format!("key {key} has signed {}: {}", Safe(&bundle), count(summary.images, "image"))
        }
    }];
    lines
        .push(format!("statement {statement} bears {}", count(summary.signers.len(), "signature")));
    lines.extend(summary.trust.iter().map(RoleTally::in_words));
    lines
}
