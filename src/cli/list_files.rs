//! `-f`: the files that say which images are wanted, and what else they need to be read.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::environment;
use super::lists::no_path;
use super::printer::Printer;
use super::secrets::read_bytes;
use super::text;
use crate::lists::{self, Around, Asked, ListFormat, ListText, Reading, asked, named, read};
use crate::places::location::Source;
use crate::tools::file::open_regular;
use crate::tools::pace::Jobs;
use crate::verbs::resolve;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::escape::safe;
use crate::words::misnamed::misnamed;
use crate::words::reference::Reference;

/// Largest list that is read: a hundred thousand names, a lock of thirty thousand, or the manifests of a large
/// cluster.
const MAX_LIST: u64 = lists::MAX_LOCK;
/// What standard input is called.
const STDIN: &str = "standard input";

/// Files that say which images are wanted.
#[derive(Debug, Args)]
pub(super) struct ListFiles {
    /// File that says which images are wanted; - for standard input (can be repeated). One image a line,
    /// # for comments; or a Compose file, Kubernetes manifests and the like (docs/lists.md), told apart
    /// by what they say
    #[arg(short, long, value_name = "LIST")]
    file: Vec<PathBuf>,
    /// Read those files as this kind, as in compose [default: by what they say]
    #[arg(long = "as", value_name = "KIND", requires = "file", value_parser = kind)]
    kind: Option<&'static dyn ListFormat>,
    /// Profile of Compose files that is switched on (can be repeated, or joined by commas)
    #[arg(long, value_name = "NAME", value_delimiter = ',', requires = "file")]
    profile: Vec<String>,
    /// Further member of Kubernetes objects that names images, as in spec.engine.image or
    /// Kind:spec.images[*] (can be repeated)
    #[arg(long, value_name = "[KIND:]PATH", requires = "file")]
    image_path: Vec<String>,
    /// Of tags that a rule means (alpine:>=3.18) take the highest patch alone of each minor version
    #[arg(long)]
    latest_patch: bool,
}

fn kind(name: &str) -> Result<&'static dyn ListFormat> {
    // clap shows no hint.
    named(name).map_err(|e| match e.way_out() {
        Some(hint) => Error::new(Class::Usage, format!("{}; {hint}", e.message())),
        None => e,
    })
}

/// What is asked for on a command line and in its lists.
#[derive(Debug)]
pub(super) struct Wishes {
    /// What is to be resolved.
    pub(super) request: resolve::Request,
    /// What is wrong already.
    pub(super) wrong: Vec<Error>,
    /// The digests of the lists that are locks.
    pub(super) locks: Vec<Digest>,
}

impl ListFiles {
    /// Whether there is one.
    pub(super) fn is_empty(&self) -> bool {
        self.file.is_empty()
    }

    /// Whether one comes in on standard input.
    fn reads_stdin(&self) -> bool {
        self.file.iter().any(|path| is_stdin(path))
    }

    /// What `images` and the files ask for, and what is wrong with them. What is worth knowing is told.
    ///
    /// # Errors
    /// When a file cannot be read, and where nothing is asked for.
    pub(super) fn wishes(
        &self,
        images: Vec<String>,
        jobs: Jobs,
        printer: &Printer,
    ) -> Result<Wishes> {
        let mut request = resolve::Request::default();
        (request.jobs, request.latest_patch) = (jobs, self.latest_patch);
        let mut wrong = Vec::new();
        for text in images {
            match no_path(&text).and_then(|()| asked(&text)) {
                Ok(asked) => request.wishes.push((asked, None)),
                Err(error) => wrong.push(error),
            }
        }
        let reading = self.read()?;
        for (spot, note) in &reading.notes {
            printer.note(&safe(&format!("{}: {note}", spot.told()), usize::MAX));
        }
        wrong.extend(reading.faults.into_iter().map(|(spot, error)| error.context(spot.told())));
        for entry in reading.entries {
            match &entry.asked {
                Asked::Place(text) => match no_path(text) {
                    Err(error) => wrong.push(error.context(entry.spot.told())),
                    Ok(()) => request.wishes.push((entry.asked, Some(entry.spot))),
                },
                _ => request.wishes.push((entry.asked, Some(entry.spot))),
            }
        }
        match (request.wishes.is_empty() && wrong.is_empty(), self.file.first()) {
            (true, Some(list)) => {
                let text = format!("{} names no image", shown(list));
                Err(Error::new(Class::Usage, text).hint("write one name a line"))
            }
            _ => Ok(Wishes { request, wrong, locks: reading.locks }),
        }
    }

    /// Fails where an archive is to come in on standard input, too.
    ///
    /// # Errors
    /// [`Class::Usage`] then.
    pub(super) fn beside_archives(&self, images: &[Source]) -> Result<()> {
        let is_piped = |image: &Source| matches!(image, Source::DockerArchive { path, .. } | Source::Layout { path, .. } if is_stdin(path));
        match self.reads_stdin() && images.iter().any(is_piped) {
            true => Err(Error::new(
                Class::Usage,
                "a list and an archive are both to come in on standard input",
            )
            .hint("save one of them to a file first")),
            false => Ok(()),
        }
    }

