//! Where named files are read from: a folder, a tar in place, or a tar from its beginning; and
//! [`Medium`], which decides where a bundle lies.
//!
//! The medium is somebody else's: nothing here follows a link, blocks on a pipe, or believes a
//! header that a second reader could understand differently.

mod entries;
pub mod fault;
mod folder_or_file;
pub mod header;
mod holder;
mod in_folder;
mod in_stream;
mod in_tar;
pub mod kind;
mod links;
mod names;
pub mod no_tar;
mod pax;
pub mod pieces;
pub mod reader;
mod scan;
mod stream;
mod tar_bytes;
pub mod tree;
mod twins;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Serialize, Serializer};

use self::folder_or_file::FolderOrFile;
use self::tree::Tree;
use crate::tools::file::lies_in;
use crate::words::error::{Class, Error, Result};
use crate::words::escape::Safe;
use crate::words::phrase::{Phrase, phrase};
use crate::words::remedy::Remedy;

/// Where a bundle lies, or is to lie, as the user named it. Every verb takes one, and nothing else
/// asks what kind of medium it is.
///
/// ```
/// use sealift::medium::{Form, Medium};
///
/// assert_eq!(Medium::at("june").form(), Form::Folder);
/// assert_eq!(Medium::at("june.tar").form(), Form::Packed);
/// let bundle = Medium::at("testdata/formats/v1/packed.tar").open()?;
/// assert!(bundle.size("SHA256SUMS").is_some());
/// # Ok::<(), sealift::words::error::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Medium {
    path: PathBuf,
}

/// What a bundle is made as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// Files in a folder.
    Folder,
    /// One plain tar.
    Packed,
}

impl Medium {
    /// The medium at `path`.
    pub fn at(path: impl Into<PathBuf>) -> Medium {
        Medium { path: path.into() }
    }

    /// The medium that a bundle is to be made as which a person calls `given`: without a slash or a
    /// dot behind its name.
    ///
    /// # Errors
    /// [`Class::Usage`] for what can be no name of a bundle.
    pub fn to_make(given: &Path) -> Result<Medium> {
        let bad = |why: &str, hint: Phrase| {
            let text = format!("{} {why}", Safe(&given.display().to_string()));
            Err(Error::new(Class::Usage, text).hint(hint))
        };
        let path: PathBuf = given.components().collect();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let lower = name.to_ascii_lowercase();
        let packed = [".tar.gz", ".tgz", ".tar.zst", ".tar.xz", ".tar.bz2"];
        if name.is_empty() || name == "-" || name == ".tar" {
            return bad(
                "is no name for a bundle",
                phrase![
                    "write ",
                    Remedy::Output,
                    " NAME, or ",
                    Remedy::Output,
                    " NAME.tar for a packed one",
                ],
            );
        }
        if packed.iter().any(|ending| lower.ends_with(ending)) {
            return bad(
                "would be compressed",
                "a packed bundle is a plain .tar: layers are compressed already".into(),
            );
        }
        if lower.ends_with(".tar") && !name.ends_with(".tar") {
            return bad(
                "does not end in .tar",
                "write the ending of a packed bundle in lower case".into(),
            );
        }
        if name.ends_with(".tar") && given.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return bad(
                "is a folder by its slash and a packed file by its ending",
                "leave out the slash".into(),
            );
        }
        Ok(Medium { path })
    }

    /// Where it is, for people, and to find what is beside it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a bundle that is made here is made as: one packed file where the name ends in `.tar`,
    /// else a folder.
    #[must_use]
    pub fn form(&self) -> Form {
        match self.path.extension().is_some_and(|extension| extension == "tar") {
            true => Form::Packed,
            false => Form::Folder,
        }
    }

    /// Lists the files of the bundle that is there, once. A final symbolic link in the path itself
    /// is followed: the user named it. It is strict, as a bundle is: a compressed tar is no tar, and
    /// a link in it a fault.
    ///
    /// # Errors
    /// [`Class::Incomplete`] when there is nothing, and any fault of the disk. What is wrong
    /// *inside* is listed by [`faults`](Tree::faults) instead.
    pub fn open(&self) -> Result<Tree> {
        match folder_or_file::look(&self.path)? {
            FolderOrFile::Folder(folder) => Tree::of_folder(folder, false),
            FolderOrFile::File(file) => Tree::of_tar(&self.path, file),
        }
    }

    /// Whether anything stands there, be it a bundle or not.
    ///
    /// # Errors
    /// When nobody can tell.
    pub fn is_taken(&self) -> io::Result<bool> {
        match std::fs::symlink_metadata(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            other => other.map(|_| true),
        }
    }

    /// Whether what is written to `path` would be written into the bundle.
    #[must_use]
    pub fn contains(&self, path: &Path) -> bool {
        lies_in(path, &self.path)
    }
}

impl<P: Into<PathBuf>> From<P> for Medium {
    fn from(path: P) -> Medium {
        Medium::at(path)
    }
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path.display().fmt(f)
    }
}

impl Serialize for Medium {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Bytes that are no text are replaced: a result is worth more than they are.
        self.path.to_string_lossy().serialize(serializer)
    }
}
