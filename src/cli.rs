//! The command line: arguments in, requests down, results and errors out. Nothing else prints.
//!
//! This file is the driver: what the verbs need stands in files of its own below, none of which
//! imports anything from here.

mod access_log;
mod admit;
mod at_hand;
mod attendant;
mod bars;
mod believe;
mod bundle;
mod changes;
mod choose;
mod completions;
mod cut;
mod diff;
mod environment;
mod evidence;
mod export;
mod fanout;
mod fanout_nodes;
mod fanout_serving;
mod globals;
mod help;
mod hold_parts;
mod idle;
mod import;
mod imported;
mod in_order;
mod in_root;
mod inspect;
mod inventory;
mod json;
mod key;
mod ledger;
mod list;
mod list_files;
mod lists;
mod lock;
mod lock_images;
mod login;
mod manual;
mod mirror_config;
mod misuse;
mod noting;
mod numbering;
mod pack;
mod partly;
mod plan;
mod policy;
mod printer;
mod prompt;
mod proof;
mod protect;
mod prune;
mod receipt;
mod receipting;
mod receive;
mod registries;
mod remedies;
mod repair;
mod report;
mod report_on;
mod root_drafts;
mod root_folder;
mod root_text;
mod rules;
mod scan;
mod search;
mod secrets;
mod serve;
mod server_tls;
mod share;
mod sign;
mod signals;
mod signature_rules;
mod since;
mod sizes;
mod squash;
mod stderr;
mod table;
mod tags;
mod text;
mod trust;
mod try_images;
mod unlock;
mod verify;

use std::process::ExitCode;
use std::sync::Arc;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use self::globals::Globals;
use self::printer::Printer;
use crate::words::cancel::Cancel;
use crate::words::error::Result;

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
  6 refused by source or destination   7 expired, or old in its stream   8 no room
  9 another sealift is writing   130 interrupted";

#[derive(Debug, Subcommand)]
enum Command {
    #[command(subcommand)]
    Key(key::KeyVerb),
    Export(Box<export::Export>),
    Lock(Box<lock_images::LockImages>),
    Inspect(inspect::Inspect),
    Inventory(Box<inventory::TakeInventory>),
    Diff(diff::Diff),
    Verify(verify::Verify),
    Import(Box<import::Import>),
    Fanout(Box<fanout::Fanout>),
    #[command(hide = true)]
    InRoot(in_root::InRoot),
    MirrorConfig(Box<mirror_config::WriteMirrorConfig>),
    #[command(subcommand)]
    Receipt(receipt::ReceiptVerb),
    Receive(Box<receive::Receive>),
    Report(report_on::ReportOn),
    Proof(proof::WriteProof),
    Serve(serve::Serve),
    Protect(protect::Protect),
    Repair(repair::Repair),
    Sign(sign::SignBundle),
    Squash(squash::Squash),
    Pack(pack::Pack),
    Prune(Box<prune::Prune>),
    #[command(subcommand)]
    Trust(trust::TrustVerb),
    #[command(subcommand)]
    Policy(policy::PolicyVerb),
    #[command(subcommand)]
    Ledger(ledger::LedgerVerbs),
    Login(login::Login),
    Logout(login::LogoutArgs),
    List(Box<list::ListImages>),
    Tags(tags::ListTags),
    Search(search::Search),
    Completions(completions::Completions),
    Man(manual::Manual),
}

/// Parses the arguments, does what they say, prints what came of it.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = environment::arguments();
    let command = help::fitted(App::command(), environment::columns().unwrap_or(help::WIDEST));
    let found = command.try_get_matches_from(&arguments);
    let app = match found.and_then(|found| App::from_arg_matches(&found)) {
        Ok(app) => app,
        Err(error) => return misuse::tell(&error, &arguments),
    };
    let cancel = Cancel::default();
    let printer = Arc::new(Printer::new(&app.globals, cancel.clone()));
    let last = Arc::clone(&printer);
    let tell = move || {
        let _ = last.cancel().check().map_err(|error| last.failure(&error));
    };
    if let Err(error) = signals::catch(cancel, Arc::clone(printer.patience()), tell) {
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
        Command::Lock(args) => args.run(printer),
        Command::Inspect(args) => args.run(printer),
        Command::Inventory(args) => args.run(printer),
        Command::Diff(args) => args.run(printer),
        Command::Verify(args) => args.run(printer),
        Command::Import(args) => args.run(printer),
        Command::Fanout(args) => args.run(App::command(), printer),
        Command::InRoot(args) => args.run(),
        Command::MirrorConfig(args) => args.run(printer),
        Command::Receipt(command) => command.run(printer),
        Command::Receive(args) => args.run(printer),
        Command::Report(args) => args.run(printer),
        Command::Proof(args) => args.run(printer),
        Command::Serve(args) => args.run(printer),
        Command::Protect(args) => args.run(printer),
        Command::Repair(args) => args.run(printer),
        Command::Sign(args) => args.run(printer),
        Command::Squash(args) => args.run(printer),
        Command::Pack(args) => args.run(printer),
        Command::Prune(args) => args.run(printer),
        Command::Trust(command) => command.run(printer),
        Command::Policy(command) => command.run(printer),
        Command::Ledger(command) => command.run(printer),
        Command::Login(args) => args.run(printer),
        Command::Logout(args) => args.run(printer),
        Command::List(args) => args.run(printer),
        Command::Tags(args) => args.run(printer),
        Command::Search(args) => args.run(printer),
        Command::Completions(args) => args.run(App::command(), printer),
        Command::Man(args) => args.run(App::command(), printer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_well_formed() {
        App::command().debug_assert();
    }
}
