//! Listing a bundle that lies in volumes: which files are volumes, whether they are of one set, and what
//! lies in them.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::FileType;

use super::entries::{Entries, listing};
use super::fault::{FaultKind, TreeFault};
use super::folder_or_file::{self, FolderOrFile};
use super::header::{BLOCK, read_header};
use super::holder::Holder;
use super::part_store::PartStore;
use super::pieces::{Extent, FileNumber, Pieces};
use super::reader::TreeReader;
use super::scan;
use super::tar_bytes::InPlace;
use super::tree::Tree;
use super::volume_table::{
    MAX_SIGNATURE, MAX_TABLE, PIECES, PieceOfBlob, SIGNATURE, VOLUME, VolumeTable,
};
use super::volumes::{PartAt, Volume, Volumes};
use crate::tools::folder::Folder;
use crate::tools::stretch::Stretch;
use crate::tools::withheld;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};

/// The files of a layout, beside which tars are no volumes.
const LAYOUT: [&str; 2] = ["oci-layout", "SHA256SUMS"];

/// A volume as it was found.
struct Found {
    shown: String,
    file: Arc<File>,
    table: VolumeTable,
    /// The digest of the file that has it.
    digest: Digest,
    /// The file that says who made it.
    signature: Option<Vec<u8>>,
    entries: Entries,
}

impl Holder for Volumes {
    fn open(&self, tree: &Path, path: &str, pieces: &Pieces, offset: u64) -> Result<TreeReader> {
        let stretch = Stretch::joined(pieces.iter().map(|it| self.stretch(it)));
        Ok(TreeReader::placed(&stretch, offset, format!("{}: {path}", tree.display())))
    }

    fn volumes(&self) -> Option<&Volumes> {
        Some(self)
    }
}

/// What may be volumes: what each is called for people, and its file; and what is wrong beside them.
#[derive(Default)]
struct Collected {
    volumes: Vec<(String, Arc<File>)>,
    others: Vec<TreeFault>,
}

/// The bundle whose volumes lie in `folder`, if any do.
///
/// # Errors
/// Those of the disk; [`Class::Usage`] for volumes of several sets.
pub fn of_folder(folder: &Folder, held: Option<&PartStore>) -> Result<Option<Tree>> {
    let mut found = Collected::default();
    collect(folder, "", &mut found);
    match found.volumes.is_empty() {
        true => Ok(None),
        false => together(folder.path(), found, held, false).map(Some),
    }
}

/// The bundle whose volumes lie at `places`: each is one, or a folder with some. `path` stands for all of
/// them, for people.
///
/// # Errors
/// Those of the disk; [`Class::Usage`] for a place where none is, and for volumes of several sets.
pub(super) fn of_places<'p>(
    path: &Path,
    places: impl Iterator<Item = &'p Path>,
    held: Option<&PartStore>,
) -> Result<Tree> {
    let mut found = Collected::default();
    for place in places {
        let before = found.volumes.len();
        match folder_or_file::look(place)? {
            FolderOrFile::Folder(folder) => {
                let within = format!("{}/", place.display().to_string().trim_end_matches('/'));
                collect(&folder, &within, &mut found);
            }
            FolderOrFile::File(file) if is_volume(&file) => {
                found.volumes.push((place.display().to_string(), file));
            }
            FolderOrFile::File(_) => {}
        }
        if found.volumes.len() == before {
            let text = format!("{} is no volume, and holds none", place.display());
            return Err(Error::new(Class::Usage, text)
                .hint("several places are one bundle where each has volumes of one set"));
        }
    }
    together(path, found, held, false)
}

/// Adds to `found` what in `folder` may be volumes, with `within` before their names; nothing where it is
/// a bundle itself.
fn collect(folder: &Folder, within: &str, found: &mut Collected) {
    // Why a folder cannot be listed, whoever lists it as a bundle says.
    let Ok(names) = names(folder) else { return };
    let Collected { volumes, others } = found;
    for name in names {
        let shown = format!("{within}{}", name.to_string_lossy());
        match folder.file(&name).map(Arc::new) {
            Ok(file) if is_volume(&file) => volumes.push((shown, file)),
            Ok(_) => {
                let what = "is no volume, or its beginning is damaged".to_owned();
                others.push(TreeFault { path: shown, kind: FaultKind::Unacceptable, what });
            }
            Err(e) => {
                let what = format!("cannot be opened: {e}");
                others.push(TreeFault { path: shown, kind: FaultKind::Unreadable, what });
            }
        }
    }
}

/// The names in `folder` that volumes have, in order; none where it is a bundle itself.
///
/// # Errors
/// When it cannot be listed.
pub fn names(folder: &Folder) -> io::Result<Vec<OsString>> {
    if LAYOUT.iter().any(|name| folder.look(name).is_ok_and(|it| it.is_some())) {
        return Ok(Vec::new());
    }
    let mut names = folder.names()?;
    names.retain(|name| {
        let about = folder.look(name).ok().flatten();
        is_tar(name) && about.is_some_and(|about| about.kind == FileType::RegularFile)
    });
    names.sort();
    Ok(names)
}

