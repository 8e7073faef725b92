//! [`Remembered`]: what is remembered of one stream.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::faults;
use super::verdict::Verdict;
use crate::bundle::position::StreamPosition;
use crate::words::digest::Digest;
use crate::words::error::Result;
use crate::words::json::check_strict;
use crate::words::moment::Moment;
use crate::words::stream::StreamName;

/// The version of the file.
const VERSION: u64 = 1;
/// Most exceptions that are kept, the newest: far more than anybody makes in a stream.
const MAX_EXCEPTIONS: usize = 200;
/// Most characters of a reason: a sentence or two.
pub const MAX_REASON: usize = 500;

/// What is remembered of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Remembered {
    version: u64,
    /// The stream.
    pub stream: StreamName,
    /// The epoch of the last bundle that was taken.
    pub epoch: u64,
    /// Its number.
    pub sequence: u64,
    /// The digest of its statement.
    pub statement: Digest,
    /// The latest time that has been: no clock may be clearly behind it.
    pub not_before: Moment,
    /// What was taken all the same, and why, the oldest first.
    pub exceptions: Vec<Exception>,
}

/// A bundle that was taken though it was not the one that was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Exception {
    /// When.
    pub at: Moment,
    /// What was odd about it.
    pub verdict: Verdict,
    /// Why it was taken, as whoever did so said.
    pub reason: String,
    /// The bundle before it, if there was one.
    pub before: Option<StreamPosition>,
    /// Which bundle.
    pub taken: StreamPosition,
}

/// What tells the version.
#[derive(Deserialize)]
struct Versioned {
    version: u64,
}

impl Remembered {
    /// That the bundle at `position` was taken, of which `statement` is the statement, behind what was
    /// remembered `before`, with these `exceptions` from the rule, at `now`.
    pub(super) fn after(
        before: Option<&Remembered>,
        position: &StreamPosition,
        statement: Digest,
        exceptions: impl IntoIterator<Item = Exception>,
        now: Moment,
    ) -> Remembered {
        let old = before.map(|it| it.exceptions.clone()).unwrap_or_default();
        Remembered {
            version: VERSION,
            stream: position.stream.clone(),
            epoch: position.epoch,
            sequence: position.sequence,
            statement,
            not_before: before.map_or(now, |it| it.not_before.max(now)),
            exceptions: newest(old.into_iter().chain(exceptions).collect()),
        }
    }

    /// Where the last bundle stands that was taken.
    #[must_use]
    pub fn position(&self) -> StreamPosition {
        let (epoch, sequence) = (self.epoch, self.sequence);
        StreamPosition { stream: self.stream.clone(), epoch, sequence }
    }

    /// Whether the bundle of this epoch and number was left out for one behind it. The oldest such are
    /// forgotten.
    pub(super) fn passed_over(&self, number: (u64, u64)) -> bool {
        let at = |it: &StreamPosition| (it.epoch, it.sequence);
        self.exceptions.iter().any(|it| {
            it.before.as_ref().is_some_and(|before| at(before) < number) && number < at(&it.taken)
        })
    }

    /// Reads what is remembered of `stream` from the `bytes` of `path`.
    pub(super) fn read(bytes: &[u8], stream: &StreamName, path: &Path) -> Result<Remembered> {
        let bad = |why: String| faults::unusable(path, &why);
        check_strict(bytes).map_err(|e| bad(format!("cannot be understood ({e})")))?;
        // A newer version may have any other member.
        if let Ok(Versioned { version }) = serde_json::from_slice(bytes)
            && version > VERSION
        {
            return Err(faults::of_later_version(path, version));
        }
        let read: Remembered = serde_json::from_slice(bytes)
            .map_err(|e| bad(format!("cannot be understood ({e})")))?;
        match read.version == VERSION && read.sequence > 0 && read.stream == *stream {
            true => Ok(read),
            false => Err(bad(format!("is not about stream {stream}"))),
        }
    }

    /// The bytes of the file, where `before` is remembered by now; none where nothing changes.
    pub(super) fn over(&self, before: Option<&Remembered>, path: &Path) -> Result<Option<Vec<u8>>> {
        let Some(before) = before else { return Ok(Some(self.to_bytes())) };
        let number = |it: &Remembered| (it.epoch, it.sequence);
        if number(before) == number(self) && before.statement != self.statement {
            return Err(faults::overtaken(path, &before.position(), &before.statement));
        }
        let later = if number(before) >= number(self) { before } else { self };
        let new: Vec<_> =
            self.exceptions.iter().filter(|it| !before.exceptions.contains(it)).cloned().collect();
        let exceptions = newest([before.exceptions.clone(), new].concat());
        let not_before = before.not_before.max(self.not_before);
        let merged = Remembered { not_before, exceptions, ..later.clone() };
        Ok((merged != *before).then(|| merged.to_bytes()))
    }

    fn to_bytes(&self) -> Vec<u8> {
        // Only maps with keys that are no text cannot be written, and there are none.
        let mut bytes = serde_json::to_vec_pretty(self).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }
}

/// Those of `exceptions` that are kept.
fn newest(mut exceptions: Vec<Exception>) -> Vec<Exception> {
    exceptions.drain(..exceptions.len().saturating_sub(MAX_EXCEPTIONS));
    exceptions
}
