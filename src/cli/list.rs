//! `sealift list`.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::believe::{Keeps, SignersIfAny, usual};
use super::diff::is_text;
use super::environment::piped;
use super::idle::{self, Given};
use super::list_files::{ListFiles, Wishes, names};
use super::printer::Printer;
use super::registries::Registries;
use super::table::digest;
use super::unlock::Unlock;
use crate::bundle::check::Trust;
use crate::bundle::receipt::ReadReceipt;
use crate::medium::Medium;
use crate::medium::address::is_address;
use crate::places::kubernetes::Cluster;
use crate::places::location::{Place, Source, is_stream};
use crate::verbs::list::{
    ComparedBy, Depth, ImageList, Listable, ListedImage, Request, UsesCompared, list, listed,
};
use crate::words::count::count;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::misnamed::misnamed;
use crate::work::mapping::NameRule;

/// List what a place holds, or a cluster runs, today, as a list of images that export -f takes
///
/// PLACE is a registry or a part of it (docker://HOST[/PATH]), an engine (containers-storage:,
/// docker-daemon:, containerd:[NAMESPACE]) or a Kubernetes node's (k3s:, rke2:, k0s:), a layout or an archive
/// (oci:DIR, oci-archive:PATH, docker-archive:PATH), a Kubernetes cluster (kubernetes: or kubernetes:[CONTEXT], for which kubectl is
/// asked; kubernetes:FILE or - for what `kubectl get pods -A -o json` printed), a bundle, a receipt, or a
/// list of images. Of a cluster every image is listed that a workload asks for, those of init and
/// ephemeral containers, of image volumes and of workloads without a pod among them.
///
/// With -f it is what lists ask for, whatever they are written in, as one plain list that says which line of
/// which file asks for each name. Nobody is asked for anything, and rules for tags stay rules.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  sealift list containers-storage: > images.txt
  sealift list docker://harbor.example/group --digests
  sealift list kubernetes: --digests > images.txt
  kubectl get pods -n shop -o json | sealift list -
  sealift list oci:images --with-place > images.txt
  sealift list june.tar --key transfer.pub.pem
  sealift list docker://harbor.example/group --unused-against kubernetes: \\
      --map 'docker.io/library/*=base/*'
  sealift list kubernetes: --unused-against docker://harbor.example/group
  sealift list -f compose.yaml -f images.txt
  helm template ./chart | sealift list -f -

Names are in order, each once. What has no name is a comment. A name that is none is told with where it stands,
and the exit code is 5. With --unused-against only that is listed which nothing there holds, runs or asks
for: by digest where both tell it, else by name, as an import would call it, and as it is. What cannot be
compared is a comment, and is not called unused.")]
pub(super) struct ListImages {
    /// What to list
    #[arg(value_name = "PLACE", required_unless_present = "file", conflicts_with = "file")]
    places: Vec<String>,
    #[command(flatten)]
    files: ListFiles,
    /// Pin the digest of each name, where it is known
    #[arg(long, conflicts_with = "file")]
    digests: bool,
    /// Write each name with its engine, layout or archive, so that an export takes it from there
    #[arg(long, conflicts_with_all = ["digests", "file"])]
    with_place: bool,
    /// List only what OTHER, which may be all that PLACE may, does not use (can be repeated)
    #[arg(long, value_name = "OTHER", conflicts_with = "file")]
    unused_against: Vec<String>,
    /// With --unused-against: rule by which a name was imported (can be repeated), as import takes it
    #[arg(long, value_name = "FROM=TO", requires = "unused_against", value_parser = NameRule::parse)]
    map: Vec<NameRule>,
    /// With --unused-against: only the last part of each name was kept
    #[arg(long, requires = "unused_against")]
    flatten: bool,
    #[command(flatten)]
    signers: SignersIfAny,
    /// Take bundles and receipts whoever signed them
    #[arg(long, conflicts_with_all = ["key", "trust"])]
    insecure_no_verify: bool,
    #[command(flatten)]
    unlock: Unlock,
    #[command(flatten)]
    registries: Registries,
}

impl ListImages {
    pub(super) fn run(self, printer: &Printer) -> Result<ExitCode> {
        match self.files.is_empty() {
            true => self.of_places(printer),
            false => self.of_lists(printer),
        }
    }

