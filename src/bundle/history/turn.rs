//! [`Turn`]: the turn to make the next bundle of a stream.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::faults;
use super::listing::{Listing, Ordinal, made, making, place};
use crate::bundle::check::Trust;
use crate::bundle::keys::PublicKey;
use crate::bundle::position::StreamPosition;
use crate::bundle::record::Record;
use crate::bundle::statement::{Previous, Statement};
use crate::medium::Medium;
use crate::tools::file::{AtomicFile, TEMP_PREFIX, write_whole};
use crate::tools::folder::{Folder, Replace};
use crate::tools::lock::lock;
use crate::words::error::{Class, Error, Result};
use crate::words::stream::StreamName;

/// What is locked.
const LOCK: &str = "lock";
/// Permissions of what is not a record.
const MODE: u32 = 0o600;

/// How a stream goes on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Opening {
    /// Behind the last bundle of its history.
    #[default]
    GoesOn,
    /// Behind this bundle, which enters the history where that does not have it.
    After(Medium),
    /// With number 1 of a new epoch: this one, else the next. The first epoch is 0.
    NewEpoch(Option<u64>),
}

impl Opening {
    /// Whether it needs no history.
    pub(super) fn begins(&self) -> bool {
        *self != Opening::GoesOn
    }
}

/// The turn to make the next bundle of a stream.
#[derive(Debug)]
pub struct Turn {
    stream: StreamName,
    trust: Trust,
    /// Where the history is, if there is one.
    folder: Option<Folder>,
    /// Held as long as it is this turn; nothing where one only looks.
    _lock: Option<File>,
    next: StreamPosition,
    previous: Option<Previous>,
}

/// A bundle of which the history has the record, and which is just getting its name.
#[derive(Debug)]
#[must_use = "the history does not know whether the bundle got its name"]
pub struct Entered {
    folder: Folder,
    number: Ordinal,
}

impl Turn {
    pub(super) fn take(
        folder: Folder,
        stream: &StreamName,
        key: &PublicKey,
        opening: &Opening,
    ) -> Result<Turn> {
        let lock = hold(&folder, stream)?;
        let unwritable = |e| faults::unwritable(stream, folder.path(), e);
        // What killed runs left; nobody else is here.
        for name in folder.names().map_err(unwritable)? {
            if name.as_bytes().starts_with(TEMP_PREFIX.as_bytes()) {
                folder.remove_all(&name).map_err(unwritable)?;
            }
        }
        // Told now, not when everything was fetched.
        AtomicFile::within(&folder, "probe", MODE).map_err(|e| unwritable(e.into_io()))?.discard();
        let mut turn = Turn::begin(Some(folder), stream, key);
        turn._lock = Some(lock);
        turn.settle()?;
        turn.open(opening, true)?;
        Ok(turn)
    }

    pub(super) fn look(
        folder: Option<Folder>,
        stream: &StreamName,
        key: &PublicKey,
        opening: &Opening,
    ) -> Result<Turn> {
        let mut turn = Turn::begin(folder, stream, key);
        turn.open(opening, false)?;
        Ok(turn)
    }

    fn begin(folder: Option<Folder>, stream: &StreamName, key: &PublicKey) -> Turn {
        Turn {
            stream: stream.clone(),
            trust: Trust::Keys(vec![key.clone()]),
            folder,
            _lock: None,
            next: StreamPosition { stream: stream.clone(), epoch: 0, sequence: 1 },
            previous: None,
        }
    }

    /// Where the next bundle stands.
    #[must_use]
    pub fn next(&self) -> &StreamPosition {
        &self.next
    }

    /// What the next bundle names as the one before.
    #[must_use]
    pub fn previous(&self) -> Option<&Previous> {
        self.previous.as_ref()
    }

    /// Whether the history has `statement` under its number: such a bundle may have got its name
    /// when nobody noticed any more, and is made with the same statement or not at all.
    #[must_use]
    pub fn knows(&self, statement: &Statement) -> bool {
        let number = self.number(statement);
        let known = number.and_then(|number| {
            let listing = self.listing().ok()??;
            let name = listing.settled(&self.trust).remove(&number)?;
            listing.entry(number, &name, &self.trust).ok()
        });
        known.is_some_and(|entry| entry.record.statement().digest == statement.digest)
    }