/// The bundle of which `file` at `path` is a volume, if it is one.
///
/// # Errors
/// Those of the disk.
pub fn of_file(path: &Path, file: &Arc<File>, held: Option<&PartStore>) -> Result<Option<Tree>> {
    if !is_volume(file) {
        return Ok(None);
    }
    let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let found = Collected { volumes: vec![(shown, Arc::clone(file))], others: Vec::new() };
    together(path, found, held, true).map(Some)
}

fn is_tar(name: &OsString) -> bool {
    Path::new(name).extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tar"))
}

/// Whether the first file in the tar is that of a volume.
fn is_volume(file: &File) -> bool {
    let mut block = [0; BLOCK as usize];
    file.read_exact_at(&mut block, 0).is_ok()
        && read_header(&block, false).is_ok_and(|(path, _)| path == VOLUME)
}

/// What the volume in `file` says of itself; nothing where it is none, or is not finished.
#[must_use]
pub fn table_of(file: &File) -> Option<VolumeTable> {
    let mut block = [0; BLOCK as usize];
    file.read_exact_at(&mut block, 0).ok()?;
    let (path, size) = read_header(&block, false).ok()?;
    if path != VOLUME || size > MAX_TABLE {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(size).ok()?];
    file.read_exact_at(&mut bytes, BLOCK).ok()?;
    VolumeTable::from_bytes(&bytes).ok()
}

fn together(
    path: &Path,
    collected: Collected,
    held: Option<&PartStore>,
    is_single: bool,
) -> Result<Tree> {
    let Collected { volumes, others } = collected;
    let mut all = Entries::default();
    let mut found = Vec::new();
    for (shown, file) in volumes {
        match look(path, shown.clone(), file)? {
            Ok(volume) => found.push(volume),
            Err(what) => note(&mut all, shown, FaultKind::Unacceptable, what),
        }
    }
    all.faults.extend(others);
    one_set(path, &found)?;
    // Of two copies of a volume the better one counts.
    found.sort_by_key(|it| (it.table.number, it.entries.faults.len()));
    let mut volumes = Volumes { is_single, ..Volumes::default() };
    found.dedup_by(|second, first| {
        let is_twice = second.table.number == first.table.number;
        if is_twice {
            let (name, read, other) = (first.table.name(), &first.shown, &second.shown);
            volumes
                .twice
                .push(format!("{name} is there twice: {read} is read, and {other} is not"));
        }
        is_twice
    });
    let mut parts: BTreeMap<Digest, (u64, Vec<PartAt>)> = BTreeMap::new();
    for volume in found {
        add(&mut all, &mut volumes, &mut parts, volume);
    }
    if let Some(held) = held {
        volumes.add_held(&mut parts, held)?;
    }
    for (blob, (size, parts)) in parts {
        join(&mut all, &mut volumes, blob, size, parts);
    }
    Ok(Tree::of(path, volumes, all))
}

/// What the volume in `file` holds; what is wrong with it where it is not known which one it is.
fn look(path: &Path, shown: String, file: Arc<File>) -> Result<Result<Found, String>> {
    let fault = |e| withheld::reading(format!("cannot read {}: {shown}", path.display()), e);
    let mut entries = scan::list(&mut InPlace::new(&file).map_err(fault)?, false).map_err(fault)?;
    let Some(pieces) = entries.files.remove(VOLUME) else {
        return Ok(Err(format!("has no whole {VOLUME}: it was cut off, or is damaged")));
    };
    let (at, size) = (pieces.begin(), pieces.size());
    if size > MAX_TABLE {
        return Ok(Err(format!(
            "has a {VOLUME} of {size} bytes, more than the {MAX_TABLE} allowed"
        )));
    }
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    file.read_exact_at(&mut bytes, at).map_err(fault)?;
    let table = match VolumeTable::from_bytes(&bytes) {
        Ok(table) => table,
        Err(e) => return Ok(Err(format!("is damaged: {}", e.message()))),
    };
    let mut signature = None;
    if let Some(pieces) = entries.files.remove(SIGNATURE) {
        // Of what is too large the beginning is enough to see that it is none.
        let size = usize::try_from(pieces.size().min(MAX_SIGNATURE)).unwrap_or(0);
        let mut bytes = vec![0; size];
        file.read_exact_at(&mut bytes, pieces.begin()).map_err(fault)?;
        signature = Some(bytes);
    }
    let digest = Digest::of(&bytes);
    Ok(Ok(Found { shown, file, table, digest, signature, entries }))
}

