//! [`ProtectedFiles`]: the files of a bundle that recovery data is about.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::bundle::inventory::is_recovery;
use crate::medium::Medium;
use crate::medium::tree::Tree;
use crate::tools::file::open_regular;
use crate::tools::folder::is_folder_at;
use crate::tools::par2::{FileSums, RecoverySet, Slices, Summing};
use crate::tools::parallel;
use crate::tools::uncached::forget;
use crate::tools::withheld;
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};

/// How much of a file is read at a time.
const CHUNK: usize = 4 << 20;

/// The files of a bundle, by names that are ours.
#[derive(Debug)]
pub(super) struct ProtectedFiles {
    names: Vec<(String, u64)>,
    held: Held,
}

/// What holds them.
#[derive(Debug)]
enum Held {
    /// A folder.
    Folder(Box<Tree>),
    /// It is one file.
    Packed(File),
    /// It is one file, which is not there.
    Missing,
}

impl ProtectedFiles {
    /// Those of the bundle on `medium`, as far as they are there.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn open(medium: &Medium) -> Result<ProtectedFiles> {
        let path = medium.path();
        let fault = |e| withheld::reading(format!("cannot read {}", path.display()), e);
        if is_folder_at(path)? {
            let tree = medium.open()?;
            if !tree.is_folder() {
                let text = format!(
                    "{medium} is a folder of volumes, whose files are in none of their own"
                );
                let error = Error::new(Class::Usage, text);
                return Err(error.hint("protect the bundle before it is cut into volumes"));
            }
            let files = tree.files().filter(|(path, size)| !is_recovery(path) && *size > 0);
            let names = files.map(|(path, size)| (path.to_owned(), size)).collect();
            return Ok(ProtectedFiles { names, held: Held::Folder(Box::new(tree)) });
        }
        let file = open_regular(path).map_err(fault)?;
        let len = file.metadata().map_err(fault)?.len();
        if medium.is_past_cache() {
            forget(&file, 0, len);
        }
        Ok(ProtectedFiles { names: vec![(own_name(path)?, len)], held: Held::Packed(file) })
    }

    /// As [`open`](ProtectedFiles::open), where a packed file may be missing altogether.
    ///
    /// # Errors
    /// As there.
    pub(super) fn left(medium: &Medium) -> Result<ProtectedFiles> {
        match medium.is_taken() {
            Ok(false) => {
                let names = vec![(own_name(medium.path())?, 0)];
                Ok(ProtectedFiles { names, held: Held::Missing })
            }
            _ => ProtectedFiles::open(medium),
        }
    }

    /// Whether they are one packed file.
    pub(super) fn is_packed(&self) -> bool {
        !matches!(self.held, Held::Folder(_))
    }

    /// The files of the folder, where they are in one.
    pub(super) fn tree(&self) -> Option<&Tree> {
        match &self.held {
            Held::Folder(tree) => Some(tree),
            _ => None,
        }
    }

    /// Fails when there are files among them that could not be looked at.
    ///
    /// # Errors
    /// As [`Tree::refuse_faults`].
    pub(super) fn refuse_faults(&self) -> Result<()> {
        self.tree().map_or(Ok(()), Tree::refuse_faults)
    }

    /// Their names, with their sizes.
    pub(super) fn names(&self) -> &[(String, u64)] {
        &self.names
    }

    /// Fills `into` with the bytes of the file `number` from `offset` on, as far as there are any; how many
    /// that is.
    pub(super) fn read(&self, number: usize, offset: u64, into: &mut [u8]) -> Result<usize> {
        let (name, len) = &self.names[number];
        let there = usize::try_from(len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = there.min(into.len());
        let (into, fault) =
            (&mut into[..len], |e| withheld::reading(format!("cannot read {name}"), e));
        match &self.held {
            Held::Missing => Ok(0),
            _ if len == 0 => Ok(0),
            Held::Packed(file) => file.read_exact_at(into, offset).map(|()| len).map_err(fault),
            Held::Folder(tree) => {
                let mut reader = tree.open_file(name, offset)?;
                reader.read_exact(into).map(|()| len).map_err(fault)
            }
        }
    }

    /// What is known of all of them, in slices of `slice_size`, once they were read.
    pub(super) fn sums(
        &self,
        slice_size: u64,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<RecoverySet> {
        let all: Vec<usize> = (0..self.names.len()).collect();
        let files = parallel::map(jobs.min(all.len()), &all, |number| {
            self.sums_of(*number, slice_size, progress)
        })?;
        Ok(RecoverySet::new(slice_size, files))
    }

    fn sums_of(&self, number: usize, slice_size: u64, progress: &dyn Progress) -> Result<FileSums> {
        let (name, len) = &self.names[number];
        let mut summing = Summing::new(slice_size);
        let mut chunk = vec![0; CHUNK.min(usize::try_from(*len).unwrap_or(CHUNK))];
        let mut at = 0;
        while at < *len {
            progress.check()?;
            let got = self.read(number, at, &mut chunk)?;
            summing.update(&chunk[..got]);
            at += got as u64;
            progress.event(Event::Advanced { digest: None, bytes: got as u64 });
        }
        Ok(summing.finish(name.clone()))
    }
}

/// What the packed file at `path` is called.
fn own_name(path: &Path) -> Result<String> {
    let name = path.file_name().and_then(OsStr::to_str).ok_or_else(|| {
        let text = format!("{} has no name that is text", path.display());
        Error::new(Class::Usage, text).hint("give it another name")
    })?;
    Ok(name.to_owned())
}

/// The slices of a set, whose files are found in `files` of `sources`.
pub(super) struct Sliced<'s> {
    pub(super) sources: &'s ProtectedFiles,
    /// For each file of the set the number that it has here, if it is there.
    pub(super) files: Vec<Option<usize>>,
    /// Where each slice is.
    pub(super) places: Vec<(usize, u64)>,
    /// How many bytes each file of the set has: behind them stand zeros, whatever is there.
    lens: Vec<u64>,
}

