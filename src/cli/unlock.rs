//! The options that say by what an encrypted bundle is opened.

use std::path::PathBuf;

use clap::Args;

use super::printer::Printer;
use crate::medium::Medium;
use crate::words::error::Result;

/// By what an encrypted bundle is opened.
#[derive(Debug, Args)]
pub(super) struct Unlock {
    /// Private key that opens an encrypted bundle: an identity of age, which may be encrypted itself, or
    /// an ssh key of the kind ed25519 (can be repeated)
    #[cfg(feature = "age")]
    #[arg(long, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// File whose first line is the passphrase of the bundle or of an identity [default:
    /// SEALIFT_PASSPHRASE, else ask]
    #[cfg(feature = "age")]
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Opens what is encrypted.
pub(super) struct Unlocking {
    #[cfg(feature = "age")]
    identities: std::sync::Arc<crate::tools::cipher::Identities>,
}

impl Unlocking {
    /// The medium at `path`.
    pub(super) fn medium(&self, path: impl Into<PathBuf>) -> Medium {
        let medium = Medium::at(path);
        #[cfg(feature = "age")]
        let medium = medium.opened_by(std::sync::Arc::clone(&self.identities));
        medium
    }

    /// The media at `paths`.
    pub(super) fn media(&self, paths: Vec<PathBuf>) -> Vec<Medium> {
        paths.into_iter().map(|path| self.medium(path)).collect()
    }
}

#[cfg(feature = "age")]
impl Unlock {
    /// Reads the keys. Those that are encrypted are asked for their passphrases now, a bundle when it is
    /// opened.
    pub(super) fn opener(&self, printer: &Printer) -> Result<Unlocking> {
        use crate::tools::cipher::Identities;
        use crate::words::error::Subject;

        let file = self.passphrase_file.clone();
        file.iter().filter_map(|file| open_to_others(file)).for_each(|text| printer.note(&text));
        let passphrases = move |what: &str| existing_passphrase(file.as_deref(), what);
        let mut identities = Identities::new(std::sync::Arc::new(passphrases));
        for path in &self.identity {
            open_to_others(path).iter().for_each(|text| printer.note(text));
            let bytes = read_bytes(path, MAX_IDENTITIES)?;
            identities
                .add(&bytes, &path.display().to_string())
                .map_err(|e| e.subject(Subject::Path(path.clone())))?;
        }
        Ok(Unlocking { identities: std::sync::Arc::new(identities) })
    }
}

#[cfg(not(feature = "age"))]
impl Unlock {
    /// Opens nothing: age was left out of this program.
    pub(super) fn opener(&self, _printer: &Printer) -> Result<Unlocking> {
        Ok(Unlocking {})
    }
}

#[cfg(feature = "age")]
use super::secrets::{existing_passphrase, open_to_others, read_bytes};

/// Largest file of identities.
#[cfg(feature = "age")]
const MAX_IDENTITIES: u64 = 1 << 20;