    /// What the files say.
    fn read(&self) -> Result<Reading> {
        let surroundings = Surroundings { profiles: &self.profile, image_paths: &self.image_path };
        if self.file.iter().filter(|path| is_stdin(path)).count() > 1 {
            return Err(Error::new(
                Class::Usage,
                "standard input is named twice, and is there once",
            ));
        }
        let lists = self.file.iter().map(|path| list_text(path)).collect::<Result<Vec<_>>>()?;
        Ok(read(&lists, self.kind, &surroundings))
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn shown(path: &Path) -> String {
    if is_stdin(path) { STDIN.to_owned() } else { path.display().to_string() }
}

/// The list at `path`.
fn list_text(path: &Path) -> Result<ListText> {
    if !is_stdin(path) {
        let bytes = read_bytes(path, MAX_LIST)?;
        let subject = || Subject::Path(path.to_owned());
        let text =
            text::decode(&bytes).map_err(|e| e.context(path.display()).subject(subject()))?;
        return Ok(ListText::new(&shown(path), Some(path), &text).of_file(Digest::of(&bytes)));
    }
    let mut bytes = Vec::new();
    let input = environment::listed_input()?;
    let fault = |e| Error::io(format!("cannot read {STDIN}"), e);
    input.take(MAX_LIST + 1).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 > MAX_LIST {
        let text = format!("{STDIN} has more than the {MAX_LIST} bytes of the largest list");
        return Err(Error::new(Class::Usage, text).hint("hand over several, one after the other"));
    }
    let text = text::decode(&bytes).map_err(|e| e.context(STDIN))?;
    Ok(ListText::new(STDIN, None, &text).of_file(Digest::of(&bytes)))
}

/// What lists may refer to: the files beside them, and the environment.
struct Surroundings<'a> {
    profiles: &'a [String],
    image_paths: &'a [String],
}

impl Surroundings<'_> {
    /// Where `path` is, which `from` names; beside the current folder where `from` is no file.
    fn place(from: &ListText, path: &str) -> PathBuf {
        let folder = from.path().and_then(Path::parent).unwrap_or_else(|| Path::new(""));
        folder.join(path)
    }
}

impl Around for Surroundings<'_> {
    fn beside(&self, from: &ListText, path: &str) -> Result<ListText> {
        let place = Surroundings::place(from, path);
        let usage =
            |text: String| Error::new(Class::Usage, text).subject(Subject::Path(place.clone()));
        let fault = |e: std::io::Error| {
            let hint = "see whether it is there, is a file, and may be read by you";
            usage(format!("cannot read {}", place.display())).source(e).hint(hint)
        };
        let mut bytes = Vec::new();
        let file = open_regular(&place).map_err(fault)?;
        file.take(MAX_LIST + 1).read_to_end(&mut bytes).map_err(fault)?;
        if bytes.len() as u64 > MAX_LIST {
            return Err(usage(format!("{} is larger than {MAX_LIST} bytes", place.display())));
        }
        let text = text::decode(&bytes).map_err(|e| e.context(place.display()))?;
        Ok(ListText::new(&place.display().to_string(), Some(&place), &text))
    }

    fn is_there(&self, from: &ListText, path: &str) -> bool {
        Surroundings::place(from, path).is_file()
    }

    fn variable(&self, name: &str) -> Option<String> {
        environment::given(name)
    }

    fn folder_name(&self, list: &ListText) -> Option<String> {
        let folder = std::path::absolute(list.path()?).ok()?;
        folder.parent()?.file_name()?.to_str().map(ToOwned::to_owned)
    }

    fn profiles(&self) -> &[String] {
        self.profiles
    }

    fn image_paths(&self) -> &[String] {
        self.image_paths
    }
}

/// The names in the list at `path`, for whoever needs names alone.
///
/// # Errors
/// What is wrong with any of them, all at once.
pub(super) fn names(path: &Path) -> Result<Vec<Reference>> {
    let surroundings = Surroundings { profiles: &[], image_paths: &[] };
    let reading = lists::read(&[list_text(path)?], None, &surroundings);
    let mut wrong: Vec<Error> =
        reading.faults.into_iter().map(|(spot, error)| error.context(spot.told())).collect();
    let mut names = Vec::new();
    for entry in reading.entries {
        match named_by(entry.asked) {
            Ok(name) => names.push(name),
            Err(error) => wrong.push(error.context(entry.spot.told())),
        }
    }
    match misnamed(wrong, |n| format!("{n} of the names in {} cannot be read", path.display())) {
        Some(error) => Err(error),
        None if names.is_empty() => {
            let text = format!("{} names no image", path.display());
            Err(Error::new(Class::Usage, text).hint("write one name a line"))
        }
        None => Ok(names),
    }
}

/// The name that is asked for, where it is one.
fn named_by(asked: Asked) -> Result<Reference> {
    match asked {
        Asked::Image(name) => name.parse(),
        Asked::Place(text) => match no_path(&text).and_then(|()| text.parse())? {
            Source::Registry(name) => Ok(name),
            place => {
                let text = format!("{place} is a place, whose images a list does not name");
                Err(Error::new(Class::Usage, text).hint("compare with the place itself"))
            }
        },
        Asked::Tags { repository, rule } => {
            let text =
                format!("{repository}:{rule} means tags that a registry has to be asked for");
            Err(Error::new(Class::Usage, text).hint("name the tags"))
        }
    }
}
