//! [`Listing`]: what lies in the history of one stream.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::faults;
use super::past_bundle::PastBundle;
use crate::bundle::check::Trust;
use crate::bundle::draft::partial_of;
use crate::bundle::position::StreamPosition;
use crate::bundle::record::Record;
use crate::medium::Medium;
use crate::tools::folder::Folder;
use crate::words::error::{Class, Result};
use crate::words::stream::StreamName;

/// Longest path that is read: no system has longer ones.
const MAX_PLACE: u64 = 4096;

/// Epoch and number of a bundle.
pub(super) type Ordinal = (u64, u64);

/// The history of one stream: which bundles there are records of.
#[derive(Debug)]
pub(super) struct Listing<'f> {
    pub(super) folder: &'f Folder,
    pub(super) stream: &'f StreamName,
    /// Those that have been made.
    pub(super) made: BTreeSet<Ordinal>,
    /// Those that were just getting their names.
    pub(super) making: BTreeSet<Ordinal>,
}

/// What the record of a bundle is called.
pub(super) fn made(number: Ordinal) -> String {
    format!("{}-{}", number.0, number.1)
}

/// What the record is called of a bundle that is just getting its name.
pub(super) fn making(number: Ordinal) -> String {
    made(number) + MAKING
}

/// What says where the bundle was written.
pub(super) fn place(number: Ordinal) -> String {
    made(number) + ".place"
}

const MAKING: &str = ".making";

/// The number in the name of a record, in its one spelling.
fn number(name: &str) -> Option<Ordinal> {
    let (epoch, sequence) = name.split_once('-')?;
    let number = (epoch.parse().ok()?, sequence.parse().ok()?);
    (number.1 > 0 && made(number) == name).then_some(number)
}

impl<'f> Listing<'f> {
    /// What is in `folder`, of `stream`.
    pub(super) fn of(folder: &'f Folder, stream: &'f StreamName) -> Result<Listing<'f>> {
        let fault = |e| faults::unreadable(stream, folder.path(), e);
        let mut listing =
            Listing { folder, stream, made: BTreeSet::new(), making: BTreeSet::new() };
        for name in folder.names().map_err(fault)? {
            let Some(name) = name.to_str() else { continue };
            match name.strip_suffix(MAKING) {
                Some(name) => listing.making.extend(number(name)),
                None => listing.made.extend(number(name)),
            }
        }
        Ok(listing)
    }

    /// Where `number` stands in the stream.
    pub(super) fn position(&self, number: Ordinal) -> StreamPosition {
        StreamPosition { stream: self.stream.clone(), epoch: number.0, sequence: number.1 }
    }

    /// The last bundle that was made.
    pub(super) fn last(&self, trust: &Trust) -> Result<Option<PastBundle>> {
        let last = self.settled(trust).pop_last();
        last.map(|(number, name)| self.entry(number, &name, trust)).transpose()
    }

    /// The bundle `number`, of which `name` is the record.
    pub(super) fn entry(&self, number: Ordinal, name: &str, trust: &Trust) -> Result<PastBundle> {
        let (path, position) = (self.folder.at(name), self.position(number));
        let record = Record::read(&Medium::at(&path), trust)
            .map_err(|error| faults::bad_entry(self.stream, &path, &error))?;
        match record.statement().predicate.position() {
            Some(at) if at == position => {
                Ok(PastBundle { position, record, place: self.place(number) })
            }
            _ => Err(faults::misplaced(&path, &position)),
        }
    }

    /// Where bundle `number` was written, as far as anybody knows.
    pub(super) fn place(&self, number: Ordinal) -> Option<PathBuf> {
        let mut bytes = Vec::new();
        let file = self.folder.file(place(number)).ok()?;
        file.take(MAX_PLACE).read_to_end(&mut bytes).ok()?;
        let path = bytes.strip_suffix(b"\n").filter(|path| !path.is_empty())?;
        Some(PathBuf::from(OsStr::from_bytes(path)))
    }

    /// What has been made, or may have been, each with the name of its record. Only an export that is
    /// known to have been interrupted before its bundle got its name leaves its number to another.
    pub(super) fn settled(&self, trust: &Trust) -> BTreeMap<Ordinal, String> {
        let making_now = self.making.iter().filter(|number| self.was_named(**number, trust));
        let mut settled: BTreeMap<Ordinal, String> =
            making_now.map(|number| (*number, making(*number))).collect();
        for number in &self.made {
            settled.entry(*number).or_insert_with(|| made(*number));
        }
        settled
    }

    /// Whether the bundle `number`, which was getting its name when something ended that, may have
    /// got it. Where it was written stands something else then, and the unfinished one beside it.
    pub(super) fn was_named(&self, number: Ordinal, trust: &Trust) -> bool {
        let Some(place) = self.place(number) else { return true };
        let statement = |path: &Path| {
            let record = Record::read(&Medium::at(path), trust).ok()?;
            Some(record.statement().digest)
        };
        if std::fs::symlink_metadata(partial_of(&place)).is_err() {
            return true;
        }
        let own = statement(&self.folder.at(making(number)));
        own.is_some() && own == statement(&place)
    }

    /// Whether the bundle `number` at `place`, of which `record` tells, has no good record here.
    ///
    /// # Errors
    /// [`Class::Stale`] where there is one of another bundle; what keeps it from being known.
    pub(super) fn lacks(
        &self,
        number: Ordinal,
        record: &Record,
        place: &Path,
        trust: &Trust,
    ) -> Result<bool> {
        let Some(name) = self.settled(trust).remove(&number) else { return Ok(true) };
        match self.entry(number, &name, trust) {
            Ok(entry) if entry.record.statement().digest == record.statement().digest => Ok(false),
            Ok(entry) => {
                let (bundle, path) = (place.display().to_string(), self.folder.at(name));
                Err(faults::forked(&entry.position, &bundle, &path))
            }
            Err(e) if matches!(e.class(), Class::Damaged | Class::Incomplete) => Ok(true),
            Err(e) => Err(e),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        for (name, is) in [
            ("0-1", Some((0, 1))),
            ("12-345", Some((12, 345))),
            ("0-0", None),
            ("00-1", None),
            ("0-01", None),
            ("+0-1", None),
            ("0-1-2", None),
            ("0", None),
            ("lock", None),
            ("0-18446744073709551616", None),
        ] {
            assert_eq!(number(name), is, "{name}");
        }
    }
}