    /// What lists ask for.
    fn of_lists(&self, printer: &Printer) -> Result<ExitCode> {
        let given = [&self.signed(), &self.registries.given()[..]].concat();
        idle::tell(&given, "lists are read, and nobody is asked", printer);
        let Wishes { request, mut wrong, .. } =
            self.files.wishes(Vec::new(), self.registries.jobs(), printer)?;
        let (told, misread) = listed(request);
        wrong.extend(misread);
        if let Some(error) = misnamed(wrong, |n| format!("{n} of the names cannot be read")) {
            return Err(error);
        }
        printer.result(&told, || {
            told.asked.iter().map(|asked| Safe(&asked.to_string()).to_string()).collect()
        })?;
        Ok(ExitCode::SUCCESS)
    }

    fn of_places(mut self, printer: &Printer) -> Result<ExitCode> {
        idle::tell(&self.files.beside_none(), "no list is given with -f", printer);
        let text = [("--digests", self.digests), ("--with-place", self.with_place)];
        idle::in_full(&text, printer);
        let opener = self.unlock.opener(printer)?;
        let read = |texts: &[String]| -> Result<Vec<Listable>> {
            let reached = || self.registries.client(printer.progress());
            let medium = |path| opener.anywhere(path, reached);
            texts.iter().map(|text| listable(text, &medium)).collect()
        };
        let (places, against) = (read(&self.places)?, read(&self.unused_against)?);
        let all = || places.iter().chain(&against);
        if all().filter(|it| is_stdin(it)).count() > 1 {
            let text = "standard input is named more than once, and can be read once";
            return Err(Error::new(Class::Usage, text).hint("keep it in a file"));
        }
        if !all().any(is_asked) {
            idle::tell(&self.registries.given(), "no place is a registry", printer);
            self.registries.unused();
        }
        let trust = self.trust(&all().filter(|it| is_signed(it)).collect::<Vec<_>>(), printer)?;
        let depth = match (printer.is_json(), self.digests) {
            (true, _) => Depth::Contents,
            (false, true) => Depth::Digests,
            (false, false) => Depth::Names,
        };
        let request = Request {
            against,
            rules: std::mem::take(&mut self.map),
            flatten: self.flatten,
            depth,
            trust,
            jobs: self.registries.jobs(),
            stdin: piped,
            ..Request::new(places)
        };
        let progress = printer.progress();
        let client = self.registries.client(progress.clone())?;
        let told = list(&request, &client, &*progress)?;
        let error = told.unreadable();
        printer.ending(&told, error.as_ref(), || self.text(&told))?;
        Ok(printer.end(error.as_ref()))
    }

    /// The options that say who must have signed.
    fn signed(&self) -> [Given; 3] {
        let by_folder = self.signers.folder().is_some();
        [
            ("--key", self.signers.are_named() && !by_folder),
            ("--trust", by_folder),
            ("--insecure-no-verify", self.insecure_no_verify),
        ]
    }

    /// Who must have signed what is `signed`, if anything is.
    fn trust(&self, signed: &[&Listable], printer: &Printer) -> Result<Trust> {
        if signed.is_empty() {
            idle::tell(&self.signed(), "nothing that is listed is signed", printer);
            return Ok(Trust::UnsafeAnySigner);
        }
        match (self.insecure_no_verify, self.signers.are_named()) {
            (true, _) => {
                printer.note("warning: --insecure-no-verify: nobody's signature is asked for");
                Ok(Trust::UnsafeAnySigner)
            }
            (false, true) => self.signers.trust(),
            (false, false) => usual(Keeps::IfItCan)?.ok_or_else(|| {
                if let Some(missing) = signed.iter().find_map(|it| missing(it)) {
                    return missing;
                }
                Error::new(Class::Usage, "whose bundles and receipts count is not said").hint(
                    "name the public key of who made them with --key, or a trust folder with --trust",
                )
            }),
        }
    }

    fn text(&self, told: &ImageList) -> Vec<String> {
        let mut lines: Vec<String> = told.compared.iter().map(totals).collect();
        lines.extend(told.images.iter().flat_map(|image| self.lines(image)));
        // The same name may stand for several digests, which are not told here.
        lines.dedup();
        if let Some(compared) = &told.compared {
            let undecided = compared.undecided.iter();
            lines.extend(undecided.map(|image| format!("# cannot be compared: {}", known(image))));
        } else if told.images.is_empty() {
            lines.push("# nothing is there".to_owned());
        }
        lines.iter().map(|line| Safe(line).to_string()).collect()
    }

    /// An image in a list.
    fn lines(&self, image: &ListedImage) -> Vec<String> {
        let Some(line) = image.line(self.digests) else {
            return vec![format!("# without a name: {}", known(image))];
        };
        let mut lines = match self.with_place {
            true => image.at.iter().filter_map(|at| at.source.clone()).collect(),
            false => Vec::new(),
        };
        if lines.is_empty() {
            lines.push(line);
        }
        lines.sort();
        if let Some(by) = image.compared_by {
            lines.iter_mut().for_each(|line| line.push_str(found_by(by)));
        }
        lines
    }
}

