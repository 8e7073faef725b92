//! Why a bundle may not be taken, each with the way out.

use std::path::Path;

use super::faults::{ask, stale};
use super::remembered::Remembered;
use crate::bundle::position::StreamPosition;
use crate::words::digest::Digest;
use crate::words::error::{Error, Subject};
use crate::words::moment::Moment;
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// The bundle that is expected behind what is `remembered`.
fn expected(remembered: &Remembered) -> StreamPosition {
    let before = remembered.position();
    StreamPosition { sequence: before.sequence.saturating_add(1), ..before }
}

/// An older bundle than the last one, and what is expected instead.
pub(super) fn rolled_back(bundle: &str, came: &StreamPosition, remembered: &Remembered) -> Error {
    let text = format!(
        "bundle {bundle} is {came}, an old one: {} was taken here before, and {} is expected",
        remembered.position(),
        expected(remembered)
    );
    let again = match came.sequence {
        1 => format!(
            "; where the sender lost its history and begins again, it has to do so in epoch {} or later",
            remembered.epoch.saturating_add(1)
        ),
        _ => String::new(),
    };
    stale(text).hint(phrase![
        "bring the newest one; for a destination that is to be brought up to date from the beginning, \
         name a folder of its own with ",
        Remedy::State,
        again
    ])
}

/// Two bundles have one number.
pub(super) fn forked(bundle: &str, came: &Digest, remembered: &Remembered) -> Error {
    let text = format!(
        "two bundles are {}: the one that was taken here has statement {}, and {bundle} has {came}",
        remembered.position(),
        remembered.statement
    );
    stale(text).hint(ask())
}

/// The bundle names another one before it than the one that was taken.
pub(super) fn apart(
    bundle: &str,
    at: &StreamPosition,
    before: Option<&Digest>,
    remembered: &Remembered,
) -> Error {
    let named = before.map_or_else(|| "none".to_owned(), ToString::to_string);
    let text = format!(
        "bundle {bundle} is {at}, and does not follow the {} that was taken here: that has statement \
         {}, and {bundle} names {named}",
        remembered.position(),
        remembered.statement
    );
    stale(text).hint(ask())
}

/// Bundles between are missing.
pub(super) fn gap(bundle: &str, came: &StreamPosition, remembered: &Remembered) -> Error {
    let expected = match remembered.epoch == came.epoch {
        true => expected(remembered),
        false => StreamPosition { sequence: 1, ..came.clone() },
    };
    let text =
        format!("bundle {bundle} is {came}, and {expected} is expected: it was not taken here");
    stale(text).hint(phrase![
        "bring the bundles between first; where they are lost, go on without them with ",
        Remedy::AcceptGap,
        " and the reason"
    ])
}

/// The sender began to count again.
pub(super) fn new_epoch(bundle: &str, came: &StreamPosition, remembered: &Remembered) -> Error {
    let text = format!(
        "bundle {bundle} is {came}, and {} is expected: the sender began to count again",
        expected(remembered)
    );
    stale(text).hint(phrase![
        "ask the sender whether that is so; then take it with ",
        Remedy::NewEpoch,
        " and the reason"
    ])
}

/// The clock is behind a time that has been.
pub(super) fn behind(now: Moment, floor: Moment, path: &Path) -> Error {
    let text = format!("the clock shows {now}, and {floor} has been already");
    stale(text).subject(Subject::Path(path.to_owned())).hint(format!(
        "set the clock; where it is right and was wrong before, remove {}: the next bundle of the stream \
         is then taken as the first one",
        path.display()
    ))
}
