//! Where the images of an export come from: each place is opened once.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{File, FileType};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use super::archive_folder::{is_empty_folder, is_folder_of_archives, no_archive};
use super::chart_images::ChartImages;
use super::charts::LastIndex;
use super::names::{Names, picked, renamed};
use super::open_places::{Lost, OpenPlaces, PlaceFault, is_about_content};
use super::request::Request;
use crate::medium::tree::Tree;
use crate::places::artifact::MadeArtifact;
use crate::places::at_hand::AtHand;
use crate::places::docker_archive::DockerArchive;
use crate::places::engine::content::ContentStore;
use crate::places::engine::{Driver, Engine, save};
use crate::places::layout::Layout;
use crate::places::location::{Pick, Source, is_stream};
use crate::places::registry::Client;
use crate::storage::documents::DocumentsAtHand;
use crate::storage::store::ImageSource;
use crate::tools::buffer::BUFFER;
use crate::tools::file::nameless;
use crate::words::at::At;
use crate::words::error::{Class, Error, Result, Side};
use crate::words::progress::{Event, Progress};
use crate::words::reference::Reference;
use crate::work::graph::{Origin, Wanted};

/// What standard input is called.
const STDIN: &str = "standard input";

/// Opens each place once, and lists the images that are asked for, with the faults of the places
/// that cannot be opened or lack an image.
///
/// # Errors
/// [`Class::Interrupted`], and [`Class::Usage`] when nothing is asked for.
pub(in crate::verbs) fn open(
    request: &Request,
    at_hand: &Arc<AtHand>,
    client: &Client,
    progress: &dyn Progress,
) -> Result<OpenPlaces> {
    let mut sources = Sources {
        request,
        at_hand: (!at_hand.is_empty()).then(|| Arc::clone(at_hand) as Arc<dyn DocumentsAtHand>),
        client,
        progress,
        stdin: None,
        layouts: BTreeMap::new(),
        archives: BTreeMap::new(),
        known: BTreeMap::new(),
        index: LastIndex::default(),
        charted: ChartImages::default(),
        named_by: BTreeMap::new(),
        opened: OpenPlaces::default(),
        told: BTreeSet::new(),
    };
    // Compressed archives and engines take their time, before a byte is known to be fetched.
    let is_slow = |source: &&Source| !matches!(source, Source::Registry(_));
    let items = request.images.iter().filter(is_slow).count() as u64;
    progress.event(Event::Phase { name: "opening archives and engines", bytes: 0, items });
    let mut faults = Vec::new();
    for source in &request.images {
        faults.extend(sources.try_add(source)?);
    }
    for (source, place) in std::mem::take(&mut sources.charted).beside(&request.images) {
        sources.named_by.insert(source.to_string(), place);
        faults.extend(sources.try_add(&source)?);
    }
    progress.event(Event::Done);
    let opened = OpenPlaces { faults, ..sources.opened };
    let is_empty = opened.wanted.is_empty() && opened.unreadable.is_empty();
    match is_empty && opened.faults.is_empty() {
        true => Err(Error::new(Class::Usage, "no image to export")),
        false => Ok(opened),
    }
}

struct Sources<'r> {
    request: &'r Request,
    /// What no registry is asked for.
    at_hand: Option<Arc<dyn DocumentsAtHand>>,
    client: &'r Client,
    progress: &'r dyn Progress,
    /// What came in on standard input, once it was asked for.
    stdin: Option<Arc<File>>,
    /// By their paths, and whether these may be standard input.
    layouts: BTreeMap<(bool, PathBuf), Arc<Layout>>,
    archives: BTreeMap<PathBuf, Arc<DockerArchive>>,
    /// Places and repositories that are origins already.
    known: BTreeMap<(String, String), At<Origin>>,
    /// Of charts.
    index: LastIndex,
    charted: ChartImages,
    /// By which charts images are named.
    named_by: BTreeMap<String, String>,
    opened: OpenPlaces,
    /// What was said of a place that may be named several times.
    told: BTreeSet<String>,
}

