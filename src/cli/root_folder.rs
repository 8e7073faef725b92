//! The trust folder that `sealift trust` works on.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::believe::usual_folder;
use super::printer::Printer;
use crate::bundle::roots::TrustFolder;
use crate::verbs::roots::RootReport;
use crate::words::error::Result;

/// The trust folder.
#[derive(Debug, Args)]
pub(super) struct WhichFolder {
    /// Folder with the root of trust [default: /etc/sealift/trust, else ~/.config/sealift/trust]
    #[arg(long, value_name = "DIR")]
    trust: Option<PathBuf>,
}

impl WhichFolder {
    /// The folder, which has to be there.
    pub(super) fn open(&self) -> Result<TrustFolder> {
        match self.trust.clone().or_else(usual_folder) {
            Some(path) => TrustFolder::open(path),
            None => TrustFolder::open(Path::new("/etc/sealift/trust")),
        }
    }

    /// The folder, if it was named, or there is a usual one.
    pub(super) fn if_any(&self) -> Result<Option<TrustFolder>> {
        match (&self.trust, usual_folder()) {
            (None, None) => Ok(None),
            _ => self.open().map(Some),
        }
    }
}

/// Tells what came of it.
pub(super) fn told(report: &RootReport, lines: &[String], printer: &Printer) -> Result<ExitCode> {
    printer.result(report, || lines.to_vec())?;
    Ok(ExitCode::SUCCESS)
}
