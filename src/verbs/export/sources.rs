//! Where the images of an export come from: each place is opened once.

use std::collections::BTreeMap;
use std::fs::{File, FileType};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;

use super::Request;
use crate::places::docker_archive::{DOCKER_INDEX, DockerArchive};
use crate::places::engine::content::ContentStore;
use crate::places::engine::{Engine, save};
use crate::places::layout::Layout;
use crate::places::location::{Pick, Source, is_stream};
use crate::places::registry::Client;
use crate::places::tree::Tree;
use crate::seams::file::nameless;
use crate::seams::interrupt;
use crate::seams::store::ImageSource;
use crate::seams::stream::BUFFER;
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
pub(super) fn open(
    request: &Request<'_>,
    client: &Client,
    progress: &dyn Progress,
) -> Result<(Vec<Origin>, Vec<Wanted>, Vec<Error>)> {
    let mut sources = Sources {
        request,
        client,
        progress,
        stdin: None,
        layouts: BTreeMap::new(),
        archives: BTreeMap::new(),
        known: BTreeMap::new(),
        origins: Vec::new(),
        wanted: Vec::new(),
    };
    // Compressed archives and engines take their time, before a byte is known to be fetched.
    let is_slow = |source: &&Source| !matches!(source, Source::Registry(_));
    let items = request.images.iter().filter(is_slow).count() as u64;
    progress.event(Event::Phase { name: "opening archives and engines", bytes: 0, items });
    let mut faults = Vec::new();
    for source in &request.images {
        match sources.add(source) {
            Err(e) if e.class() == Class::Interrupted => return Err(e),
            Err(e) => faults.push(match request.listed.get(&source.to_string()) {
                Some(place) => e.context(place),
                None => e,
            }),
            Ok(()) => {}
        }
    }
    progress.event(Event::Done);
    match sources.wanted.is_empty() && faults.is_empty() {
        true => Err(Error::new(Class::Usage, "no image to export")),
        false => Ok((sources.origins, sources.wanted, faults)),
    }
}

struct Sources<'r> {
    request: &'r Request<'r>,
    client: &'r Client,
    progress: &'r dyn Progress,
    /// What came in on standard input, once it was asked for.
    stdin: Option<Arc<File>>,
    /// By their paths, and whether these may be standard input.
    layouts: BTreeMap<(bool, PathBuf), Arc<Layout>>,
    archives: BTreeMap<PathBuf, Arc<DockerArchive>>,
    /// Places and repositories that are origins already.
    known: BTreeMap<(String, String), usize>,
    origins: Vec<Origin>,
    wanted: Vec<Wanted>,
}