impl Sources<'_> {
    /// Adds `source`; gives why it cannot be had.
    fn try_add(&mut self, source: &Source) -> Result<Option<PlaceFault>> {
        let error = match self.add(source) {
            Ok(()) => return Ok(None),
            Err(error) if error.class() == Class::Interrupted => return Err(error),
            Err(error) => error,
        };
        let source = source.to_string();
        let error = match self.place(&source) {
            Some(place) => error.context(place),
            None => error,
        };
        Ok(Some(PlaceFault { source, error }))
    }

    /// What asks for the source called `text`, where that is a list or a chart.
    fn place(&self, text: &str) -> Option<String> {
        self.request.listed.get(text).or_else(|| self.named_by.get(text)).cloned()
    }

    fn add(&mut self, source: &Source) -> Result<()> {
        let text = source.to_string();
        match source {
            Source::Registry(name) => {
                let repository =
                    self.client.repository(&name.registry, &name.repository, Side::Source);
                let repository = match &self.at_hand {
                    Some(at_hand) => repository.beside(at_hand),
                    None => repository,
                };
                let names = Names::Chosen(vec![name.clone()]);
                self.want("", &text, Arc::new(repository), names);
            }
            Source::Layout { path, name, archive, called } => {
                let layout = self.layout(path, *archive)?;
                let names = match name {
                    Some(name) => Names::Chosen(vec![layout.pick(name)?]),
                    None => Names::All(layout.images()),
                };
                let names = renamed(&*layout, names, called.as_ref())?;
                let transport = if *archive { "oci-archive" } else { "oci" };
                self.want(&format!("{transport}:{}", path.display()), &text, layout, names);
            }
            Source::DockerArchive { path, image, called } => match is_folder_of_archives(path) {
                true if called.is_some() => {
                    let text = format!("{} is a folder of archives", path.display());
                    return Err(Error::new(Class::Usage, text)
                        .hint("name one of its files for its image to be called otherwise"));
                }
                true => self.add_folder(path, image.as_ref())?,
                false => {
                    let archive = self.archive(path)?;
                    let names = picked(&archive, image.as_ref())?;
                    let names = renamed(&*archive, names, called.as_ref())?;
                    let place = format!("docker-archive:{}", path.display());
                    self.want(&place, &text, archive, names);
                }
            },
            Source::Chart(chart) => {
                let charted = (&mut self.charted, self.request.with_images);
                let chart = self.index.fetch(chart, charted, self.client, self.progress)?;
                let names = Names::Chosen(vec![chart.name().clone()]);
                self.want(&text, &text, Arc::new(chart), names);
            }
            Source::File { path, called } => {
                let file = MadeArtifact::of_file(path, called.as_ref(), &self.progress.handle())?;
                let names = Names::Chosen(vec![file.name().clone()]);
                self.want(&text, &text, Arc::new(file), names);
            }
            Source::Engine { engine: engine @ Engine::Containerd { .. }, name } => {
                let (store, name) = (ContentStore::new(self.driver(engine)), name.parse()?);
                self.want(&engine.to_string(), &text, Arc::new(store), Names::Chosen(vec![name]));
            }
            Source::Engine { engine, name } => {
                let saved = save::open(&self.driver(engine), name)?;
                let mut archive = DockerArchive::open(saved.tree, engine.program())?;
                if let Some(lost) = archive.images().unreadable.into_iter().next() {
                    return Err(lost.error);
                }
                if let Some(name) = saved.name {
                    let name = as_made(&archive, name)?;
                    archive.call(name)?;
                }
                let names = Names::Chosen(archive.names().cloned().collect());
                self.want(&text, &text, Arc::new(archive), names);
            }
        }
        Ok(())
    }

    fn driver(&self, engine: &Engine) -> Driver {
        Driver::new(engine.clone(), self.progress.handle())
    }

    /// Asks for `names` of `source`, which the user named by `text`.
    fn want(&mut self, place: &str, text: &str, source: Arc<dyn ImageSource>, names: Names) {
        let is_one_of_all = matches!(names, Names::All(_));
        let names = match names {
            Names::Chosen(names) => names,
            Names::All(images) => {
                for note in images.notes {
                    if self.told.insert(note.clone()) {
                        self.progress.event(Event::note(note));
                    }
                }
                let lost = images.unreadable.into_iter();
                let lost = lost.map(|it| (text.to_owned(), it.image, it.error));
                self.opened.unreadable.extend(lost.map(|(source, image, error)| Lost {
                    source,
                    image,
                    error,
                }));
                images.names
            }
        };
        for name in names {
            let origins = &mut self.opened.origins;
            let key = (place.to_owned(), name.name());
            let origin = *self.known.entry(key).or_insert_with(|| {
                let source = Arc::clone(&source);
                let repository = name.name();
                let shown = match place {
                    "" => repository.clone(),
                    _ => format!("{place} ({repository})"),
                };
                origins.push(Origin { shown, ..Origin::new(source, repository) });
                At::nth(origins.len() - 1)
            });
            let (text, place) = (text.to_owned(), self.place(text));
            let wanted = Wanted { text, place, is_one_of_all, ..Wanted::new(origin, name) };
            self.opened.wanted.push(wanted);
        }
    }

    /// Every file of a folder is an archive. What is not a file cannot be had.
    fn add_folder(&mut self, folder: &Path, pick: Option<&Pick>) -> Result<()> {
        if let Some(Pick::Index(_)) = pick {
            let text = format!("{} is a folder of archives, without an order", folder.display());
            return Err(Error::new(Class::Usage, text).hint("name one of its files, or an image"));
        }
        let fault = |e| Error::io(format!("cannot list {}", folder.display()), e);
        let entries = std::fs::read_dir(folder).map_err(fault)?;
        let kinds = entries.map(|entry| entry.and_then(|e| Ok((e.path(), e.file_type()?))));
        let mut paths: Vec<(PathBuf, FileType)> =
            kinds.collect::<io::Result<_>>().map_err(fault)?;
        let is_hidden = |name: &OsStr| name.as_encoded_bytes().starts_with(b".");
        paths.retain(|(path, _)| path.file_name().is_some_and(|name| !is_hidden(name)));
        paths.sort_by(|(one, _), (other, _)| one.cmp(other));
        let folder_text = format!("docker-archive:{}", folder.display());
        let (mut files, mut found) = (0, false);
        for (path, kind) in paths {
            // A link may lead out of the folder, which is often somebody else's.
            if !kind.is_file() {
                let error = no_archive(&path, kind);
                match pick {
                    Some(_) => self.progress.event(Event::note(error.message())),
                    None if is_empty_folder(&path, kind) => {}
                    None => {
                        let (source, image) = (folder_text.clone(), path.display().to_string());
                        self.opened.unreadable.push(Lost { source, image, error });
                    }
                }
                continue;
            }
            files += 1;
            let text = format!("docker-archive:{}", path.display());
            let archive = match self.archive_in(&path) {
                Err(error) if pick.is_none() && is_about_content(&error) => {
                    let (source, image) = (text, path.display().to_string());
                    self.opened.unreadable.push(Lost { source, image, error });
                    continue;
                }
                archive => archive?,
            };
            let names = match picked(&archive, pick) {
                Err(e) if pick.is_some() && e.class() == Class::Incomplete => continue,
                names => names?,
            };
            found = true;
            self.want(&text, &text, archive, names);
        }
        match (files, pick) {
            (0, _) => {
                Err(Error::new(Class::Incomplete, format!("{} holds no archive", folder.display())))
            }
            (_, Some(pick)) if !found => {
                let text = format!("no archive in {} has an image {pick}", folder.display());
                Err(Error::new(Class::Incomplete, text))
            }
            _ => Ok(()),
        }
    }

    fn layout(&mut self, path: &Path, archive: bool) -> Result<Arc<Layout>> {
        let key = (archive, path.to_owned());
        if let Some(layout) = self.layouts.get(&key) {
            return Ok(Arc::clone(layout));
        }
        let tree = if archive {
            self.tree(path)
        } else {
            Tree::open_source(path, &self.progress.handle())
        };
        let layout = Layout::open(tree?)?.for_platforms(&self.request.select.platforms);
        let layout = Arc::new(layout);
        self.layouts.insert(key, Arc::clone(&layout));
        Ok(layout)
    }

    fn archive(&mut self, path: &Path) -> Result<Arc<DockerArchive>> {
        if let Some(archive) = self.archives.get(path) {
            return Ok(Arc::clone(archive));
        }
        let tree = self.tree(path)?;
        self.open_archive(path, tree)
    }

    /// As [`archive`](Sources::archive), of a file that was found in a folder: not a link, even if
    /// it was made one in the meantime.
    fn archive_in(&mut self, path: &Path) -> Result<Arc<DockerArchive>> {
        if let Some(archive) = self.archives.get(path) {
            return Ok(Arc::clone(archive));
        }
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
        let file = File::options().read(true).custom_flags(flags).open(path).map_err(fault)?;
        if !file.metadata().map_err(fault)?.is_file() {
            return Err(fault(io::ErrorKind::InvalidData.into()));
        }
        let opened = Tree::of_file(path, Arc::new(file), &self.progress.handle());
        opened.and_then(|tree| self.open_archive(path, tree)).map_err(|e| match e.class() {
            Class::Damaged => {
                e.hint_too("; else ", "move it elsewhere, or name the archives one by one")
            }
            _ => e,
        })
    }

    fn open_archive(&mut self, path: &Path, tree: Tree) -> Result<Arc<DockerArchive>> {
        let stem = tree.stem();
        let archive = Arc::new(DockerArchive::open(tree, &stem)?);
        self.archives.insert(path.to_owned(), Arc::clone(&archive));
        Ok(archive)
    }

    /// The files of the archive at `path`, where `-` is standard input.
    fn tree(&mut self, path: &Path) -> Result<Tree> {
        if !is_stream(path) {
            return Tree::open_source(path, &self.progress.handle());
        }
        let kept = match &self.stdin {
            Some(kept) => Arc::clone(kept),
            None => Arc::clone(self.stdin.insert(Arc::new(self.keep_stdin()?))),
        };
        Tree::of_file(Path::new(STDIN), kept, &self.progress.handle())
    }

    /// Keeps standard input, as it comes, in a file without a name beside the output: it cannot
    /// be read twice, and what has no name is gone when the export ends, however it does.
    fn keep_stdin(&self) -> Result<File> {
        // The output's folder may be one that is to be made.
        let mut folders = self.request.output.path().ancestors().skip(1);
        let folder = folders.find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
        let mut input = (self.request.stdin)()?;
        let mut kept = nameless(folder)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            self.progress.check()?;
            match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(got) => kept.write_all(&buffer[..got]).map_err(|e| {
                    Error::io(format!("cannot keep {STDIN} in {}", folder.display()), e)
                })?,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Error::io(format!("cannot read {STDIN}"), e)),
            }
        }
        Ok(kept)
    }
}

/// `name` for the one image of `archive`: where it goes by a digest, by the one that was made.
fn as_made(archive: &DockerArchive, name: Reference) -> Result<Reference> {
    let Some(first) = archive.names().next().filter(|_| name.tag.is_none()) else {
        return Ok(name);
    };
    let digest = Some(archive.resolve(first)?.descriptor().digest);
    Ok(Reference { digest, ..name })
}
