//! The options that say by what an encrypted bundle is opened.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::at_hand::all_at_hand;
use super::idle::Given;
use super::printer::Printer;
use super::secrets::{open_to_others, private_key};
use crate::bundle::keys::PrivateKey;
use crate::medium::Medium;
use crate::places::registry::Client;
use crate::words::error::Result;

/// By what encrypted bundles are opened, where an option with a passphrase is there for other things too.
#[derive(Debug, Args)]
pub(super) struct Identity {
    /// Private key that opens an encrypted bundle: an identity of age, which may be encrypted itself, or
    /// an ssh key of the kind ed25519 (can be repeated)
    #[cfg(feature = "age")]
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
}

/// By what an encrypted bundle is opened.
#[derive(Debug, Args)]
pub(super) struct Unlock {
    #[command(flatten)]
    identity: Identity,
    /// File whose first line is the passphrase of the bundle or of an identity [default:
    /// SEALIFT_PASSPHRASE, else ask]
    #[cfg(feature = "age")]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Opens what is encrypted.
pub(super) struct Unlocking {
    #[cfg(feature = "age")]
    identities: Arc<crate::tools::cipher::Identities>,
}

impl Unlocking {
    /// The medium at `path`.
    pub(super) fn medium(&self, path: impl Into<PathBuf>) -> Medium {
        let medium = Medium::at(path);
        #[cfg(feature = "age")]
        let medium = medium.opened_by(Arc::clone(&self.identities));
        medium
    }

    /// The same `medium`, beside which others are opened by the keys that were named.
    pub(super) fn beside(&self, medium: Medium) -> Medium {
        #[cfg(feature = "age")]
        let medium = match self.identities.is_empty() {
            // Nobody is asked for the passphrase of what nobody named.
            true => medium,
            false => medium.opened_by(Arc::clone(&self.identities)),
        };
        medium
    }

    /// The medium at `path`, where `client` reaches other machines, as in [`BundleAnywhere`](super::bundle::BundleAnywhere).
    pub(super) fn anywhere(
        &self,
        path: impl Into<PathBuf>,
        client: impl FnOnce() -> Result<Client>,
    ) -> Result<Medium> {
        let medium = self.medium(path);
        if medium.is_remote() { medium.reached_by(Arc::new(client()?)) } else { Ok(medium) }
    }

    /// The earlier bundles and layouts that `--base` names, wherever they are, as [`anywhere`](Unlocking::anywhere).
    pub(super) fn bases(
        &self,
        given: Vec<PathBuf>,
        client: impl Fn() -> Result<Client>,
    ) -> Result<Vec<Medium>> {
        let paths = all_at_hand::<PathBuf>("--base", given)?;
        paths.into_iter().map(|path| self.anywhere(path, &client)).collect()
    }

    /// The media at `paths`.
    pub(super) fn media(&self, paths: Vec<PathBuf>) -> Vec<Medium> {
        paths.into_iter().map(|path| self.medium(path)).collect()
    }
}

#[cfg(feature = "age")]
impl Unlock {
    /// What was given of it.
    pub(super) fn given(&self) -> [Given; 2] {
        let [identity] = self.identity.given();
        [identity, ("--passphrase-file", self.passphrase_file.is_some())]
    }

    /// As [`Identity::opener`].
    pub(super) fn opener(&self, printer: &Printer) -> Result<Unlocking> {
        let file = self.passphrase_file.as_deref();
        file.and_then(open_to_others).iter().for_each(|text| printer.note(text));
        self.identity.opener(file, printer)
    }
}

#[cfg(not(feature = "age"))]
impl Unlock {
    /// Nothing was given.
    pub(super) fn given(&self) -> [Given; 1] {
        self.identity.given()
    }

    /// As [`Identity::opener`].
    pub(super) fn opener(&self, printer: &Printer) -> Result<Unlocking> {
        self.identity.opener(None, printer)
    }
}

impl Identity {
    /// That it was given, where it was.
    pub(super) fn given(&self) -> [Given; 1] {
        #[cfg(feature = "age")]
        let given = !self.identity.is_empty();
        #[cfg(not(feature = "age"))]
        let given = false;
        [("--identity", given)]
    }
}

impl Identity {
    /// As [`opener`](Identity::opener), with the private `key` that is named beside it. Their passphrases are
    /// in one file; where no key is named, it is warned of here if others may read it.
    pub(super) fn opener_and_key(
        &self,
        key: Option<&Path>,
        passphrase_file: Option<&Path>,
        printer: &Printer,
    ) -> Result<(Unlocking, Option<PrivateKey>)> {
        let opener = self.opener(passphrase_file, printer)?;
        let open = |path| private_key(path, passphrase_file, true, printer);
        let key = key.map(open).transpose()?;
        if key.is_none() {
            passphrase_file.and_then(open_to_others).iter().for_each(|text| printer.note(text));
        }
        Ok((opener, key))
    }
}

#[cfg(feature = "age")]
impl Identity {
    /// Reads the keys. Those that are encrypted are asked for their passphrases now, a bundle when it is
    /// opened; where there is a `passphrase_file`, its first line is that of all of them.
    pub(super) fn opener(
        &self,
        passphrase_file: Option<&Path>,
        printer: &Printer,
    ) -> Result<Unlocking> {
        use crate::tools::cipher::Identities;
        use crate::words::error::Subject;

        let file = passphrase_file.map(Path::to_owned);
        let passphrases = move |what: &str| existing_passphrase(file.as_deref(), what);
        let mut identities = Identities::new(Arc::new(passphrases));
        for path in &self.identity {
            open_to_others(path).iter().for_each(|text| printer.note(text));
            let bytes = read_bytes(path, MAX_IDENTITIES)?;
            identities
                .add(&bytes, &path.display().to_string())
                .map_err(|e| e.subject(Subject::Path(path.clone())))?;
        }
        Ok(Unlocking { identities: Arc::new(identities) })
    }
}

#[cfg(not(feature = "age"))]
impl Identity {
    /// Opens nothing: age was left out of this program.
    pub(super) fn opener(&self, _file: Option<&Path>, _printer: &Printer) -> Result<Unlocking> {
        Ok(Unlocking {})
    }
}

#[cfg(feature = "age")]
use super::secrets::{existing_passphrase, read_bytes};

/// Largest file of identities.
#[cfg(feature = "age")]
const MAX_IDENTITIES: u64 = 1 << 20;
