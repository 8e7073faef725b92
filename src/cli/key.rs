//! `sealift key`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::idle;
use super::printer::Printer;
use super::secrets::{another_passphrase, new_passphrase, private_key, read_text};
use crate::bundle::keys::{MAX_KEY_FILE, PrivateKey, PublicKey};
use crate::tools::file::AtomicFile;
use crate::tools::folder::Folder;
use crate::tools::ground;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::escape::Safe;

/// Make and look at signing keys
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  sealift key generate -o transfer
  sealift key show transfer.pub.pem
  sealift key passphrase transfer.key.pem")]
pub(super) enum KeyVerb {
    /// Make a signing key: NAME.key.pem to keep, NAME.pub.pem to hand out
    #[command(after_help = "Examples:
  sealift key generate -o transfer
  SEALIFT_PASSPHRASE=... sealift key generate -o transfer
  sealift key generate -o demo --no-passphrase

The files are plain PKCS#8 and SPKI PEM; openssl reads them. An existing file is never overwritten.")]
    Generate {
        /// Where the two files go; folders that are missing are made
        #[arg(short, long, value_name = "NAME")]
        output: PathBuf,
        /// Leave the private key unencrypted
        #[arg(long, conflicts_with = "passphrase_file")]
        no_passphrase: bool,
        /// File whose first line is the passphrase [default: SEALIFT_PASSPHRASE, else ask]
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
    /// Give a private key another passphrase
    #[command(after_help = "Examples:
  sealift key passphrase transfer.key.pem
  sealift key passphrase transfer.key.pem --passphrase-file old.txt --new-passphrase-file new.txt
  sealift key passphrase demo.key.pem --no-passphrase

The key stays the same one, and so do its id and what it has signed. The file is replaced in one step, once the
new one is on the disk and opens. Copies of the old file still open with the old passphrase. Keys of ssh-keygen and minisign
are changed by `ssh-keygen -p` and `minisign -C`.")]
    Passphrase {
        /// The private key
        #[arg(value_name = "KEY.pem")]
        file: PathBuf,
        /// File whose first line is the passphrase that it has [default: SEALIFT_PASSPHRASE, else ask]
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
        /// File whose first line is the passphrase that it gets [default: ask]
        #[arg(long, value_name = "FILE")]
        new_passphrase_file: Option<PathBuf>,
        /// Leave the key unencrypted from now on
        #[arg(long, conflicts_with = "new_passphrase_file")]
        no_passphrase: bool,
    },
    /// Show what a key file holds: openssl's PEM, and what ssh-keygen, minisign and signify write
    #[command(after_help = "Examples:
  sealift key show transfer.pub.pem
  sealift key show ~/.ssh/id_ed25519.pub
  sealift key show minisign.pub

A key has the same id in whatever file it stands; options that take a key take it in any of these forms.")]
    Show {
        /// A public or a private key
        #[arg(value_name = "FILE.pem")]
        file: PathBuf,
        /// File whose first line is the passphrase [default: SEALIFT_PASSPHRASE, else ask]
        #[arg(long, value_name = "FILE")]
        passphrase_file: Option<PathBuf>,
    },
}

impl KeyVerb {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        match self {
            KeyVerb::Generate { output, no_passphrase, passphrase_file } => {
                generate(&output, no_passphrase, passphrase_file.as_deref(), printer)
            }
            KeyVerb::Passphrase { file, passphrase_file, new_passphrase_file, no_passphrase } => {
                let new = (new_passphrase_file.as_deref(), no_passphrase);
                change(&file, passphrase_file.as_deref(), new, printer)
            }
            KeyVerb::Show { file, passphrase_file } => {
                show(&file, passphrase_file.as_deref(), printer)
            }
        }
    }
}

fn with_ending(name: &Path, ending: &str) -> PathBuf {
    let mut path = name.as_os_str().to_owned();
    path.push(ending);
    PathBuf::from(path)
}

