//! [`Tree`]: named files, read-only, from a directory, in place from an uncompressed tar, or from a
//! tar that has to be read from its beginning.
//!
//! The medium is somebody else's: nothing here follows a link, blocks on a pipe, or believes a
//! header that a second reader could understand differently.

mod directory;
mod faults;
mod header;
pub mod kind;
mod links;
mod pax;
mod reader;
mod sort;
mod stream;
mod tar;
mod twins;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use self::faults::Fault;
pub use self::tar::{BLOCK, header};
pub use reader::TreeReader;
pub use sort::{EMPTY, Sort};
pub use stream::Opener;

use self::reader::{Inner, Within};
use self::sort::{SNIFF, sort_of};
use self::stream::{Listing, Passing, Stream};
use self::tar::InPlace;
use crate::tools::folder::Folder;
use crate::tools::inflate::{Allowance, HEAD, Inflate, packing_of, unread_packing};
use crate::tools::withheld;
use crate::words::error::{Class, Error, Result};
use crate::words::reference::Repository;

/// Most memory that the list of a tree's entries may take: room for half a million blobs. It is made
/// before anybody is believed.
const MAX_LISTING: usize = 112 << 20;
/// What is wrong with a tree of more entries.
const TOO_MANY: &str = "holds more files than any bundle or archive of images has";

/// About what one entry of that name takes there.
fn listing(name: &str) -> usize {
    name.len() + 128
}

/// Most faults that are told. A medium may be made of nothing else, and each is a line.
const MAX_FAULTS: usize = 1_000;

/// Where one regular file is.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// Where its bytes begin in the tar; nothing for a directory, which opens the file by name.
    offset: Option<u64>,
    size: u64,
}

/// What listing a tree finds.
#[derive(Debug, Default)]
struct Found {
    files: BTreeMap<String, Place>,
    /// Where symbolic links lead, where they are no faults.
    links: BTreeMap<String, String>,
    /// Files that stand a second time with the same size, in somebody else's archive.
    again: Vec<(String, Place)>,
    faults: Vec<Fault>,
    /// Folders of which nobody knows what is in them.
    unseen: BTreeSet<String>,
}

/// Where the contents are.
#[derive(Debug)]
enum Root {
    /// In files of a folder.
    Folder(Folder),
    /// In one tar, by position.
    Tar(Arc<File>),
    /// In a tar that has to be read from its beginning.
    Stream(Arc<Stream>),
}

/// A read-only set of named regular files.
#[derive(Debug)]
pub struct Tree {
    path: PathBuf,
    root: Root,
    found: Found,
}

impl Tree {
    /// Opens the directory or tar file at `path` and lists it, once. A final symbolic link in
    /// `path` itself is followed: the user named it. It is strict, as a bundle is: a compressed
    /// tar is no tar, and a link in it a fault.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is nothing at `path`, and any fault of the disk. What is
    /// wrong *inside* is listed by [`faults`](Tree::faults) instead.
    pub fn open(path: &Path) -> Result<Tree> {
        match directory::file(path)? {
            Some(file) => Tree::of_tar(path, file),
            None => Tree::of_folder(directory::named(path)?, false),
        }
    }

    /// As [`open`](Tree::open), of a folder that is open; its links are listed `with_links`.
    ///
    /// # Errors
    /// As there.
    pub fn of_folder(folder: Folder, with_links: bool) -> Result<Tree> {
        let found = directory::list(&folder, with_links)?;
        Ok(Tree { path: folder.path().to_owned(), root: Root::Folder(folder), found })
    }

    /// As [`open`](Tree::open), of a tar that is open as `file`; `path` is only shown.
    ///
    /// # Errors
    /// As there.
    pub fn of_tar(path: &Path, file: Arc<File>) -> Result<Tree> {
        let fault = |e| withheld::reading(format!("cannot read {}", path.display()), e);
        let found = tar::list(&mut InPlace::new(&file).map_err(fault)?, false).map_err(fault)?;
        Ok(Tree { path: path.to_owned(), root: Root::Tar(file), found })
    }

    /// Opens what others have made, for images to be taken from it: as [`open`](Tree::open), but
    /// the tar may be compressed with gzip or zstd, names in it may begin with a slash, and symbolic
    /// links in it are listed, to be followed by [`resolve`](Tree::resolve).
    ///
    /// # Errors
    /// As [`open`](Tree::open), and [`Class::Damaged`] when what is compressed is broken.
    pub fn open_source(path: &Path) -> Result<Tree> {
        match directory::file(path)? {
            Some(file) => Tree::of_file(path, file),
            None => Tree::of_folder(directory::named(path)?, true),
        }
    }

