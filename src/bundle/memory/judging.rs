//! [`Judged`]: how a bundle stands to what is remembered of its stream.

use std::path::Path;

use super::refused;
use super::remembered::{Exception, MAX_REASON, Remembered};
use super::verdict::Verdict;
use crate::bundle::position::StreamPosition;
use crate::bundle::statement::Statement;
use crate::words::digest::Digest;
use crate::words::error::{Class, Error, Result};
use crate::words::moment::Moment;

/// How far a clock may be behind, in seconds, and still be taken for right: a day, since one that is
/// set to local time in place of UTC, or the other way round, is off by half of that.
const SLACK: i64 = 24 * 60 * 60;

/// Why a bundle is to be taken that is not the one that is expected.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reasons {
    /// Though others between are missing.
    pub gap: Option<String>,
    /// Though the sender began to count again.
    pub new_epoch: Option<String>,
}

impl Reasons {
    /// Refuses what is no reason.
    ///
    /// # Errors
    /// [`Class::Usage`] for an empty one, and for one that nobody would read.
    pub fn check(&self) -> Result<()> {
        for reason in self.gap.iter().chain(&self.new_epoch) {
            let text = match reason.chars().count() {
                _ if reason.trim().is_empty() => "a reason says something".to_owned(),
                n if n > MAX_REASON => format!("a reason has {MAX_REASON} characters at most"),
                _ => continue,
            };
            return Err(Error::new(Class::Usage, text)
                .hint("say in a sentence why the bundle is taken all the same; it is remembered"));
        }
        Ok(())
    }
}

/// How a bundle that may be taken stands to what is remembered of its stream.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Judged {
    /// How, in a word.
    pub verdict: Verdict,
    /// Where the bundle stands.
    pub position: StreamPosition,
    /// The digest of its statement.
    pub statement: Digest,
    /// What was remembered.
    pub remembered: Option<Remembered>,
    /// Why it may be taken, where it is not the one that was expected.
    pub reasons: Vec<(Verdict, String)>,
}

impl Judged {
    /// How the bundle that is called `name` and says `statement` stands to what is `remembered` in
    /// `path` of its stream, at the time `now`. Nothing for one outside of any.
    ///
    /// # Errors
    /// [`Class::Stale`] when it may not be taken, with what is expected: it is older than the last one,
    /// or another one with its number, or does not follow it; others between are missing, or the sender
    /// began to count again, and no one of `reasons` is about that; or the clock is clearly behind a
    /// time that has been.
    pub fn judge(
        remembered: Option<Remembered>,
        statement: &Statement,
        reasons: &Reasons,
        (name, path, now): (&str, &Path, Moment),
    ) -> Result<Option<Judged>> {
        let Some(position) = statement.predicate.position() else { return Ok(None) };
        let standing = |verdict: Verdict, reasons: Vec<(Verdict, String)>| Judged {
            verdict,
            position: position.clone(),
            statement: statement.digest,
            remembered: remembered.clone(),
            reasons,
        };
        let Some(last) = &remembered else { return Ok(Some(standing(Verdict::First, Vec::new()))) };
        if now.unix() < last.not_before.unix().saturating_sub(SLACK) {
            return Err(refused::behind(now, last.not_before, path));
        }
        let (came, before) = ((position.epoch, position.sequence), (last.epoch, last.sequence));
        if came < before {
            return Err(refused::rolled_back(name, &position, last));
        }
        if came == before {
            return match statement.digest == last.statement {
                true => Ok(Some(standing(Verdict::Same, Vec::new()))),
                false => Err(refused::forked(name, &statement.digest, last)),
            };
        }
        let mut taken = Vec::new();
        if came.0 > before.0 {
            let reason = reasons.new_epoch.clone();
            let reason = reason.ok_or_else(|| refused::new_epoch(name, &position, last))?;
            taken.push((Verdict::NewEpoch, reason));
        }
        let expected = if came.0 > before.0 { 1 } else { last.sequence.saturating_add(1) };
        if came.1 > expected {
            let reason = reasons.gap.clone();
            let reason = reason.ok_or_else(|| refused::gap(name, &position, last))?;
            taken.push((Verdict::Gap, reason));
        } else if came.0 == before.0 {
            let previous = statement.predicate.previous.as_ref().map(|it| it.statement);
            if previous != Some(last.statement) {
                return Err(refused::apart(name, &position, previous.as_ref(), last));
            }
        }
        let verdict = taken.first().map_or(Verdict::Next, |(verdict, _)| *verdict);
        Ok(Some(standing(verdict, taken)))
    }

    /// What there is to remember once the bundle was taken, at `now`.
    #[must_use]
    pub fn taken(&self, now: Moment) -> Remembered {
        let before = self.remembered.as_ref();
        let exceptions = self.reasons.iter().map(|(verdict, reason)| Exception {
            at: now,
            verdict: *verdict,
            reason: reason.clone(),
            before: before.map(Remembered::position),
            taken: self.position.clone(),
        });
        Remembered::after(before, &self.position, self.statement, exceptions, now)
    }
}
