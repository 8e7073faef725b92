//! [`Reading`]: what a list says.

use super::entry::Entry;
use super::spot::Spot;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error};

/// Most wishes of one list, and most faults and notes that are kept of it: a hundred thousand names are
/// carried at most.
pub(super) const MAX_ENTRIES: usize = 200_000;

/// What a list says.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Reading {
    /// What it asks for, in its order.
    pub entries: Vec<Entry>,
    /// What is worth knowing and keeps nothing from going on, as in a service that is only built.
    pub notes: Vec<(Spot, String)>,
    /// What is wrong: nothing moves then.
    pub faults: Vec<(Spot, Error)>,
    /// The digests of the files that are locks: whatever is made of them says so.
    pub locks: Vec<Digest>,
}

impl Reading {
    /// Asks for the image called `name`.
    pub fn image(&mut self, name: impl Into<String>, spot: Spot) {
        self.add(Entry::image(name, spot));
    }

    /// Adds a wish.
    pub fn add(&mut self, entry: Entry) {
        match self.entries.len() < MAX_ENTRIES {
            true => self.entries.push(entry),
            false => {
                let text = format!("asks for more than {MAX_ENTRIES} images");
                self.fault(entry.spot, Error::new(Class::Usage, text).hint("make several lists"));
            }
        }
    }

    /// Notes something about `spot`.
    pub fn note(&mut self, spot: Spot, text: impl Into<String>) {
        if self.notes.len() < MAX_ENTRIES {
            self.notes.push((spot, text.into()));
        }
    }

    /// Says what is wrong at `spot`.
    pub fn fault(&mut self, spot: Spot, error: Error) {
        if self.faults.len() < MAX_ENTRIES {
            self.faults.push((spot, error));
        }
    }

    /// Says that `text` is wrong at `spot`, with the way `out`.
    pub fn wrong(&mut self, spot: Spot, text: impl Into<String>, out: impl Into<String>) {
        self.fault(spot, Error::new(Class::Usage, text.into()).hint(out.into()));
    }

    /// Adds all of `other`.
    pub fn join(&mut self, other: Reading) {
        other.entries.into_iter().for_each(|entry| self.add(entry));
        self.notes.extend(other.notes);
        self.faults.extend(other.faults);
        self.locks.extend(other.locks);
    }
}