fn generate(
    output: &Path,
    no_passphrase: bool,
    passphrase_file: Option<&Path>,
    printer: &Printer,
) -> Result<ExitCode> {
    if output.as_os_str().as_encoded_bytes().ends_with(b"/") {
        let text = format!("{} is a folder by its slash, and no name for keys", output.display());
        return Err(Error::new(Class::Usage, text).hint("write the beginning of a name behind it"));
    }
    // `.` and `..` have none: the keys would be hidden files beside it.
    if output.file_name().is_none() || output.ends_with(".") {
        let text = format!("{} is a folder, and no name for keys", output.display());
        return Err(Error::new(Class::Usage, text).hint("write the beginning of a name behind it"));
    }
    let (private, public) = (with_ending(output, ".key.pem"), with_ending(output, ".pub.pem"));
    if let Some(taken) = [&private, &public].into_iter().find(|path| path.exists()) {
        let text = format!("{} exists already", taken.display());
        return Err(Error::new(Class::Usage, text)
            .subject(Subject::Path(taken.clone()))
            .hint("choose another name; keys are never overwritten"));
    }
    ground::check(&private)?;
    let passphrase = match no_passphrase {
        true => None,
        false => Some(new_passphrase(passphrase_file)?),
    };
    let key = PrivateKey::generate()?;
    let pem = key.to_pem(passphrase.as_deref().map(String::as_str))?;
    write(&private, 0o600, pem.as_bytes())?;
    write(&public, 0o644, key.public().to_pem()?.as_bytes())?;
    let id = key.public().id();
    let value = json!({
        "keyId": id, "privateKey": shown(&private), "publicKey": shown(&public),
        "encrypted": passphrase.is_some(),
    });
    printer.result(&value, || {
        let secrecy = if passphrase.is_some() { "encrypted" } else { "NOT encrypted" };
        vec![
            format!("private key  {} ({secrecy}; keep it to yourself)", Safe(&shown(&private))),
            format!("public key   {} (hand it to those who verify)", Safe(&shown(&public))),
            format!("key id       {id}"),
        ]
    })?;
    Ok(ExitCode::SUCCESS)
}

fn change(
    file: &Path,
    old: Option<&Path>,
    (new, no_passphrase): (Option<&Path>, bool),
    printer: &Printer,
) -> Result<ExitCode> {
    let pem = read_text(file, MAX_KEY_FILE)?;
    if PrivateKey::is_private(&pem) && !pem.contains("PRIVATE KEY-----") || pem.contains("OPENSSH")
    {
        let text = format!("{} is in the form of another program", file.display());
        return Err(Error::new(Class::Usage, text)
            .subject(Subject::Path(file.to_owned()))
            .hint("change it there: ssh-keygen -p -f FILE, or minisign -C -s FILE"));
    }
    let key = private_key(file, old, false, printer)?;
    let passphrase = match no_passphrase {
        true => None,
        false => Some(another_passphrase(new)?),
    };
    let pem = key.to_pem(passphrase.as_deref().map(String::as_str))?;
    // What cannot be opened again would be a key that is lost.
    PrivateKey::from_pem(&pem, passphrase.as_deref().map(String::as_str))?;
    // Where the name is a link, what it leads to is the key.
    let fault = |e| Error::io(format!("cannot replace {}", file.display()), e);
    let path = file.canonicalize().map_err(fault)?;
    let mut replaced = AtomicFile::create(&path, 0o600)?;
    replaced.write_all(pem.as_bytes()).map_err(fault)?;
    replaced.commit()?;
    let id = key.public().id();
    let value = json!({
        "keyId": id, "privateKey": shown(file), "encrypted": passphrase.is_some(),
    });
    printer.result(&value, || {
        let secrecy =
            if passphrase.is_some() { "has another passphrase" } else { "has NO passphrase" };
        vec![format!("private key  {} {secrecy}", Safe(&shown(file))), format!("key id       {id}")]
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A path in JSON, which has no bytes that are no text.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

fn write(path: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
    let (folder, name) = Folder::making(path)?;
    let mut file = AtomicFile::within(&folder, name, mode)?;
    file.write_all(bytes).map_err(|e| Error::io(format!("cannot write {}", path.display()), e))?;
    file.commit_new()
}

fn show(file: &Path, passphrase_file: Option<&Path>, printer: &Printer) -> Result<ExitCode> {
    let pem = read_text(file, MAX_KEY_FILE)?;
    let private = PrivateKey::is_private(&pem);
    let encrypted = private && PrivateKey::needs_passphrase(&pem);
    let public = match private {
        true => private_key(file, passphrase_file, false, printer)?.public().clone(),
        false if passphrase_file.is_some() => {
            idle::tell(&[("--passphrase-file", true)], "a public key has none", printer);
            PublicKey::from_text(&pem).map_err(|e| e.context(file.display()))?
        }
        false => PublicKey::from_text(&pem).map_err(|e| e.context(file.display()))?,
    };
    let public_pem = public.to_pem()?;
    let value = json!({
        "file": shown(file), "private": private, "encrypted": encrypted, "algorithm": "Ed25519",
        "keyId": public.id(), "publicKey": public_pem,
    });
    printer.result(&value, || {
        let kind = match (private, encrypted) {
            (true, true) => "private key, encrypted",
            (true, false) => "private key, NOT encrypted",
            (false, _) => "public key",
        };
        let mut lines = vec![format!("Ed25519 {kind}"), format!("key id  {}", public.id())];
        lines.extend(public_pem.lines().map(str::to_owned));
        lines
    })?;
    Ok(ExitCode::SUCCESS)
}
