//! The argument that says which bundle is read.

use std::path::PathBuf;

use clap::Args;

use crate::medium::Medium;

/// Which bundle is read.
#[derive(Debug, Args)]
pub(super) struct Bundle {
    /// The bundle; of one in volumes the folder that they lie in, or each of them
    #[arg(value_name = "BUNDLE", required = true)]
    paths: Vec<PathBuf>,
}

impl Bundle {
    /// Where it is.
    pub(super) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// What is there, of which the first place is opened by `open`.
    pub(super) fn medium(self, open: impl FnOnce(PathBuf) -> Medium) -> Medium {
        let mut paths = self.paths.into_iter();
        // There is one: it is required.
        let first = paths.next().unwrap_or_default();
        open(first).with_volumes_at(paths.collect())
    }
}
