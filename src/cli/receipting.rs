//! The options of an import that ask for a receipt.

use std::path::{Path, PathBuf};

use clap::Args;

use super::environment::creation_time;
use super::idle::Given;
use super::printer::Printer;
use super::secrets::{open_to_others, private_key};
use crate::verbs::import::Receipting;
use crate::words::error::Result;

/// Whether a receipt is wanted.
#[derive(Debug, Args)]
pub(super) struct WantReceipt {
    /// Read the destination back once all was brought, and write here, image by image, what is there now;
    /// one that is there is replaced
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Private key to sign the receipt with
    #[arg(long, value_name = "KEY.pem", requires = "receipt")]
    sign_key: Option<PathBuf>,
}

impl WantReceipt {
    /// The receipt that is wanted, with its key, which is opened now.
    pub(super) fn receipting(
        &self,
        passphrase_file: Option<&Path>,
        printer: &Printer,
    ) -> Result<Option<Receipting>> {
        if self.sign_key.is_none() {
            passphrase_file.and_then(open_to_others).iter().for_each(|text| printer.note(text));
        }
        let key = self.sign_key.as_deref();
        let key = key.map(|path| private_key(path, passphrase_file, true, printer)).transpose()?;
        Ok(self.receipt.as_ref().map(|path| Receipting::new(path, key, creation_time)))
    }

    /// Which options were given that matter to a real run alone.
    pub(super) fn given(&self) -> [Given; 1] {
        [("--receipt", self.receipt.is_some())]
    }
}