impl Sources<'_> {
    fn add(&mut self, source: &Source) -> Result<()> {
        let text = source.to_string();
        match source {
            Source::Registry(name) => {
                let repository =
                    self.client.repository(&name.registry, &name.repository, Side::Source);
                self.want("", &text, Arc::new(repository), vec![name.clone()]);
            }
            Source::Layout { path, name, archive } => {
                let layout = self.layout(path, *archive)?;
                let names = names_in(&layout, name.as_deref())?;
                let transport = if *archive { "oci-archive" } else { "oci" };
                self.want(&format!("{transport}:{}", path.display()), &text, layout, names);
            }
            Source::DockerArchive { path, image } => match is_folder_of_archives(path) {
                true => self.add_folder(path, image.as_ref())?,
                false => {
                    let archive = self.archive(path)?;
                    let names = picked(&archive, image.as_ref())?;
                    let place = format!("docker-archive:{}", path.display());
                    self.want(&place, &text, archive, names);
                }
            },
            Source::Engine { engine: engine @ Engine::Containerd { .. }, name } => {
                let (store, name) = (ContentStore::new(engine.clone()), name.parse()?);
                self.want(&engine.to_string(), &text, Arc::new(store), vec![name]);
            }
            Source::Engine { engine, name } => {
                let saved = save::open(engine, name)?;
                let mut archive = DockerArchive::open(saved.tree, engine.program())?;
                if let Some(name) = saved.name {
                    let name = as_made(&archive, name)?;
                    archive.call(name)?;
                }
                let names = picked(&archive, None)?;
                self.want(&text, &text, Arc::new(archive), names);
            }
        }
        Ok(())
    }

    /// Asks for `names` of `source`, which the user named by `text`.
    fn want(
        &mut self,
        place: &str,
        text: &str,
        source: Arc<dyn ImageSource>,
        names: Vec<Reference>,
    ) {
        for name in names {
            let origins = &mut self.origins;
            let key = (place.to_owned(), name.name());
            let origin = *self.known.entry(key).or_insert_with(|| {
                let source = Arc::clone(&source);
                let repository = name.name();
                let shown = match place {
                    "" => repository.clone(),
                    _ => format!("{place} ({repository})"),
                };
                origins.push(Origin { source, repository, shown });
                origins.len() - 1
            });
            let place = self.request.listed.get(text).cloned();
            self.wanted.push(Wanted { origin, name, text: text.to_owned(), place });
        }
    }

    /// Every file of a folder is an archive. What is not a file is told of, and left.
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
        paths.retain(|(path, _)| {
            path.file_name().is_some_and(|name| !name.as_encoded_bytes().starts_with(b"."))
        });
        paths.sort_by(|(one, _), (other, _)| one.cmp(other));
        let (mut files, mut found) = (0, false);
        for (path, kind) in paths {
            // A link may lead out of the folder, which is often somebody else's.
            if !kind.is_file() {
                let text = format!("{} is no file, and is left out", path.display());
                self.progress.event(Event::Note(text));
                continue;
            }
            files += 1;
            let archive = self.archive_in(&path)?;
            let names = match picked(&archive, pick) {
                Err(e) if pick.is_some() && e.class() == Class::Incomplete => continue,
                names => names?,
            };
            found = true;
            let text = format!("docker-archive:{}", path.display());
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
        let tree = if archive { self.tree(path) } else { Tree::open_source(path) };
        let layout = Arc::new(Layout::open(tree?)?);
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
        let opened = Tree::of_file(path, Arc::new(file));
        opened.and_then(|tree| self.open_archive(path, tree)).map_err(|e| match e.class() {
            Class::Damaged => {
                let other = e.way_out().map(|it| format!("{it}; else ")).unwrap_or_default();
                e.hint(format!("{other}move it elsewhere, or name the archives one by one"))
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
            return Tree::open_source(path);
        }
        let kept = match &self.stdin {
            Some(kept) => Arc::clone(kept),
            None => Arc::clone(self.stdin.insert(Arc::new(self.keep_stdin()?))),
        };
        Tree::of_file(Path::new(STDIN), kept)
    }

    /// Keeps standard input, as it comes, in a file without a name beside the output: it cannot
    /// be read twice, and what has no name is gone when the export ends, however it does.
    fn keep_stdin(&self) -> Result<File> {
        let folder = match self.request.output.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut input = (self.request.stdin)()?;
        let mut kept = nameless(folder)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            interrupt::check()?;
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

/// Whether `path` is a folder in which each file is an archive, not one archive unpacked; nor a
/// layout, of which opening it as an archive tells.
fn is_folder_of_archives(path: &Path) -> bool {
    path.is_dir() && ![DOCKER_INDEX, "oci-layout"].iter().any(|file| path.join(file).exists())
}

/// The images of an archive that are meant; all without `pick`.
fn picked(archive: &DockerArchive, pick: Option<&Pick>) -> Result<Vec<Reference>> {
    let names: Vec<Reference> = match pick {
        None => archive.names().cloned().collect(),
        Some(Pick::Name(name)) => vec![archive.named(name)?.clone()],
        Some(Pick::Index(place)) => archive.at(*place)?.into_iter().cloned().collect(),
    };
    match names.is_empty() {
        true => Err(Error::new(Class::Incomplete, format!("{archive} has no images"))),
        false => Ok(names),
    }
}

/// The images of a layout: the named one, else all that have a name, else all.
fn names_in(layout: &Layout, name: Option<&str>) -> Result<Vec<Reference>> {
    let is_list = |name: &Reference| name.tag.as_ref().is_some_and(|tag| tag.subject().is_some());
    let listed: Vec<Reference> =
        layout.entries().iter().filter_map(|entry| entry.name.clone()).collect();
    let Some(wanted) = name else {
        // Lists of referrers come along with what they refer to.
        let named: Vec<Reference> = listed.into_iter().filter(|name| !is_list(name)).collect();
        let all = if named.is_empty() { layout.nameless() } else { named };
        return match all.is_empty() {
            true => Err(Error::new(Class::Incomplete, format!("{layout} has no images"))),
            false => Ok(all),
        };
    };
    let is_it = |name: &&Reference| {
        wanted.parse::<Reference>().is_ok_and(|wanted| wanted.kept() == **name)
            || (name.registry.as_str() == "localhost"
                && name.tag.as_ref().is_some_and(|tag| tag.as_str() == wanted))
    };
    match listed.iter().find(is_it) {
        Some(name) => Ok(vec![name.clone()]),
        None => {
            let names: Vec<String> = listed.iter().map(ToString::to_string).collect();
            Err(Error::new(Class::Incomplete, format!("{layout} has no image {wanted}"))
                .hint(format!("it has: {}", names.join(", "))))
        }
    }
}
