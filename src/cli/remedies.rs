//! What could be done, as the command line calls it.

use std::fmt;

use crate::verbs::import;
use crate::verbs::receive::ParcelReport;
use crate::words::error::Error;
use crate::words::escape::Safe;
use crate::words::phrase::Phrase;
use crate::words::remedy::Remedy;
use crate::work::plan::Obstacle;

/// The option, or the command, that does it.
pub(super) fn option(remedy: Remedy) -> &'static str {
    match remedy {
        Remedy::AcceptGap => "--accept-gap",
        Remedy::After => "--after",
        Remedy::Against => "--against",
        Remedy::AllowRedirects => "--allow-redirect",
        Remedy::AuthFiles => "--authfile",
        Remedy::Base => "--base",
        Remedy::CertDir => "--cert-dir",
        Remedy::ChunkSize => "--chunk-size",
        Remedy::CreateProjects => "--create-projects",
        Remedy::Diff => "sealift diff",
        Remedy::Except => "--except",
        Remedy::Existing => "--on-existing",
        Remedy::Export => "sealift export",
        Remedy::FanoutProgram => "--program",
        Remedy::FanoutRecord => "--record",
        Remedy::FanoutWait => "--wait",
        Remedy::FinishShards => "--finish",
        Remedy::Flatten => "--flatten",
        Remedy::History => "--history",
        Remedy::Identities => "--identity",
        Remedy::IgnoreQuota => "--ignore-quota",
        Remedy::Inspect => "sealift inspect",
        Remedy::Inventory => "sealift inventory",
        Remedy::Ledger => "--ledger",
        Remedy::List => "sealift list",
        Remedy::Login => "sealift login",
        Remedy::Logout => "sealift logout",
        Remedy::NameTemplate => "--name-template",
        Remedy::NewEpoch => "--new-epoch",
        Remedy::NoReferrers => "--no-referrers",
        Remedy::Only => "--only",
        Remedy::OnlyIntact => "--only-intact",
        Remedy::Output => "-o",
        Remedy::Pack => "sealift pack",
        Remedy::Passphrase => "--passphrase-file",
        Remedy::PlainHttp => "--plain-http",
        Remedy::Platform => "--platform",
        Remedy::Protect => "sealift protect",
        Remedy::PublicProjects => "--public",
        Remedy::Recipients => "--recipient",
        Remedy::Repair => "sealift repair",
        Remedy::Reuse => "--reuse",
        Remedy::RewriteIndex => "--rewrite-index",
        Remedy::Roots => "sealift trust",
        Remedy::Rules => "--map",
        Remedy::ScanPatience => "--scan-timeout",
        Remedy::ScanScratch => "--scan-scratch",
        Remedy::Scratch => "--scratch",
        Remedy::Since => "--since",
        Remedy::SinceKeys => "--since-key",
        Remedy::SkipMissing => "--skip-missing",
        Remedy::SkipUnreadable => "--skip-unreadable",
        Remedy::State => "--state",
        Remedy::StorageQuota => "--storage-quota",
        Remedy::Stream => "--stream",
        Remedy::Tags => "sealift tags",
        Remedy::To => "--to",
        Remedy::ToOci => "--to-oci",
        Remedy::Trust => "--key",
        Remedy::TrustFolder => "--trust",
        Remedy::VerifyLedger => "sealift ledger verify",
        Remedy::WarnOnly => "--warn-only",
        Remedy::WithImages => "--with-images",
    }
}

/// `phrase` in the words of the command line, not escaped.
pub(super) fn told(phrase: &Phrase) -> String {
    phrase.told(option)
}

/// `phrase` in the words of the command line, escaped for a terminal.
pub(super) fn shown(phrase: &Phrase) -> String {
    Safe(&told(phrase)).to_string()
}

/// `phrases` in the words of the command line, not escaped.
pub(super) fn all(phrases: &[Phrase]) -> Vec<String> {
    phrases.iter().map(told).collect()
}

/// What `error` says, in the words of the command line.
pub(super) struct Said<'e>(pub(super) &'e Error);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&self.0.words()))
    }
}

fn say(phrase: &mut Phrase) {
    *phrase = told(phrase).into();
}

/// Puts `obstacles` into the words of the command line, for JSON.
pub(super) fn in_obstacles(obstacles: &mut [Obstacle]) {
    for obstacle in obstacles {
        say(&mut obstacle.message);
        obstacle.findings.iter_mut().for_each(say);
        say(&mut obstacle.hint);
    }
}

/// Puts what `summary` says of images that did not arrive into the words of the command line.
pub(super) fn in_summary(summary: &mut import::Summary) {
    for failed in &mut summary.failed {
        say(&mut failed.reason);
        failed.hint.iter_mut().for_each(say);
    }
}

/// Puts what `report` says of a bundle that was not imported into the words of the command line.
pub(super) fn in_parcel(report: &mut ParcelReport) {
    report.reason.iter_mut().chain(&mut report.findings).for_each(say);
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_remedy_is_an_option_or_a_command_that_there_is() {
        let app = super::super::App::command();
        let options: Vec<String> = app
            .get_subcommands()
            .flat_map(clap::Command::get_arguments)
            .flat_map(|argument| {
                let long = argument.get_long().map(|long| format!("--{long}"));
                long.into_iter().chain(argument.get_short().map(|short| format!("-{short}")))
            })
            .collect();
        for remedy in Remedy::ALL {
            let name = option(*remedy);
            let is_there = match name.strip_prefix("sealift ") {
                Some(command) => {
                    let below = |app: &'_ clap::Command, name| app.find_subcommand(name).cloned();
                    let mut names = command.split(' ');
                    names.try_fold(app.clone(), |app, name| below(&app, name)).is_some()
                }
                None => options.iter().any(|option| option == name),
            };
            assert!(is_there, "{name}");
        }
    }
}
