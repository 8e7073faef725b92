//! [`look`]: what a file holds before an archive takes its place.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::GzDecoder;
use rustix::fs::FileType;
use serde_json::Value;

use super::super::spec::blob_digest;
use super::contents::{ArchiveContents, DOCKER_INDEX, names};
use crate::medium::tree::Tree;
use crate::places::layout::spec::blob_path;
use crate::tools::folder::Folder;
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::MAX_DOCUMENT;
use crate::words::error::{Class, Error, Result};
use crate::words::json::parse_strict;

/// How many bytes more than ours a compressed archive with the same images may unpack to: the
/// lists and folders of other writers. What is larger is another one, or a bomb.
const SLACK: u64 = 1 << 20;
/// How many names of other images are told.
const MAX_NAMES: usize = 3;

/// What is there, compared with what is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum OldFile {
    /// No file.
    Nothing,
    /// An archive of the same images under the same names, whole as far as its sizes and, where
    /// it is compressed, its checksum tell.
    Same,
    /// One of the same images that is damaged, or wrapped otherwise: writing it again loses
    /// nothing.
    Worn,
    /// Something else.
    Other {
        /// What, for people: `holds docker.io/library/alpine:3.20`.
        what: String,
        /// Its images.
        names: BTreeMap<String, Digest>,
    },
}

/// Looks at the file `path`, where `listing` is to be, gzipped or not, until `cancel` says stop.
///
/// # Errors
/// [`Class::Usage`] for what is no plain file, and any fault of the disk.
pub fn look(
    path: &Path,
    listing: &ArchiveContents,
    gzip: bool,
    cancel: &Cancel,
) -> Result<OldFile> {
    let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
    let other = |what: &str| OldFile::Other { what: what.to_owned(), names: BTreeMap::new() };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    if parent.is_some_and(|parent| !parent.exists()) {
        // It is made, or missed, when the file is written.
        return Ok(OldFile::Nothing);
    }
    let (folder, name) = Folder::holding(path)?;
    match folder.look(&name).map_err(fault)?.map(|about| about.kind) {
        None => return Ok(OldFile::Nothing),
        Some(FileType::Directory) => {
            let text = format!("{} is a folder", path.display());
            return Err(Error::new(Class::Usage, text)
                .hint("end the path with a slash to fill it, or name a file"));
        }
        Some(FileType::RegularFile) => {}
        // A pipe or a device would be gone for whoever uses it, and behind a link lies a file of
        // another name.
        Some(_) => {
            let text = format!("{} is no plain file", path.display());
            return Err(
                Error::new(Class::Usage, text).hint("name another file; - is standard output")
            );
        }
    }
    let mut magic = [0; 2];
    let mut file = folder.file(&name).map_err(fault)?;
    let is_gzip = file.read_exact(&mut magic).is_ok() && magic == [0x1f, 0x8b];
    file.rewind().map_err(fault)?;
    let seen = match is_gzip {
        true => unpacked(file, listing, cancel)?,
        false => in_place(path, file, listing, cancel)?,
    };
    let Some(images) = seen.index.as_deref().and_then(|index| names(index).ok()) else {
        return Ok(other(&seen.strange()));
    };
    if images != listing.names {
        let what = holds(images.keys().cloned());
        let single =
            |(name, digests): (String, BTreeSet<Digest>)| Some((name, digests.into_iter().next()?));
        return Ok(OldFile::Other { what, names: images.into_iter().filter_map(single).collect() });
    }
    match is_gzip == gzip && seen.is(listing) {
        true => Ok(OldFile::Same),
        false => Ok(OldFile::Worn),
    }
}

fn holds(names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.filter(|name| !name.is_empty()).collect();
    let more = match names.len().checked_sub(MAX_NAMES) {
        None | Some(0) => String::new(),
        Some(more) => format!(" and {more} more"),
    };
    match names.is_empty() {
        true => "holds images without names".to_owned(),
        false => format!("holds {}{more}", names[..names.len().min(MAX_NAMES)].join(", ")),
    }
}

/// What was seen of an archive.
#[derive(Default)]
struct OldContents {
    index: Option<Vec<u8>>,
    docker: Option<Vec<u8>>,
    sizes: BTreeMap<String, u64>,
    /// Whether all of it could be read.
    whole: bool,
    /// Whether it has what readers understand in several ways: an entry that stands twice, a link,
    /// an extension that renames others.
    strangers: bool,
}

