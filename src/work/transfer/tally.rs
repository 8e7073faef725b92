//! [`Tally`]: what an import did so far, whatever number of plans it takes.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::words::digest::Digest;
use crate::words::document::Descriptor;
use crate::words::reference::Reference;
use crate::work::plan::{Count, NameAction, NameStep};

/// What an import did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Moved {
    /// Blobs whose bytes were sent.
    pub copied: Count,
    /// Blobs that a sibling repository gave.
    pub mounted: Count,
    /// Blobs that were there.
    pub present: Count,
}

/// What became of a blob. What comes later outweighs what comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fate {
    /// It was there.
    Present,
    /// A sibling repository gave it.
    Mounted,
    /// Its bytes were sent.
    Copied,
}

/// What became of a name: what was done, and what it stood for before.
type NameDone = (NameAction, Option<Digest>);

/// What an import did so far. A second plan of it finds there what the first one brought, and that
/// counts as brought all the same; nothing is counted twice.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Noted>);

#[derive(Debug, Default)]
struct Noted {
    /// By place and digest, with the bytes.
    blobs: BTreeMap<(String, Digest), (Fate, u64)>,
    /// By place and name.
    names: BTreeMap<(String, Reference), NameDone>,
}

impl Tally {
    fn state<T>(&self, work: impl FnOnce(&mut Noted) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes what became of `blob` at `place`, of which `bytes` moved.
    pub fn blob(&self, place: &str, blob: &Digest, bytes: u64, fate: Fate) {
        self.state(|state| {
            let known = state.blobs.entry((place.to_owned(), *blob)).or_insert((fate, bytes));
            *known = (*known).max((fate, bytes));
        });
    }

    /// Notes that the name of `step` was written at `place`.
    pub fn name(&self, place: &str, step: &NameStep) {
        self.state(|state| {
            let key = (place.to_owned(), step.arrives_as());
            state.names.entry(key).or_insert((step.action, step.now));
        });
    }

    /// What this import did with the name of `step` at `place`, if it wrote it.
    #[must_use]
    pub fn named(&self, place: &str, step: &NameStep) -> Option<(NameAction, Option<Digest>)> {
        let key = (place.to_owned(), step.arrives_as());
        self.state(|state| state.names.get(&key).copied())
    }

    /// Adds all that `other` noted.
    pub fn join(&self, other: Tally) {
        let other = other.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        for ((place, blob), (fate, bytes)) in other.blobs {
            self.blob(&place, &blob, bytes, fate);
        }
        self.state(|state| {
            for (key, named) in other.names {
                state.names.entry(key).or_insert(named);
            }
        });
    }

    /// All of it, counted.
    #[must_use]
    pub fn moved(&self) -> Moved {
        let mut moved = Moved::default();
        self.state(|state| {
            for ((_, digest), (fate, bytes)) in &state.blobs {
                let count = match fate {
                    Fate::Present => &mut moved.present,
                    Fate::Mounted => &mut moved.mounted,
                    Fate::Copied => &mut moved.copied,
                };
                count.add(&Descriptor::new("", *digest, *bytes));
            }
        });
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_brought_counts_once_and_as_that() {
        let (tally, other) = (Tally::default(), Tally::default());
        let [a, b, c] = ["a", "b", "c"].map(|text| Digest::of(text.as_bytes()));
        tally.blob("h/x", &a, 5, Fate::Copied);
        other.blob("h/x", &a, 5, Fate::Present);
        other.blob("h/x", &b, 7, Fate::Present);
        other.blob("h/y", &a, 5, Fate::Mounted);
        other.blob("h/y", &c, 3, Fate::Copied);
        tally.join(other);

        let Moved { copied, mounted, present } = tally.moved();

        let count = |blobs, bytes| Count { blobs, bytes };
        assert_eq!((copied, mounted, present), (count(2, 8), count(1, 5), count(1, 7)));
    }
}
