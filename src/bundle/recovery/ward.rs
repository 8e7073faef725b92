//! [`Ward`]: what one set protects, a folder or one file, beside its recovery data: which slices are lost.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use super::sources::{ProtectedFiles, Sliced};
use super::spot::RecoverySpot;
use crate::bundle::inventory::{Inventory, MAX_SUMS, SUMS, is_member};
use crate::medium::Medium;
use crate::tools::par2::{FoundSet, MAX_LOST, Md5Adding, RecoverySlice, Slices, rebuild};
use crate::tools::parallel;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result, Subject};
use crate::words::progress::{Event, Progress};

/// How much of a slice is read at a time.
const CHUNK: usize = 1 << 20;

/// Whether bytes of a file are known to be as they were, so that nobody has to read them again.
pub type KnownBytes<'k> = dyn Fn(&str, &Range<u64>) -> bool + Sync + 'k;

/// A folder or a file beside its recovery data.
#[derive(Debug)]
pub(super) struct Ward {
    /// Where it lies.
    pub(super) medium: Medium,
    sources: ProtectedFiles,
    found: FoundSet,
    /// The files with recovery data.
    files: Vec<File>,
    /// The slices that are lost, in order.
    lost: Vec<usize>,
    /// The files of the set that are not as they were.
    damaged: BTreeSet<usize>,
    /// Files without a byte, which are in no set, and are not as the list has them.
    empty: Vec<String>,
}

impl Ward {
    /// Reads what is on `medium`, but for what is `known`; nothing where it has no recovery data. Of
    /// several sets it is the one that makes up for most.
    ///
    /// # Errors
    /// Those of the disk, but for what cannot be read of the bundle: that is lost.
    /// [`Class::Damaged`] where its recovery data cannot be used, [`Class::Refused`] where that is about
    /// something else.
    pub(super) fn of(
        medium: &Medium,
        known: &KnownBytes<'_>,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<Option<Ward>> {
        let Some(spot) = RecoverySpot::there(medium)? else { return Ok(None) };
        let names = spot.names()?;
        if names.is_empty() {
            return Ok(None);
        }
        let (scan, files) = spot.scan(&names, progress)?;
        let sets = scan.sets();
        if sets.is_empty() {
            let text =
                format!("the recovery data of {medium} is damaged: it does not say of what it is");
            return Err(Error::new(Class::Damaged, text)
                .subject(Subject::Path(medium.path().to_owned()))
                .hint("copy it from its origin again"));
        }
        let (mut best, mut odd) = (None::<Ward>, None);
        for found in sets {
            let sources = ProtectedFiles::left(medium)?;
            if let Some(why) = mismatch(&sources, &found) {
                odd.get_or_insert(why);
                continue;
            }
            let files = files.iter().map(File::try_clone).collect::<std::io::Result<Vec<File>>>();
            let files = files.map_err(|e| Error::io("cannot open recovery data twice", e))?;
            let medium = medium.clone();
            let (lost, damaged, empty) = Default::default();
            let mut ward = Ward { medium, sources, found, files, lost, damaged, empty };
            ward.look(known, jobs, progress)?;
            if best.as_ref().is_none_or(|best| best.worth() < ward.worth()) {
                best = Some(ward);
            }
            if best.as_ref().is_some_and(|best| best.is_damaged() && best.lacking() == 0) {
                break;
            }
        }
        match (best, odd) {
            (Some(best), _) => Ok(Some(best)),
            (None, why) => {
                let why = why.unwrap_or_default();
                let text = format!("the recovery data of {medium} is of something else: {why}");
                Err(Error::new(Class::Refused, text)
                    .subject(Subject::Path(medium.path().to_owned()))
                    .hint("`par2` repairs what it is of"))
            }
        }
    }

    /// How much better it is than another one of the same files.
    fn worth(&self) -> (bool, bool, std::cmp::Reverse<usize>) {
        let does = self.lacking() == 0;
        (does && self.is_damaged(), does, std::cmp::Reverse(self.lacking()))
    }

