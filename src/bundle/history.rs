//! The history of streams: a record of each bundle that was made, so that the next number and the
//! last contents are known without the old medium.
//!
//! ```text
//! DIR/STREAM/lock             held by the export that makes the next bundle
//! DIR/STREAM/EPOCH-NUMBER/    the record of a bundle
//! DIR/STREAM/EPOCH-NUMBER.place   where it was written
//! DIR/STREAM/EPOCH-NUMBER.making/ the record of one that is just getting its name
//! ```

mod faults;
mod listing;
mod past_bundle;
mod turn;

use std::io;
use std::path::{Path, PathBuf};

use self::listing::Listing;
pub use self::past_bundle::PastBundle;
pub use self::turn::{Entered, Opening, Turn};
use super::check::Trust;
use super::keys::PublicKey;
use super::position::StreamPosition;
use super::record::Record;
use crate::medium::Medium;
use crate::tools::folder::Folder;
use crate::tools::ground;
use crate::words::error::{Error, Result};
use crate::words::stream::StreamName;

/// Permissions of the folders: what is sent where is nobody else's business.
const PRIVATE: u32 = 0o700;
/// How many streams are named beside one that is not there.
const MAX_OTHERS: usize = 5;

/// The folder in which the history of each stream is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct History {
    path: PathBuf,
}

impl History {
    /// The history in the folder `path`, which need not be there yet.
    pub fn at(path: impl Into<PathBuf>) -> History {
        History { path: path.into() }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The last bundle of `stream` that was made, signed as `trust` says; none where no history of it
    /// is here.
    ///
    /// # Errors
    /// When its record is damaged or signed by somebody else, each with the way out; those of the
    /// disk.
    pub fn last(&self, stream: &StreamName, trust: &Trust) -> Result<Option<PastBundle>> {
        match self.folder(stream)? {
            Some(folder) => Listing::of(&folder, stream)?.last(trust),
            None => Ok(None),
        }
    }

    /// The bundle at `position` that was made; none where the history does not know it.
    ///
    /// # Errors
    /// As [`last`](History::last).
    pub fn past(&self, position: &StreamPosition, trust: &Trust) -> Result<Option<PastBundle>> {
        let Some(folder) = self.folder(&position.stream)? else { return Ok(None) };
        let listing = Listing::of(&folder, &position.stream)?;
        let number = (position.epoch, position.sequence);
        let name = listing.settled(trust).remove(&number);
        name.map(|name| listing.entry(number, &name, trust)).transpose()
    }

    /// Where all bundles of `stream` stand that were made, in order.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn positions(&self, stream: &StreamName, trust: &Trust) -> Result<Vec<StreamPosition>> {
        let Some(folder) = self.folder(stream)? else { return Ok(Vec::new()) };
        let listing = Listing::of(&folder, stream)?;
        Ok(listing.settled(trust).into_keys().map(|number| listing.position(number)).collect())
    }

    /// Takes the turn to make the next bundle of `stream`, signed by `key`, until it is dropped: there
    /// is one at a time. What an interrupted export left in doubt is settled before.
    ///
    /// # Errors
    /// [`Class::Busy`](crate::words::error::Class::Busy) while another one has it;
    /// [`Class::Incomplete`](crate::words::error::Class::Incomplete) where nothing is known of the
    /// stream, and `opening` does not begin it; [`Class::Refused`](crate::words::error::Class::Refused)
    /// where the history cannot be written, and [`Class::Usage`](crate::words::error::Class::Usage) where its
    /// folder is none; as [`last`](History::last). Each with the way out.
    pub fn turn(&self, stream: &StreamName, key: &PublicKey, opening: &Opening) -> Result<Turn> {
        self.check(stream)?;
        let unwritable = |e| faults::unwritable(stream, &self.path, e);
        let folder = match self.folder(stream)? {
            Some(folder) => folder,
            None if opening.begins() => Folder::make(&self.path, PRIVATE)
                .and_then(|all| all.make_below(stream.as_str(), PRIVATE))
                .map_err(unwritable)?,
            None => return Err(self.lost(stream)),
        };
        Turn::take(folder, stream, key, opening)
    }

    /// As [`turn`](History::turn), for one who only looks: nothing is locked and nothing written.
    ///
    /// # Errors
    /// As there, as far as that can be known.
    pub fn look(&self, stream: &StreamName, key: &PublicKey, opening: &Opening) -> Result<Turn> {
        self.check(stream)?;
        match self.folder(stream)? {
            None if !opening.begins() => Err(self.lost(stream)),
            folder => Turn::look(folder, stream, key, opening),
        }
    }

    /// Sees that the history of `stream` has the finished `bundle`, signed by `key`: the export that
    /// made it may have ended before that was noted.
    ///
    /// # Errors
    /// [`Class::Stale`](crate::words::error::Class::Stale) where it has another one of that number; as
    /// [`turn`](History::turn), but that it may have none.
    pub fn admit(&self, stream: &StreamName, key: &PublicKey, bundle: &Medium) -> Result<()> {
        let trust = Trust::Keys(vec![key.clone()]);
        let record = Record::read(bundle, &trust)?;
        let turn = self.turn(stream, key, &Opening::NewEpoch(None))?;
        turn.admit(&record, bundle.path())
    }

    /// Fails as writing the history of `stream` will, where that can be known.
    fn check(&self, stream: &StreamName) -> Result<()> {
        ground::folder(&self.path).map_err(|error| faults::no_ground(stream, &self.path, error))
    }

    /// That there is no history of `stream`, and of which others there is one.
    fn lost(&self, stream: &StreamName) -> Error {
        let names = Folder::open(&self.path).and_then(|all| all.names()).unwrap_or_default();
        let mut others: Vec<String> = names
            .iter()
            .filter_map(|name| name.to_str()?.parse::<StreamName>().ok())
            .map(|other| other.to_string())
            .collect();
        others.sort();
        others.truncate(MAX_OTHERS);
        let told = (!others.is_empty()).then(|| format!("it has that of {}", others.join(", ")));
        faults::lost(stream, &self.path).details(told)
    }

    /// The folder of `stream`, where there is one.
    fn folder(&self, stream: &StreamName) -> Result<Option<Folder>> {
        let path = self.path.join(stream.as_str());
        let found = Folder::open(&self.path).and_then(|all| all.below(stream.as_str()));
        match found {
            Ok(folder) => Ok(Some(folder)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(faults::unreadable(stream, &path, e)),
        }
    }
}
