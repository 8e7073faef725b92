//! `sealift policy`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::admit::PolicyFiles;
use super::at_hand::all_at_hand;
use super::believe::SignersIfAny;
use super::environment::{creation_time, now, standard_input};
use super::idle;
use super::list_files::{ListFiles, Wishes, names};
use super::printer::Printer;
use super::registries::Registries;
use super::table::{digest, table};
use super::unlock::{Unlock, Unlocking};
use crate::medium::Medium;
use crate::places::location::Source;
use crate::verbs::admission::Admission;
use crate::verbs::export::Request as Export;
use crate::verbs::policy::{BundleToJudge, JudgedByPolicy, PolicyReport, Request, ToJudge, check};
use crate::verbs::resolve::resolve;
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::misnamed::misnamed;
use crate::words::platform::Platform;
use crate::work::policy::PolicyAction;

/// See what a policy says, before anything is exported or imported
#[derive(Debug, Subcommand)]
#[command(after_help = "Examples:
  sealift policy check june.tar --policy site.toml --key transfer.pub.pem
  sealift policy check -f images.txt --policy site.toml

docs/policy.md says what may stand in a policy.")]
pub(super) enum PolicyVerb {
    Check(CheckPolicy),
}

/// Say which images of a bundle, or of a list, a policy would not let in, and why
///
/// Of a bundle in any form everything is judged, without reading its layers. Of images manifests and configs
/// are asked for, as export --dry-run does; with --names-only nobody is asked, and the rules of which
/// names say nothing are named.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift policy check june.tar --policy site.toml --key transfer.pub.pem
  sealift policy check june.tar --trust /etc/sealift/trust
  sealift policy check alpine:3.20 quay.io/org/app:1.2 --policy site.toml
  sealift policy check -f images.txt --policy site.toml --names-only
  sealift policy check july.tar --policy site.toml --base june.tar
  sealift policy check june.tar --policy site.toml --format json | jq '.policies[].broken'

Without --key and --trust nobody's signature is asked for. policy.toml of the trust folder is a policy, too.
Rules that are for none of the images are named: a pattern may be misspelled.
Exit code 3 where something would not be let in.")]
pub(super) struct CheckPolicy {
    /// The bundle; of one in volumes the folder that they lie in, or each of them. Or images, as export
    /// takes them
    #[arg(value_name = "BUNDLE|IMAGE", required_unless_present = "file")]
    what: Vec<String>,
    #[command(flatten)]
    lists: ListFiles,
    #[command(flatten)]
    policies: PolicyFiles,
    #[command(flatten)]
    signers: SignersIfAny,
    #[command(flatten)]
    unlock: Unlock,
    /// Earlier bundle, or layout (DIR, oci:DIR or oci-archive:FILE), that gives what the bundle does not
    /// carry (can be repeated)
    #[arg(long, value_name = "PATH")]
    base: Vec<PathBuf>,
    /// Judge by names alone, and ask no registry
    #[arg(long)]
    names_only: bool,
    /// Take these platforms of images only, as in linux/arm64 (can be repeated, or joined by commas)
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_delimiter = ',')]
    platform: Vec<Platform>,
    /// Leave signatures, SBOMs and other referrers of images behind
    #[arg(long)]
    no_referrers: bool,
    #[command(flatten)]
    registries: Registries,
}

impl PolicyVerb {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        match self {
            PolicyVerb::Check(args) => args.run(printer),
        }
    }
}

impl CheckPolicy {
    fn run(mut self, printer: &Printer) -> Result<ExitCode> {
        let policies = self.policies.read(self.signers.folder())?;
        if policies.is_empty() {
            return Err(Error::new(Class::Usage, "there is no policy")
                .hint("name one with --policy, or a trust folder that has one with --trust"));
        }
        let opener = self.unlock.opener(printer)?;
        let mut list = None;
        let what = match self.is_bundle() {
            true => {
                list = self.what.first().filter(|_| self.what.len() == 1).map(PathBuf::from);
                self.bundle(&opener, printer)?
            }
            false => self.images(printer)?,
        };
        let progress = printer.progress();
        let client = self.registries.client(progress.clone())?;
        let request = Request::new(what, Admission::new(policies, None), now()?);
        let told = check(&request, &client, &*progress).map_err(|e| match &list {
            Some(path) if is_list(path) => {
                e.hint(format!("a list of images is named with -f: -f {}", path.display()))
            }
            _ => e,
        })?;
        printer.ending(&told, told.refusal(), || text(&told))?;
        Ok(printer.end(told.refusal()))
    }

