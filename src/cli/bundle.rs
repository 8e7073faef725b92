//! The arguments that say which bundle is read.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;

use super::idle;
use super::printer::Printer;
use super::registries::Reach;
use crate::medium::Medium;
use crate::medium::address::is_address;
use crate::places::registry::Client;
use crate::words::error::Result;

/// Which bundle is read, on this machine.
#[derive(Debug, Args)]
pub(super) struct Bundle {
    /// The bundle; of one in volumes the folder that they lie in, or each of them
    #[arg(value_name = "BUNDLE", required = true)]
    paths: Vec<PathBuf>,
}

/// Which bundle is read, wherever it lies.
#[derive(Debug, Args)]
pub(super) struct BundleAnywhere {
    /// The bundle; of one in volumes the folder that they lie in, or each of them; of a packed one on
    /// another machine its address there (http:// or https://)
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
        medium(self.paths, open)
    }
}

impl BundleAnywhere {
    /// Whether it is on another machine, or one of the `bases` beside it.
    pub(super) fn is_elsewhere(&self, bases: &[PathBuf]) -> bool {
        self.paths.iter().chain(bases).any(|path| is_address(path))
    }

    /// What is there, of which the first place is opened by `open`; another machine is reached by
    /// `client`, which is made for that alone.
    pub(super) fn medium(
        self,
        client: impl FnOnce() -> Result<Client>,
        open: impl FnOnce(PathBuf) -> Medium,
    ) -> Result<Medium> {
        let is_elsewhere = self.is_elsewhere(&[]);
        let medium = medium(self.paths, open);
        if is_elsewhere { medium.reached_by(Arc::new(client()?)) } else { Ok(medium) }
    }

    /// Says of options that they have no effect, where nobody is asked but for the bundle.
    pub(super) fn tell_idle(&self, bases: &[PathBuf], reach: &Reach, printer: &Printer) {
        if !self.is_elsewhere(bases) {
            idle::tell(&reach.given(), "the bundle lies on this machine", printer);
        }
    }
}

fn medium(paths: Vec<PathBuf>, open: impl FnOnce(PathBuf) -> Medium) -> Medium {
    let mut paths = paths.into_iter();
    // There is one: it is required.
    let first = paths.next().unwrap_or_default();
    open(first).with_volumes_at(paths.collect())
}
