//! A bundle that is a folder, repaired: each file is named by the signed list, and is what that says.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write};
use std::path::Path;

use super::restore::{MODE, Restoring, make_folder, writing};
use super::ward::Ward;
use crate::bundle::check::{SmallFiles, signed_list};
use crate::bundle::envelope::{MAX_ENVELOPE, MAX_ENVELOPES};
use crate::bundle::inventory::{Inventory, MAX_SUMS, SUMS};
use crate::medium::tree::Tree;
use crate::tools::file::{AtomicFile, sweep_in};
use crate::tools::folder::{Folder, SHARED};
use crate::words::digest::{Digest, Hasher};
use crate::words::error::{Class, Error, Result};
use crate::words::progress::{Event, Progress};

/// The bundle as it is once it is repaired: what is signed, and where the bytes come from.
struct Repaired<'p> {
    ward: &'p Ward,
    tree: &'p Tree,
    list: Inventory,
    /// The list and its signatures.
    heads: SmallFiles,
    /// The files of the set, by their names.
    of_set: BTreeMap<&'p str, usize>,
    scratch: File,
}

impl Ward {
    /// Puts what is repaired in the place of each damaged file of the folder `path`.
    pub(super) fn mend_folder(&self, path: &Path, how: &Restoring<'_>) -> Result<()> {
        let fault = |e| Error::io(format!("cannot open {}", path.display()), e);
        let root = Folder::open(path).map_err(fault)?;
        let damaged: Vec<usize> = self.damaged_files().collect();
        let bytes = damaged.iter().map(|file| self.len(*file)).sum();
        let Some(repaired) = Repaired::of(self, &root, bytes, how)? else { return Ok(()) };
        if let Some(odd) = damaged.iter().map(|it| self.name(*it)).find(|it| !repaired.has(it)) {
            let text = format!("the recovery data is of something else: {odd} is no file of it");
            return Err(Error::new(Class::Refused, text).hint("`par2` repairs what it is of"));
        }
        let names = damaged.iter().map(|file| self.name(*file).to_owned());
        let names: Vec<String> = names.chain(self.empty_of(&repaired.list)).collect();
        how.progress.event(writing(bytes, names.len() as u64));
        let above: BTreeSet<&str> = names.iter().map(|name| split(name).0).collect();
        for above in above {
            // What a run that was killed left.
            sweep_in(&below(&root, above)?)?;
        }
        for name in &names {
            repaired.write(name, &root, how.progress)?;
        }
        how.progress.event(Event::Done);
        root.is_found()
    }

    /// Writes the repaired folder as `name` in `above`.
    pub(super) fn copy_folder(
        &self,
        above: &Folder,
        name: &OsStr,
        how: &Restoring<'_>,
    ) -> Result<()> {
        make_folder(above, name, |root| {
            let bytes = self.all_files().map(|file| self.len(file)).sum();
            let Some(repaired) = Repaired::of(self, root, bytes, how)? else { return Ok(()) };
            let names: Vec<&str> = repaired.names().collect();
            how.progress.event(writing(bytes, names.len() as u64));
            for name in names {
                repaired.write(name, root, how.progress)?;
            }
            how.progress.event(Event::Done);
            (how.check)(&self.medium.beside(root.path()))
        })
    }
}

