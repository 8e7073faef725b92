//! The command line: arguments in, requests down, results and errors out. Nothing else prints.

mod bars;
mod choose;
mod environment;
mod evidence;
mod export;
mod help;
mod idle;
mod import;
mod inspect;
mod key;
mod lists;
mod login;
mod manual;
mod output;
mod partly;
mod plan;
mod prompt;
mod registries;
mod report;
mod search;
mod secrets;
mod serve;
mod table;
mod tags;
mod text;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::output::{Format, Printer};
use crate::tools::{interrupt, process};
use crate::words::error::{Class, Error, Result};

/// Carry container images across an air gap.
///
/// On the connected side, export images into a signed bundle; carry it over; on the isolated
/// side, verify it and import it into a registry, or serve it as one.
#[derive(Debug, Parser)]
#[command(name = "sealift", version, after_help = EXAMPLES)]
struct App {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  sealift key generate -o transfer
  sealift export alpine:3.20 -o june.tar --sign-key transfer.key.pem
  sealift verify june.tar --key transfer.pub.pem
  sealift import june.tar --to docker://harbor.example/group --key transfer.pub.pem

Exit codes:
  0 done   1 other failure   2 usage   3 not trusted   4 damaged   5 incomplete
  6 refused by source or destination   7 expired   8 no room   9 another sealift is writing
  130 interrupted";

#[derive(Debug, Args)]
struct Globals {
    /// How results are printed
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print errors and results only
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print no progress
    #[arg(long, global = true)]
    no_progress: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make and look at signing keys
    #[command(
        subcommand,
        after_help = "Examples:
  sealift key generate -o transfer
  sealift key show transfer.pub.pem"
    )]
    Key(key::Command),
    Export(Box<export::Export>),
    Inspect(inspect::Inspect),
    Verify(verify::Verify),
    Import(Box<import::Import>),
    Serve(serve::Serve),
    Login(login::Login),
    Logout(login::LogoutArgs),
    Tags(tags::Tags),
    Search(search::Search),
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  sealift completions bash > /etc/bash_completion.d/sealift"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    Man(manual::Manual),
}

/// Parses the arguments, does what they say, prints what came of it.
#[must_use]
pub fn main() -> ExitCode {
    let command = help::fitted(App::command(), environment::columns().unwrap_or(help::WIDEST));
    let app = match command.try_get_matches().and_then(|found| App::from_arg_matches(&found)) {
        Ok(app) => app,
        Err(error) => return usage(&error),
    };
    let printer = Printer::new(&app.globals);
    if let Err(error) = catch_signals() {
        return printer.failure(&error);
    }
    match run(app.command, &printer) {
        Ok(code) => code,
        Err(error) => printer.failure(&error),
    }
}

/// One line a verb.
fn run(command: Command, printer: &Printer) -> Result<ExitCode> {
    match command {
        Command::Key(command) => command.run(printer),
        Command::Export(args) => args.run(printer),
        Command::Inspect(args) => args.run(printer),
        Command::Verify(args) => args.run(printer),
        Command::Import(args) => args.run(printer),
        Command::Serve(args) => args.run(printer),
        Command::Login(args) => args.run(printer),
        Command::Logout(args) => args.run(printer),
        Command::Tags(args) => args.run(printer),
        Command::Search(args) => args.run(printer),
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut App::command(), "sealift", &mut script);
            printer.raw(&script)
        }
        Command::Man(args) => args.run(App::command(), printer),
    }
}

/// Help and version are results; everything else that clap says is an error of usage.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        // A closed pipe is no reason to fail: whoever read it has seen enough.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    output::usage(&error.render().to_string());
    report::exit_code(Class::Usage)
}

/// The first Ctrl-C (or SIGTERM) asks the work to stop, which it does between two pieces of data;
/// the second one does not wait. Nothing is lost by either: a rerun goes on.
fn catch_signals() -> Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM, SIGXFSZ};
    static SEEN: AtomicUsize = AtomicUsize::new(0);
    let fault = |e| Error::io("cannot watch for signals", e);
    // Writing beyond the size that a file may have is a failure with words, not a sudden end.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).map_err(fault)?;
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM]).map_err(fault)?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for _ in signals.forever() {
                if prompt::give_up() {
                    // The line with the question is not ended.
                    output::err("");
                    leave();
                }
                if SEEN.fetch_add(1, Ordering::SeqCst) > 0 {
                    leave();
                }
                interrupt::raise();
                // A read that hangs on a dead connection would not see the flag for a minute.
                let _ = std::thread::Builder::new().spawn(|| {
                    std::thread::sleep(PATIENCE);
                    leave();
                });
            }
        })
        .map_err(fault)?;
    Ok(())
}

/// Ends at once, and engines' programs with it.
fn leave() -> ! {
    process::end_all();
    std::process::exit(report::code(Class::Interrupted).into());
}

/// How long work may take to stop by itself.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        App::command().debug_assert();
    }
}