/// What `text` names. What is there under that very name is no place.
fn listable(text: &str, medium: &dyn Fn(PathBuf) -> Result<Medium>) -> Result<Listable> {
    let path = PathBuf::from(text);
    let is_there = path.exists();
    if Cluster::is_meant(text) && !is_there {
        return text.parse().map(Listable::Cluster);
    }
    if is_address(&path) {
        return medium(path).map(Listable::Bundle);
    }
    if text.contains(':') && !is_there {
        return text.parse().map(Listable::Place);
    }
    Ok(match () {
        () if ReadReceipt::is_at(&path) => Listable::Receipt(path),
        () if is_json(&path) => Listable::Cluster(format!("kubernetes:{text}").parse()?),
        () if is_text(&path) => Listable::Names { names: names(&path)?, path },
        () => Listable::Bundle(medium(path)?),
    })
}

/// Whether the file at `path` begins as an object in JSON does, and no list of names.
fn is_json(path: &Path) -> bool {
    let mut start = Vec::new();
    let read = match path.is_file() {
        true => File::open(path).and_then(|file| file.take(64).read_to_end(&mut start)),
        false => return false,
    };
    read.is_ok() && start.trim_ascii_start().starts_with(b"{")
}

/// Whether another machine is asked.
fn is_asked(what: &Listable) -> bool {
    match what {
        Listable::Place(place) => matches!(place, Place::Registry { .. } | Place::Image(_)),
        Listable::Bundle(medium) => medium.is_remote(),
        _ => false,
    }
}

fn is_signed(what: &Listable) -> bool {
    matches!(what, Listable::Bundle(_) | Listable::Receipt(_))
}

/// That nothing is there, where nothing is.
fn missing(what: &Listable) -> Option<Error> {
    match what {
        Listable::Bundle(medium) if !medium.is_taken().unwrap_or(true) => medium.open().err(),
        _ => None,
    }
}

fn is_stdin(what: &Listable) -> bool {
    match what {
        Listable::Cluster(cluster) => matches!(cluster, Cluster::Stdin),
        Listable::Place(Place::Local(
            Source::Layout { path, .. } | Source::DockerArchive { path, .. },
        )) => is_stream(path),
        _ => false,
    }
}

/// What came of a comparison, as a comment.
fn totals(compared: &UsesCompared) -> String {
    let with = compared.with.iter().map(|it| {
        let by = match it.digests {
            0 => "by names alone".to_owned(),
            digests if digests == it.images => "all with digests".to_owned(),
            digests => format!("{digests} with digests"),
        };
        format!("{} ({}, {by})", it.place, count(it.images, "image"))
    });
    format!(
        "# {} of {} not used by {}",
        compared.unused,
        count(compared.used + compared.unused + compared.undecided.len() as u64, "image"),
        with.collect::<Vec<_>>().join(", ")
    )
}

/// How it was found that an image is not used, as a comment behind its name.
fn found_by(by: ComparedBy) -> &'static str {
    match by {
        ComparedBy::Digest => "  # by digest",
        ComparedBy::Name => "  # by name",
        _ => "  # by digest and name",
    }
}

/// What is known of an image that has no name, or none that tells.
fn known(image: &ListedImage) -> String {
    let at = image.at.first().map(ToString::to_string).unwrap_or_default();
    let what = match (&image.name, &image.digest, &image.config) {
        (Some(name), ..) => name.to_string(),
        (None, Some(of), _) => digest(of, true),
        (None, None, Some(config)) => format!("config {}", digest(config, true)),
        (None, None, None) => "an image".to_owned(),
    };
    format!("{what} in {at}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Listable> {
        listable(text, &|path| Ok(Medium::at(path)))
    }

    #[test]
    fn what_is_listed_is_told_by_its_name_and_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        for (text, is_it) in [
            ("-", true),
            ("kubernetes:", true),
            ("kubernetes:[prod]", true),
            (&file("pods", " {\"kind\": \"List\"}"), true),
            ("docker://h.example/group", false),
            ("containers-storage:", false),
            (&file("images.txt", "alpine:3.20\n"), false),
        ] {
            let is_cluster = matches!(read(text).unwrap(), Listable::Cluster(_));
            assert_eq!(is_cluster, is_it, "{text}");
        }
        assert!(matches!(read("kubernetes:-").unwrap(), Listable::Cluster(Cluster::Stdin)));
        assert!(read("kubernetes:[]").is_err() && read("x:y:z").is_err());
        assert!(matches!(read("june.tar").unwrap(), Listable::Bundle(_)));
    }
}
