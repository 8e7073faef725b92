//! [`Tree`]: named files, read-only, from a directory, in place from an uncompressed tar, or from a
//! tar that has to be read from its beginning.

mod device;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::entries::{Entries, missing};
use super::fault::{self, TreeFault};
use super::folder_or_file::{self, FolderOrFile};
use super::holder::Holder;
use super::in_folder::{self, InFolder};
use super::in_stream::InStream;
use super::in_tar::InTar;
use super::no_tar::NoTar;
use super::pieces::Pieces;
use super::reader::{Placed, TreeReader};
use super::stream::{FirstPass, Opener};
use super::tar_bytes::InPlace;
use super::volumes::{Apart, Volumes};
use super::{links, scan, twins};
use crate::tools::folder::Folder;
use crate::tools::inflate::{Allowance, HEAD, Inflate, packing_of, unread_packing};
use crate::tools::named_file::NamedFile;
use crate::tools::stretch::Stretch;
use crate::tools::withheld;
use crate::words::cancel::Cancel;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Repository;

/// A read-only set of named regular files.
#[derive(Debug)]
pub struct Tree {
    path: PathBuf,
    holder: Box<dyn Holder>,
    entries: Entries,
    /// Whether it is read past what the system has in memory.
    past_cache: bool,
    /// Stops what takes long.
    cancel: Cancel,
}

impl Tree {
    /// Lists a folder that is open; its links `with_links`, which else are faults.
    ///
    /// # Errors
    /// Any fault of the disk. What is wrong inside is listed by [`faults`](Tree::faults).
    pub fn of_folder(folder: Folder, with_links: bool) -> Result<Tree> {
        let entries = in_folder::list(&folder, with_links)?;
        let path = folder.path().to_owned();
        Ok(Tree::of(&path, InFolder(folder), entries))
    }

    /// Lists a tar that is open as `file`, strictly: a compressed one is no tar, and a link in it a
    /// fault. `path` is only shown.
    ///
    /// # Errors
    /// As [`of_folder`](Tree::of_folder).
    pub fn of_tar(path: &Path, file: Arc<File>) -> Result<Tree> {
        let fault = |e| withheld::reading(format!("cannot read {}", path.display()), e);
        let entries = scan::list(&mut InPlace::new(&file).map_err(fault)?, false);
        Ok(Tree::of(path, InTar(file), entries.map_err(fault)?))
    }

    /// What `holder` holds and has listed as `entries`; `path` is only shown.
    pub(super) fn of(path: &Path, holder: impl Holder + 'static, entries: Entries) -> Tree {
        let (holder, cancel) = (Box::new(holder), Cancel::default());
        Tree { path: path.to_owned(), holder, entries, past_cache: false, cancel }
    }

    /// Opens what others have made, a folder or a tar, for images to be taken from it. The tar may be
    /// compressed with gzip or zstd, names in it may begin with a slash, and symbolic links in it are
    /// listed, to be followed by [`resolve`](Tree::resolve). A final symbolic link in `path` itself is
    /// followed: the user named it. What takes long of that, and of reading from it, ends when
    /// `cancel` says stop.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is nothing at `path`, any fault of the disk, and
    /// [`Class::Damaged`] when what is compressed is broken.
    pub fn open_source(path: &Path, cancel: &Cancel) -> Result<Tree> {
        match folder_or_file::look(path)? {
            FolderOrFile::File(file) => Tree::of_file(path, file, cancel),
            FolderOrFile::Folder(folder) => {
                Ok(Tree { cancel: cancel.clone(), ..Tree::of_folder(folder, true)? })
            }
        }
    }