    /// Notes the bundle that is getting its name at `place`, and of which `record` tells.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn enter(&self, record: &Record, place: &Path) -> Result<Entered> {
        match (&self.folder, self.number(record.statement())) {
            (Some(folder), Some(number)) => self.note(folder, number, record, place),
            _ => Err(Error::new(Class::Other, "the bundle is not of the stream whose turn it is")),
        }
    }

    /// Sees that the history has the bundle at `place`, of which `record` tells.
    ///
    /// # Errors
    /// [`Class::Stale`] where it has another one of that number; as [`enter`](Turn::enter).
    pub fn admit(&self, record: &Record, place: &Path) -> Result<()> {
        let (listing, number) = match (self.listing()?, self.number(record.statement())) {
            (Some(listing), Some(number)) => (listing, number),
            _ => return Ok(()),
        };
        if !listing.lacks(number, record, place, &self.trust)? {
            return Ok(());
        }
        self.note(listing.folder, number, record, place)?.keep()
    }

    fn note(
        &self,
        folder: &Folder,
        number: Ordinal,
        record: &Record,
        at: &Path,
    ) -> Result<Entered> {
        let unwritable = |e: Error| faults::unwritable(&self.stream, folder.path(), e.into_io());
        let full = std::path::absolute(at).unwrap_or_else(|_| at.to_owned());
        let line = [full.as_os_str().as_bytes(), b"\n"].concat();
        write_whole(folder, &place(number), MODE, &line).map_err(unwritable)?;
        record.write(folder, &making(number), Replace::Yes).map_err(unwritable)?;
        Ok(Entered { folder: folder.clone(), number })
    }

    /// The number of `statement`, if it is of this stream.
    fn number(&self, statement: &Statement) -> Option<Ordinal> {
        let position = statement.predicate.position()?;
        (position.stream == self.stream).then_some((position.epoch, position.sequence))
    }

    fn listing(&self) -> Result<Option<Listing<'_>>> {
        self.folder.as_ref().map(|folder| Listing::of(folder, &self.stream)).transpose()
    }

    /// Gives the records their names of which the bundles have got theirs, or may have.
    fn settle(&self) -> Result<()> {
        let Some(listing) = self.listing()? else { return Ok(()) };
        for number in listing.making.iter().copied() {
            if listing.was_named(number, &self.trust) {
                Entered { folder: listing.folder.clone(), number }.keep()?;
            }
        }
        Ok(())
    }

    /// Finds out where the stream goes on.
    fn open(&mut self, opening: &Opening, may_write: bool) -> Result<()> {
        let last = self.listing()?.and_then(|it| it.settled(&self.trust).into_keys().last());
        let (number, previous) = match opening {
            Opening::GoesOn => {
                let last = self.listing()?.map(|it| it.last(&self.trust)).transpose()?.flatten();
                match &last {
                    Some(last) => {
                        let StreamPosition { epoch, sequence, .. } = last.position;
                        ((epoch, after(sequence)?), Some(last.as_previous()))
                    }
                    None => {
                        let path = self.folder.as_ref().map_or(Path::new(""), Folder::path);
                        return Err(faults::lost(&self.stream, path));
                    }
                }
            }
            Opening::After(bundle) => {
                let record = Record::read(bundle, &self.trust)?;
                let (sequence, statement) = self.goes_behind(bundle, &record, last)?;
                if may_write {
                    self.admit(&record, bundle.path())?;
                }
                ((sequence.0, after(sequence.1)?), Some(statement))
            }
            Opening::NewEpoch(epoch) => {
                let before = last.map(|(epoch, _)| epoch);
                let next = before.map_or(Some(0), |before| before.checked_add(1));
                let epoch = epoch.or(next).unwrap_or(u64::MAX);
                match before {
                    Some(before) if epoch <= before => {
                        return Err(faults::no_new_epoch(&self.stream, epoch, before));
                    }
                    _ => ((epoch, 1), None),
                }
            }
        };
        (self.next.epoch, self.next.sequence) = number;
        self.previous = previous;
        Ok(())
    }

    /// The number of `bundle`, behind which the stream is to go on, and how the next one names it.
    fn goes_behind(
        &self,
        bundle: &Medium,
        record: &Record,
        last: Option<Ordinal>,
    ) -> Result<(Ordinal, Previous)> {
        let (statement, name) = (record.statement(), bundle.to_string());
        let position = statement.predicate.position();
        let Some(number) = self.number(statement) else {
            return Err(faults::of_another(&name, position.as_ref(), &self.stream));
        };
        if let (Some(last), Some(at)) = (last.filter(|last| *last > number), position) {
            let last = StreamPosition { epoch: last.0, sequence: last.1, ..at.clone() };
            return Err(faults::goes_on(&name, &at, &last));
        }
        Ok((number, Previous { sequence: number.1, statement: statement.digest }))
    }
}

impl Entered {
    /// Notes that the bundle has got its name.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn keep(self) -> Result<()> {
        let Entered { folder, number } = self;
        let (from, to) = (making(number), made(number));
        let fault = |e| Error::io(format!("cannot write {}", folder.at(&to).display()), e);
        let record = folder.below(&from).map_err(fault)?;
        folder.remove_all(&to).map_err(fault)?;
        folder.rename(&from, &to, record.handle(), Replace::No).map_err(fault)?;
        folder.sync()
    }
}

/// The number behind `sequence`.
fn after(sequence: u64) -> Result<u64> {
    let none = || Error::new(Class::Usage, "the stream has no number left");
    sequence.checked_add(1).ok_or_else(none)
}

/// Holds the lock of `folder`, the history of `stream`.
fn hold(folder: &Folder, stream: &StreamName) -> Result<File> {
    let unwritable = |e| faults::unwritable(stream, folder.path(), e);
    let open = match folder.create(LOCK, MODE) {
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => folder.file_to_write(LOCK),
        other => other,
    };
    let file = open.map_err(unwritable)?;
    match lock(&file, folder, LOCK) {
        Err(e) if e.class() == Class::Busy => Err(faults::busy(stream, &folder.at(LOCK))),
        locked => locked.map(|()| file),
    }
}
