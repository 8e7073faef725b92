//! `sealift proof`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::believe::{Keeps, Signers};
use super::bundle::BundleAnywhere;
use super::printer::Printer;
use super::registries::Reach;
use super::unlock::Identity;
use crate::verbs::proof::{Request, Summary, proof};
use crate::words::error::Result;
use crate::words::escape::Safe;

/// Write the signatures of a bundle for other programs to check: OpenSSL, Sigstore, signify, minisign, ssh
///
/// A folder with what was signed, and each signature that counts in the forms of others, the public key it
/// is checked by, and a page of commands. They are the bundle's own signatures, so no private key is needed;
/// minisign's and ssh's forms sign more than that, and are made with --sign-key. Public keys are those
/// that were given, never any of the bundle.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift proof june.tar --key transfer.pub.pem -o june-proof
  sealift proof june --trust /etc/sealift/trust -o june-proof
  sealift proof june.tar --key transfer.pub.pem --sign-key transfer.key.pem -o june-proof

Layers are not read: `sealift verify` does that. README.txt in the folder has the commands of each
program, and docs/verify-without-sealift.md how the rest of a bundle is checked. A folder that is
there is not changed.")]
pub(super) struct WriteProof {
    #[command(flatten)]
    bundle: BundleAnywhere,
    #[command(flatten)]
    signers: Signers,
    /// The folder, which is made
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    /// Private key of one who signed the bundle, for the forms of minisign and ssh too
    #[arg(long, value_name = "KEY.pem")]
    sign_key: Option<PathBuf>,
    /// File whose first line is the passphrase of the key, of an identity, or of the bundle [default:
    /// SEALIFT_PASSPHRASE, else ask]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    identity: Identity,
    #[command(flatten)]
    reach: Reach,
}

impl WriteProof {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let trust = self.signers.trust(Keeps::IfItCan)?;
        let file = self.passphrase_file.as_deref();
        let key = self.sign_key.as_deref();
        let (opener, key) = self.identity.opener_and_key(key, file, printer)?;
        self.bundle.tell_idle(&[], &self.reach, printer);
        let reached = || self.reach.client(printer.progress());
        let bundle = self.bundle.medium(reached, |path| opener.medium(path))?;
        let request = Request::new(bundle, trust, self.output);
        let summary = proof(&request, key.as_ref(), &*printer.progress())?;
        printer.result(&summary, || text(&summary))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn text(summary: &Summary) -> Vec<String> {
    let mut lines = vec![
        Safe(&format!("proof {} of {}", summary.output.display(), summary.bundle)).to_string(),
        format!("statement {}", summary.statement),
    ];
    lines.extend(summary.signatures.iter().map(|it| {
        let forms = match it.with_private_key {
            true => "OpenSSL, Sigstore, signify, minisign, ssh-keygen",
            false => "OpenSSL, Sigstore, signify",
        };
        format!("signed by {}: for {forms}", it.key.short())
    }));
    lines.extend(
        summary
            .other_signatures
            .iter()
            .map(|it| Safe(&format!("not written: {} {}", it.path, it.what)).to_string()),
    );
    lines.push(Safe(&format!("how to check: {}/README.txt", summary.output.display())).to_string());
    lines
}
