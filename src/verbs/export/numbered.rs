//! Which number a bundle gets in its stream, and that an export which is done once more gives it the
//! same statement as the one that was interrupted.

use super::request::{Request, Sequel};
use crate::bundle::draft::{Draft, Proven};
use crate::bundle::history::Turn;
use crate::bundle::keys::PublicKey;
use crate::bundle::statement::Predicate;
use crate::words::error::{Error, Result};
use crate::words::moment::Moment;
use crate::words::phrase::phrase;

/// The turn of `request`, signed by `key`, in the stream that it names, if it names one. It is only
/// looked at where nothing is to be written.
pub(super) fn turn(request: &Request, key: &PublicKey) -> Result<Option<Turn>> {
    let take = |it: &Sequel| match request.dry_run {
        true => it.history.look(&it.name, key, &it.opening),
        false => it.history.turn(&it.name, key, &it.opening),
    };
    request.stream.as_ref().map(take).transpose()
}

/// What `predicate` says, as the next bundle of the stream whose `turn` it is: word for word what an
/// interrupted export of the same said, of which `draft` is left.
pub(super) fn next(
    predicate: Predicate,
    turn: Option<&Turn>,
    draft: Option<&Draft>,
    key: &PublicKey,
) -> Predicate {
    let Some(turn) = turn else { return predicate };
    let next = turn.next();
    let new = predicate.at(next.clone(), turn.previous().cloned());
    let Some(said) = draft.and_then(|draft| draft.said(key)) else { return new };
    let old = &said.predicate;
    let again = Predicate {
        created_at: old.created_at,
        expires_at: old.expires_at,
        previous: old.previous.clone(),
        ..new.clone()
    };
    let again = match old.position() {
        Some(position) => again.at(position, old.previous.clone()),
        None => return new,
    };
    let holds = |of: &Predicate| holds(of.created_at, of.expires_at);
    let is_free = old.position().as_ref() == Some(next) && old.previous == new.previous;
    match again == *old && holds(&new) == holds(old) && (is_free || turn.knows(&said)) {
        true => again,
        false => new,
    }
}

/// For how many seconds a bundle holds that was made at `made`, if not for ever.
pub(super) fn holds(made: Moment, until: Option<Moment>) -> Option<i64> {
    Some(until?.unix() - made.unix())
}

/// Gives the bundle its name, and has the history of its stream know it: before, so that no other
/// one gets its number, and afterwards, so that it is known to have got it.
pub(super) fn name(proven: Proven, turn: Option<&Turn>, request: &Request) -> Result<()> {
    let output = &request.output;
    let entered = turn.map(|turn| turn.enter(proven.record(), output.path())).transpose()?;
    proven.name()?;
    entered.map_or(Ok(()), |entered| entered.keep()).map_err(|error: Error| {
        error
            .within(phrase![format!(
                "the bundle {output} is complete, and the history does not know it"
            )])
            .hint("run the same command again; it finds what is there")
    })
}
