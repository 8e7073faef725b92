//! `sealift completions`.

use std::process::ExitCode;

use clap::{Args, Command};
use clap_complete::Shell;

use super::printer::Printer;
use crate::words::error::Result;

/// Print a completion script for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  sealift completions bash > /etc/bash_completion.d/sealift")]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    /// Prints the script for the program `app`.
    pub(super) fn run(self, mut app: Command, printer: &Printer) -> Result<ExitCode> {
        let (name, mut script) = (app.get_name().to_owned(), Vec::new());
        clap_complete::generate(self.shell, &mut app, name, &mut script);
        printer.raw(&script)?;
        Ok(ExitCode::SUCCESS)
    }
}
