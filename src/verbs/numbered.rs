//! Which number a bundle gets in its stream, and that a run which is done once more gives it the same
//! statement as the one that was interrupted.

use super::sequel::Sequel;
use crate::bundle::draft::{Draft, Proven};
use crate::bundle::history::Turn;
use crate::bundle::keys::PublicKey;
use crate::bundle::ledger::LedgerImage;
use crate::bundle::statement::Predicate;
use crate::medium::Medium;
use crate::verbs::recording::{LedgerRun, of_statement};
use crate::words::error::{Error, Result};
use crate::words::moment::Moment;
use crate::words::phrase::phrase;

/// The turn of the next bundle of `stream`, signed by `key`, where it is of one. It is only looked at
/// in a dry run.
pub(super) fn turn(
    stream: Option<&Sequel>,
    key: &PublicKey,
    dry_run: bool,
) -> Result<Option<Turn>> {
    let take = |it: &Sequel| match dry_run {
        true => it.history.look(&it.name, key, &it.opening),
        false => it.history.turn(&it.name, key, &it.opening),
    };
    stream.map(take).transpose()
}

/// What `predicate` says, as the next bundle of the stream whose `turn` it is: word for word what an
/// interrupted run said that made the same, and of which `draft` is left. Where the bundle comes `in_place`
/// of another one, what is left may be that of before, whose number is taken.
pub(super) fn next(
    predicate: Predicate,
    turn: Option<&Turn>,
    draft: Option<&Draft>,
    key: &PublicKey,
    in_place: bool,
) -> Predicate {
    let Some(turn) = turn else { return bound(predicate, draft, key) };
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
    let ends_as_asked = holds(&new) == holds(old) || new.expires_at == old.expires_at;
    let is_free = old.position().as_ref() == Some(next) && old.previous == new.previous;
    match again == *old && ends_as_asked && (is_free || !in_place && turn.knows(&said)) {
        true => again,
        false => new,
    }
}

/// What `predicate` says of a bundle outside of any stream: word for word what an interrupted run said that
/// made the same, where that stands on media already.
fn bound(predicate: Predicate, draft: Option<&Draft>, key: &PublicKey) -> Predicate {
    let said = draft.filter(|draft| draft.is_bound()).and_then(|draft| draft.said(key));
    let Some(said) = said else { return predicate };
    let old = said.predicate;
    let again = Predicate {
        created_at: old.created_at,
        expires_at: old.expires_at,
        tool: old.tool.clone(),
        ..predicate.clone()
    };
    let ends = |of: &Predicate| holds(of.created_at, of.expires_at);
    match again == old && ends(&predicate) == ends(&old) {
        true => again,
        false => predicate,
    }
}

/// For how many seconds a bundle holds that was made at `made`, if not for ever.
pub(super) fn holds(made: Moment, until: Option<Moment>) -> Option<i64> {
    Some(until?.unix() - made.unix())
}

/// Gives the bundle its name, and has the history of its stream know it: before, so that no other
/// one gets its number, and afterwards, so that it is known to have got it.
/// Before that, `run` notes it.
pub(super) fn name(
    proven: Proven,
    turn: Option<&Turn>,
    output: &Medium,
    (run, key): (&LedgerRun<'_>, &PublicKey),
) -> Result<()> {
    let statement = proven.record().statement();
    run.know(|event| {
        event.bundle = Some(output.path().display().to_string());
        of_statement(event, statement);
        event.signers = vec![key.id().hex()];
    });
    let images = statement.predicate.images.iter();
    run.begin(images.map(|image| LedgerImage::new(&image.name, image.digest)))?;
    let entered = turn.map(|turn| turn.enter(proven.record(), output.path())).transpose()?;
    proven.name()?;
    entered.map_or(Ok(()), |entered| entered.keep()).map_err(|error: Error| {
        error
            .within(phrase![format!(
                "the bundle {output} is complete, and the history does not know it"
            )])
            .hint("the next run in this stream finds what is there, and notes it")
    })
}