    fn look(&mut self, known: &KnownBytes<'_>, jobs: usize, progress: &dyn Progress) -> Result<()> {
        let (set, slices) = (&self.found.set, self.sliced());
        let sums: Vec<_> = set.files.iter().flat_map(|file| &file.slices).collect();
        let is_known = |slice: usize| {
            let (file, begin) = slices.places[slice];
            let own = slices.own(slice, set.slice_size);
            let name = slices.files[file].map(|number| self.sources.names()[number].0.as_str());
            name.is_some_and(|name| known(name, &(begin..begin + own)))
        };
        let ahead: Vec<usize> =
            (0..slices.places.len()).filter(|slice| !is_known(*slice)).collect();
        let bytes = ahead.iter().map(|slice| slices.there(*slice, set.slice_size)).sum();
        let items = set.files.len() as u64;
        progress.event(Event::Phase { name: "looking for damage", bytes, items });
        let whole = parallel::map(jobs, &ahead, |slice| {
            progress.check()?;
            let is_whole = is_whole(&slices, *slice, set.slice_size, sums[*slice].md5);
            let bytes = slices.there(*slice, set.slice_size);
            progress.event(Event::Advanced { digest: None, bytes });
            Ok(is_whole)
        })?;
        progress.event(Event::Done);
        let lost = ahead.into_iter().zip(whole).filter(|(_, is_whole)| !is_whole);
        let lost: Vec<usize> = lost.map(|(slice, _)| slice).collect();
        let mut damaged: BTreeSet<usize> =
            lost.iter().map(|slice| slices.places[*slice].0).collect();
        for (file, sums) in set.files.iter().enumerate() {
            let there = slices.files[file].map(|number| self.sources.names()[number].1);
            if there != Some(sums.len) && (sums.len > 0 || self.sources.is_packed()) {
                damaged.insert(file);
            }
        }
        let empty = self.empty();
        (self.lost, self.damaged, self.empty) = (lost, damaged, empty);
        Ok(())
    }

    /// The files without a byte that are not as the list has them, as far as that can be read where it lies.
    fn empty(&self) -> Vec<String> {
        let tree = self.sources.tree();
        let list = tree.and_then(|tree| tree.read_small(SUMS, MAX_SUMS).ok());
        let list = list.and_then(|bytes| Inventory::from_bytes(&bytes).ok()).unwrap_or_default();
        self.empty_of(&list)
    }

    /// The files without a byte that are not as `list` has them.
    pub(super) fn empty_of(&self, list: &Inventory) -> Vec<String> {
        let Some(tree) = self.sources.tree() else { return Vec::new() };
        let nothing = Digest::of(b"");
        let empty = list.files().iter().filter(|(_, digest)| **digest == nothing);
        let empty = empty.filter(|(path, _)| tree.size(path) != Some(0));
        empty.map(|(path, _)| path.clone()).collect()
    }

