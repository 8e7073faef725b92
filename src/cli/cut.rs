//! How a bundle is to be cut into volumes.

use std::path::Path;

use clap::Args;

use crate::medium::Medium;
use crate::medium::cutting::{parse_label, parse_volume_size};
use crate::words::error::Result;

/// How a bundle is to be cut into volumes.
#[derive(Debug, Args)]
pub(super) struct CutInto {
    /// Cut it into volumes of at most this size: fat32, cd, dvd, dvd-dl, bd, or as on packages, 4.7GB or
    /// 4GiB
    #[arg(long, value_name = "SIZE", value_parser = parse_volume_size)]
    volume_size: Option<u64>,
    /// What the set of volumes is called [default: the name of its folder]
    #[arg(long, value_name = "TEXT", requires = "volume_size", value_parser = parse_label)]
    label: Option<String>,
}

impl CutInto {
    /// What is to be made at `output`, of which `only` that volume where one is asked for.
    pub(super) fn medium(self, output: &Path, only: Option<u32>) -> Result<Medium> {
        let output = Medium::to_make(output)?;
        match self.volume_size {
            None => Ok(output),
            Some(size) => output.cut_into(size, self.label, only),
        }
    }
}