/// Fails when the volumes are of several sets: which one is meant nobody knows but the user.
fn one_set(path: &Path, found: &[Found]) -> Result<()> {
    let mut sets: BTreeMap<Digest, usize> = BTreeMap::new();
    found.iter().for_each(|it| *sets.entry(it.table.set).or_default() += 1);
    if sets.len() < 2 {
        return Ok(());
    }
    let most = found.iter().max_by_key(|it| sets.get(&it.table.set));
    let Some(ours) = most.map(|it| &it.table) else { return Ok(()) };
    let foreign = found.iter().filter(|it| it.table.set != ours.set).map(|it| {
        let why = match it.table.statement == ours.statement {
            true => format!("the same bundle, cut into volumes of {} bytes", it.table.volume_size),
            false => "another bundle".to_owned(),
        };
        format!("{} is {} of {why}", it.shown, it.table.name())
    });
    let text = format!(
        "{} holds volumes of {} sets; most are of {} volumes of {} bytes ({})",
        path.display(),
        sets.len(),
        ours.of,
        ours.volume_size,
        ours.label
    );
    Err(Error::new(Class::Usage, text)
        .details(foreign)
        .hint("put the volumes of one set into a folder of their own"))
}

fn note(all: &mut Entries, path: String, kind: FaultKind, what: String) {
    all.faults.push(TreeFault { path, kind, what });
}

/// Adds what `volume` holds to what is there.
fn add(
    all: &mut Entries,
    volumes: &mut Volumes,
    parts: &mut BTreeMap<Digest, (u64, Vec<PartAt>)>,
    volume: Found,
) {
    let Found { shown, file, mut table, digest, signature, mut entries } = volume;
    let number = FileNumber(u32::try_from(volumes.each.len()).unwrap_or(u32::MAX));
    let is_cut = entries.faults.iter().any(TreeFault::is_truncated);
    for fault in entries.faults {
        let path = match fault.path.is_empty() {
            true => shown.clone(),
            false => format!("{shown}: {}", fault.path),
        };
        all.faults.push(TreeFault { path, ..fault });
    }
    let mut wrong = |path: &str, what: &str| {
        let fault = (format!("{shown}: {path}"), FaultKind::Unacceptable, what.to_owned());
        all.faults.push(TreeFault { path: fault.0, kind: fault.1, what: fault.2 });
    };
    let mut layers: Vec<(String, Pieces)> = Vec::new();
    for piece in std::mem::take(&mut table.pieces) {
        let path = piece.path();
        match entries.files.remove(&path) {
            None if is_cut => {}
            None => wrong(&path, "is in the volume's table, and not there"),
            Some(there) if there.size() != piece.length() => {
                wrong(&path, "has not as many bytes as the volume's table says");
            }
            Some(there) => {
                let at = Extent { file: number, at: there.begin(), size: there.size() };
                match piece {
                    PieceOfBlob { part: None, .. } => layers.push((path, Pieces::several(&[at]))),
                    PieceOfBlob { blob, size, part: Some(part) } => {
                        let (offset, sha256) = (part.offset, part.sha256);
                        let found = parts.entry(blob).or_insert((size, Vec::new()));
                        found.1.push(PartAt { blob, offset, at, sha256, path });
                    }
                }
            }
        }
    }
    let is_first = volumes.each.is_empty();
    let lacks = |path: &&String| !is_cut && !entries.files.contains_key(*path);
    for path in volumes.head.iter().filter(lacks) {
        wrong(path, "is not there, though each volume has it");
    }
    for (path, there) in std::mem::take(&mut entries.files) {
        let at = Extent { file: number, at: there.begin(), size: there.size() };
        match all.files.get(&path) {
            _ if path.starts_with(PIECES) => wrong(&path, "is not in the volume's table"),
            _ if is_first => {
                volumes.head.push(path.clone());
                layers.push((path, Pieces::several(&[at])));
            }
            Some(first) if first.size() == at.size => volumes.copies.push((path, at)),
            _ => wrong(&path, "is not what the other volumes have"),
        }
    }
    for (path, pieces) in layers {
        all.listed += listing(&path);
        if all.files.insert(path.clone(), pieces).is_some() {
            let what = "stands in two volumes".to_owned();
            all.faults.push(TreeFault { path, kind: FaultKind::Unacceptable, what });
        }
    }
    volumes.each.push(Volume { file, shown, table, digest, signature });
}

/// Makes one file of the pieces of `blob`, if all are there.
fn join(all: &mut Entries, volumes: &mut Volumes, blob: Digest, size: u64, mut parts: Vec<PartAt>) {
    parts.sort_by_key(|part| part.offset);
    let end = parts.iter().try_fold(0, |end: u64, part| {
        (part.offset == end).then(|| end.saturating_add(part.at.size))
    });
    if end != Some(size) {
        volumes.loose.extend(parts);
        return;
    }
    let path = format!("blobs/sha256/{}", blob.hex());
    let extents: Vec<Extent> = parts.iter().map(|part| part.at).collect();
    let pieces = Pieces::several(&extents);
    all.listed += listing(&path) + pieces.weight();
    all.files.insert(path.clone(), pieces);
    volumes.spanning.insert(path, parts);
}