    fn sliced(&self) -> Sliced<'_> {
        Sliced::named(&self.found.set, &self.sources)
    }

    /// What is protected, as it is there.
    pub(super) fn sources(&self) -> &ProtectedFiles {
        &self.sources
    }

    /// How many slices are lost.
    pub(super) fn lost(&self) -> usize {
        self.lost.len()
    }

    /// How many slices there are.
    pub(super) fn slices(&self) -> usize {
        self.found.set.slices()
    }

    /// How many slices can be made again, whichever they are.
    pub(super) fn available(&self) -> usize {
        self.found.recovery.len().min(MAX_LOST)
    }

    /// How many more recovery slices it would take.
    pub(super) fn lacking(&self) -> usize {
        self.lost().saturating_sub(self.available())
    }

    /// Whether anything is not as it was.
    pub(super) fn is_damaged(&self) -> bool {
        !self.damaged.is_empty() || !self.empty.is_empty()
    }

    /// How many bytes a slice has.
    pub(super) fn slice_size(&self) -> u64 {
        self.found.set.slice_size
    }

    /// The names of the files that are damaged or missing.
    pub(super) fn damaged(&self) -> impl Iterator<Item = &str> {
        let of_set = self.damaged.iter().map(|file| self.name(*file));
        of_set.chain(self.empty.iter().map(String::as_str))
    }

    /// The numbers of the files of the set that are damaged or missing.
    pub(super) fn damaged_files(&self) -> impl Iterator<Item = usize> {
        self.damaged.iter().copied()
    }

    /// The numbers of all files of the set.
    pub(super) fn all_files(&self) -> Range<usize> {
        0..self.found.set.files.len()
    }

    /// What the file `file` of the set is called here.
    pub(super) fn name(&self, file: usize) -> &str {
        match self.sources.is_packed() {
            true => &self.sources.names()[0].0,
            false => &self.found.set.files[file].name,
        }
    }

    /// How many bytes the file `file` of the set has.
    pub(super) fn len(&self, file: usize) -> u64 {
        self.found.set.files[file].len
    }

    /// Writes the lost slices into `scratch`, one behind the other.
    pub(super) fn rebuild(
        &self,
        scratch: &File,
        jobs: usize,
        progress: &dyn Progress,
    ) -> Result<()> {
        if self.lost.is_empty() {
            return Ok(());
        }
        let (slices, size) = (self.sliced(), self.slice_size());
        let recovery = RecoveryData { files: &self.files, slices: &self.found.recovery };
        let exponents: Vec<u16> = self.found.recovery.iter().map(|slice| slice.exponent).collect();
        let sizes = (slices.places.len(), size);
        let bytes = (sizes.0 - self.lost.len()) as u64 * size;
        let items = self.damaged.len() as u64;
        progress.event(Event::Phase { name: "repairing", bytes, items });
        let fault = |e| Error::io("cannot write what is repaired", e);
        let mut out = |at: usize, offset: u64, bytes: &[u8]| {
            scratch.write_all_at(bytes, at as u64 * size + offset).map_err(fault)
        };
        rebuild(&slices, sizes, &self.lost, &recovery, &exponents, jobs, progress, &mut out)?;
        progress.event(Event::Done);
        Ok(())
    }

    /// Writes the file `file` of the set to `to`, with the lost slices from `scratch`.
    ///
    /// # Errors
    /// [`Class::Damaged`] when what comes out is not what the set says of the file.
    pub(super) fn write(
        &self,
        file: usize,
        scratch: &File,
        to: &mut dyn Write,
        progress: &dyn Progress,
    ) -> Result<()> {
        let (set, slices) = (&self.found.set, self.sliced());
        let sums = &set.files[file];
        let first = set.files[..file].iter().map(|file| file.slices.len()).sum::<usize>();
        let (mut md5, mut chunk) = (Md5Adding::default(), vec![0; CHUNK]);
        let fault = |e| Error::io(format!("cannot write {}", self.name(file)), e);
        for slice in first..first + sums.slices.len() {
            let (mut at, end) = (0, slices.own(slice, set.slice_size));
            while at < end {
                progress.check()?;
                let size = CHUNK.min(usize::try_from(end - at).unwrap_or(CHUNK));
                let bytes = &mut chunk[..size];
                match self.lost.binary_search(&slice) {
                    Ok(number) => scratch
                        .read_exact_at(bytes, number as u64 * set.slice_size + at)
                        .map_err(|e| Error::io("cannot read what was repaired", e))?,
                    Err(_) => slices.read(slice, at, bytes)?,
                }
                md5.add(bytes);
                to.write_all(bytes).map_err(fault)?;
                at += size as u64;
                progress.event(Event::Advanced { digest: None, bytes: size as u64 });
            }
        }
        match md5.sum() == sums.md5 {
            true => Ok(()),
            false => {
                let text = format!("what was made of {} is not what it was", self.name(file));
                Err(Error::new(Class::Damaged, text).hint("copy the bundle from its origin again"))
            }
        }
    }
}

/// Why `found` cannot be about `sources`, if it cannot.
fn mismatch(sources: &ProtectedFiles, found: &FoundSet) -> Option<String> {
    let files = &found.set.files;
    if sources.is_packed() {
        return (files.len() != 1).then(|| format!("it is about {} files together", files.len()));
    }
    if let Some(odd) = files.iter().find(|it| !is_member(&it.name)) {
        return Some(format!("no bundle has a file {}", odd.name));
    }
    let names: BTreeSet<&str> = files.iter().map(|file| file.name.as_str()).collect();
    (names.len() != files.len()).then(|| "it has two files of one name".to_owned())
}

/// Whether the bytes of a slice can be read, and are what they have to be.
fn is_whole(slices: &Sliced<'_>, slice: usize, size: u64, sum: [u8; 16]) -> bool {
    // Zeros stand behind the end of a file, not in the place of what was cut off.
    if slices.there(slice, size) < slices.own(slice, size) {
        return false;
    }
    let mut md5 = Md5Adding::default();
    let mut chunk = vec![0; CHUNK.min(usize::try_from(size).unwrap_or(CHUNK))];
    let mut at = 0;
    while at < size {
        let len = chunk.len().min(usize::try_from(size - at).unwrap_or(CHUNK));
        if slices.read(slice, at, &mut chunk[..len]).is_err() {
            return false;
        }
        md5.add(&chunk[..len]);
        at += len as u64;
    }
    md5.sum() == sum
}

/// Recovery slices where they lie.
struct RecoveryData<'s> {
    files: &'s [File],
    slices: &'s [RecoverySlice],
}

impl Slices for RecoveryData<'_> {
    fn read(&self, slice: usize, offset: u64, into: &mut [u8]) -> Result<()> {
        let slice = self.slices[slice];
        let fault = |e| Error::io("cannot read a recovery slice", e);
        self.files[slice.file].read_exact_at(into, slice.at + offset).map_err(fault)
    }
}