    /// As [`open_source`](Tree::open_source), of a file that is open; `path` is only shown.
    ///
    /// # Errors
    /// As there.
    pub fn of_file(path: &Path, file: Arc<File>, cancel: &Cancel) -> Result<Tree> {
        let name = path.display().to_string();
        let fault = |e| Error::io(format!("cannot read {name}"), e);
        let length = file.metadata().map_err(fault)?.len();
        let whole = Stretch::new(Arc::clone(&file), 0, length);
        let whole = Placed::new(&whole, 0, name.clone());
        let mut head = Vec::new();
        whole.clone().take(HEAD as u64).read_to_end(&mut head).map_err(fault)?;
        if let Some(other) = unread_packing(&head) {
            return Err(Error::new(Class::Damaged, format!("{name}: is compressed with {other}"))
                .hint("unpack it first: a tar may be plain, gzip or zstd"));
        }
        match packing_of(&head) {
            Some(packing) => {
                let open = move || {
                    let allowance = Allowance::default();
                    let inflate = Inflate::new(packing, whole.clone(), &name, &allowance)
                        .map_err(|e| Error::io(format!("cannot unpack {name}"), e))?;
                    Ok(Box::new(inflate) as Box<dyn Read + Send>)
                };
                Tree::of_stream(path, Box::new(open), cancel)
            }
            None => {
                let entries = scan::list(&mut InPlace::new(&file).map_err(fault)?, true);
                Tree::of_strange(path, InTar(Arc::clone(&file)), entries.map_err(fault)?, cancel)
            }
        }
    }

    /// Lists the tar that `open` opens, symbolic links among its files, and stops as
    /// [`open_source`](Tree::open_source); `path` is only shown.
    ///
    /// # Errors
    /// Those of `open` and of reading. What is wrong inside is listed by
    /// [`faults`](Tree::faults).
    pub fn of_stream(path: &Path, open: Opener, cancel: &Cancel) -> Result<Tree> {
        let name = path.display().to_string();
        let mut pass = FirstPass::begin(name.clone(), open, cancel)?;
        let entries =
            scan::list(&mut pass, true).map_err(|e| Error::io(format!("cannot read {name}"), e))?;
        Tree::of_strange(path, InStream(Arc::new(pass.done())), entries, cancel)
    }

    /// What `holder` holds, made by others, in which files may stand twice.
    fn of_strange(
        path: &Path,
        holder: impl Holder + 'static,
        mut entries: Entries,
        cancel: &Cancel,
    ) -> Result<Tree> {
        twins::compare(&mut entries, &holder, path, cancel)?;
        Ok(Tree { cancel: cancel.clone(), ..Tree::of(path, holder, entries) })
    }

    /// The handle that stops the work on it.
    #[must_use]
    pub fn cancel(&self) -> &Cancel {
        &self.cancel
    }

    /// Fails once the way to it broke down, be it that the file was replaced: what was found since says
    /// nothing of what is in it.
    ///
    /// # Errors
    /// What kept it from being read.
    pub fn unbroken(&self) -> Result<()> {
        self.holder.failure().map_or(Ok(()), Err)
    }