    /// Whether a bundle is named: what is there under that very name is no image, and what is called as a
    /// bundle is none either, there or not. An image of such a name is named with its tag.
    fn is_bundle(&self) -> bool {
        let is_there = |it: &String| Path::new(it).symlink_metadata().is_ok();
        let is_called_so = |it: &String| {
            let ends =
                [".tar", ".tar.age"].iter().any(|end| it.to_ascii_lowercase().ends_with(end));
            ends && !it.contains([':', '@'])
        };
        self.lists.is_empty()
            && (self.what.iter().all(is_there) || self.what.iter().any(is_called_so))
    }

    fn bundle(&mut self, opener: &Unlocking, printer: &Printer) -> Result<ToJudge> {
        let own = [
            ("--names-only", self.names_only),
            ("--platform", !self.platform.is_empty()),
            ("--no-referrers", self.no_referrers),
        ];
        let given = [&own[..], &self.registries.given()].concat();
        idle::tell(&given, "a bundle is judged as it is", printer);
        self.registries.unused();
        let mut paths = std::mem::take(&mut self.what).into_iter().map(PathBuf::from);
        let first: Medium = opener.medium(paths.next().unwrap_or_default());
        let bases = std::mem::take(&mut self.base);
        let medium = first.with_volumes_at(paths.collect());
        let mut bundle = BundleToJudge::new(medium, self.signers.trust()?);
        bundle.bases = opener.media(all_at_hand::<PathBuf>("--base", bases)?);
        Ok(ToJudge::Bundle(Box::new(bundle)))
    }

    fn images(&mut self, printer: &Printer) -> Result<ToJudge> {
        idle::tell(&[("--base", !self.base.is_empty())], "no bundle is judged", printer);
        let Wishes { request: wishes, wrong, .. } =
            self.lists.wishes(std::mem::take(&mut self.what), self.registries.jobs(), printer)?;
        if self.names_only && wishes.asks_registry() {
            return Err(Error::new(Class::Usage, "what tags a rule means only a registry knows")
                .hint("leave out --names-only, or name the tags"));
        }
        if self.names_only || !wishes.any_registry() {
            let why = "no registry is asked";
            idle::tell(&self.registries.given(), why, printer);
            self.registries.unused();
        }
        let resolved = resolve(wishes, &self.registries.client(printer.progress())?)?;
        let misread =
            wrong.into_iter().chain(resolved.wrong.into_iter().map(|it| it.error)).collect();
        if let Some(error) = misnamed(misread, |n| format!("{n} of the names cannot be read")) {
            return Err(error);
        }
        let images: Vec<Source> = resolved.images.into_iter().map(|meant| meant.image).collect();
        let mut export = Export::new(images, "", creation_time()?);
        export.select.platforms = std::mem::take(&mut self.platform);
        export.select.no_referrers = self.no_referrers;
        (export.jobs, export.stdin) = (self.registries.jobs(), standard_input);
        Ok(match self.names_only {
            true => ToJudge::Names(Box::new(export)),
            false => ToJudge::Images(Box::new(export)),
        })
    }
}

/// Whether `path` is a list of images.
fn is_list(path: &Path) -> bool {
    path.is_file() && names(path).is_ok()
}

fn text(told: &PolicyReport) -> Vec<String> {
    told.policies.iter().flat_map(|policy| judged(policy, told.images)).collect()
}

fn judged(policy: &JudgedByPolicy, images: usize) -> Vec<String> {
    let rows = policy.broken.iter().map(|it| {
        let action = match it.action {
            PolicyAction::Deny => "DENIED",
            PolicyAction::Warn => "warning",
        };
        vec![action.to_owned(), it.to_string()]
    });
    let mut lines = table(&rows.collect::<Vec<_>>());
    let unjudged = policy.unjudged.iter();
    lines.extend(unjudged.map(|it| {
        let images = count(it.images, "image");
        format!("{}: nobody knows yet, since it takes {} of {images}", it.rule, it.needs)
    }));
    lines.extend(policy.idle.iter().map(|rule| format!("{rule}: for none of these images")));
    let denied = policy.broken.iter().filter(|it| it.action == PolicyAction::Deny).count();
    let warnings = policy.broken.len() - denied;
    let (images, rules) = (count(images, "image"), count(policy.rules, "rule"));
    let (policy_digest, file) = (digest(&policy.policy, false), Safe(&policy.file).to_string());
    lines.push(format!(
        "policy {file} ({policy_digest}): {rules}, {images}, {denied} denied, {}",
        count(warnings, "warning")
    ));
    lines
}
