//! [`Kept`]: what stays on this side of a set of volumes that goes onto media one after the other: what the
//! bundle says of itself, and the table of each volume that is finished.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;

use rustix::fs::FileType;

use super::super::site::Site;
use super::super::volumes::left::{left_in, named};
use crate::bundle::labels::{SHEET, TEXT};
use crate::medium::Medium;
use crate::medium::header::BLOCK;
use crate::medium::tree::Tree;
use crate::medium::volume_table::{MAX_TABLE, VolumeTable};
use crate::tools::file::{TEMP_PREFIX, write_whole};
use crate::tools::folder::Folder;
use crate::words::error::{Class, Error, Result};

/// A record of the bundle: its small files, packed.
pub const RECORD: &str = "record.tar";
/// Permissions of what is kept.
const MODE: u32 = 0o644;
/// How the table of a finished volume ends.
const ENDING: &str = ".json";

/// The tables of the finished volumes, by their place in the set, each with its bytes.
pub(super) type Finished = BTreeMap<usize, (VolumeTable, Vec<u8>)>;

/// What the bundle says of itself whose volumes went onto media, if it is finished as `output` wants it cut.
pub(in crate::bundle) fn finished_record(output: &Medium) -> Option<Medium> {
    let (by, path) = (output.cutting().filter(|_| output.drive().is_some())?, output.path());
    let (folder, name) = (Folder::open(path).ok()?, path.file_name()?.to_string_lossy());
    let mut first = Vec::new();
    let file = folder.file(named(&name, 0, ENDING)).ok()?;
    file.take(MAX_TABLE).read_to_end(&mut first).ok()?;
    let table = VolumeTable::from_bytes(&first).ok()?;
    let is_cut_so = (table.volume_size, &table.label) == (by.volume_size, &by.label);
    is_cut_so.then(|| output.beside(path.join(RECORD)))
}

/// The folder in which that is kept.
#[derive(Debug)]
pub(super) struct Kept {
    pub root: Folder,
    name: String,
}

impl Kept {
    /// Opens it, locked. What else lies there is refused.
    pub fn open(site: &Site) -> Result<Kept> {
        let kept = Kept::of(site, site.open_folder()?);
        let left = left_in(&kept.root, site, ENDING, &[TEXT, SHEET, RECORD])?;
        // The folder itself gets the set's name: nothing that a killed run was writing stays in it.
        for (name, _) in left.iter().filter(|(name, _)| name.starts_with(TEMP_PREFIX)) {
            let path = kept.root.at(name);
            let removed = kept.root.remove(name);
            removed.map_err(|e| Error::io(format!("cannot remove {}", path.display()), e))?;
        }
        Ok(kept)
    }

    fn of(site: &Site, root: Folder) -> Kept {
        Kept { root, name: site.name.to_string_lossy().into_owned() }
    }

    /// What an interrupted run finished, without touching anything.
    pub fn left(site: &Site) -> Result<Finished> {
        if site.left(&site.partial, FileType::Directory)?.is_none() {
            return Ok(Finished::new());
        }
        let path = site.folder.at(&site.partial);
        let root = site.folder.below(&site.partial);
        let root = root.map_err(|e| Error::io(format!("cannot list {}", path.display()), e))?;
        left_in(&root, site, ENDING, &[TEXT, SHEET, RECORD])?;
        Kept::of(site, root).finished()
    }

    fn table_name(&self, at: usize) -> String {
        named(&self.name, at, ENDING)
    }

    /// The volumes that are finished.
    pub fn finished(&self) -> Result<Finished> {
        let fault = |e| Error::io(format!("cannot list {}", self.root.path().display()), e);
        let mut finished = Finished::new();
        for name in self.root.names().map_err(fault)? {
            let Some(name) = name.to_str().filter(|name| name.ends_with(ENDING)) else { continue };
            let path = self.root.at(name);
            let fault = |e| Error::io(format!("cannot read {}", path.display()), e);
            let mut bytes = Vec::new();
            let file = self.root.file(name).map_err(fault)?;
            file.take(MAX_TABLE).read_to_end(&mut bytes).map_err(fault)?;
            let table = VolumeTable::from_bytes(&bytes).map_err(|e| {
                e.context(path.display()).hint("remove it: its volume is made again")
            })?;
            let at = usize::try_from(table.number).unwrap_or(0).saturating_sub(1);
            if self.table_name(at) == name {
                finished.insert(at, (table, bytes));
            }
        }
        Ok(finished)
    }

    /// Remembers that a volume is finished.
    pub fn keep(&self, at: usize, table: &[u8]) -> Result<()> {
        write_whole(&self.root, &self.table_name(at), MODE, table)
    }

    /// Forgets that it is.
    pub fn forget(&self, at: usize) -> Result<()> {
        let name = self.table_name(at);
        let fault = |e| Error::io(format!("cannot remove {}", self.root.at(&name).display()), e);
        self.root.remove(&name).map_err(fault)?;
        self.root.sync()
    }

    /// Keeps the `small` files of the bundle, as entries of a tar.
    pub fn record(&self, small: &[u8]) -> Result<()> {
        let mut bytes = small.to_vec();
        bytes.resize(bytes.len() + 2 * BLOCK as usize, 0);
        write_whole(&self.root, RECORD, MODE, &bytes)
    }

    /// What the bundle says of itself.
    pub fn tree(&self) -> Result<Tree> {
        let path = self.root.at(RECORD);
        match self.root.file(RECORD) {
            Ok(file) => Tree::of_tar(&path, Arc::new(file)),
            Err(e) => Err(Error::io(format!("cannot read {}", path.display()), e)),
        }
    }

    /// Writes a file for people.
    pub fn write(&self, name: &str, text: &str) -> Result<()> {
        write_whole(&self.root, name, MODE, text.as_bytes())
    }

    /// That the finished volumes are of another bundle, or of this one cut otherwise.
    pub fn of_another(&self, finished: &Finished) -> Error {
        let names: Vec<String> = finished.values().take(8).map(|(table, _)| table.name()).collect();
        let text = format!(
            "{} is of another set, of which these are finished: {}",
            self.root.path().display(),
            names.join(", ")
        );
        Error::new(Class::Usage, text).hint(
            "what is exported may have changed since, or the size or the label differ: name another \
             output, or remove that folder to begin anew",
        )
    }
}
