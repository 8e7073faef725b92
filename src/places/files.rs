//! [`FileSet`]: the files that an artifact is made of, in a folder of this machine.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use crate::storage::checked::Checked;
use crate::storage::holdings::{BlobHoldings, Holdings, KeptList};
use crate::storage::reading::digest_of;
use crate::storage::store::{BlobSink, ImageSink};
use crate::tools::buffer::BUFFER;
use crate::tools::file::AtomicFile;
use crate::tools::folder::{Folder, SHARED};
use crate::words::cancel::Cancel;
use crate::words::digest::Digest;
use crate::words::document::{Descriptor, Document};
use crate::words::error::{Class, Error, Result};
use crate::words::reference::{Reference, Tag};

/// A file that a blob is to become.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FileToBe {
    /// What it is called, which is a [single name](crate::places::artifact::file_name).
    pub name: String,
    /// Its bytes.
    pub blob: Descriptor,
    /// What stands there.
    pub there: FileThere,
}

/// What stands where a file is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileThere {
    /// Nothing.
    Nothing,
    /// The same bytes.
    Same,
    /// Another file, or none.
    Other,
}

impl FileToBe {
    /// The file `name` of the bytes of `blob` in the folder `path`, which is looked at. A file of that
    /// size is read.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn look(path: &Path, name: String, blob: Descriptor, cancel: &Cancel) -> Result<FileToBe> {
        let shown = path.join(&name);
        let fault = |e| Error::io(format!("destination: cannot read {}", shown.display()), e);
        let folder = match Folder::open(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Ok(FileToBe { name, blob, there: FileThere::Nothing });
            }
            other => other.map_err(fault)?,
        };
        let there = match folder.look(&name).map_err(fault)? {
            None => FileThere::Nothing,
            Some(about) if about.size != blob.size => FileThere::Other,
            Some(_) => match folder.file(&name) {
                Ok(file) if is_of(&file, &blob, cancel).map_err(fault)? => FileThere::Same,
                Err(e) if e.kind() != io::ErrorKind::InvalidData => return Err(fault(e)),
                _ => FileThere::Other,
            },
        };
        Ok(FileToBe { name, blob, there })
    }
}

/// Whether the bytes of `file` are those of `blob`.
fn is_of(mut file: &File, blob: &Descriptor, cancel: &Cancel) -> io::Result<bool> {
    Ok(digest_of(&mut file, cancel)? == blob.digest)
}

/// The files of one artifact, as a place to write to. What it does not become a file of is not kept.
#[derive(Debug)]
pub struct FileSet {
    folder: PathBuf,
    document: Descriptor,
    files: Vec<FileToBe>,
    /// Those that came, by their places.
    came: Mutex<BTreeMap<usize, AtomicFile>>,
}

impl FileSet {
    /// Writes the artifact that `document` describes as `files` into `folder`, which is made where it is
    /// missing. Those that are the same there are left alone, others replaced. Changes nothing yet.
    #[must_use]
    pub fn new(folder: &Path, document: Descriptor, files: Vec<FileToBe>) -> FileSet {
        FileSet { folder: folder.to_owned(), document, files, came: Mutex::default() }
    }

    fn came(&self) -> Result<MutexGuard<'_, BTreeMap<usize, AtomicFile>>> {
        self.came.lock().map_err(|_| Error::new(Class::Other, "another thread failed"))
    }

    /// The files of `digest` that are to be written, with their places.
    fn missing(&self, digest: &Digest) -> impl Iterator<Item = (usize, &FileToBe)> {
        let all = self.files.iter().enumerate();
        all.filter(move |(_, it)| it.there != FileThere::Same && it.blob.digest == *digest)
    }

    fn is_whole(&self) -> bool {
        self.files.iter().all(|file| file.there == FileThere::Same)
    }
}

impl BlobHoldings for FileSet {
    fn has(&self, blob: &Descriptor) -> Result<bool> {
        let came = self.came()?;
        Ok(self.missing(&blob.digest).all(|(at, _)| came.contains_key(&at)))
    }
}

impl BlobSink for FileSet {
    fn put(&self, content: &mut dyn Checked) -> Result<()> {
        let digest = content.blob().digest;
        let mut open = Vec::new();
        for (at, file) in self.missing(&digest) {
            let folder = Folder::make(&self.folder, SHARED)
                .map_err(|e| Error::io(format!("cannot make {}", self.folder.display()), e))?;
            open.push((at, AtomicFile::locked_within(&folder, &file.name, 0o644)?));
        }
        let mut buffer = vec![0; BUFFER];
        loop {
            let got = match content.read(&mut buffer) {
                Ok(0) => break,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                got => got.map_err(|e| Error::io(format!("reading {digest}"), e))?,
            };
            for (at, file) in &mut open {
                file.write_all(&buffer[..got]).map_err(|e| {
                    let path = self.folder.join(&self.files[*at].name);
                    Error::io(format!("cannot write {}", path.display()), e)
                })?;
            }
        }
        self.came()?.extend(open);
        Ok(())
    }
}

