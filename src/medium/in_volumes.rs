//! Listing a bundle that lies in volumes: which files are volumes, whether they are of one set, and what
//! lies in them.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::collected::{MayBeVolumes, OpenVolume, collect};
pub(crate) use super::collected::{names, table_of};
use super::entries::{Entries, listing};
use super::fault::{FaultKind, TreeFault};
use super::folder_or_file::{self, FolderOrFile};
use super::holder::{Holder, PastMemory};
use super::part_store::PartStore;
use super::pieces::{Extent, FileNumber, Pieces};
use super::reader::TreeReader;
use super::tree::Tree;
use super::volume_bytes::{PieceBytes, VolumeBytes, reader_of};
use super::volume_table::{
    MAX_SIGNATURE, MAX_TABLE, PIECES, PieceOfBlob, SIGNATURE, VOLUME, VolumeTable,
};
use super::volumes::{PartAt, Volume, Volumes};
use crate::tools::folder::Folder;
use crate::tools::stretch::Stretch;
use crate::tools::withheld;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};

/// A volume as it was found.
struct Found {
    shown: String,
    bytes: VolumeBytes,
    table: VolumeTable,
    /// The digest of the file that has it.
    digest: Digest,
    /// The file that says who made it.
    signature: Option<Vec<u8>>,
    entries: Entries,
}

impl Holder for Volumes {
    fn open(&self, tree: &Path, path: &str, pieces: &Pieces, offset: u64) -> Result<TreeReader> {
        let placed: Option<Vec<Stretch>> =
            pieces.iter().map(|it| self.piece(it).and_then(PieceBytes::stretch)).collect();
        Ok(match placed {
            Some(placed) => {
                let name = format!("{}: {path}", tree.display());
                TreeReader::placed(&Stretch::joined(placed), offset, name)
            }
            None => {
                let pieces = pieces.iter().filter_map(|it| self.piece(it));
                TreeReader::coming(reader_of(pieces, offset))
            }
        })
    }

    fn list_past_cache(&self, tree: &Path) -> Result<Option<PastMemory>> {
        // What is held is on a disk of this side, and not on the medium.
        if !self.held.is_empty() {
            return Ok(None);
        }
        let each = self.each.iter().map(|it| (it.shown.clone(), it.bytes.clone()));
        let found = MayBeVolumes { volumes: each.collect(), others: Vec::new() };
        let (mut volumes, entries) = listed(tree, found, None, (self.is_single, true))?;
        volumes.twice.clone_from(&self.twice);
        Ok(Some(PastMemory { holder: Some(Box::new(volumes)), entries }))
    }

    fn volumes(&self) -> Option<&Volumes> {
        Some(self)
    }
}

/// The bundle whose volumes lie in `folder`, if any do.
///
/// # Errors
/// Those of the disk; [`Class::Usage`] for volumes of several sets.
pub(super) fn of_folder(
    folder: &Folder,
    open: &OpenVolume<'_>,
    held: Option<&PartStore>,
) -> Result<Option<Tree>> {
    let mut found = MayBeVolumes::default();
    collect(folder, "", open, &mut found)?;
    match found.volumes.is_empty() {
        true => Ok(None),
        false => together(folder.path(), found, held, false).map(Some),
    }
}

/// The bundle in `volumes` that were just made, each with the name of its file, and are encrypted.
///
/// # Errors
/// Those of the disk.
#[cfg(feature = "age")]
pub(crate) fn made_locked(
    path: &Path,
    volumes: Vec<(String, Arc<crate::tools::cipher::Unlocked>)>,
) -> Result<Tree> {
    let volumes = volumes.into_iter().map(|(shown, it)| (shown, VolumeBytes::Locked(it)));
    together(path, MayBeVolumes { volumes: volumes.collect(), others: Vec::new() }, None, false)
}

/// As [`of_folder`], of volumes that were just made and are not encrypted.
pub(crate) fn made_in(folder: &Folder) -> Result<Option<Tree>> {
    of_folder(folder, &|_, file| Ok(VolumeBytes::Plain(file)), None)
}

