//! Drafts of roots of trust, as `sealift trust` makes and changes them.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::environment::creation_time;
use super::printer::Printer;
use super::report::argument;
use super::root_folder::{WhichFolder, told};
use super::root_text::drafted;
use super::secrets::public_keys;
use crate::bundle::roots::{OTHERS, SignerName};
use crate::verbs::roots::{NamedSigner, RootChange, WhichRoles, draft_first, draft_next};
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::stream::StreamName;

/// Draft the first root, of which everybody named signs roots and bundles
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift trust new root.1.json --signer alice=alice.pub.pem
  sealift trust new root.1.json --signer alice=alice.pub.pem --signer bob=bob.pub.pem \\
      --signer carol=carol.pub.pem --threshold 2 --expires 400

Nothing is signed by that: each of them signs the file with `sealift trust sign`. Roles of streams are made
with `sealift trust add`, as long as nobody has signed.")]
pub(super) struct NewRoot {
    /// The draft; one that is there is not replaced
    #[arg(value_name = "DRAFT")]
    draft: PathBuf,
    /// Somebody who signs, and the public key (can be repeated)
    #[arg(long, value_name = "NAME=PUB.pem", required = true)]
    signer: Vec<String>,
    /// How many of them have to sign [default: the one, where there is one]
    #[arg(long, value_name = "N")]
    threshold: Option<usize>,
    /// Days after which the root holds no more [default: it does for good]
    #[arg(long, value_name = "DAYS")]
    expires: Option<u32>,
}

/// The root that a draft follows, and how long it holds.
#[derive(Debug, Args)]
pub(super) struct NextRoot {
    /// The draft of the next root; begun as the root that counts where it is not there
    #[arg(value_name = "DRAFT")]
    draft: PathBuf,
    #[command(flatten)]
    folder: WhichFolder,
    /// Days after which the new root holds no more [default: as long as the one before]
    #[arg(long, value_name = "DAYS")]
    expires: Option<u32>,
}

/// Draft that somebody signs, too
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift trust add root.2.json --signer dave=dave.pub.pem --roots
  sealift trust add root.2.json --signer dave=dave.pub.pem --signer alice --stream prod --threshold 2
  sealift trust add root.2.json --signer alice --stream default")]
pub(super) struct AddSigners {
    #[command(flatten)]
    draft: NextRoot,
    /// Who: a name that the root has, or a new one with the public key (can be repeated)
    #[arg(long, value_name = "NAME[=PUB.pem]", required = true)]
    signer: Vec<String>,
    #[command(flatten)]
    roles: Roles,
}

/// Which roles.
#[derive(Debug, Args)]
pub(super) struct Roles {
    /// Bundles of this stream; '*' for those that have no role of their own, default for bundles outside of
    /// any (can be repeated)
    #[arg(long, value_name = "NAME", value_parser = stream)]
    stream: Vec<String>,
    /// The next root
    #[arg(long)]
    roots: bool,
    /// How many have to sign that from now on
    #[arg(long, value_name = "N")]
    threshold: Option<usize>,
}

/// Draft that somebody signs no more; bundles that only he signed count no more, either
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift trust remove root.2.json alice
  sealift trust remove root.2.json alice --stream prod --threshold 1")]
pub(super) struct RemoveSigners {
    #[command(flatten)]
    draft: NextRoot,
    /// Who
    #[arg(value_name = "NAME", required = true, value_parser = argument::<SignerName>)]
    name: Vec<SignerName>,
    #[command(flatten)]
    roles: Roles,
}

/// Draft that a key counts no more, since somebody else may have it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift trust revoke root.2.json alice --reason 'laptop stolen on 3 June'
  sealift trust revoke root.2.json alice --reason 'laptop stolen' --accept sha256:0a4e...

--accept names statements that the key signed before and that count all the same: `sealift inspect --long`
shows the statement of a bundle. Of a key that was revoked already, more are added.")]
pub(super) struct RevokeKey {
    #[command(flatten)]
    draft: NextRoot,
    /// Whose key
    #[arg(value_name = "NAME", value_parser = argument::<SignerName>)]
    name: SignerName,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// A statement that counts all the same (can be repeated)
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    accept: Vec<Digest>,
}