    /// What it is, where it is a file and no tar.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn no_tar(&self) -> Result<Option<NoTar>> {
        let fault = |e| withheld::reading(format!("cannot read {}", self.path.display()), e);
        self.holder.no_tar().map_err(fault)
    }

    /// Whether it is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        self.holder.is_folder()
    }

    /// The volumes that it is, where it is a set of them.
    #[must_use]
    pub fn volumes(&self) -> Option<&Volumes> {
        self.holder.volumes()
    }

    /// The volumes in which the bytes of a file are wrong, for people, as far as that can be told, else
    /// those in which it lies; none where there are no volumes. Reads a file that lies in several.
    #[must_use]
    pub fn suspects(&self, path: &str) -> Vec<String> {
        let volumes = self.volumes().zip(self.entries.files.get(path));
        volumes.map(|(volumes, pieces)| volumes.suspects(path, pieces)).unwrap_or_default()
    }

    /// What has to be right beside its files.
    #[must_use]
    pub fn apart(&self) -> Vec<Apart> {
        self.volumes().map(Volumes::apart).unwrap_or_default()
    }

    /// The file `path`, where it is one of its own that can be given another name.
    #[must_use]
    pub fn named(&self, path: &str) -> Option<NamedFile> {
        self.entries.files.get(path).and_then(|_| self.holder.named(path))
    }

    /// The open file that all of it lies in, packed or encrypted, where it is one.
    #[must_use]
    pub fn file(&self) -> Option<&Arc<File>> {
        self.holder.file()
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last part of its path without endings, as a component of a repository's name: what
    /// images without a name are called after.
    #[must_use]
    pub fn stem(&self) -> String {
        let name = self.path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.to_ascii_lowercase();
        let name = name.strip_suffix(".tar").unwrap_or(&name);
        let words = name.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_'));
        let words: Vec<&str> = words
            .map(|word| word.trim_matches(['.', '_']))
            .filter(|word| !word.is_empty())
            .collect();
        let stem = words.join("-");
        match stem.parse::<Repository>() {
            Ok(_) => stem,
            Err(_) => "images".to_owned(),
        }
    }

    /// The regular files, by their path inside, in bytewise order, with their sizes.
    pub fn files(&self) -> impl Iterator<Item = (&str, u64)> {
        self.entries.files.iter().map(|(path, pieces)| (path.as_str(), pieces.size()))
    }

    /// The size of one regular file, if it is there.
    #[must_use]
    pub fn size(&self, path: &str) -> Option<u64> {
        self.entries.files.get(path).map(Pieces::size)
    }

    /// The symbolic links, by their path inside, with what they say.
    pub fn links(&self) -> impl Iterator<Item = (&str, &str)> {
        self.entries.links.iter().map(|(path, to)| (path.as_str(), to.as_str()))
    }

    /// The regular file that `path` is, or that the symbolic link `path` leads to.
    ///
    /// # Errors
    /// [`Class::Damaged`] for a path or a link that leaves the tree, and for one that leads to
    /// more than one further link; [`Class::Incomplete`] when there is no file at its end.
    pub fn resolve(&self, path: &str) -> Result<String> {
        links::resolve(&self.entries, &self.path, path)
    }

    /// Everything that is no regular file, stands twice, or cannot be read one way only.
    #[must_use]
    pub fn faults(&self) -> &[TreeFault] {
        &self.entries.faults
    }

    /// Whether `path` lies in a folder that cannot be seen, so that it may be there.
    #[must_use]
    pub fn hides(&self, path: &str) -> bool {
        self.entries.hides(path)
    }

    /// Fails with the first fault, if there is one, or that bytes are missing at the end.
    ///
    /// # Errors
    /// [`Class::Incomplete`] for what was cut off, [`Class::Refused`] for what cannot be read, else
    /// [`Class::Damaged`].
    pub fn refuse_faults(&self) -> Result<()> {
        fault::refuse(&self.path, &self.entries.faults)
    }

    /// Where a file begins in what holds it, so that files can be asked for in that order; 0 for one
    /// that is not there, and in a folder.
    #[must_use]
    pub fn position(&self, path: &str) -> u64 {
        self.entries.files.get(path).map_or(0, Pieces::begin)
    }

    /// The first [`HEAD`] bytes of a file, or all if it has fewer.
    ///
    /// # Errors
    /// As [`open_file`](Tree::open_file).
    pub fn head(&self, path: &str) -> Result<Vec<u8>> {
        let known = self.entries.files.get(path).and_then(|pieces| self.holder.head(pieces));
        if let Some(known) = known {
            return Ok(known.to_vec());
        }
        let mut head = Vec::new();
        self.open_file(path, 0)?
            .take(HEAD as u64)
            .read_to_end(&mut head)
            .map_err(|e| Error::io(format!("cannot read {}: {path}", self.path.display()), e))?;
        Ok(head)
    }

    /// Opens a file from byte `offset` on. Of a tar that has to be read from its beginning, one
    /// file is read at a time: whoever reads another one waits, until this one was read to its
    /// end or let go of.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when it is not there; [`Class::Damaged`] when it is no longer what
    /// was listed.
    pub fn open_file(&self, path: &str, offset: u64) -> Result<TreeReader> {
        let pieces = self.entries.files.get(path).ok_or_else(|| missing(&self.path, path))?;
        let reader = self.holder.open(&self.path, path, pieces, offset.min(pieces.size()))?;
        Ok(if self.past_cache { reader.past_cache() } else { reader })
    }

    /// Reads a file whole when it has at most `limit` bytes.
    ///
    /// # Errors
    /// As [`open_file`](Tree::open_file), and [`Class::Damaged`] when it is larger.
    pub fn read_small(&self, path: &str, limit: u64) -> Result<Vec<u8>> {
        let size = self.size(path).ok_or_else(|| missing(&self.path, path))?;
        if size > limit {
            let text = format!(
                "{}: {path} has {size} bytes, more than the {limit} allowed",
                self.path.display(),
            );
            return Err(Error::new(Class::Damaged, text));
        }
        let mut bytes = Vec::new();
        self.open_file(path, 0)?
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io(format!("cannot read {}: {path}", self.path.display()), e))?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