/// The bundle whose volumes lie at `places`: each is one, or a folder with some. `path` stands for all of
/// them, for people.
///
/// # Errors
/// Those of the disk; [`Class::Usage`] for a place where none is, and for volumes of several sets.
pub(super) fn of_places<'p>(
    path: &Path,
    places: impl Iterator<Item = &'p Path>,
    open: &OpenVolume<'_>,
    held: Option<&PartStore>,
) -> Result<Tree> {
    let mut found = MayBeVolumes::default();
    for place in places {
        let before = found.volumes.len();
        match folder_or_file::look(place)? {
            FolderOrFile::Folder(folder) => {
                let within = format!("{}/", place.display().to_string().trim_end_matches('/'));
                collect(&folder, &within, open, &mut found)?;
            }
            FolderOrFile::File(file) => {
                let bytes = open(place, file)?;
                if bytes.is_volume() {
                    found.volumes.push((place.display().to_string(), bytes));
                }
            }
        }
        if found.volumes.len() == before {
            let text = format!("{} is no volume, and holds none", place.display());
            return Err(Error::new(Class::Usage, text)
                .hint("several places are one bundle where each has volumes of one set"));
        }
    }
    together(path, found, held, false)
}

/// The bundle of which the file with these `bytes`, at `path`, is a volume, if it is one.
///
/// # Errors
/// Those of the disk.
pub(super) fn of_file(
    path: &Path,
    bytes: &VolumeBytes,
    held: Option<&PartStore>,
) -> Result<Option<Tree>> {
    if !bytes.is_volume() {
        return Ok(None);
    }
    let shown = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let found = MayBeVolumes { volumes: vec![(shown, bytes.clone())], others: Vec::new() };
    together(path, found, held, true).map(Some)
}

/// The bundle of which `file` at `path`, which is not encrypted, is a volume, if it is one.
///
/// # Errors
/// Those of the disk.
pub(crate) fn of_plain(path: &Path, file: &Arc<File>) -> Result<Option<Tree>> {
    of_file(path, &VolumeBytes::Plain(Arc::clone(file)), None)
}

fn together(
    path: &Path,
    collected: MayBeVolumes,
    held: Option<&PartStore>,
    is_single: bool,
) -> Result<Tree> {
    let (volumes, entries) = listed(path, collected, held, (is_single, false))?;
    Ok(Tree::of(path, volumes, entries))
}

/// What lies in the volumes, beside what is `held`; whether one was named by itself, and whether they are
/// listed as the device has them, is said.
fn listed(
    path: &Path,
    collected: MayBeVolumes,
    held: Option<&PartStore>,
    (is_single, past_cache): (bool, bool),
) -> Result<(Volumes, Entries)> {
    let MayBeVolumes { volumes, others } = collected;
    let mut all = Entries::default();
    let mut found = Vec::new();
    for (shown, bytes) in volumes {
        match look(path, shown.clone(), bytes, past_cache)? {
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
    Ok((volumes, all))
}

/// What the volume with these `bytes` holds; what is wrong with it where it is not known which one it is.
fn look(
    path: &Path,
    shown: String,
    bytes: VolumeBytes,
    past_cache: bool,
) -> Result<Result<Found, String>> {
    let fault = |e| withheld::reading(format!("cannot read {}: {shown}", path.display()), e);
    let mut entries = bytes.list(past_cache).map_err(fault)?;
    let Some(pieces) = entries.files.remove(VOLUME) else {
        return Ok(Err(format!("has no whole {VOLUME}: it was cut off, or is damaged")));
    };
    let (at, size) = (pieces.begin(), pieces.size());
    if size > MAX_TABLE {
        return Ok(Err(format!(
            "has a {VOLUME} of {size} bytes, more than the {MAX_TABLE} allowed"
        )));
    }
    let file = match bytes.read(at, size, past_cache) {
        Ok(file) => file,
        // What is encrypted says by itself that it is not as it was.
        Err(e) => {
            let e = fault(e);
            return match e.class() {
                Class::Damaged => Ok(Err(format!("is damaged: {}", e.message()))),
                _ => Err(e),
            };
        }
    };
    let table = match VolumeTable::from_bytes(&file) {
        Ok(table) => table,
        Err(e) => return Ok(Err(format!("is damaged: {}", e.message()))),
    };
    let mut signature = None;
    if let Some(pieces) = entries.files.remove(SIGNATURE) {
        // Of what is too large the beginning is enough to see that it is none.
        let size = pieces.size().min(MAX_SIGNATURE);
        signature = Some(bytes.read(pieces.begin(), size, past_cache).map_err(fault)?);
    }
    let digest = Digest::of(&file);
    Ok(Ok(Found { shown, bytes, table, digest, signature, entries }))
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
    let Found { shown, bytes, mut table, digest, signature, mut entries } = volume;
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
    volumes.each.push(Volume { bytes, shown, table, digest, signature });
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
