//! The options that say whom to believe.

use std::path::{Path, PathBuf};

use clap::Args;

use super::environment::trust_folders;
use super::printer::Printer;
use super::secrets::public_keys;
use crate::bundle::check::Trust;
use crate::bundle::roots::TrustFolder;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Who must have signed.
#[derive(Debug, Args)]
pub(super) struct Signers {
    /// Public key that must have signed the bundle (with several, any one of them)
    #[arg(long, value_name = "PUB.pem")]
    key: Vec<PathBuf>,
    /// Folder with the root of trust, which says how many of whom must have signed
    /// [default: /etc/sealift/trust, else ~/.config/sealift/trust]
    #[arg(long, value_name = "DIR", conflicts_with = "key")]
    trust: Option<PathBuf>,
}

/// Who must have signed what is only looked at: nobody, where that is not said.
#[derive(Debug, Args)]
pub(super) struct SignersIfAny {
    /// Public key that must have signed what is signed (with several, any one of them)
    #[arg(long, value_name = "PUB.pem")]
    key: Vec<PathBuf>,
    /// Folder with the root of trust, which says how many of whom must have signed
    #[arg(long, value_name = "DIR", conflicts_with = "key")]
    trust: Option<PathBuf>,
}

/// Whom to believe.
#[derive(Debug, Args)]
pub(super) struct Believe {
    #[command(flatten)]
    signers: Signers,
    /// Take the bundle whoever signed it: bytes are still checked, but against a list that
    /// anybody may have made
    #[arg(long, conflicts_with_all = ["key", "trust"])]
    insecure_no_verify: bool,
}

/// Whether a root that is newer has to be kept before it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// It has to.
    Always,
    /// Not where the folder cannot be written: nothing but looking is done.
    IfItCan,
}

impl Believe {
    /// The trust folder that is named, if one is.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.signers.trust.as_deref()
    }

    pub(super) fn trust(&self, printer: &Printer) -> Result<Trust> {
        if self.insecure_no_verify {
            printer.note("warning: --insecure-no-verify: nobody's signature is asked for");
            return Ok(Trust::UnsafeAnySigner);
        }
        self.signers.trust(Keeps::Always)
    }
}

impl SignersIfAny {
    /// The trust folder that is named, if one is.
    pub(super) fn folder(&self) -> Option<&Path> {
        self.trust.as_deref()
    }

    /// Whether it was said who.
    pub(super) fn are_named(&self) -> bool {
        self.trust.is_some() || !self.key.is_empty()
    }

    /// Who must have signed, where that was said.
    pub(super) fn trust(&self) -> Result<Trust> {
        let named = named(&self.key, self.trust.as_deref(), Keeps::IfItCan)?;
        Ok(named.unwrap_or(Trust::UnsafeAnySigner))
    }
}

/// Who must have signed, where keys or a trust folder are named.
pub(super) fn named(keys: &[PathBuf], trust: Option<&Path>, keeps: Keeps) -> Result<Option<Trust>> {
    match (trust, keys.is_empty()) {
        (Some(path), _) => folder(path, keeps).map(Some),
        (None, false) => public_keys(keys).map(Trust::Keys).map(Some),
        (None, true) => Ok(None),
    }
}

impl Signers {
    /// Who must have signed: as it was said, else as the first trust folder says that there is.
    pub(super) fn trust(&self, keeps: Keeps) -> Result<Trust> {
        let named = named(&self.key, self.trust.as_deref(), keeps)?;
        match named.map_or_else(|| usual(keeps), |named| Ok(Some(named)))? {
            Some(trust) => Ok(trust),
            None => {
                let text = "the following required arguments were not provided: --key <PUB.pem> or --trust <DIR>";
                Err(Error::new(Class::Usage, text).hint(phrase![
                    "name the sender's public key with ",
                    Remedy::Trust,
                    ", or the folder of the root of trust with ",
                    Remedy::TrustFolder,
                ]))
            }
        }
    }
}

/// Who must have signed as the first trust folder says that there is, if there is one.
pub(super) fn usual(keeps: Keeps) -> Result<Option<Trust>> {
    usual_folder().map(|path| folder(&path, keeps)).transpose()
}

/// The first usual trust folder under whose name there is anything.
pub(super) fn usual_folder() -> Option<PathBuf> {
    trust_folders().into_iter().find(|path| path.symlink_metadata().is_ok())
}

fn folder(path: &Path, keeps: Keeps) -> Result<Trust> {
    let folder = TrustFolder::open(path)?;
    Ok(Trust::roots(match keeps {
        Keeps::Always => folder,
        Keeps::IfItCan => folder.only_looking(),
    }))
}
