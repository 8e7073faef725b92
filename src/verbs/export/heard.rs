//! What a line tells that was read out.

use crate::bundle::check::Trust;
use crate::bundle::history::History;
use crate::bundle::line::{CheckValue, HeldLine};
use crate::bundle::position::StreamPosition;
use crate::bundle::record::Record;
use crate::words::error::{Class, Error, Result};
use crate::words::phrase::phrase;
use crate::words::remedy::Remedy;

/// Whoever signed what is in the history: the line says which statement it is.
const TRUST: Trust = Trust::UnsafeAnySigner;

/// The bundle in the `history` that `line` is about.
///
/// # Errors
/// [`Class::Usage`] where the history has no such bundle, or another one there, and which one the line
/// may be about; as [`History::past`].
pub(super) fn bundle_of_line(line: &HeldLine, history: &History) -> Result<Record> {
    let position = &line.position;
    let Some(past) = history.past(position, &TRUST)? else {
        let text = format!("the history in {} has no bundle {position}", history.path().display());
        return Err(misheard(text, line, history)?);
    };
    let own = CheckValue::of(&past.record.statement().digest);
    match own == line.check {
        true => Ok(past.record),
        false => {
            let text = format!(
                "bundle {position} has the check value {own}, and the line says {}",
                line.check
            );
            Err(misheard(text, line, history)?)
        }
    }
}

/// The failure `text`, with what the history has that the line may be about.
fn misheard(text: String, line: &HeldLine, history: &History) -> Result<Error> {
    let stream = &line.position.stream;
    let all = history.positions(stream, &TRUST)?;
    let is_meant = |position: &StreamPosition| {
        let past = history.past(position, &TRUST).ok()??;
        (CheckValue::of(&past.record.statement().digest) == line.check).then_some(position.clone())
    };
    let has = match (all.first(), all.last()) {
        (Some(first), Some(last)) if first != last => format!("it has {first} to {last}"),
        (Some(only), _) => format!("it has {only} alone"),
        _ => format!("it has nothing of stream {stream}"),
    };
    let error = Error::new(Class::Usage, text).details([has]);
    // The last ones are those that anybody asks about.
    Ok(match all.iter().rev().find_map(is_meant) {
        Some(position) => error.hint(format!(
            "the check value is that of {position}; ask for the line once more, and whether it is that"
        )),
        None => error.hint(phrase![
            "ask for the line once more; where it is right, name the folder of the history that has \
             the bundle with ",
            Remedy::History,
            ", or take a receipt"
        ]),
    })
}