impl<'s> Sliced<'s> {
    /// Those of `set`, whose files are called as they are here; of a packed file the only one, whatever it
    /// is called.
    pub(super) fn named(set: &RecoverySet, sources: &'s ProtectedFiles) -> Sliced<'s> {
        let number = |file: &FileSums| {
            let called = |(name, _): &(String, u64)| name.as_str().cmp(&file.name);
            sources.names.binary_search_by(called).ok()
        };
        let files = match &sources.held {
            Held::Folder(_) => set.files.iter().map(number).collect(),
            Held::Packed(_) => vec![Some(0); set.files.len()],
            Held::Missing => vec![None; set.files.len()],
        };
        let lens = set.files.iter().map(|file| file.len).collect();
        Sliced { sources, files, places: set.places(), lens }
    }

    /// How many of the bytes of slice `slice`, which has `size`, are there.
    pub(super) fn there(&self, slice: usize, size: u64) -> u64 {
        let (file, begin) = self.places[slice];
        let len = self.files[file].map_or(0, |number| self.sources.names[number].1);
        len.min(self.lens[file]).saturating_sub(begin).min(size)
    }

    /// How many bytes of slice `slice`, which has `size`, are of the file, and no zeros behind it.
    pub(super) fn own(&self, slice: usize, size: u64) -> u64 {
        let (file, begin) = self.places[slice];
        self.lens[file].saturating_sub(begin).min(size)
    }
}

impl Slices for Sliced<'_> {
    fn read(&self, slice: usize, offset: u64, into: &mut [u8]) -> Result<()> {
        let (file, begin) = self.places[slice];
        let own = self.lens[file].saturating_sub(begin + offset);
        let own = usize::try_from(own).unwrap_or(usize::MAX).min(into.len());
        let got = match self.files[file] {
            Some(number) => self.sources.read(number, begin + offset, &mut into[..own])?,
            None => 0,
        };
        into[got..].fill(0);
        Ok(())
    }
}