    /// As [`open_source`](Tree::open_source), of a file that is open; `path` is only shown.
    ///
    /// # Errors
    /// As there.
    pub fn of_file(path: &Path, file: Arc<File>) -> Result<Tree> {
        let name = path.display().to_string();
        let fault = |e| Error::io(format!("cannot read {name}"), e);
        let length = file.metadata().map_err(fault)?.len();
        let (at, left, shown) = (0, length, name.clone());
        let whole = Within { file: Arc::clone(&file), at, left, name: shown };
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
                Tree::of_stream(path, Box::new(open))
            }
            None => {
                let found = tar::list(&mut InPlace::new(&file).map_err(fault)?, true);
                let (root, found) = (Root::Tar(Arc::clone(&file)), found.map_err(fault)?);
                let mut tree = Tree { path: path.to_owned(), root, found };
                tree.compare_twins()?;
                Ok(tree)
            }
        }
    }

    /// Lists the tar that `open` opens, symbolic links among its files; `path` is only shown.
    ///
    /// # Errors
    /// Those of `open` and of reading. What is wrong inside is listed by
    /// [`faults`](Tree::faults).
    pub fn of_stream(path: &Path, open: Opener) -> Result<Tree> {
        let name = path.display().to_string();
        let mut listing = Listing::begin(name.clone(), open)?;
        let found = tar::list(&mut listing, true)
            .map_err(|e| Error::io(format!("cannot read {name}"), e))?;
        let root = Root::Stream(Arc::new(listing.done()));
        let mut tree = Tree { path: path.to_owned(), root, found };
        tree.compare_twins()?;
        Ok(tree)
    }

    /// What it is, where it is a file and no tar.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn sort(&self) -> Result<Option<Sort>> {
        let Root::Tar(file) = &self.root else { return Ok(None) };
        let mut head =
            Within { file: Arc::clone(file), at: 0, left: SNIFF as u64, name: String::new() };
        let mut bytes = Vec::new();
        match head.read_to_end(&mut bytes) {
            Ok(_) => Ok(sort_of(&bytes)),
            Err(e) => Err(Error::io(format!("cannot read {}", self.path.display()), e)),
        }
    }

    /// Whether it is a folder.
    #[must_use]
    pub fn is_folder(&self) -> bool {
        matches!(self.root, Root::Folder(_))
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
        self.found.files.iter().map(|(path, place)| (path.as_str(), place.size))
    }

    /// The size of one regular file, if it is there.
    #[must_use]
    pub fn size(&self, path: &str) -> Option<u64> {
        self.found.files.get(path).map(|place| place.size)
    }

    /// The symbolic links, by their path inside, with what they say.
    pub fn links(&self) -> impl Iterator<Item = (&str, &str)> {
        self.found.links.iter().map(|(path, to)| (path.as_str(), to.as_str()))
    }

    fn missing(&self, path: &str) -> Error {
        Error::new(Class::Incomplete, format!("{}: {path} is missing", self.path.display()))
    }

    /// Where a file begins in its tar, so that files can be asked for in that order; 0 for one
    /// that is not there, and in a folder.
    #[must_use]
    pub fn position(&self, path: &str) -> u64 {
        self.found.files.get(path).and_then(|place| place.offset).unwrap_or(0)
    }

    /// The first [`HEAD`] bytes of a file, or all if it has fewer.
    ///
    /// # Errors
    /// As [`open_file`](Tree::open_file).
    pub fn head(&self, path: &str) -> Result<Vec<u8>> {
        if let (Root::Stream(stream), Some(place)) = (&self.root, self.found.files.get(path)) {
            return Ok(stream.head(place.offset.unwrap_or(0)).to_vec());
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
        let place = *self.found.files.get(path).ok_or_else(|| self.missing(path))?;
        self.open_place(path, place, offset)
    }

    /// As [`open_file`](Tree::open_file), of the file `path` at `place`.
    fn open_place(&self, path: &str, place: Place, offset: u64) -> Result<TreeReader> {
        let Place { offset: start, size } = place;
        let (start, offset) = (start.unwrap_or(0), offset.min(size));
        let name = format!("{}: {path}", self.path.display());
        let (file, start) = match &self.root {
            Root::Tar(file) => (Arc::clone(file), start),
            Root::Folder(root) => {
                let file = directory::open(root, path).map_err(|e| {
                    withheld::reading(format!("cannot open {}/{path}", self.path.display()), e)
                })?;
                (Arc::new(file), 0)
            }
            Root::Stream(stream) => {
                return Ok(TreeReader(match stream.kept(start) {
                    Some(bytes) => {
                        let mut kept = io::Cursor::new(bytes);
                        kept.set_position(offset);
                        Inner::Kept(kept)
                    }
                    None => {
                        let stream = Arc::clone(stream);
                        Inner::Passing(Passing::new(stream, path, start, size, offset))
                    }
                }));
            }
        };
        let (at, left) = (start + offset, size - offset);
        Ok(TreeReader(Inner::Within(Within { file, at, left, name })))
    }

    /// Reads a file whole when it has at most `limit` bytes.
    ///
    /// # Errors
    /// As [`open_file`](Tree::open_file), and [`Class::Damaged`] when it is larger.
    pub fn read_small(&self, path: &str, limit: u64) -> Result<Vec<u8>> {
        let size = self.size(path).ok_or_else(|| self.missing(path))?;
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
