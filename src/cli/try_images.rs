//! The option that has a command run in what was brought.

use clap::Args;

use super::idle::Given;
use super::report::argument;
use crate::places::engine::Trial;

/// What is run in every image.
#[derive(Debug, Args)]
pub(super) struct TryImages {
    /// Run this command in every image, once all are there: in a container of podman or docker without network.
    /// One that fails is exit code 1; the images stay. No shell runs it
    #[arg(long, value_name = "CMD", value_parser = argument::<Trial>)]
    check: Option<Trial>,
}

impl TryImages {
    /// It.
    pub(super) fn trial(self) -> Option<Trial> {
        self.check
    }

    /// Whether it was given.
    pub(super) fn given(&self) -> [Given; 1] {
        [("--check", self.check.is_some())]
    }
}