impl OldContents {
    /// Whether nothing of `listing` is missing.
    fn is(&self, listing: &ArchiveContents) -> bool {
        let json = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(|b| parse_strict(b).ok());
        let docker = listing.docker.is_none() || json(&self.docker) == json(&listing.docker);
        let has = |(digest, size)| self.sizes.get(&blob_path(&digest)) == Some(&size);
        self.whole && !self.strangers && docker && listing.contents().all(has)
    }

    /// What a file without an index is, for people.
    fn strange(&self) -> String {
        let value: Option<Value> = self.docker.as_deref().and_then(|raw| parse_strict(raw).ok());
        let entries = value.as_ref().and_then(Value::as_array);
        match entries {
            Some(entries) => {
                let tags = entries.iter().filter_map(|entry| entry["RepoTags"].as_array());
                holds(tags.flatten().filter_map(|tag| Some(tag.as_str()?.to_owned())))
            }
            None => "is no archive of images, or is damaged".to_owned(),
        }
    }

    /// Notes a file of the archive. `read` gives its bytes, and is only called for small ones.
    fn note(
        &mut self,
        path: &str,
        size: u64,
        listing: &ArchiveContents,
        read: impl FnOnce() -> io::Result<Vec<u8>>,
    ) -> io::Result<()> {
        let list = match path {
            "index.json" => Some(&mut self.index),
            DOCKER_INDEX => Some(&mut self.docker),
            _ => None,
        };
        if let Some(list) = list {
            if size <= MAX_DOCUMENT {
                self.strangers |= list.replace(read()?).is_some();
            }
            return Ok(());
        }
        let digest = blob_digest(path);
        let Some(digest) = digest.filter(|digest| listing.size_of(digest) == Some(size)) else {
            return Ok(());
        };
        // What is small says what runs, and costs little to look at.
        if size > MAX_DOCUMENT || read().is_ok_and(|bytes| Digest::of(&bytes) == digest) {
            let twice = self.sizes.insert(path.to_owned(), size).is_some();
            self.strangers |= twice;
        }
        Ok(())
    }
}

/// A plain tar: its headers are read, and what is small.
fn in_place(
    path: &Path,
    file: File,
    listing: &ArchiveContents,
    cancel: &Cancel,
) -> Result<OldContents> {
    let tree = Tree::of_tar(path, Arc::new(file))?;
    let mut seen = OldContents { whole: tree.faults().is_empty(), ..OldContents::default() };
    for (name, size) in tree.files() {
        cancel.check()?;
        let read = || tree.read_small(name, MAX_DOCUMENT).map_err(Error::into_io);
        if seen.note(name, size, listing, read).is_err() {
            seen.whole = false;
        }
    }
    Ok(seen)
}

/// A compressed tar: read through to its end, so that its checksum is compared.
fn unpacked(file: File, listing: &ArchiveContents, cancel: &Cancel) -> Result<OldContents> {
    let mut seen = OldContents::default();
    let mut decoder = GzDecoder::new(io::BufReader::new(file));
    let limit = listing.size().saturating_add(SLACK);
    let mut tar = tar::Archive::new((&mut decoder).take(limit));
    let entries = read_entries(&mut tar, &mut seen, listing, cancel);
    let mut tail = tar.into_inner();
    let rest = entries.and_then(|()| io::copy(&mut tail, &mut io::sink()));
    // A stop is no finding about the file.
    cancel.check()?;
    let more = rest.and_then(|_| decoder.read(&mut [0]));
    let behind = more.and_then(|more| Ok(more + decoder.into_inner().read(&mut [0])?));
    seen.whole = behind.is_ok_and(|bytes| bytes == 0);
    Ok(seen)
}

fn read_entries<R: Read>(
    tar: &mut tar::Archive<R>,
    seen: &mut OldContents,
    listing: &ArchiveContents,
    cancel: &Cancel,
) -> io::Result<()> {
    // As they are: an extension that renames an entry is none of ours, and may be of any size.
    for entry in tar.entries()?.raw(true) {
        cancel.check().map_err(Error::into_io)?;
        let mut entry = entry?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let size = entry.size();
        let kind = entry.header().entry_type();
        seen.strangers |= !kind.is_file() && !kind.is_dir();
        if kind.is_file() {
            seen.note(&path, size, listing, || {
                let mut bytes = Vec::new();
                entry.read_to_end(&mut bytes)?;
                // The reader takes a file that was cut off for one that ends there.
                match bytes.len() as u64 == size {
                    true => Ok(bytes),
                    false => Err(io::ErrorKind::UnexpectedEof.into()),
                }
            })?;
        }
    }
    Ok(())
}