impl Holdings for FileSet {
    fn has_document(&self, descriptor: &Descriptor) -> Result<bool> {
        Ok(descriptor.digest == self.document.digest && self.is_whole())
    }

    /// Files know no name but their own: they stand for the artifact where all of them are the same, or
    /// came.
    fn published(&self, _: &Reference) -> Result<Option<Descriptor>> {
        let came = self.came()?;
        let mut all = self.files.iter().enumerate();
        let is_there =
            all.all(|(at, file)| file.there == FileThere::Same || came.contains_key(&at));
        Ok(is_there.then(|| self.document.clone()))
    }

    fn keeps_untagged(&self) -> bool {
        false
    }

    fn referrers_list(&self, _: &Tag) -> Result<Option<KeptList>> {
        Ok(None)
    }
}

impl ImageSink for FileSet {
    fn put_document(&self, _: &Document) -> Result<bool> {
        Ok(true)
    }

    fn publish(&self, _: &Reference, _: &Document) -> Result<()> {
        Ok(())
    }

    /// Gives the files their names, the first one last: where it is there, so are the others.
    fn finish(&self) -> Result<()> {
        let mut came = self.came()?;
        if came.is_empty() {
            return Ok(());
        }
        if let Some((_, lost)) = self
            .files
            .iter()
            .enumerate()
            .find(|(at, file)| file.there != FileThere::Same && !came.contains_key(at))
        {
            let text = format!("{} never came", self.folder.join(&lost.name).display());
            return Err(Error::new(Class::Other, text));
        }
        while let Some((at, file)) = came.pop_last() {
            let folder = file.folder().clone();
            match self.files[at].there {
                FileThere::Other => file.commit()?,
                // Whatever came there meanwhile, nobody asked for it to go.
                FileThere::Nothing | FileThere::Same => file.commit_new()?,
            }
            folder.is_found()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::storage::checked::samples::Unchecked;

    fn set(folder: &Path, names: &[&str], bytes: &[u8]) -> FileSet {
        let blob = Descriptor::of("a/b", bytes);
        let look = |name: &&str| {
            FileToBe::look(folder, (*name).to_owned(), blob.clone(), &Cancel::default()).unwrap()
        };
        let files = names.iter().map(look).collect();
        FileSet::new(folder, Descriptor::of("a/manifest", b"{}"), files)
    }

    fn states(set: &FileSet) -> Vec<FileThere> {
        set.files.iter().map(|file| file.there).collect()
    }

    #[test]
    fn files_appear_together_once_they_came_and_are_known_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new");
        let blob = Descriptor::of("a/b", b"bytes");
        let listed = || fs::read_dir(&path).unwrap().count();

        let one = set(&path, &["x", "y"], b"bytes");
        assert!(!one.has(&blob).unwrap() && !path.exists());
        assert!(one.has(&Descriptor::of("a/config", b"{}")).unwrap(), "it is not kept");
        one.put(&mut Unchecked(&blob, &mut &b"bytes"[..])).unwrap();
        assert!(one.has(&blob).unwrap() && !path.join("x").exists());
        one.finish().unwrap();

        assert_eq!(fs::read(path.join("x")).unwrap(), b"bytes");
        assert_eq!(listed(), 2);
        let again = set(&path, &["x", "y"], b"bytes");
        assert_eq!(states(&again), [FileThere::Same; 2]);
        assert!(again.has_document(&again.document).unwrap());
        let other = set(&path, &["x", "z"], b"other");
        assert_eq!(states(&other), [FileThere::Other, FileThere::Nothing]);
        other.finish().unwrap();
        assert!(other.published(&"a:1".parse().unwrap()).unwrap().is_none(), "nothing came");
        drop(other);
        assert_eq!(listed(), 2);
    }

    #[test]
    fn a_link_or_a_folder_is_no_file_and_what_came_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (path, bytes) = (folder.path(), b"bytes");
        fs::write(path.join("victim"), bytes).unwrap();
        std::os::unix::fs::symlink("victim", path.join("link")).unwrap();
        fs::create_dir(path.join("dir")).unwrap();
        assert_eq!(states(&set(path, &["link", "dir"], bytes)), [FileThere::Other; 2]);

        let blob = Descriptor::of("a/b", bytes);
        let one = set(path, &["new"], bytes);
        one.put(&mut Unchecked(&blob, &mut &bytes[..])).unwrap();
        fs::write(path.join("new"), "somebody's").unwrap();

        assert_eq!(one.finish().unwrap_err().class(), Class::Refused);
        assert_eq!(fs::read(path.join("new")).unwrap(), b"somebody's");
    }
}