/// Draft that something is not taken, whoever signs it
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift trust deny root.2.json --digest sha256:0a4e... --reason CVE-2026-12345
  sealift trust deny root.2.json --repository 'quay.io/example/*' --reason 'not licensed'
  sealift trust deny root.2.json --repository 'quay.io/example/*' --lift")]
pub(super) struct DenyContent {
    #[command(flatten)]
    draft: NextRoot,
    /// Statement, image, manifest, config or layer (can be repeated)
    #[arg(long, value_name = "DIGEST", value_parser = digest)]
    digest: Vec<Digest>,
    /// Repository, or all below one with /* behind it (can be repeated)
    #[arg(long, value_name = "HOST/PATH", required_unless_present = "digest")]
    repository: Vec<String>,
    /// Why
    #[arg(long, value_name = "TEXT", required_unless_present = "lift", conflicts_with = "lift")]
    reason: Option<String>,
    /// Take it again
    #[arg(long)]
    lift: bool,
}

/// The name of a role for bundles.
fn stream(text: &str) -> Result<String, String> {
    match text {
        OTHERS => Ok(text.to_owned()),
        _ => argument::<StreamName>(text).map(String::from),
    }
}

fn digest(text: &str) -> Result<Digest, String> {
    text.parse::<Digest>().map_err(|e| e.to_string())
}

/// `NAME` or `NAME=PUB.pem`.
fn signer(text: &str) -> Result<NamedSigner> {
    let (name, file) = match text.split_once('=') {
        Some((name, file)) => (name, Some(PathBuf::from(file))),
        None => (text, None),
    };
    let key = public_keys(&file.into_iter().collect::<Vec<_>>())?.pop();
    Ok(NamedSigner { name: name.parse()?, key })
}

fn signers(texts: &[String]) -> Result<Vec<NamedSigner>> {
    texts.iter().map(|text| signer(text)).collect()
}

impl NewRoot {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let signers = signers(&self.signer)?;
        let Some(threshold) = self.threshold.or((signers.len() == 1).then_some(1)) else {
            return Err(Error::new(Class::Usage, "how many of them have to sign is not said")
                .hint("name a number with --threshold; with 2 nobody can do it alone"));
        };
        let created = creation_time()?;
        let until = self.expires.map(|days| created.plus_days(days)).transpose()?;
        let report = draft_first(&self.draft, signers, threshold, until, created)?;
        told(&report, &drafted(&report), printer)
    }
}

impl NextRoot {
    fn change(&self, changes: Vec<RootChange>, printer: &Printer) -> Result<ExitCode> {
        let created = creation_time()?;
        let until = self.expires.map(|days| created.plus_days(days)).transpose()?;
        let expire = until.map(|until| RootChange::Expire(Some(until)));
        let changes = changes.into_iter().chain(expire).collect();
        let report = draft_next(&self.draft, self.folder.if_any()?.as_ref(), changes, created)?;
        told(&report, &drafted(&report), printer)
    }
}

impl Roles {
    fn which(&self) -> WhichRoles {
        WhichRoles { root: self.roots, streams: self.stream.clone() }
    }
}

impl AddSigners {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let (signers, roles) = (signers(&self.signer)?, self.roles.which());
        if !roles.root && roles.streams.is_empty() {
            return Err(Error::new(Class::Usage, "what they sign is not said")
                .hint("name it with --stream (can be repeated), --roots, or both"));
        }
        let threshold = self.roles.threshold;
        self.draft.change(vec![RootChange::Add { signers, roles, threshold }], printer)
    }
}

impl RemoveSigners {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let (roles, threshold) = (self.roles.which(), self.roles.threshold);
        self.draft.change(vec![RootChange::Remove { names: self.name, roles, threshold }], printer)
    }
}

impl RevokeKey {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let (name, reason, accepted) = (self.name, self.reason, self.accept);
        let at = creation_time()?;
        self.draft.change(vec![RootChange::Revoke { name, reason, accepted, at }], printer)
    }
}

impl DenyContent {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        let (digests, repositories) = (self.digest, self.repository);
        let change = match self.reason {
            Some(reason) => RootChange::Deny { digests, repositories, reason },
            None => RootChange::Allow { digests, repositories },
        };
        self.draft.change(vec![change], printer)
    }
}