impl<'p> Repaired<'p> {
    /// That of `ward`, of which `bytes` are to be written into `root`; nothing where it is no folder.
    fn of(
        ward: &'p Ward,
        root: &Folder,
        bytes: u64,
        how: &Restoring<'_>,
    ) -> Result<Option<Repaired<'p>>> {
        let Some(tree) = ward.sources().tree() else { return Ok(None) };
        let scratch = ward.scratch(root, bytes, how)?;
        let of_set = ward.all_files().map(|file| (ward.name(file), file)).collect();
        let (list, heads) = Default::default();
        let mut repaired = Repaired { ward, tree, list, heads, of_set, scratch };
        repaired.heads = repaired.read_heads(how.progress)?;
        let name = ward.medium.to_string();
        let (list, statement) = signed_list(&repaired.heads, how.trust, &name)?;
        repaired.list = list;
        // What is there, and right, is not taken back to what it was.
        let there = signed_list(&repaired.heads_there(), how.trust, &name);
        match there.is_ok_and(|(_, there)| there != statement) {
            true => {
                let text =
                    format!("the recovery data of {name} is of another bundle than is there");
                Err(Error::new(Class::Refused, text).hint("`par2` repairs what it is of"))
            }
            false => Ok(Some(repaired)),
        }
    }

    /// The list and its signatures, as they are once they are repaired.
    fn read_heads(&self, progress: &dyn Progress) -> Result<SmallFiles> {
        let mut heads = self.heads_there();
        for (name, file) in self.of_set.iter().filter(|(name, _)| is_head(name)) {
            if self.ward.len(*file) > most(name) || heads.len() > MAX_ENVELOPES + 1 {
                let text = format!("the recovery data is of no bundle: it has {name} in it");
                return Err(Error::new(Class::Refused, text));
            }
            let mut bytes = Vec::new();
            self.ward.write(*file, &self.scratch, &mut bytes, progress)?;
            heads.insert((*name).to_owned(), bytes);
        }
        Ok(heads)
    }

    /// The list and its signatures as far as they can be read as they lie.
    fn heads_there(&self) -> SmallFiles {
        let names = self.tree.files().map(|(path, _)| path).filter(|path| is_head(path));
        let names = names.take(MAX_ENVELOPES + 2);
        let read =
            |path: &str| Some((path.to_owned(), self.tree.read_small(path, most(path)).ok()?));
        names.filter_map(read).collect()
    }

    /// Whether the bundle has a file of that name.
    fn has(&self, name: &str) -> bool {
        self.list.files().contains_key(name) || self.heads.contains_key(name)
    }

    /// All its files.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.list.files().keys().chain(self.heads.keys()).map(String::as_str)
    }

    /// Writes the file `name` below `root`, if what comes out is as it was signed.
    fn write(&self, name: &str, root: &Folder, progress: &dyn Progress) -> Result<()> {
        let (above, last) = split(name);
        let folder = below(root, above)?;
        let to = AtomicFile::locked_within(&folder, last, MODE)?;
        let mut to = Hashing { to, sum: Hasher::default() };
        match (self.heads.get(name), self.of_set.get(name)) {
            (Some(bytes), _) => to.write_all(bytes).map_err(|e| unwritten(root, name, e))?,
            (None, Some(file)) => self.ward.write(*file, &self.scratch, &mut to, progress)?,
            (None, None) => self.copy(name, &mut to, root, progress)?,
        }
        let made = to.sum.finish();
        if self.list.files().get(name).is_some_and(|wanted| *wanted != made) {
            let text = format!("what was made of {name} is not what was signed");
            return Err(Error::new(Class::Damaged, text)
                .hint("the recovery data was made of something else; copy the bundle from its origin again"));
        }
        to.to.commit()
    }

    /// Copies the file `name`, which is in no set, as it lies; one without a byte need not be there.
    fn copy(
        &self,
        name: &str,
        to: &mut Hashing,
        root: &Folder,
        progress: &dyn Progress,
    ) -> Result<()> {
        if self.list.files().get(name) == Some(&Digest::of(b"")) {
            return Ok(());
        }
        let mut from = self.tree.open_file(name, 0)?;
        let mut chunk = vec![0; 1 << 20];
        loop {
            progress.check()?;
            let got = from
                .read(&mut chunk)
                .map_err(|e| Error::io(format!("cannot read {}: {name}", self.ward.medium), e))?;
            if got == 0 {
                return Ok(());
            }
            to.write_all(&chunk[..got]).map_err(|e| unwritten(root, name, e))?;
        }
    }
}

/// Whether `name` is the list of files or a signature of it.
#[must_use]
pub fn is_head(name: &str) -> bool {
    name == SUMS || name.starts_with("sig/")
}

/// How large the head `name` can be.
fn most(name: &str) -> u64 {
    if name == SUMS { MAX_SUMS } else { MAX_ENVELOPE }
}

/// The path of the folder that `path` is in, and its last name.
fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The folder `path` below `root`, made where it is missing. Each name on the way is one, and no link.
fn below(root: &Folder, path: &str) -> Result<Folder> {
    let mut folder = root.clone();
    for name in path.split('/').filter(|name| !name.is_empty()) {
        folder = folder.make_below(name, SHARED).map_err(|e| unwritten(root, path, e))?;
    }
    Ok(folder)
}

fn unwritten(root: &Folder, path: &str, error: io::Error) -> Error {
    Error::io(format!("cannot write {}", root.at(Path::new(path)).display()), error)
}

/// What is written, hashed on its way.
struct Hashing {
    to: AtomicFile,
    sum: Hasher,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.sum.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
