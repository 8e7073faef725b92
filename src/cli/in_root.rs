//! `sealift in-root`: what a pod of a fan-out begins with.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use clap::Args;

use super::environment::variable;
use crate::words::error::{Class, Error, Result};

/// Run a program of another root folder in that folder, with what it complains about in a file
///
/// A container in which `fanout --kubernetes` runs has nothing of its image but its root folder: it leaves that
/// for the root folder of its node. Of the environment PATH and HOME go along.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  sealift in-root /host /dev/termination-log /shared/bin/sealift import /shared/june.tar --to containerd:k8s.io")]
pub(super) struct InRoot {
    /// The root folder
    root: PathBuf,
    /// The file, which is there
    complaints: PathBuf,
    /// The program, in that folder
    program: PathBuf,
    /// Its arguments
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

impl InRoot {
    /// Becomes that program.
    pub(super) fn run(self) -> Result<ExitCode> {
        let fault = |what: &str, e: std::io::Error| Error::io(what.to_owned(), e);
        let complaints = std::fs::OpenOptions::new().append(true).open(&self.complaints);
        let complaints = complaints
            .map_err(|e| fault(&format!("cannot open {}", self.complaints.display()), e))?;
        rustix::stdio::dup2_stderr(&complaints)
            .map_err(|e| fault("cannot redirect what is complained about", e.into()))?;
        let root = format!("cannot make {} the root folder", self.root.display());
        rustix::process::chroot(&self.root).map_err(|e| fault(&root, e.into()))?;
        rustix::process::chdir("/").map_err(|e| fault(&root, e.into()))?;
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).env_clear();
        command.envs(["PATH", "HOME"].into_iter().filter_map(|name| Some((name, variable(name)?))));
        // Comes back only where it fails.
        let text = format!("cannot run {}", self.program.display());
        Err(Error::new(Class::Other, text).source(command.exec()))
    }
}
