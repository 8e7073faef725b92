//! `sealift lock`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::idle;
use super::list_files::{ListFiles, Wishes};
use super::printer::Printer;
use super::registries::Registries;
use super::report::argument;
use super::sizes::in_all;
use super::table::{bytes, digest, platforms, table, titled};
use crate::places::registry::Client;
use crate::verbs::lock::{
    CheckRequest, LockChanges, LockChecked, LockReport, Request, check, lock,
};
use crate::verbs::resolve::{Meant, resolve};
use crate::words::count::count;
use crate::words::error::Result;
use crate::words::escape::Safe;
use crate::words::misnamed::misnamed;
use crate::words::platform::Platform;
use crate::words::reference::Reference;

/// Freeze names of images to what they stand for today
///
/// The lock says for each image that the names and lists mean: its digest, its platforms, how many bytes it
/// needs and how many it alone adds, what refers to it, and which line of which list asked for it. It is a
/// list itself, as export -f takes it: such an export carries those very images, wherever their tags went
/// since, and ends with 5 before anything moves where one is there no more.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift lock -f images.txt -o images.lock
  sealift lock alpine:3.20 'quay.io/org/app:>=1.4 <2' -o images.lock.json
  sealift export -f images.lock -o june.tar --sign-key transfer.key.pem
  sealift lock --update -f images.txt -o images.lock
  sealift lock --check images.lock
  sealift lock --check images.lock -f images.txt

The same images make the same bytes, so that git shows what changed. Manifests are read, and no layer. Of
--check 1 is the exit code where a tag stands for another image by now, or a list for other names, and 5
where what is locked is there no more; nothing is written.")]
pub(super) struct LockImages {
    /// Images of registries, as export takes them
    #[arg(value_name = "IMAGE", required_unless_present_any = ["file", "check"])]
    images: Vec<String>,
    #[command(flatten)]
    lists: ListFiles,
    /// The lock: JSON if it is called .json, else TOML. One that is there is replaced; anything else is not
    #[arg(short, long, value_name = "LOCK", required_unless_present = "check")]
    output: Option<PathBuf>,
    /// Show what moved since the lock that is there, what is new in the lists, and what is gone from them
    #[arg(long, conflicts_with = "check")]
    update: bool,
    /// See whether all is as this lock says, and write nothing; with names or lists, whether they mean what
    /// is in it
    #[arg(long, value_name = "LOCK", conflicts_with = "output")]
    check: Option<PathBuf>,
    /// Platform whose sizes are told, as in linux/amd64 or linux/arm64/v8 (can be repeated) [default: all]
    #[arg(long, value_name = "OS/ARCH[/VARIANT]", value_parser = argument::<Platform>, conflicts_with = "check")]
    platform: Vec<Platform>,
    /// Do not ask for signatures, SBOMs and other referrers
    #[arg(long, conflicts_with = "check")]
    no_referrers: bool,
    #[command(flatten)]
    registries: Registries,
}

impl LockImages {
    pub(super) fn run(mut self, printer: &Printer) -> Result<ExitCode> {
        idle::tell(&self.registries.given_for_blobs(), "no layer is moved", printer);
        let client = self.registries.client(printer.progress())?;
        match self.check.take() {
            Some(path) => self.check(path, &client, printer),
            None => self.freeze(&client, printer),
        }
    }

    /// The images that are meant.
    fn meant(&mut self, client: &Client, printer: &Printer) -> Result<Vec<Meant>> {
        let images = std::mem::take(&mut self.images);
        let Wishes { request, wrong, .. } =
            self.lists.wishes(images, self.registries.jobs(), printer)?;
        let resolved = resolve(request, client)?;
        let wrong = wrong.into_iter().chain(resolved.wrong.into_iter().map(|it| it.error));
        let summary = |n| format!("{n} of the names cannot be had");
        misnamed(wrong.collect(), summary).map_or(Ok(resolved.images), Err)
    }

    fn freeze(mut self, client: &Client, printer: &Printer) -> Result<ExitCode> {
        let images = self.meant(client, printer)?;
        let request = Request {
            platforms: self.platform,
            no_referrers: self.no_referrers,
            update: self.update,
            jobs: self.registries.jobs(),
            ..Request::new(images, self.output.unwrap_or_default())
        };
        let told = lock(&request, client, &*printer.progress())?;
        printer.result(&told, || text(&told))?;
        Ok(ExitCode::SUCCESS)
    }

    fn check(mut self, path: PathBuf, client: &Client, printer: &Printer) -> Result<ExitCode> {
        let is_asked = !self.images.is_empty() || !self.lists.is_empty();
        let images = is_asked.then(|| self.meant(client, printer)).transpose()?;
        let request =
            CheckRequest { images, jobs: self.registries.jobs(), ..CheckRequest::new(path) };
        let told = check(&request, client, &*printer.progress())?;
        let failure = told.failure();
        printer.ending(&told, failure.as_ref(), || checked(&told))?;
        Ok(printer.end(failure.as_ref()))
    }
}

fn text(told: &LockReport) -> Vec<String> {
    let mut lines = match &told.changes {
        Some(changes) => changed(changes),
        None => {
            let head = ["IMAGE", "DIGEST", "PLATFORMS", "SIZE", "ALONE", "REFERRERS"];
            let mut rows = vec![head.map(str::to_owned).to_vec()];
            rows.extend(told.images.iter().map(|image| {
                vec![
                    image.name.to_string(),
                    digest(&image.digest, false),
                    platforms(&image.platforms),
                    bytes(image.bytes),
                    bytes(image.alone),
                    image.referrers.len().to_string(),
                ]
            }));
            titled(&rows)
        }
    };
    lines.push(in_all(told.total, told.shared));
    let (images, path) = (count(told.images.len(), "image"), told.lock.display().to_string());
    let what = if told.written { "locks" } else { "is the same, and locks" };
    lines.push(format!("{} {what} {images} ({})", Safe(&path), digest(&told.digest, false)));
    lines
}

/// What became of names, a line each.
fn changed(changes: &LockChanges) -> Vec<String> {
    let mut rows = Vec::new();
    for moved in &changes.moved {
        let after =
            moved.after.map_or_else(|| "no such tag any more".to_owned(), |it| digest(&it, false));
        let (name, before) = (moved.name.to_string(), digest(&moved.before, false));
        rows.push(vec!["moved".to_owned(), name, format!("{before} -> {after}")]);
    }
    let plain = |what: &str, name: &Reference| vec![what.to_owned(), name.to_string()];
    rows.extend(changes.added.iter().map(|name| plain("new", name)));
    rows.extend(changes.removed.iter().map(|name| plain("gone", name)));
    table(&rows)
}

fn checked(told: &LockChecked) -> Vec<String> {
    let mut lines = changed(&told.changes);
    if told.ok {
        let path = told.lock.display().to_string();
        let images = count(told.images, "image");
        lines.push(format!("{}: {images}, and all is as it was locked", Safe(&path)));
    }
    lines
}
