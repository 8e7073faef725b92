//! How a bundle is to be cut into volumes, and what is to be added to them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::attendant::AtTerminal;
use super::report::argument;
use crate::bundle::recovery::Redundancy;
use crate::medium::Medium;
use crate::medium::cutting::{parse_label, parse_volume_size};
use crate::medium::drive::Drive;
use crate::words::count::count;
use crate::words::error::Result;
use crate::words::escape::Safe;
use crate::words::progress::Progress;

/// How a bundle is to be cut into volumes, and what is to be added to them.
#[derive(Debug, Args)]
pub(super) struct CutInto {
    /// Cut it into volumes of at most this size: fat32, cd, dvd, dvd-dl, bd, or as on packages, 4.7GB or
    /// 4GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_volume_size)]
    volume_size: Option<u64>,
    /// What the set of volumes is called [default: the name of its folder]
    #[arg(long, value_name = "TEXT", requires = "volume_size", value_parser = parse_label)]
    label: Option<String>,
    /// Write the volumes one after the other onto media that are mounted here, and wait for the next one
    /// between two; NAME then has no volumes, but what is needed to go on, and labels
    #[arg(long, value_name = "DIR", requires = "volume_size")]
    volume_dir: Option<PathBuf>,
    /// Add recovery data (PAR2) to the finished bundle, in hundredths of it, as in 5%, by which damage is
    /// repaired, as `protect` does; volumes are cut so that each has room for its own on its medium
    #[arg(long, value_name = "PERCENT", value_parser = argument::<Redundancy>)]
    pub(super) redundancy: Option<Redundancy>,
}

impl CutInto {
    /// Where media are changed, if they are: by whoever is at the terminal. Each volume is read back where
    /// `verify_media` is.
    pub(super) fn drive(&self, verify_media: bool, progress: &Arc<dyn Progress>) -> Option<Drive> {
        self.volume_dir.clone().map(|folder| Drive {
            folder,
            attendant: Arc::new(AtTerminal::new(Arc::clone(progress))),
            verify_media,
            progress: Arc::clone(progress),
        })
    }

    /// What is to be made at `output`, of which `only` that volume where one is asked for, and the volumes go
    /// onto media in `drive`, where there is one.
    pub(super) fn medium(
        &self,
        output: &Path,
        only: Option<u32>,
        drive: Option<Drive>,
    ) -> Result<Medium> {
        let output = Medium::to_make(output)?;
        let Some(size) = self.volume_size else { return Ok(output) };
        let size = self.redundancy.map_or(size, |redundancy| redundancy.leaves(size));
        let output = output.cut_into(size, self.label.clone(), only)?;
        match drive {
            None => Ok(output),
            Some(drive) => output.onto(drive),
        }
    }
}

/// That a set of `n` volumes is complete, which went onto media in `folder`, and what is at `output`.
pub(super) fn on_media(n: usize, folder: &Path, output: &str) -> String {
    let (volumes, folder) = (count(n, "volume"), folder.display().to_string());
    format!(
        "the set is complete: {volumes}, written at {}; labels for them are in {}",
        Safe(&folder),
        Safe(output)
    )
}
